// The cache as a whole, with real processes: its care, QEMU's framework beside it, and what the
// host can do to it.
#include "base/text.hh"
#include "data/json.hh"
#include "environment.hh"
#include "fetch_fixture.hh"
#include "os/process.hh"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

namespace qt {
namespace {

using support::Behaviour;
using support::FilledCache;
using support::ScopedVariable;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Rounds of a storm: `few` ordinarily, `all` with QEMU_TEST_STORM.
int rounds(int few, int all) { return std::getenv("QEMU_TEST_STORM") != nullptr ? all : few; }

struct stat status_of(const std::string& path) {
  struct stat status {};
  static_cast<void>(::stat(path.c_str(), &status));
  return status;
}

class QtFetchCache : public support::FetchFixture {
protected:
  QtFetchCache()
    : FetchFixture(3'000'000) {}

  std::string definition(const std::string& name, const std::string& digest) const {
    make_directories(m_folder.path() + "/avr");
    const std::string path = m_folder.path() + "/avr/" + name + ".toml";
    write_file(path, "[asset.k]\nurl = '" + url() + "'\nsha256 = '" + digest +
                         "'\n[test.t]\nargs = ['-kernel', '${asset.k}']\n"
                         "steps = [{ wait = 'ok' }]\n");
    return path;
  }
  std::string cached() const { return m_cache.own_path(m_digest); }

  FilledCache m_filled;
  const Cache& m_cache = m_filled.cache;
  const ScopedVariable m_root{"QEMU_TEST_CACHE_DIR", m_cache.root()};
};

// --- care

TEST_F(QtFetchCache, Lists) {
  const std::string digest = m_filled.put("content", std::chrono::hours(48));
  const std::string other = m_filled.put("other");
  const Captured text = run({"--list"});
  EXPECT_EQ(text.status.code(), 0);
  EXPECT_EQ(split(text.out, '\n').size(), 3u);
  EXPECT_THAT(split(text.out, '\n').at(0), AllOf(HasSubstr(digest), HasSubstr("7 B")));
  EXPECT_THAT(text.err, HasSubstr("2 files, 12 B in " + m_cache.folder()));

  const std::string user = definition("user", digest);
  const Captured json = run({"--json", "--list", "--definition", user});
  const Json first = parse_json(split(json.out, '\n').at(0), "stdout");
  EXPECT_EQ(first["digest"], digest);
  EXPECT_EQ(first["size"], 7);
  EXPECT_EQ(first["state"], "verified");
  EXPECT_EQ(first["definitions"], Json::array({user}));
  EXPECT_EQ(parse_json(split(json.out, '\n').at(1), "stdout")["digest"], other);
}

TEST_F(QtFetchCache, ListsWhatDefinitionsWantAndIsMissing) {
  const std::string there = m_filled.put("content");
  const std::string missing = support::sha256_of("missing");
  const std::vector<std::string> words = {"--list", "--definition", definition("a", there),
                                          definition("b", missing)};
  const Captured text = run(words);
  EXPECT_EQ(text.status.code(), 0);
  EXPECT_THAT(split(text.out, '\n').at(1),
              AllOf(testing::StartsWith("missing "), HasSubstr(missing + "  " + url()),
                    HasSubstr("/avr/b.toml")));
  EXPECT_THAT(text.err, HasSubstr("missing: 1 of the 2 files that the definitions want\n"));
  std::vector<std::string> json = words;
  json.emplace_back("--json");
  const Json last = parse_json(split(run(json).out, '\n').at(1), "stdout");
  EXPECT_EQ(last["digest"], missing);
  EXPECT_EQ(last["state"], "absent");
  EXPECT_EQ(last["path"], nullptr);

  serve();
  const FilledCache lower;
  make_directories(lower.cache.folder());
  write_file(lower.cache.own_path(missing), "missing");
  EXPECT_THAT(run(words, {{"QEMU_TEST_CACHE_LOWER", lower.cache.root()}}).err,
              HasSubstr("missing: 0 of the 2 files"));
}

TEST_F(QtFetchCache, VerifiesAndPutsAside) {
  const std::string right = m_filled.put("right");
  EXPECT_EQ(run({"--verify"}).status.code(), 0);
  const std::string wrong = m_filled.put("wrong");
  m_filled.damage(wrong);
  const Captured result = run({"--verify"});
  EXPECT_EQ(result.status.code(), 1);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("right       " + right), HasSubstr("put-aside   " + wrong)));
  EXPECT_THAT(result.err, HasSubstr(wrong + ".corrupt"));
  EXPECT_THAT(result.err, HasSubstr("1 file right, 1 wrong in "));
  EXPECT_FALSE(exists(m_cache.own_path(wrong)));
  EXPECT_EQ(read_file(m_cache.own_path(wrong) + ".corrupt"), "damage");
}

TEST_F(QtFetchCache, PrunesWhatIsToldFirst) {
  const std::string old = m_filled.put("old", std::chrono::hours(24 * 200));
  const std::string kept = m_filled.put("kept", std::chrono::hours(24 * 300));
  const std::string young = m_filled.put("young", std::chrono::hours(24));
  const std::string keep = definition("keep", kept);
  const std::vector<std::string> words = {"--prune", "--max-age", "183d", "--keep", keep};
  std::vector<std::string> dry = words;
  dry.emplace_back("--dry-run");
  const Captured told = run(dry);
  EXPECT_EQ(told.status.code(), 0);
  EXPECT_THAT(told.out, AllOf(HasSubstr(old + "  unused for 200 days"), Not(HasSubstr(kept)),
                              Not(HasSubstr(young))));
  EXPECT_THAT(told.err, HasSubstr("would remove "));
  EXPECT_TRUE(exists(m_cache.own_path(old)));
  {
    const auto hold = m_cache.hold(old); // by this process
    EXPECT_THAT(run(words).out, Not(HasSubstr(old)));
  }
  EXPECT_THAT(run(words).out, HasSubstr(old));
  EXPECT_FALSE(exists(m_cache.own_path(old)));
  EXPECT_EQ(m_cache.state(kept), Cache::State::verified);
  EXPECT_THAT(run({"--prune", "--max-size", "4", "--json", "--keep", keep}).out, HasSubstr(young));
}

TEST_F(QtFetchCache, ExportsAndImports) {
  const std::string digest = m_filled.put("content");
  const std::string other = m_filled.put("other");
  const std::string user = definition("user", digest);
  const std::string box = m_folder.path() + "/box";
  EXPECT_EQ(run({"--export", box, "--definition", user}).status.text(), "exited 0");
  EXPECT_TRUE(exists(box + "/download/" + digest));
  EXPECT_FALSE(exists(box + "/download/" + other));
  {
    // In place, without any network.
    const ScopedVariable root("QEMU_TEST_CACHE_DIR", m_folder.path() + "/empty");
    const ScopedVariable lower("QEMU_TEST_CACHE_LOWER", box);
    EXPECT_EQ(run({url(), digest}).out, box + "/download/" + digest + "\n");
  }
  const ScopedVariable root("QEMU_TEST_CACHE_DIR", m_folder.path() + "/elsewhere");
  const Captured imported = run({"--import", box});
  EXPECT_EQ(imported.status.code(), 0) << imported.err;
  EXPECT_EQ(Cache::open().state(digest), Cache::State::verified);
  EXPECT_EQ(run({"--import", box, "--definition", definition("absent", other)}).status.code(), 77);
  EXPECT_EQ(run({"--import", box + "/download"}).status.code(), 2); // too deep

  ::chmod((box + "/download/" + digest).c_str(), 0640);
  ::unlink((box + "/download/" + digest).c_str());
  write_file(box + "/download/" + digest, "damage");
  const ScopedVariable third("QEMU_TEST_CACHE_DIR", m_folder.path() + "/third");
  EXPECT_EQ(run({"--import", box}).status.code(), 1);
  EXPECT_EQ(Cache::open().state(digest), Cache::State::absent);
}

TEST_F(QtFetchCache, WrongUseExits2) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--list", "--verify"},
        {"--prune", "--max-size", "much"},
        {"--prune", "--max-age", "1"},
        {"--max-size", "1G", url(), m_digest},
        {"--verify", "operand"},
        {"--prune", "--keep", m_folder.path() + "/none.toml", "operand"},
        {"--export", m_cache.root()}}) {
    m_filled.put("content");
    const Captured result = run(words);
    EXPECT_NE(result.status.code(), 0) << join(words, " ");
    EXPECT_THAT(result.status.code(), testing::AnyOf(2, 99)) << join(words, " ");
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(m_cache.state(support::sha256_of("content")), Cache::State::verified);
  }
}

// --- lower caches

TEST_F(QtFetchCache, ALowerCacheServesAndIsNeverWritten) {
  const FilledCache lower;
  make_directories(lower.cache.folder());
  write_file(lower.cache.own_path(m_digest), m_body); // nobody's record
  const ScopedVariable variable("QEMU_TEST_CACHE_LOWER", lower.cache.root());
  for (int i = 0; i < 2; ++i) {
    const Captured result = run({url(), m_digest});
    EXPECT_EQ(result.status.code(), 0) << result.err;
    EXPECT_EQ(result.out, lower.cache.own_path(m_digest) + "\n");
  }
  EXPECT_TRUE(m_server.requests("/file").empty());
  for (const char* suffix : {".stamp", ".lock", ".verified"}) {
    EXPECT_FALSE(exists(lower.cache.own_path(m_digest) + suffix)) << suffix;
  }
  EXPECT_TRUE(exists(cached() + ".verified"));
  // A wrong file of our own hides it for no run.
  write_file(cached(), "damage");
  const ScopedVariable offline("QEMU_TEST_NO_DOWNLOAD", "1");
  const Captured result = run({url(), m_digest});
  EXPECT_EQ(result.status.code(), 0) << result.err;
  EXPECT_EQ(result.out, lower.cache.own_path(m_digest) + "\n");
  EXPECT_EQ(read_file(cached() + ".corrupt"), "damage");
}

// --- QEMU's framework

// What its asset.py leaves: the file, mode 0440, two attributes, the stamp.
void leave_as_qemu_does(const std::string& path, const std::string& body, const std::string& url) {
  write_file(path + ".download", body);
  ::setxattr((path + ".download").c_str(), "user.qemu-asset-url", url.data(), url.size(), 0);
  const std::string digest = base_name(path);
  ::setxattr((path + ".download").c_str(), "user.qemu-asset-hash", digest.data(), digest.size(), 0);
  ::rename((path + ".download").c_str(), path.c_str());
  ::chmod(path.c_str(), 0440);
  write_file(path + ".stamp", "1700000000");
}

TEST_F(QtFetchCache, ServesWhatQemuDownloaded) {
  make_directories(m_cache.folder());
  leave_as_qemu_does(cached(), m_body, url());
  const Captured result = run({url(), m_digest});
  EXPECT_EQ(result.status.code(), 0) << result.err;
  EXPECT_TRUE(m_server.requests("/file").empty());
  // As its cleaner and its next run want it.
  EXPECT_EQ(status_of(cached()).st_mode & 07777, 0440u);
  EXPECT_EQ(support::sha256_of(read_file(cached())), m_digest);
  const std::string stamp = read_file(cached() + ".stamp");
  EXPECT_EQ(stamp.find_first_not_of("0123456789"), std::string::npos) << stamp;
  EXPECT_GT(std::stoll(stamp), 1700000000);
  EXPECT_FALSE(exists(cached() + ".download"));
}

TEST_F(QtFetchCache, LeavesWhatQemuWouldHaveLeft) {
  serve();
  EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
  EXPECT_EQ(status_of(cached()).st_mode & 07777, 0440u);
  EXPECT_EQ(status_of(cached()).st_nlink, 1u);
  EXPECT_FALSE(exists(cached() + ".download"));
  const std::string stamp = read_file(cached() + ".stamp");
  EXPECT_EQ(stamp.find_first_not_of("0123456789"), std::string::npos) << stamp;
  std::array<char, 200> hash{};
  if (::getxattr(cached().c_str(), "user.qemu-asset-hash", hash.data(), hash.size()) >= 0) {
    EXPECT_EQ(std::string(hash.data()), m_digest);
    EXPECT_EQ(Cache::url_of(cached()), url());
  }
}

TEST_F(QtFetchCache, WhileItDownloadsQemuSeesItGrow) {
  serve({.etag = "\"tag\"", .cut_after = 1'000'000, .cut_times = 1, .cut = Behaviour::Cut::hold});
  Process ours = Process::spawn(command({"--stamp", "/dev/null", url(), m_digest}), {});
  m_server.wait_until_held("/file");
  while (status_of(cached() + ".download").st_size < 1'000'000) {
    ::sched_yield();
  }
  EXPECT_EQ(::open((cached() + ".download").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600), -1);
  m_server.release();
  EXPECT_EQ(ours.wait(Deadline::never()).value().text(), "exited 0");
  EXPECT_FALSE(exists(cached() + ".download"));
  EXPECT_EQ(m_cache.state(m_digest), Cache::State::verified);
}

TEST_F(QtFetchCache, WaitsForQemuAndSucceedsItWhenItIsKilled) {
  serve();
  make_directories(m_cache.folder());
  for (const bool killed : {false, true}) {
    ::unlink(cached().c_str());
    // Like theirs: exclusively created, written bit by bit, renamed. The last bit comes when the
    // test says so.
    const FdPair go = make_pipe();
    SpawnOptions options;
    options.standard_input = go.first.get();
    write_file(m_folder.path() + "/body", m_body);
    Process theirs =
        Process::spawn({"sh", "-c",
                        "set -C; exec 3>\"$1.download\"; head -c 1000 $2/body >&3; read x; "
                        "tail -c +1001 $2/body >&3; mv \"$1.download\" \"$1\"",
                        "sh", cached(), m_folder.path()},
                       options);
    while (!exists(cached() + ".download")) {
      ::sched_yield();
    }
    Process ours = Process::spawn(command({"--stamp", "/dev/null", url(), m_digest}), {});
    if (killed) {
      theirs.send_signal(SIGKILL);
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      write_all(go.second.get(), "\n", "pipe");
    }
    static_cast<void>(theirs.wait(Deadline::never()));
    EXPECT_EQ(ours.wait(Deadline::never()).value().text(), "exited 0");
    EXPECT_EQ(m_server.requests("/file").size(), killed ? 1u : 0u);
    EXPECT_EQ(m_cache.state(m_digest), Cache::State::verified);
    EXPECT_FALSE(exists(cached() + ".download"));
  }
}

// --- storms

TEST_F(QtFetchCache, SixtyFourProcessesAskOnce) {
  serve();
  for (int round = 0; round < rounds(2, 100); ++round) {
    remove_tree(m_cache.folder());
    std::vector<Process> processes;
    for (int i = 0; i < 64; ++i) {
      processes.push_back(Process::spawn(command({"--stamp", "/dev/null", url(), m_digest}), {}));
    }
    for (Process& process : processes) {
      ASSERT_EQ(process.wait(Deadline::never()).value().text(), "exited 0") << "round " << round;
    }
    ASSERT_EQ(m_server.requests("/file").size(), static_cast<std::size_t>(round) + 1);
    ASSERT_TRUE(read_file(cached()) == m_body);
  }
}

TEST_F(QtFetchCache, ADownloaderKilledAtAnyTimeIsSucceeded) {
  std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<int> moment(0, 60'000);
  int killed = 0;
  for (int round = 0; round < rounds(8, 200); ++round) {
    remove_tree(m_cache.folder());
    serve({.etag = "\"tag\"", .bytes_per_second = 100'000'000});
    Process first = Process::spawn(command({"--stamp", "/dev/null", url(), m_digest}), {});
    Process waiter = Process::spawn(command({"--stamp", "/dev/null", url(), m_digest}), {});
    std::this_thread::sleep_for(std::chrono::microseconds(moment(random)));
    first.send_signal(SIGKILL);
    killed += first.wait(Deadline::never()).value().by_signal() ? 1 : 0;
    if (exists(cached())) {
      ASSERT_TRUE(read_file(cached()) == m_body) << "round " << round;
    }
    ASSERT_EQ(waiter.wait(Deadline::never()).value().text(), "exited 0") << "round " << round;
    ASSERT_TRUE(read_file(cached()) == m_body) << "round " << round;
    const ScopedVariable offline("QEMU_TEST_NO_DOWNLOAD", "1");
    ASSERT_EQ(run({url(), m_digest}).status.code(), 0) << "round " << round;
  }
  RecordProperty("killed", killed);
}

// --- what the host can do

TEST_F(QtFetchCache, AFullDiskLeavesWhatWasThere) {
  if (::geteuid() != 0 ||
      run_captured({"unshare", "--mount", "true"}, {}, Deadline::never())->status.code() != 0) {
    GTEST_SKIP() << "needs root and mount namespaces, for a disk that is full";
  }
  serve();
  const std::string old = "content";
  const std::string mount = "mount -t tmpfs -o size=1m none " + m_cache.root() + " && mkdir " +
                            m_cache.folder() + " && cp " + m_folder.path() + "/old " +
                            m_cache.own_path(support::sha256_of(old));
  write_file(m_folder.path() + "/old", old);
  const std::vector<std::string> words = command({url(), m_digest});
  const Captured result =
      run_captured({"unshare", "--mount", "sh", "-c",
                    mount + "\n\"$@\"; code=$?\nls " + m_cache.folder() + "\ncat " +
                        m_cache.own_path(support::sha256_of(old)) + "\nexit $code",
                    "sh", words[0], words[1], words[2], words[3], words[4]},
                   {}, Deadline::after(std::chrono::minutes(1)))
          .value();
  EXPECT_EQ(result.status.code(), 99) << result.err;
  EXPECT_THAT(result.err, HasSubstr(".partial: No space left on device"));
  EXPECT_THAT(result.out, HasSubstr("content"));
  EXPECT_THAT(result.out, Not(HasSubstr(m_digest + "\n")));
}

TEST_F(QtFetchCache, AReadOnlyCacheServesWhatItHas) {
  if (::geteuid() != 0 ||
      run_captured({"unshare", "--mount", "true"}, {}, Deadline::never())->status.code() != 0) {
    GTEST_SKIP() << "needs root and mount namespaces, for a cache that cannot be written";
  }
  serve();
  const std::string recorded = m_filled.put("recorded");
  const std::string other = support::sha256_of("other");
  write_file(m_cache.own_path(other), "other");
  const std::string read_only = "mount --bind " + m_cache.root() + " " + m_cache.root() +
                                " && mount -o remount,ro,bind " + m_cache.root();
  const auto run_read_only = [&](const std::string& digest) {
    const std::vector<std::string> words = command({url(), digest});
    return run_captured({"unshare", "--mount", "sh", "-c", read_only + "\nexec \"$@\"", "sh",
                         words[0], words[1], words[2], words[3], words[4]},
                        {}, Deadline::after(std::chrono::minutes(1)))
        .value();
  };
  EXPECT_EQ(run_read_only(recorded).out, m_cache.own_path(recorded) + "\n");
  EXPECT_EQ(run_read_only(other).out, m_cache.own_path(other) + "\n");
  const Captured result = run_read_only(m_digest);
  EXPECT_EQ(result.status.code(), 99);
  EXPECT_THAT(result.err,
              HasSubstr("Read-only file system; set QEMU_TEST_CACHE_DIR to a writable"));
}

TEST_F(QtFetchCache, AFolderInTheWayIsNamed) {
  serve();
  for (const std::string suffix : {"", ".partial", ".lock"}) {
    remove_tree(m_cache.folder());
    make_directories(cached() + suffix + "/inside");
    const Captured result = run({url(), m_digest});
    EXPECT_EQ(result.status.code(), 99) << suffix;
    EXPECT_THAT(result.err, HasSubstr(m_digest + suffix + ": Is a directory")) << suffix;
    EXPECT_TRUE(exists(cached() + suffix + "/inside"));
  }
}

TEST_F(QtFetchCache, AClockThatJumpedChangesNothing) {
  serve();
  EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
  write_file(cached() + ".stamp", "99999999999");
  EXPECT_EQ(run({"--prune", "--max-age", "1d"}).status.code(), 0);
  EXPECT_LT(std::stoll(read_file(cached() + ".stamp")), 99999999999);
  m_filled.age(m_digest, -std::chrono::hours(100'000)); // its time is in the future now
  EXPECT_EQ(run({url(), m_digest}).status.code(), 0);   // hashed once more
  EXPECT_EQ(m_server.requests("/file").size(), 1u);
  EXPECT_EQ(m_cache.state(m_digest), Cache::State::verified);
}

} // namespace
} // namespace qt
