#include "ipc/admission.hh"

#include "../support/environment.hh"
#include "base/error.hh"
#include "base/format.hh"
#include "os/file.hh"

#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace qt {
namespace admission_test {

using namespace std::chrono_literals;
using support::ScopedVariable;
using testing::HasSubstr;

constexpr AdmissionLimits k_one{1, std::nullopt};

class AdmissionTest : public testing::Test {
protected:
  // A process that is admitted, says 'a' and lives until it is killed.
  pid_t start(const Demand& demand, const AdmissionLimits& limits) {
    const pid_t child = ::fork();
    if (child == 0) {
      Admission admission(folder.path());
      const char queued = 'q';
      (void)!::write(pipe.second.get(), &queued, 1);
      const bool in = admission.wait(demand, limits, -1, Deadline::never());
      const char letter = in ? 'a' : 'n';
      (void)!::write(pipe.second.get(), &letter, 1);
      ::pause();
    }
    children.push_back(child);
    return child;
  }
  void kill(pid_t child) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    std::erase(children, child);
  }
  // What comes next from a child; ' ' if nothing does for that long.
  char next(Duration limit = 30s) const {
    pollfd entry = {pipe.first.get(), POLLIN, 0};
    char letter = ' ';
    if (::poll(&entry, 1, static_cast<int>(limit.count())) == 1) {
      (void)!::read(pipe.first.get(), &letter, 1);
    }
    return letter;
  }
  bool is_full(const Demand& demand, const AdmissionLimits& limits) const {
    return !Admission(folder.path()).wait(demand, limits, -1, Deadline::after(Duration(0)));
  }
  ~AdmissionTest() override {
    while (!children.empty()) {
      kill(children.back());
    }
  }

  const TempDir folder{"admission"};
  const FdPair pipe = make_pipe();
  std::vector<pid_t> children;
};

TEST_F(AdmissionTest, APlaceIsFreeWhenItsHolderIsKilled) {
  const pid_t first = start({1, 0}, k_one);
  EXPECT_EQ(next(), 'q');
  EXPECT_EQ(next(), 'a');
  EXPECT_TRUE(is_full({1, 0}, k_one));
  start({1, 0}, k_one);
  EXPECT_EQ(next(), 'q');
  EXPECT_EQ(next(50ms), ' ');
  kill(first);
  EXPECT_EQ(next(), 'a'); // woken by the death
  EXPECT_TRUE(is_full({1, 0}, k_one));
}

TEST_F(AdmissionTest, APlaceIsFreeWhenItIsGivenUp) {
  const FdPair leave = make_pipe();
  children.push_back(::fork()); // a process of its own: a forked copy of the place would hold it
  if (children.back() == 0) {
    std::optional<Admission> first(std::in_place, folder.path());
    (void)first->wait({1, 0}, k_one, -1, Deadline::never());
    (void)!::write(pipe.second.get(), "a", 1);
    char letter;
    (void)!::read(leave.first.get(), &letter, 1);
    first.reset();
    ::pause();
  }
  EXPECT_EQ(next(), 'a');
  start({1, 0}, k_one);
  EXPECT_EQ(next(), 'q');
  write_all(leave.second.get(), "x", "pipe");
  EXPECT_EQ(next(), 'a');
}

TEST_F(AdmissionTest, OneThatNeedsMuchIsNotPassed) {
  const AdmissionLimits limits{3, std::nullopt};
  const pid_t one = start({1, 0}, limits);
  EXPECT_EQ(next(), 'q');
  EXPECT_EQ(next(), 'a');
  start({3, 0}, limits); // waits for the whole pool
  EXPECT_EQ(next(), 'q');
  start({1, 0}, limits); // would fit now
  EXPECT_EQ(next(), 'q');
  EXPECT_EQ(next(50ms), ' ');
  kill(one);
  EXPECT_EQ(next(), 'a');
  EXPECT_EQ(next(50ms), ' ') << "the large one runs alone";
  kill(children[0]);
  EXPECT_EQ(next(), 'a');
}

TEST_F(AdmissionTest, WhoGoesFromTheQueueDoesNotHoldItUp) {
  const AdmissionLimits limits{2, std::nullopt};
  start({1, 0}, limits);
  EXPECT_EQ(next(), 'q');
  EXPECT_EQ(next(), 'a');
  const pid_t large = start({2, 0}, limits);
  EXPECT_EQ(next(), 'q');
  start({1, 0}, limits);
  EXPECT_EQ(next(), 'q');
  EXPECT_EQ(next(50ms), ' ');
  kill(large);
  EXPECT_EQ(next(), 'a');
}

TEST_F(AdmissionTest, OneAdmittedLetsTheNextLook) {
  const AdmissionLimits limits{3, std::nullopt};
  const pid_t all = start({3, 0}, limits);
  EXPECT_EQ(next(), 'q');
  EXPECT_EQ(next(), 'a');
  for (int i = 0; i < 3; ++i) {
    start({1, 0}, limits);
    EXPECT_EQ(next(), 'q');
  }
  kill(all);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(next(), 'a');
  }
}

TEST_F(AdmissionTest, MemoryCountsToo) {
  const AdmissionLimits limits{std::nullopt, 1024};
  Admission first(folder.path());
  EXPECT_TRUE(first.wait({1, 1000}, limits, -1, Deadline::never()));
  EXPECT_TRUE(is_full({1, 100}, limits));
  EXPECT_FALSE(is_full({1, 24}, limits));
  Admission second(folder.path());
  second.enter({1, 500}); // counted, though it does not fit
  EXPECT_TRUE(is_full({1, 1}, limits));
  EXPECT_FALSE(is_full({1, 1}, {2000, std::nullopt})) << "who has no such limit";
}

TEST_F(AdmissionTest, ADescriptorInterrupts) {
  Admission first(folder.path());
  EXPECT_TRUE(first.wait({1, 0}, k_one, -1, Deadline::never()));
  write_all(pipe.second.get(), "x", "pipe");
  Admission second(folder.path());
  EXPECT_FALSE(second.wait({1, 0}, k_one, pipe.first.get(), Deadline::never()));
}

// Many processes that come, work and are killed: never more than the limit at once, and all get
// their turn. The full count: QEMU_TEST_ADMISSION_ROUNDS=2000.
TEST_F(AdmissionTest, AStormKeepsTheLimit) {
  const char* const wanted = std::getenv("QEMU_TEST_ADMISSION_ROUNDS");
  const int rounds = wanted != nullptr ? std::atoi(wanted) : 50;
  const AdmissionLimits limits{4, std::nullopt};
  const TempDir marks("admission-marks");
  // One folder for each machine: to find more than the limit is to have passed it.
  const auto work = [&](std::uint64_t vms, unsigned seed) {
    Admission admission(folder.path());
    if (!admission.wait({vms, 0}, limits, -1, Deadline::after(60s))) {
      ::_exit(2);
    }
    for (std::uint64_t i = 0; i < vms; ++i) {
      ::mkdir(format("{}/{}.{}", marks.path(), ::getpid(), i).c_str(), 0700);
    }
    int count = -2; // . and ..
    DIR* const stream = ::opendir(marks.path().c_str());
    while (const dirent* const entry = ::readdir(stream)) {
      count += entry->d_name[0] != 0 ? 1 : 0;
    }
    ::closedir(stream);
    ::usleep(seed % 2000);
    for (std::uint64_t i = 0; i < vms; ++i) {
      ::rmdir(format("{}/{}.{}", marks.path(), ::getpid(), i).c_str());
    }
    if (count > 4) {
      ::_exit(1);
    }
    if (seed % 3 == 0) {
      ::kill(::getpid(), SIGKILL); // dies with its place
    }
    ::_exit(0);
  };
  int running = 0;
  const auto reap = [&running] {
    int status = 0;
    ::wait(&status);
    --running;
    const bool died_well = WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
    EXPECT_TRUE(died_well) << status;
  };
  for (int i = 0; i < rounds; ++i) {
    if (::fork() == 0) {
      work(static_cast<std::uint64_t>(1 + i % 4), static_cast<unsigned>(i * 7919));
    }
    if (++running == 12) {
      reap();
    }
  }
  while (running > 0) {
    reap();
  }
}

TEST(Admission, TheLimitsAreTheEnvironments) {
  const ScopedVariable no_admitted(k_admitted_variable, std::nullopt);
  {
    const ScopedVariable vms(k_max_vms_variable, "3");
    const ScopedVariable memory(k_max_memory_variable, "16G");
    EXPECT_EQ(admission_limits().vms, 3U);
    EXPECT_EQ(admission_limits().memory, 16ULL << 30);
    EXPECT_EQ(admission_limits().refusal({3, 16ULL << 30}), "");
    EXPECT_EQ(admission_limits().refusal({4, 0}),
              "needs 4 machines at once; QEMU_TEST_MAX_VMS allows 3");
    EXPECT_EQ(admission_limits().refusal({1, 17ULL << 30}),
              "needs 17408 MiB of memory; QEMU_TEST_MAX_MEMORY allows 16384 MiB");
    const ScopedVariable admitted(k_admitted_variable, "1");
    EXPECT_FALSE(admission_limits().any());
  }
  for (const char* wrong : {"0", "-1", "x", "1.5"}) {
    const ScopedVariable vms(k_max_vms_variable, wrong);
    EXPECT_THROW(admission_limits(), Error) << wrong;
  }
  const ScopedVariable memory(k_max_memory_variable, "much");
  EXPECT_THROW(admission_limits(), Error);
}

TEST(Admission, TheFolderIsTheUsersAlone) {
  const TempDir runtime("runtime");
  ::chmod(runtime.path().c_str(), 0700);
  const ScopedVariable variable("XDG_RUNTIME_DIR", runtime.path());
  const std::string folder = admission_folder();
  EXPECT_EQ(folder, runtime.path() + "/qemu-test-admission");
  struct stat status;
  ASSERT_EQ(::stat(folder.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  ::chmod(folder.c_str(), 0777); // anyone could put a place there
  EXPECT_NE(admission_folder(), folder);
}

TEST_F(AdmissionTest, AStoppedHolderOfTheFolderIsNotWaitedForWithoutEnd) {
  const UniqueFd held = open_file(folder.path(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  try {
    const Admission admission(folder.path());
    FAIL() << "was let in";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(format("process {} (", ::getpid())));
  }
}

} // namespace admission_test
} // namespace qt
