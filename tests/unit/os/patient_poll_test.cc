#include "os/patient_poll.hh"

#include "os/fd.hh"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace patient_poll_test {

using namespace qt;
using namespace std::chrono_literals;

TEST(PatientPoll, KeepsToItsDeadline) {
  FdPair pair = make_socket_pair();
  pollfd entry = {pair.first.get(), POLLIN, 0};
  const Deadline deadline = Deadline::after(50ms);
  EXPECT_EQ(patient_poll(std::span(&entry, 1), deadline).ready, 0);
  EXPECT_TRUE(deadline.expired());
  write_all(pair.second.get(), "x", "pair");
  EXPECT_EQ(patient_poll(std::span(&entry, 1), Deadline::never()).ready, 1);
  EXPECT_EQ(patient_poll(std::span(&entry, 1), deadline).ready, 1) << "what is there counts";
}

TEST(PatientPoll, NoticesThatItWasStopped) {
  FdPair pair = make_socket_pair();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    pollfd entry = {pair.second.get(), POLLIN, 0};
    Duration stopped{0};
    for (const Deadline deadline = Deadline::after(2500ms); !deadline.expired();) {
      stopped += patient_poll(std::span(&entry, 1), deadline).stopped;
    }
    ::_exit(stopped > 1500ms ? 0 : 1);
  }
  std::this_thread::sleep_for(100ms);
  ::kill(child, SIGSTOP);
  std::this_thread::sleep_for(3s);
  ::kill(child, SIGCONT);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

} // namespace patient_poll_test
