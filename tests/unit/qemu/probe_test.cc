#include "qemu/probe.hh"

#include "../support/environment.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "data/json.hh"
#include "environment.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace qt {
namespace probe_test {

using testing::HasSubstr;

// An emulator to ask: any will do, since the answers tested are the same for all.
std::optional<std::string> emulator() {
  for (const char* arch : {"riscv64", "x86_64", "aarch64", "ppc"}) {
    if (const auto found = find_program(std::string("qemu-system-") + arch)) {
      return found;
    }
  }
  return std::nullopt;
}

std::string make_script(const TempDir& folder, const std::string& name, const std::string& text) {
  std::string path = folder.path() + "/" + name;
  write_file(path, "#!/bin/sh\n" + text + "\n");
  ::chmod(path.c_str(), 0755);
  return path;
}

class ProbeTest : public testing::Test {
protected:
  void SetUp() override {
    const auto found = emulator();
    if (!found) {
      GTEST_SKIP() << "no qemu-system-* on PATH";
    }
    // A copy of its own path: the record's time and content can then be changed.
    count = folder.path() + "/count";
    program = make_script(folder, "qemu", "echo x >> " + count + "\nexec " + *found + " \"$@\"");
  }
  std::size_t starts() const { return read_file_if_exists(count).value_or("").size() / 2; }

  TempDir folder{"probe"};
  std::string records = folder.path() + "/records/probe";
  std::string program;
  std::string count;
};

TEST_F(ProbeTest, ComparesNamesExactly) {
  Probe probe(program, records);
  EXPECT_TRUE(probe.has_machine("none"));
  EXPECT_FALSE(probe.has_machine("non"));
  EXPECT_FALSE(probe.has_machine("none2"));
  EXPECT_FALSE(probe.has_machine(""));
  EXPECT_FALSE(probe.has_accelerator("qtest tcg"));
  EXPECT_TRUE(probe.has_device("loader"));
  EXPECT_FALSE(probe.has_device("loade"));
  EXPECT_TRUE(probe.has_accelerator("tcg"));
  EXPECT_FALSE(probe.has_accelerator("tc"));
  EXPECT_TRUE(probe.has_netdev("socket"));
  EXPECT_TRUE(probe.has_netdev("hubport"));
  EXPECT_TRUE(probe.has_netdev("stream") || probe.version() < "7.2");
  EXPECT_FALSE(probe.has_netdev("no-such-netdev"));
  EXPECT_THAT(probe.version(), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

bool was_built_with(const std::string& program, const std::string& folder, std::string_view word) {
  return Probe(program, folder).was_built_with(*find_build_word(word));
}

std::string said_by(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const auto said = run_captured(argv, {}, Deadline::after(std::chrono::seconds(60)));
  return said ? said->out + said->err : "";
}

// Each by another way than the one that the probe takes.
TEST_F(ProbeTest, KnowsWhatItWasBuiltWith) {
  const auto has = [&](std::string_view word) { return was_built_with(program, records, word); };
  const std::string objects = said_by(program, {"-object", "help"});
  EXPECT_EQ(has("igvm"), objects.find("igvm-cfg") != std::string::npos);
  EXPECT_EQ(has("keyring"), objects.find("secret_keyring") != std::string::npos);
  const auto takes = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"-machine", "none", "-display", "none", "-version"};
    all.insert(all.begin(), arguments.begin(), arguments.end());
    return said_by(program, all).find("QEMU emulator version") != std::string::npos;
  };
  EXPECT_EQ(has("vnc"), takes({"-vnc", "none"}));
  const std::string tls =
      said_by(program, {"-machine", "none", "-object", "tls-creds-psk,id=tls,dir=/no/such/folder"});
  EXPECT_EQ(has("gnutls"), tls.find("requires GNUTLS") == std::string::npos) << tls;
  const std::string no_plugin =
      said_by(program, {"-machine", "none", "-plugin", "file=/no/such/plugin"});
  EXPECT_EQ(has("plugins"), no_plugin.find("Could not load plugin") != std::string::npos)
      << no_plugin;
  for (const BuildWord& word : build_words()) {
    Probe(program, records).was_built_with(word);
  }
  const std::size_t before = starts();
  for (const BuildWord& word : build_words()) {
    Probe(program, records).was_built_with(word);
  }
  EXPECT_EQ(starts(), before) << "all is remembered";
}

TEST_F(ProbeTest, ANameThatIsPartOfAnotherIsNotWhatItWasBuiltWith) {
  const auto emulator_that_lists = [&](const std::string& name, const std::string& text) {
    return make_script(folder, name,
                       "case \"$2\" in help) printf '" + text + "'; exit;; esac\nexec " + program +
                           " \"$@\"");
  };
  const std::string lists = emulator_that_lists(
      "lists", "Available display backend types:\\nnone\\ngtk4\\n  dbus  by a bus\\nmy-curses\\n");
  EXPECT_FALSE(was_built_with(lists, records, "gtk"));
  EXPECT_FALSE(was_built_with(lists, records, "curses"));
  EXPECT_TRUE(was_built_with(lists, records, "dbus-display"));
  // What is not understood is neither a skip nor a pass.
  const std::string mute = emulator_that_lists("mute", "gtk\\n");
  EXPECT_THROW(was_built_with(mute, records, "gtk"), Error);
  EXPECT_THROW(was_built_with(mute, records, "spice"), Error);
  EXPECT_THROW(was_built_with(mute, records, "plugins"), Error);
}

// The sanitizer itself, in a QEMU that was built without.
TEST_F(ProbeTest, HearsOfASanitizer) {
  const auto found = said_by("gcc", {"-print-file-name=libasan.so"});
  const std::string library(trim(found));
  if (!find_program("gcc") || !library.starts_with('/') ||
      said_by("env", {"LD_PRELOAD=" + library, "true"}) != "") {
    GTEST_SKIP() << "no libasan that can be loaded";
  }
  const std::string with =
      make_script(folder, "with", "export LD_PRELOAD=" + library + "\nexec " + program + " \"$@\"");
  const support::ScopedVariable quiet("ASAN_OPTIONS",
                                      "detect_leaks=0:log_path=" + folder.path() + "/log");
  EXPECT_TRUE(was_built_with(with, records, "asan"));
  EXPECT_FALSE(was_built_with(with, records, "tsan"));
  EXPECT_FALSE(was_built_with(program, records, "asan"));
}

TEST_F(ProbeTest, KnowsWhereTheFirmwareIs) {
  const std::string firmware = Probe(program, records).firmware_folder();
  EXPECT_TRUE(exists(firmware)) << firmware;
  EXPECT_TRUE(firmware.starts_with('/')) << firmware;
  const std::size_t before = starts();
  EXPECT_EQ(Probe(program, records).firmware_folder(), firmware);
  EXPECT_EQ(starts(), before) << "it is remembered";
}

TEST_F(ProbeTest, AsksOncePerProgram) {
  EXPECT_TRUE(Probe(program, records).has_machine("none"));
  EXPECT_TRUE(Probe(program, records).has_device("loader"));
  EXPECT_EQ(starts(), 1U);
  EXPECT_TRUE(Probe(program, records).has_netdev("socket"));
  EXPECT_FALSE(Probe(program, records).has_netdev("no-such-netdev"));
  EXPECT_EQ(starts(), 3U); // one more for each back end
  EXPECT_TRUE(Probe(program, records).has_netdev("socket"));
  EXPECT_FALSE(Probe(program, records).has_netdev("no-such-netdev"));
  EXPECT_EQ(starts(), 3U);
}

TEST_F(ProbeTest, AsksWithoutAnyOptionThatQemuWarnsOf) {
  const std::string said = folder.path() + "/said";
  const std::string speaker =
      make_script(folder, "speaker", "exec " + program + " \"$@\" 2>> " + said);
  Probe probe(speaker, records);
  EXPECT_TRUE(probe.has_netdev("socket"));
  EXPECT_EQ(probe.memory("none", {}), 0U);
  EXPECT_EQ(starts(), 3U);
  EXPECT_EQ(read_file(said), "");
}

TEST_F(ProbeTest, KnowsWhatAMachineTakesOfMemory) {
  Probe probe(program, records);
  const auto given = [&probe](const std::vector<std::string>& arguments) {
    return probe.memory("none", arguments);
  };
  EXPECT_EQ(given({"-m", "512"}), 512ULL << 20);
  EXPECT_EQ(given({"-m", "64", "-S", "-m", "2G"}), 2ULL << 30);
  EXPECT_EQ(given({"-m", "size=1G,slots=2,maxmem=4G"}), 1ULL << 30);
  EXPECT_EQ(given({"-m", "slots=2,maxmem=4G,size=96"}), 96ULL << 20);
  EXPECT_EQ(starts(), 0U);
  EXPECT_EQ(given({}), 0U); // the machine "none" has none
  EXPECT_EQ(starts(), 2U);
  // What QEMU 7.2 and 10.0 make of each.
  for (const char* half :
       {"0.5G", "512m", "536870912B", "slots=2,maxmem=4G,size=512M", "524288K"}) {
    EXPECT_EQ(given({"-m", half}), 512ULL << 20) << half;
  }
  EXPECT_EQ(given({"-m", "1.5g"}), 1536ULL << 20);
  for (const char* none : {"maxmem=4G,slots=2", "much", "1X", "-1", "99999999999E", ""}) {
    EXPECT_EQ(given({"-m", none}), 0U) << none << ": the machine's own";
  }
  EXPECT_EQ(Probe(program, records).memory("none", {}), 0U);
  EXPECT_EQ(starts(), 2U);
  EXPECT_EQ(given({"-m", "slots=1"}), 0U);
  EXPECT_EQ(probe.memory("no-such-machine", {}), 128ULL << 20);
}

TEST_F(ProbeTest, AsksAnewWhenTheProgramHasChanged) {
  EXPECT_TRUE(Probe(program, records).has_machine("none"));
  const timespec times[2] = {{1, 5}, {1, 6}};
  ASSERT_EQ(::utimensat(AT_FDCWD, program.c_str(), times, 0), 0);
  EXPECT_TRUE(Probe(program, records).has_machine("none"));
  EXPECT_EQ(starts(), 2U);
  const timespec later[2] = {{1, 5}, {1, 7}}; // by one nanosecond
  ASSERT_EQ(::utimensat(AT_FDCWD, program.c_str(), later, 0), 0);
  EXPECT_TRUE(Probe(program, records).has_machine("none"));
  EXPECT_EQ(starts(), 3U);
}

TEST_F(ProbeTest, AsksAnewWhenWhatAScriptOrLinkLeadsToHasChanged) {
  const std::string link = folder.path() + "/link";
  const std::string outer = make_script(folder, "outer", "exec \"" + link + "\" \"$@\"");
  ASSERT_EQ(::symlink(program.c_str(), link.c_str()), 0);
  EXPECT_TRUE(Probe(outer, records).has_machine("none"));
  EXPECT_TRUE(Probe(outer, records).has_machine("none"));
  EXPECT_EQ(starts(), 1U);
  const std::string text = read_file(program);
  remove_tree(program); // another file of the same size and time
  make_script(folder, "qemu", text.substr(text.find('\n') + 1, text.size() - text.find('\n') - 2));
  EXPECT_TRUE(Probe(outer, records).has_machine("none"));
  EXPECT_EQ(starts(), 2U);
}

TEST_F(ProbeTest, AsksAnewWhenAModuleIsInstalled) {
  const std::string modules = folder.path() + "/modules";
  make_directories(modules);
  ::setenv("QEMU_MODULE_DIR", modules.c_str(), 1);
  EXPECT_TRUE(Probe(program, records).has_machine("none"));
  write_file(modules + "/hw-display-new.so", "");
  EXPECT_TRUE(Probe(program, records).has_machine("none"));
  EXPECT_TRUE(Probe(program, records).has_machine("none"));
  ::unsetenv("QEMU_MODULE_DIR");
  EXPECT_EQ(starts(), 2U);
}

// What this process has asked itself is news enough, so another one makes the record.
TEST_F(ProbeTest, AsksOnceMoreBeforeARefusal) {
  const pid_t other = ::fork();
  if (other == 0) {
    ::_exit(Probe(program, records).has_machine("none") ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  ASSERT_EQ(status, 0);
  Probe probe(program, records);
  EXPECT_FALSE(probe.has_machine("no-such-machine"));
  EXPECT_EQ(starts(), 1U);
  EXPECT_TRUE(probe.ask_again());
  EXPECT_FALSE(probe.ask_again());
  EXPECT_FALSE(Probe(program, records).ask_again());
  EXPECT_FALSE(probe.has_machine("no-such-machine"));
  EXPECT_EQ(starts(), 2U);
}

TEST_F(ProbeTest, ADamagedOrUnwritableRecordIsNoError) {
  EXPECT_TRUE(Probe(program, "/proc/no-such-folder").has_machine("none"));
  EXPECT_TRUE(Probe(program, records).has_machine("none"));
  for (const char* damaged : {"", "{", "[]", "5\nmachines none", "{\"machines\": 5}"}) {
    std::string name = program;
    for (char& letter : name) {
      letter = letter == '/' ? '-' : letter;
    }
    write_file(records + "/" + name + ".txt", damaged);
    EXPECT_TRUE(Probe(program, records).has_machine("none")) << damaged;
  }
}

TEST_F(ProbeTest, ARecordThatLacksAListIsNotUsed) {
  EXPECT_TRUE(Probe(program, records).has_machine("none"));
  std::string name = program;
  std::replace(name.begin(), name.end(), '/', '-');
  const std::string path = records + "/" + name + ".txt";
  const std::string whole = read_file(path);
  for (const char* list : {"\nmachines ", "\naccelerators ", "\ndevices ", "\ncommands "}) {
    const std::size_t begin = whole.find(list);
    ASSERT_NE(begin, std::string::npos) << list;
    std::string text = whole;
    write_file(path, text.erase(begin, text.find('\n', begin + 1) - begin));
    const std::size_t before = starts();
    EXPECT_TRUE(Probe(program, records).has_machine("none")) << list;
    EXPECT_EQ(starts() - before, 1U) << list;
  }
  for (const std::string& end :
       {std::string(), std::string(2, '\0')}) { // as a crash of the host may leave it
    write_file(path, whole.substr(0, whole.size() - 5) + end);
    const std::size_t before = starts();
    EXPECT_TRUE(Probe(program, records).has_machine("none")) << end;
    EXPECT_EQ(starts() - before, 1U) << end;
  }
}

// The folder may be shared, and a record says whether there is a sandbox.
TEST_F(ProbeTest, ARecordThatOthersCouldWriteIsNotBelieved) {
  std::string name = program;
  std::replace(name.begin(), name.end(), '/', '-');
  const std::string record = records + "/" + name + ".txt";
  const auto expect_asked = [&](bool asked, const char* what) {
    const std::size_t before = starts();
    EXPECT_TRUE(Probe(program, records).has_machine("none")) << what;
    EXPECT_EQ(starts() - before, asked ? 1U : 0U) << what;
  };
  const mode_t mask = ::umask(0002); // of many users; no record may depend on it
  expect_asked(true, "nothing");
  ::umask(mask);
  expect_asked(false, "its own");
  ASSERT_EQ(::chmod(record.c_str(), 0666), 0);
  expect_asked(true, "writable by all");
  expect_asked(false, "written anew");
  ASSERT_EQ(::rename(record.c_str(), (records + "/elsewhere").c_str()), 0);
  ASSERT_EQ(::symlink("elsewhere", record.c_str()), 0);
  expect_asked(true, "a link");
  ::unlink(record.c_str());
  ASSERT_EQ(::mkfifo(record.c_str(), 0600), 0);
  expect_asked(true, "a fifo");
  ::unlink(record.c_str());
  make_directories(record + "/inside");
  expect_asked(true, "a folder");
  remove_tree(record);
  expect_asked(true, "nothing");
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(record.c_str(), 65534, 65534), 0);
    expect_asked(true, "another user's");
  }
}

TEST_F(ProbeTest, ARecordOfTheRightNamesAndTheWrongKindsIsNotUsed) {
  EXPECT_TRUE(Probe(program, records).has_netdev("socket"));
  std::string name = program;
  for (char& letter : name) {
    letter = letter == '/' ? '-' : letter;
  }
  const std::string path = records + "/" + name + ".txt";
  const std::string text = read_file(path);
  const std::string lists = text.substr(text.find('\n'));
  const Json whole = parse_json(text.substr(0, text.size() - lists.size()), path);
  for (const char* key : {"version", "netdevs", "config", "sandbox", "memory"}) {
    for (const Json& wrong : {Json(5), Json::array({5}), Json({{"socket", "yes"}, {"none", -1}})}) {
      Json record = whole;
      record[key] = wrong;
      write_file(path, dump_json(record) + lists);
      Probe probe(program, records);
      EXPECT_TRUE(probe.has_machine("none")) << key << wrong;
      EXPECT_FALSE(probe.suggest(Probe::Kind::machine, "nonne").empty()) << key << wrong;
      EXPECT_NE(probe.version(), "") << key << wrong;
      if (std::string_view(key) == "netdevs") {
        EXPECT_TRUE(probe.has_netdev("socket")) << wrong;
      }
    }
  }
}

// What QEMU 11 does where too many of one user's have just ended.
std::string out_of_locked_memory(const std::string& condition) {
  return condition +
         " && { echo 'qemu: -qmp chardev:probe: Failed to initialize io_uring: Cannot allocate "
         "memory' >&2; kill -ABRT $$; }";
}

TEST_F(ProbeTest, AHostThatIsShortOfLockedMemoryForAMomentIsAskedAgain) {
  const std::string marker = folder.path() + "/short";
  const std::string twice = make_script(
      folder, "twice",
      out_of_locked_memory("[ $(wc -l < " + marker + ") -lt 3 ] && echo x >> " + marker) +
          "\nexec " + program + " \"$@\"");
  write_file(marker, "x\n");
  Probe probe(twice, records);
  EXPECT_TRUE(probe.has_machine("none"));
  EXPECT_EQ(read_file(marker), "x\nx\nx\n");
}

TEST(Probe, AHostThatStaysShortOfLockedMemoryIsToldOf) {
  const TempDir folder{"probe"};
  Probe probe(make_script(folder, "qemu", out_of_locked_memory("true")), folder.path() + "/probe",
              std::chrono::milliseconds(300));
  try {
    probe.has_machine("none");
    FAIL() << "it has answered";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("Failed to initialize io_uring"));
  }
}

TEST(Probe, AProgramThatEndsOrHangsIsReported) {
  std::signal(SIGPIPE, SIG_IGN); // as run_tool() does: it may end before it is asked
  const TempDir folder("probe");
  const std::string ends = make_script(folder, "ends", "echo no way >&2\nexit 3");
  try {
    Probe(ends, folder.path()).has_machine("none");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_THAT(error.what(), HasSubstr("ends what it can do: it exited 3: no way"));
  }
  const std::string hangs = make_script(folder, "hangs", "exec sleep 1000");
  try {
    Probe(hangs, folder.path(), Duration(50)).has_machine("none");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::deadline);
  }
}

} // namespace probe_test
} // namespace qt

namespace qt {
namespace confinement_test {

using Network = MachineOptions::Network;
using Sandbox = MachineOptions::Sandbox;
using support::ScopedVariable;

// Stands in the place of an emulator of which everything is remembered already.
class ConfinementTest : public testing::Test {
protected:
  void SetUp() override {
    machine.qemu = folder.path() + "/qemu";
    machine.sandbox = Sandbox::on;
    machine.network = Network::restricted;
    write_file(machine.qemu, "#!/bin/sh\nexit 1\n");
    ::chmod(machine.qemu.c_str(), 0755);
  }
  void remember(bool sandbox, bool user) const {
    const Json record = {
        {"identity", emulator_identity(machine.qemu)},
        {"version", "7.2.0"},
        {"netdevs", {{"user", user}}},
        {"config", Json::object()},
        {"sandbox", sandbox},
        {"memory", Json::object()},
    };
    std::string name = machine.qemu;
    std::replace(name.begin(), name.end(), '/', '-');
    make_directories(folder.path() + "/probe");
    write_file(folder.path() + "/probe/" + name + ".txt",
               dump_json(record) + "\nmachines \naccelerators \ndevices \ncommands \n");
  }
  std::pair<Sandbox, Network> fitted() const {
    MachineOptions copy = machine;
    fit_confinement(copy);
    return {copy.sandbox, copy.network};
  }

  const TempDir folder{"confinement"};
  const ScopedVariable cache{"QEMU_TEST_CACHE_DIR", folder.path()};
  const ScopedVariable lower{"QEMU_TEST_CACHE_LOWER", std::nullopt};
  MachineOptions machine;
};

TEST_F(ConfinementTest, EachPartThatAnEmulatorHasIsKept) {
  using Fitted = std::pair<Sandbox, Network>;
  remember(true, true);
  EXPECT_EQ(fitted(), Fitted(Sandbox::on, Network::restricted));
  remember(true, false);
  EXPECT_EQ(fitted(), Fitted(Sandbox::on, Network::none));
  remember(false, true);
  EXPECT_EQ(fitted(), Fitted(Sandbox::off, Network::restricted));
  remember(false, false);
  EXPECT_EQ(fitted(), Fitted(Sandbox::off, Network::none));
}

TEST_F(ConfinementTest, ANetworkThatTheArgumentsNameIsNotAskedFor) {
  remember(true, false);
  machine.arguments = {"-netdev", "user,id=n"};
  EXPECT_EQ(fitted().second, Network::restricted); // and counts for nothing
}

TEST_F(ConfinementTest, AnEmulatorThatCannotBeAskedIsNotRun) { EXPECT_THROW(fitted(), Error); }

TEST_F(ConfinementTest, NothingIsAskedWhereNothingIsConfined) {
  machine.sandbox = Sandbox::off;
  machine.network = Network::usual;
  EXPECT_EQ(fitted().first, Sandbox::off);
  machine.sandbox = Sandbox::on;
  machine.qemu = folder.path() + "/none";
  EXPECT_EQ(fitted().first, Sandbox::on);
}

} // namespace confinement_test
} // namespace qt
