// qt-fetch in a folder where others have put things, against servers that give too much or too
// slowly, and with secrets in its URLs.
#include "base/format.hh"
#include "base/text.hh"
#include "data/json.hh"
#include "environment.hh"
#include "fetch_fixture.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace {

using support::Behaviour;
using support::ScopedVariable;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class QtFetchHostile : public support::FetchFixture {
protected:
  QtFetchHostile()
    : FetchFixture(300'000) {
    make_directories(m_folder.path() + "/download");
    write_file(m_victim, "the victim's own");
    ::chmod(m_victim.c_str(), 0600);
  }
  void expect_victim_untouched() const {
    struct stat status {};
    EXPECT_EQ(read_file(m_victim), "the victim's own");
    EXPECT_EQ(::stat(m_victim.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
  }
  static bool is_root() { return ::geteuid() == 0; }

  const std::string m_victim = m_folder.path() + "/victim";
};

// --- what is where a file of the cache should be

TEST_F(QtFetchHostile, ALinkIsNeverFollowed) {
  serve();
  for (const char* suffix : {".partial", ".resume", ".stamp", ".verified", ".download"}) {
    SCOPED_TRACE(suffix);
    ::unlink(cached().c_str());
    ::unlink((cached() + suffix).c_str());
    ASSERT_EQ(::symlink(m_victim.c_str(), (cached() + suffix).c_str()), 0);
    const Captured result = run({url(), m_digest});
    EXPECT_EQ(result.status.code(), 0) << result.err;
    EXPECT_TRUE(read_file(cached()) == m_body);
    expect_victim_untouched();
    ::unlink((cached() + suffix).c_str());
  }
  ::unlink(cached().c_str());
  ::unlink((cached() + ".lock").c_str());
  ASSERT_EQ(::symlink(m_victim.c_str(), (cached() + ".lock").c_str()), 0);
  const Captured locked = run({url(), m_digest});
  EXPECT_EQ(locked.status.code(), 99);
  EXPECT_THAT(locked.err, HasSubstr(m_digest + ".lock"));
  expect_victim_untouched();
}

TEST_F(QtFetchHostile, ASecondNameOfAnotherFileIsNotContinued) {
  serve();
  ASSERT_EQ(::link(m_victim.c_str(), (cached() + ".partial").c_str()), 0);
  EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
  EXPECT_TRUE(read_file(cached()) == m_body);
  expect_victim_untouched();
}

TEST_F(QtFetchHostile, APipeStopsNobody) {
  serve();
  for (const char* suffix : {".partial", ".resume", ".stamp", ".verified", ".download", ""}) {
    SCOPED_TRACE(suffix);
    ::unlink(cached().c_str());
    ::unlink((cached() + suffix).c_str());
    ASSERT_EQ(::mkfifo((cached() + suffix).c_str(), 0600), 0);
    const Captured result = run({url(), m_digest});
    EXPECT_EQ(result.status.code(), 0) << result.err;
    EXPECT_TRUE(read_file(cached()) == m_body);
    ::unlink((cached() + suffix).c_str());
  }
  ::unlink((cached() + ".stamp").c_str());
  ASSERT_EQ(::mkfifo((cached() + ".stamp").c_str(), 0600), 0);
  EXPECT_EQ(run({"--list"}).status.code(), 0);
  EXPECT_EQ(run({"--verify"}).status.code(), 0);
  ::unlink((cached() + ".lock").c_str());
  ASSERT_EQ(::mkfifo((cached() + ".lock").c_str(), 0600), 0);
  ::unlink(cached().c_str());
  const Captured locked = run({url(), m_digest});
  EXPECT_EQ(locked.status.code(), 99);
  EXPECT_THAT(locked.err, HasSubstr(".lock: it is not a regular file; remove it"));
}

TEST_F(QtFetchHostile, AFolderStopsNobody) {
  serve();
  for (const char* suffix : {".resume", ".stamp", ".verified", ".download"}) {
    SCOPED_TRACE(suffix);
    ::unlink(cached().c_str());
    ::unlink((cached() + suffix).c_str());
    make_directories(cached() + suffix + "/inside");
    EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
    EXPECT_TRUE(read_file(cached()) == m_body);
    remove_tree(cached() + suffix);
  }
}

TEST_F(QtFetchHostile, ARecordThatOthersCouldWriteIsNotBelieved) {
  serve();
  ASSERT_EQ(run({url(), m_digest}).status.code(), 0);
  const std::string record = cached() + ".verified";
  // Other content, and a record that says it is right; by this user it would count.
  const auto forge = [&] {
    ::unlink(cached().c_str());
    write_file(cached(), "forged content");
    write_file(record, Cache::marks(cached()).value() + "\n");
    ::chmod(record.c_str(), 0644);
  };
  forge();
  ASSERT_EQ(Cache(m_folder.path()).state(m_digest), Cache::State::verified);
  std::vector<std::string> how = {"writable by all", "a link"};
  if (is_root()) {
    how.emplace_back("another user's");
  }
  for (const std::string& what : how) {
    SCOPED_TRACE(what);
    forge();
    if (what == "writable by all") {
      ASSERT_EQ(::chmod(record.c_str(), 0666), 0);
    } else if (what == "a link") {
      ASSERT_EQ(::rename(record.c_str(), (m_folder.path() + "/record").c_str()), 0);
      ASSERT_EQ(::symlink((m_folder.path() + "/record").c_str(), record.c_str()), 0);
    } else {
      ASSERT_EQ(::chown(record.c_str(), 65534, 65534), 0);
    }
    EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
    EXPECT_TRUE(read_file(cached()) == m_body);
    const std::size_t asked = m_server.requests("/file").size();
    EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
    EXPECT_EQ(m_server.requests("/file").size(), asked);
    EXPECT_EQ(Cache(m_folder.path()).state(m_digest), Cache::State::verified);
    ::unlink(record.c_str());
  }
}

TEST_F(QtFetchHostile, ALowerCachesRecordCountsOnlyIfItsOwnerDoes) {
  if (!is_root()) {
    GTEST_SKIP() << "needs root, to give a file to another user";
  }
  serve();
  const support::FilledCache lower;
  const std::string forged = lower.cache.own_path(m_digest);
  make_directories(lower.cache.folder());
  write_file(forged, "forged content");
  write_file(forged + ".verified", Cache::marks(forged).value() + "\n");
  ASSERT_EQ(::chown((forged + ".verified").c_str(), 65534, 65534), 0);
  const Captured result = run({url(), m_digest}, {{"QEMU_TEST_CACHE_LOWER", lower.cache.root()}});
  EXPECT_EQ(result.out, cached() + "\n") << result.err;
  EXPECT_TRUE(read_file(cached()) == m_body);
}

TEST_F(QtFetchHostile, AnExportFollowsNoLinkThatLiesInItsFolder) {
  serve();
  ASSERT_EQ(run({url(), m_digest}).status.code(), 0);
  const std::string box = m_folder.path() + "/box";
  make_directories(box + "/download");
  const std::string target = box + "/download/" + m_digest;
  for (const char* suffix : {".partial", ".stamp", ".verified"}) {
    ASSERT_EQ(::symlink(m_victim.c_str(), (target + suffix).c_str()), 0);
  }
  EXPECT_EQ(run({"--export", box}).status.code(), 0);
  EXPECT_TRUE(read_file(target) == m_body);
  expect_victim_untouched();
  ::unlink(target.c_str());
  ASSERT_EQ(::mkfifo(target.c_str(), 0600), 0);
  EXPECT_EQ(run({"--import", box}).status.code(), 0); // there is nothing in it
}

TEST_F(QtFetchHostile, AnotherUsersPartialIsNotContinuedWhereAllMayWrite) {
  if (!is_root()) {
    GTEST_SKIP() << "needs root, to give a file to another user";
  }
  serve({.etag = "\"tag\""});
  const std::string partial = cached() + ".partial";
  for (const bool shared : {true, false}) {
    ::unlink(cached().c_str());
    write_file(partial, m_body.substr(0, 1000));
    ASSERT_EQ(::chown(partial.c_str(), 65534, 65534), 0);
    ASSERT_EQ(::chmod((m_folder.path() + "/download").c_str(), shared ? 01777 : 0755), 0);
    EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
    EXPECT_EQ(m_server.requests("/file").back().range, shared ? "" : "bytes=1000-");
    struct stat status {};
    ASSERT_EQ(::stat(cached().c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, shared ? 0u : 65534u);
  }
}

// As in /tmp: what one user leaves must not keep the others out.
TEST_F(QtFetchHostile, WhereAllMayWriteAllMayLockAndRead) {
  const std::string folder = m_folder.path() + "/download";
  const auto mode_of = [](const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777;
  };
  m_server.set("/file", {.status = 404});
  const mode_t mask = ::umask(0022);
  for (const mode_t mode : {0755, 01777}) {
    const bool for_all = mode == 01777;
    ASSERT_EQ(::chmod(folder.c_str(), mode), 0);
    EXPECT_EQ(run({url(), m_digest}).status.code(), 1);
    EXPECT_EQ(mode_of(cached() + ".lock") & 0066, for_all ? 0066u : 0044u);
    serve();
    EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
    EXPECT_EQ(mode_of(cached()), for_all ? 0444u : 0440u);
    ::unlink(cached().c_str());
    ::unlink((cached() + ".lock").c_str());
    m_server.set("/file", {.status = 404});
  }
  ::umask(mask);
}

TEST_F(QtFetchHostile, ALockIsAFileOfItsOwn) {
  serve();
  const std::string lock = cached() + ".lock";
  make_directories(lock + "/inside");
  EXPECT_EQ(run({url(), m_digest}).status.code(), 99);
  remove_tree(lock);
  ASSERT_EQ(::link(m_victim.c_str(), lock.c_str()), 0); // is locked, and neither read nor changed
  EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
  expect_victim_untouched();
  ::unlink(lock.c_str());
  if (is_root()) {
    write_file(lock, "");
    ASSERT_EQ(::chown(lock.c_str(), 65534, 65534), 0);
    ::unlink(cached().c_str());
    EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
  }
}

// --- how much, and how long

TEST_F(QtFetchHostile, MoreThanTheSizeIsNotDownloaded) {
  for (const bool length_unknown : {false, true}) {
    serve({.length_unknown = length_unknown});
    const Captured result = run({"--size", "1000", url(), m_digest});
    EXPECT_EQ(result.status.code(), 1);
    EXPECT_THAT(result.err, HasSubstr("1000 bytes"));
    EXPECT_FALSE(exists(cached()));
    EXPECT_LE(read_file_if_exists(cached() + ".partial").value_or("").size(), 1000u);
  }
  serve();
  EXPECT_EQ(run({"--size", std::to_string(m_body.size()), url(), m_digest}).status.code(), 0);
  const Captured wrong = run({"--size", "1G", url(), m_digest}); // the digest is right
  EXPECT_EQ(wrong.status.code(), 1);
  EXPECT_THAT(wrong.err, HasSubstr(format("has {} bytes, but its size is said to be 1073741824",
                                          m_body.size())));
}

TEST_F(QtFetchHostile, WithoutASizeThereIsALimit) {
  for (const bool length_unknown : {false, true}) {
    serve({.length_unknown = length_unknown});
    const Captured result = run({"--limit", "100K", url(), m_digest});
    EXPECT_EQ(result.status.code(), 1);
    EXPECT_THAT(result.err, AllOf(HasSubstr("the limit is 100.0 KiB"), HasSubstr("--limit")));
    EXPECT_LE(read_file_if_exists(cached() + ".partial").value_or("").size(), 100u << 10);
  }
}

TEST_F(QtFetchHostile, ADefinitionSaysTheSize) {
  serve();
  make_directories(m_folder.path() + "/avr");
  const std::string path = m_folder.path() + "/avr/x.toml";
  const auto define = [&](const std::string& size) {
    write_file(path, format("[asset.k]\nurl = '{}'\nsha256 = '{}'\nsize = {}\n[test.t]\n"
                            "args = ['${{asset.k}}']\nsteps = [{{ wait = 'ok' }}]\n",
                            url(), m_digest, size));
    return run({"--definition", path});
  };
  EXPECT_EQ(define("5").status.code(), 1);
  EXPECT_EQ(define("'1K'").status.code(), 1);
  EXPECT_EQ(define("-1").status.code(), 2);
  EXPECT_EQ(define("'much'").status.code(), 2);
  EXPECT_EQ(define(std::to_string(m_body.size())).status.code(), 0);
}

TEST_F(QtFetchHostile, ADribbleEndsAndIsContinued) {
  serve({.etag = "\"tag\"", .bytes_per_second = 20'000});
  const Captured slow = run({"--timeout", "1s", url(), m_digest});
  EXPECT_EQ(slow.status.code(), 77);
  EXPECT_THAT(slow.err, HasSubstr("too slow: "));
  EXPECT_FALSE(exists(cached()));
  const std::size_t came = read_file(cached() + ".partial").size();
  EXPECT_GT(came, 0u);
  EXPECT_LT(came, m_body.size());
  EXPECT_EQ(m_server.requests("/file").size(), 1u);
  serve({.etag = "\"tag\""});
  EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
  EXPECT_EQ(m_server.requests("/file").back().range, format("bytes={}-", came));
}

TEST_F(QtFetchHostile, WhatWouldTakeDaysIsAsGoodAsStalled) {
  const std::string large = m_folder.path() + "/large";
  write_file(large, "");
  ASSERT_EQ(::truncate(large.c_str(), 1 << 30), 0);
  m_server.set("/file", {.file = large, .bytes_per_second = 4000}); // three days
  const Captured result = run({"--stall-timeout", "2s", "--retries", "0", url(), m_digest});
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_THAT(result.err, HasSubstr("too slow"));
}

TEST_F(QtFetchHostile, AFullDiskIsNotMadeFuller) {
  if (!is_root() ||
      run_captured({"unshare", "--mount", "true"}, {}, Deadline::never())->status.code() != 0) {
    GTEST_SKIP() << "needs root and mount namespaces, for a small disk";
  }
  for (const bool length_unknown : {false, true}) {
    serve({.length_unknown = length_unknown});
    const std::vector<std::string> words = command({url(), m_digest});
    const std::string root = m_folder.path();
    const Captured result =
        run_captured({"unshare", "--mount", "sh", "-c",
                      "mount -t tmpfs -o size=200k none " + root +
                          " && shift && \"$@\"; code=$?\n" + "stat -f -c 'free %a' " + root +
                          "; exit $code",
                      "sh", "sh", words[0], words[1], words[2], words[3], words[4]},
                     {}, Deadline::after(std::chrono::minutes(1)))
            .value();
    EXPECT_EQ(result.status.code(), 99) << result.err;
    EXPECT_THAT(result.err, HasSubstr("No space left on device ("));
    EXPECT_THAT(result.out, Not(HasSubstr("free 0\n")));
  }
}

// --- who waits for whom

TEST_F(QtFetchHostile, AStoppedHolderIsNamedAndNotWaitedForWithoutEnd) {
  serve({.cut_after = 1000, .cut_times = 1, .cut = Behaviour::Cut::hold});
  Process holder = Process::spawn(command({"--stamp", "/dev/null", url(), m_digest}), {});
  m_server.wait_until_held("/file");
  holder.send_signal(SIGSTOP);
  const Captured result = run({"--timeout", "7s", url(), m_digest});
  const std::string who = format("process {} (qt-fetch, stopped)", holder.pid());
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_THAT(result.err, HasSubstr("qt-fetch: warning: waiting for " + who));
  EXPECT_THAT(result.err, HasSubstr("asset unavailable: " + url() + ": " + who + " has held "));
  holder.send_signal(SIGKILL);
  static_cast<void>(holder.wait(Deadline::never()));
  EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
}

// --- secrets

TEST_F(QtFetchHostile, TokensAreSentAndNeverShown) {
  const std::string path = "/file?private_token=s3cret&id=7";
  const std::string shown = m_server.url("/file?private_token=***&id=7");
  const std::string with_user = "http://me:s3cret@" + m_server.url(path).substr(7);
  for (const Behaviour& behaviour :
       {Behaviour{.status = 403}, Behaviour{.status = 503}, Behaviour{.body = "other"},
        Behaviour{.status = 302, .headers = {"Location: /else?token=s3cret"}},
        Behaviour{.body = m_body, .etag = "\"t\"", .cut_after = 1000},
        Behaviour{.body = m_body, .etag = "\"t\""}}) {
    m_server.set(path, behaviour);
    for (const char* form : {"--json", "--verbose"}) {
      const Captured result = run({form, "-v", "--retries", "1", with_user, m_digest});
      EXPECT_THAT(result.out + result.err, Not(HasSubstr("s3cret")));
      EXPECT_THAT(read_file_if_exists(cached() + ".resume").value_or(""), Not(HasSubstr("s3cret")));
    }
  }
  EXPECT_FALSE(m_server.requests(path).empty());
  EXPECT_TRUE(exists(cached()));
  if (const std::string url = Cache::url_of(cached()); !url.empty()) {
    EXPECT_EQ(url, shown);
  }
  EXPECT_THAT(run({"--list"}).out, Not(HasSubstr("s3cret")));
}

TEST_F(QtFetchHostile, AListOfProcessesShowsNoSecret) {
  const std::string path = "/file?token=s3cret";
  m_server.set(path, {.body = m_body, .cut_after = 1000, .cut = Behaviour::Cut::hold});
  const std::string secret = "http://me:s3cret@" + m_server.url(path).substr(7);
  Process process = Process::spawn(command({"--stamp", "/dev/null", secret, m_digest}), {});
  m_server.wait_until_held(path);
  const std::string words = read_file(format("/proc/{}/cmdline", process.pid()));
  EXPECT_THAT(words,
              AllOf(HasSubstr(m_digest), HasSubstr("/file?token="), Not(HasSubstr("s3cret"))));
  process.send_signal(SIGKILL);
  static_cast<void>(process.wait(Deadline::never()));
}

} // namespace
} // namespace qt
