#include "boot/evidence.hh"

#include "../support/environment.hh"
#include "base/text.hh"
#include "os/fd.hh"
#include "os/file.hh"

#include <array>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace evidence_test {

// The test plays QEMU's monitor. A program of the test stands for gdb; nothing else is on PATH.
class EvidenceTest : public testing::Test {
protected:
  EvidenceTest() {
    m_monitor.emplace(std::move(m_ends.first));
    m_watched = m_loop.watch(*m_monitor);
    write_all(m_ends.second.get(), "{\"QMP\": {}}\r\n", "the monitor");
  }
  void stand_in_for_gdb(const std::string& script) const {
    const std::string path = m_folder.path() + "/gdb";
    write_file(path, "#!/bin/sh\n" + script);
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  }
  void turn() {
    m_loop.turn(Deadline::after(Duration(10)));
    m_evidence.advance();
  }
  // Everything that has been asked, with an empty answer.
  void answer() {
    std::array<std::byte, 65536> buffer;
    set_nonblocking(m_ends.second.get());
    const IoCount got = read_some(m_ends.second.get(), buffer);
    for (const std::string& line :
         split(std::string(text_of(std::span(buffer).first(got.count))), '\n')) {
      if (const Json request = Json::parse(line, nullptr, false); request.contains("id")) {
        write_all(m_ends.second.get(),
                  dump_json({{"return", Json::object()}, {"id", request["id"]}}) + "\r\n",
                  "the monitor");
      }
    }
  }
  bool gathered() {
    for (const Deadline limit = Deadline::after(Duration(30'000)); !limit.expired();) {
      turn();
      if (m_evidence.take_gathered()) {
        return true;
      }
    }
    return false;
  }

  TempDir m_folder{"qt-evidence-test-"};
  const support::ScopedVariable m_path{"PATH", m_folder.path()};
  EventLoop m_loop;
  BaseLog m_log{m_folder.path(), "test"};
  FdPair m_ends = make_socket_pair();
  std::optional<OwnMonitor> m_monitor;
  EventLoop::Registration m_watched;
  Evidence m_evidence{m_folder.path(), "vm", m_monitor, m_log, m_loop};
};

TEST_F(EvidenceTest, IsThereWhenQemuHasAnswered) {
  m_evidence.gather(::getpid());
  EXPECT_TRUE(m_evidence.busy());
  turn();
  EXPECT_FALSE(m_evidence.take_gathered());
  answer();
  EXPECT_TRUE(gathered());
  EXPECT_FALSE(m_evidence.busy());
  EXPECT_FALSE(m_evidence.take_gathered()) << "told once";
  EXPECT_TRUE(m_evidence.details().contains("status"));
  EXPECT_FALSE(m_evidence.details().contains("backtrace"));
}

TEST_F(EvidenceTest, CannotBeHadOfAQemuThatEnds) {
  m_evidence.gather(::getpid());
  m_ends.second.reset();
  EXPECT_TRUE(gathered());
}

TEST_F(EvidenceTest, AnswersThatComeWhileGdbLooksAreWaitedForNoMore) {
  stand_in_for_gdb("echo Thread 1; while [ ! -e answered ]; do :; done\n");
  const std::string before = absolute_path(".");
  ASSERT_EQ(::chdir(m_folder.path().c_str()), 0);
  m_evidence.gather(::getpid());
  while (!exists("vm.backtrace.txt")) {
    turn();
  }
  answer();
  for (int i = 0; i < 10; ++i) {
    turn();
  }
  EXPECT_FALSE(m_evidence.take_gathered()) << "gdb still looks";
  write_file("answered", "");
  EXPECT_TRUE(gathered());
  EXPECT_TRUE(m_evidence.details().contains("backtrace"));
  EXPECT_TRUE(m_evidence.details().contains("status"));
  ASSERT_EQ(::chdir(before.c_str()), 0);
}

TEST_F(EvidenceTest, NothingIsToldAfterItWasGivenUp) {
  m_evidence.gather(::getpid());
  answer();
  m_evidence.cancel();
  for (int i = 0; i < 10; ++i) {
    turn();
    EXPECT_FALSE(m_evidence.take_gathered());
  }
  EXPECT_FALSE(m_evidence.busy());
}

} // namespace evidence_test
} // namespace qt
