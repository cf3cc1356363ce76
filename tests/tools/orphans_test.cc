// Whatever dies by SIGKILL, and whenever: nothing that a test has started outlives it. Two
// machines, daemons and commands with children of their own, a reserved port, a socket whose path
// would be too long. QEMU_TEST_STORM_ROUNDS says how often for each victim.
#include "boot_fixture.hh"
#include "environment.hh"

#include <chrono>
#include <iostream>
#include <netinet/in.h>
#include <random>
#include <sys/socket.h>
#include <sys/stat.h>

namespace qt {
namespace {

using namespace support;
using testing::IsEmpty;

int rounds() {
  return static_cast<int>(parse_integer(variable("QEMU_TEST_STORM_ROUNDS")).value_or(6));
}

bool is_free(int port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// For people: "PID (NAME) STATE PARENT GROUP" and what it waits for.
std::string state_of(const Descendant& process) {
  const auto& [pid, name] = process;
  try {
    const std::string stat = read_file(format("/proc/{}/stat", pid));
    const Words words = split(stat.substr(stat.rfind(')') + 2), ' ');
    return format("{} ({}) {} {} {} {}", pid, name, words.at(0), words.at(1), words.at(2),
                  read_file(format("/proc/{}/wchan", pid)));
  } catch (const std::exception&) {
    return format("{}, just gone", pid);
  }
}

class Orphans : public testing::TestWithParam<const char*> {
protected:
  // Everything of one test of two machines, its output and temporary files in m_folder.
  Process start() const {
    write_file(path("storm.toml"), R"(
[test.storm]
prepare = [{ run = ["sh", "-c", "sleep 0.01 & sleep 1000 & sleep 0.03"] }]
steps = [{ vm = "a", wait = "OpenSBI" }, { vm = "b", run = ["sh", "-c", "sleep 1000 & wait"] }]
[test.storm.vm.a]
machine = "virt"
service = [["sh", "-c", "sleep 1000 & sleep 1001"]]
[test.storm.vm.b]
machine = "virt"
service = [["sleep", "1000"]]
args = ["-chardev", "socket,id=p,host=127.0.0.1,port=${port.p},server=on,wait=off", "-chardev", "socket,id=s,path=${socket}/s,server=on,wait=off"]
)");
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    SpawnOptions options;
    options.standard_input = options.standard_output = options.standard_error = null.get();
    options.environment = {{"TMPDIR", path("tmp")},
                           {"QEMU_TEST_QEMU_BINARY", k_riscv64},
                           {"QEMU_TEST_CACHE_DIR", path("cache")}};
    // A session of its own: its group can be killed.
    return Process::spawn(
        {"setsid", support::tool("qt-tap"), "--output", output(), path("storm.toml")}, options);
  }

  std::string output() const { return path("out-" + std::string(90, 'o')); }
  // Of the last round, if it got so far.
  std::optional<int> port() const {
    const std::string log = read_file_if_exists(format("{}/{}/storm.storm/base.log", output(),
                                                       base_name(m_folder.path())))
                                .value_or("");
    const std::size_t at = log.find(",port=");
    return at == std::string::npos ? std::nullopt : std::optional(std::atoi(log.c_str() + at + 6));
  }
  // Tests that run beside this one may have it for a moment.
  static bool becomes_free(int port) {
    const Deadline deadline = Deadline::after(std::chrono::seconds(10));
    while (!is_free(port) && !deadline.expired()) {
      ::usleep(10'000);
    }
    return is_free(port);
  }
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }

  // Whom to kill: nobody if there is none at the moment.
  pid_t choose(const std::string& victim, const Process& tap, std::mt19937& random) const {
    if (victim == "group") {
      return -tap.pid();
    }
    std::vector<pid_t> candidates;
    for (const Descendant& process : descendants()) {
      if (process.name == victim) {
        candidates.push_back(process.pid);
      }
    }
    return candidates.empty() ? 0 : candidates[random() % candidates.size()];
  }

  // Kills the victim, and once more if it was about to end anyway and the test goes on.
  void kill_until_over(const std::string& victim, Process& tap, std::mt19937& random) const {
    const Deadline deadline = Deadline::after(std::chrono::seconds(20));
    while (!tap.poll() && !deadline.expired()) {
      if (const pid_t pid = choose(victim, tap, random); pid != 0) {
        ::kill(pid, SIGKILL);
        tap.wait(Deadline::after(std::chrono::seconds(1)));
      }
    }
    ASSERT_TRUE(tap.poll()) << "qt-tap does not end";
  }

  // Those that never go, after the victim has died and qt-tap has ended. On a busy host the dying
  // may wait for a processor: m_slowest says how long it took.
  std::vector<std::string> survivors() {
    const Clock::time_point start = Clock::now();
    const Deadline deadline = Deadline::after(std::chrono::seconds(20));
    std::vector<std::string> names;
    do {
      names.clear();
      for (const Descendant& process : descendants()) {
        names.push_back(state_of(process));
      }
      ::usleep(2000);
    } while (!names.empty() && !deadline.expired());
    m_slowest = std::max(m_slowest, Clock::now() - start);
    return names;
  }

  TempDir m_folder{"qt-orphans-test-"};
  Clock::duration m_slowest{};
};

TEST_P(Orphans, NothingIsLeftAfterSigkill) {
  NEED(k_riscv64);
  NEED("setsid");
  make_directories(path("tmp"));
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  int with_port = 0;
  for (int round = 0; round < rounds(); ++round) {
    remove_tree(output());
    Process tap = start();
    ::usleep(static_cast<useconds_t>(random() % 400000));
    ASSERT_NO_FATAL_FAILURE(kill_until_over(GetParam(), tap, random)) << "round " << round;
    ASSERT_THAT(survivors(), IsEmpty()) << "round " << round << ", seed " << seed;
    ASSERT_EQ(run_captured({"ls", "-A", path("tmp")}, {}, Deadline::never())->out, "");
    if (const std::optional<int> reserved = port()) {
      ASSERT_TRUE(becomes_free(*reserved)) << "port " << *reserved << ", seed " << seed;
      ++with_port;
    }
  }
  const bool is_storm = rounds() >= 50; // a few rounds may all be cut short on a slow host
  EXPECT_TRUE(!is_storm || with_port > 0) << "the victims die before they do anything";
  std::cout << format("{}: {} rounds, all gone after {} ms at most, a port free again in {}\n",
                      GetParam(), rounds(), m_slowest / std::chrono::milliseconds(1), with_port);
}

INSTANTIATE_TEST_SUITE_P(Victims, Orphans,
                         testing::Values("qt-tap", "qt-boot", "qt-expect", "group"),
                         [](const auto& victim) {
                           std::string name = victim.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Whatever QEMU itself starts, or the script that stands for it: also what has left its process
// group.
class QemusOwn : public BootFixture, public testing::WithParamInterface<const char*> {
protected:
  void SetUp() override {
    NEED(k_riscv64);
    NEED("setsid");
  }
  // A QEMU that is a script, and has helpers of several kinds.
  std::string wrapper() const {
    write_file(path("qemu"), format("#!/bin/sh\nsleep 1000 &\nsetsid sleep 1000 &\n"
                                    "(setsid sh -c 'sleep 1000 & exec sleep 1000' &)\nexec {} "
                                    "\"$@\"\n",
                                    *find_program(k_riscv64)));
    ::chmod(path("qemu").c_str(), 0755);
    return path("qemu");
  }
  // In a session of its own: its group can be killed.
  Process start_chain(const Words& chain) const {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    SpawnOptions options;
    options.standard_input = options.standard_output = options.standard_error = null.get();
    Words words = command({"--qemu", wrapper(), "--machine", "virt"}, {}, chain);
    words.insert(words.begin(), "setsid");
    return Process::spawn(words, options);
  }
};

TEST_P(QemusOwn, HelpersEndWithIt) {
  const std::string how = GetParam();
  Process chain =
      start_chain(how == "in_order" ? Words{"wait", "OpenSBI"} : Words{"wait", "OpenSBI", "hang"});
  const Deadline deadline = Deadline::after(std::chrono::seconds(60));
  while (!chain.poll() && !deadline.expired() &&
         read_file_if_exists(console_log_path(run_dir(), k_default_vm)).value_or("").size() < 100) {
    ::usleep(5000);
  }
  ASSERT_TRUE(how == "in_order" || descendants().size() > 5);
  if (how == "qt_boot") {
    chain.send_signal(SIGKILL);
  } else if (how == "group") {
    ::kill(-chain.pid(), SIGKILL);
  } else if (how == "asked") {
    ::kill(-chain.pid(), SIGTERM);
  }
  const auto status = chain.wait(Deadline::after(std::chrono::seconds(60)));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->text(), how == "in_order" ? "exited 0"
                            : how == "asked"  ? "exited 143"
                                              : "killed SIGKILL");
  EXPECT_THAT(orphans(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Ends, QemusOwn, testing::Values("in_order", "asked", "qt_boot", "group"),
                         [](const auto& how) { return how.param; });

using KilledProgram = QemusOwn;

// Of qt-expect, which has no guard: not soon after, but when qt-boot has ended.
TEST_F(KilledProgram, HasLeftNothingWhenQtBootHasEnded) {
  constexpr std::size_t k_deep = 30; // each is found when the one above it has died
  write_file(path("nest"), "[ $1 = 0 ] || setsid sh $0 $(($1 - 1)) &\nsleep 1000\n");
  for (int round = 0; round < rounds(); ++round) {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    SpawnOptions options;
    options.standard_input = options.standard_output = options.standard_error = null.get();
    Words words = command({"--qemu", k_riscv64, "--machine", "virt"}, {}, {});
    words.insert(words.end(), {"--", support::tool("qt-expect"), "--wait", "OpenSBI", "--run",
                               format("sh {} {}", path("nest"), k_deep)});
    Process chain = Process::spawn(words, options);
    const auto running = [](std::string_view name) {
      std::vector<pid_t> found;
      for (const Descendant& process : descendants()) {
        if (process.name == name) {
          found.push_back(process.pid);
        }
      }
      return found;
    };
    const Deadline deadline = Deadline::after(std::chrono::seconds(60));
    while (running("sleep").size() <= k_deep && !deadline.expired()) {
      ::usleep(5000);
    }
    ASSERT_EQ(running("qt-expect").size(), 1U);
    ::kill(running("qt-expect").front(), SIGKILL);
    ASSERT_TRUE(chain.wait(Deadline::after(std::chrono::seconds(60))));
    ASSERT_THAT(descendants(), IsEmpty()) << "round " << round;
  }
}

using QemusCommands = QemusOwn;

TEST_F(QemusCommands, OfAMigrationEndToo) {
  const Captured result =
      run({"--qemu", k_riscv64, "--machine", "virt"},
          {"-incoming", "exec:(setsid sleep 1000 &) ; sleep 1000"}, {"qmp", "pause", "300"});
  EXPECT_EQ(code_of(result), 0) << result.err;
  EXPECT_THAT(orphans(), IsEmpty());
}

class Guarded : public testing::Test {
protected:
  // A command with a child that outlives it by far.
  static Process start(const std::string& script) {
    SpawnOptions options;
    options.descendants = SpawnOptions::Descendants::end_with_it;
    return Process::spawn({"sh", "-c", script}, options);
  }
  static void wait_for_count(std::size_t count) {
    const Deadline deadline = Deadline::after(std::chrono::seconds(10));
    while (descendants().size() != count && !deadline.expired()) {
      ::usleep(1000);
    }
    EXPECT_EQ(descendants().size(), count);
  }
};

TEST_F(Guarded, EndsAsTheCommandDoesAndWithItItsDescendants) {
  const auto end_of = [](const std::string& script) {
    Process process = start(script);
    const auto status = process.wait(Deadline::after(std::chrono::seconds(10)));
    wait_for_count(0);
    return status.value_or(ExitStatus{}).text();
  };
  EXPECT_EQ(end_of("sleep 1000 & exit 3"), "exited 3");
  EXPECT_EQ(end_of("(sleep 1000 & sleep 1000 &) ; kill -SEGV $$"), "killed SIGSEGV");
}

TEST_F(Guarded, HandsSignalsOnAndIsKilledWithAll) {
  for (const int number : {SIGTERM, SIGKILL}) {
    Process process = start("sleep 1000 & sleep 1000");
    wait_for_count(4); // the guard, the shell, its two
    process.send_signal(number);
    const auto status = process.wait(Deadline::after(std::chrono::seconds(10)));
    EXPECT_EQ(status.value_or(ExitStatus{}).signal(), number);
    wait_for_count(0);
  }
}

} // namespace
} // namespace qt
