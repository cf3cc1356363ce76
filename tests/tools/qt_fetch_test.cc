#include "base/format.hh"
#include "base/text.hh"
#include "data/json.hh"
#include "environment.hh"
#include "fetch_fixture.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <fcntl.h>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace {

using support::Behaviour;
using support::ScopedVariable;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class QtFetch : public support::FetchFixture {
protected:
  QtFetch()
    : FetchFixture(5'000'000) {}
};

// As qt-tap makes slices: of two files each slice has one.
TEST_F(QtFetch, ASliceGetsWhatItsDefinitionsNeed) {
  serve();
  const auto define = [this](const std::string& name, const std::string& url) {
    const std::string folder = m_folder.path() + "/riscv64";
    std::filesystem::create_directories(folder);
    write_file(folder + "/" + name + ".toml",
               format("[asset]\nkernel = {{ url = \"{}\", sha256 = \"{}\" }}\n"
                      "[test.a]\nmachine = \"virt\"\nargs = [\"-kernel\", \"${{asset.kernel}}\"]\n"
                      "steps = [{{ wait = \"x\" }}]\n",
                      url, name == "one" ? m_digest : std::string(64, '0')));
    return folder + "/" + name + ".toml";
  };
  const std::string one = define("one", url());
  const std::string other = define("other", m_server.url("/not-there"));
  const Captured first = run({"--slice", "1/2", "--definition", other, one});
  EXPECT_EQ(first.status.text(), "exited 0") << first.err;
  EXPECT_EQ(first.out, cached() + "\n");
  EXPECT_THAT(m_server.requests("/not-there"), IsEmpty());
  EXPECT_EQ(run({"--slice", "2/2", "--definition", one, other}).status.text(), "exited 1");
  EXPECT_EQ(run({"--slice", "1/2", url(), m_digest}).status.text(), "exited 2");
}

// The parts are the same for both programs, with and without times that were measured.
TEST_F(QtFetch, ItsSlicesAreThoseOfQtTap) {
  const std::string folder = m_folder.path() + "/riscv64";
  std::filesystem::create_directories(folder);
  const std::string names = "abcdef";
  std::vector<std::string> files;
  for (const char name : names) {
    files.push_back(format("{}/{}.toml", folder, name));
    write_file(files.back(),
               format("[asset]\nk = {{ url = \"http://127.0.0.1:1/{}\", sha256 = \"{}\" }}\n"
                      "[test.t]\nmachine = \"virt\"\nargs = [\"-kernel\", \"${{asset.k}}\"]\n"
                      "steps = [{{ wait = \"x\" }}]\n",
                      name, std::string(64, name)));
  }
  const std::string times = m_folder.path() + "/times";
  write_file(times, "riscv64/f 50.000\nriscv64/a 3.000\nriscv64/gone 2.000\n");
  const auto both = [&](const std::vector<std::string>& options) {
    std::vector<std::string> tap = {support::tool("qt-tap"), "--list"};
    tap.insert(tap.end(), options.begin(), options.end());
    tap.insert(tap.end(), files.begin(), files.end());
    const Captured listed = *run_captured(tap, {}, Deadline::after(std::chrono::minutes(1)));
    std::vector<std::string> fetch = {"--list"};
    fetch.insert(fetch.end(), options.begin(), options.end());
    fetch.push_back("--definition");
    fetch.insert(fetch.end(), files.rbegin(), files.rend()); // the order does not count
    const Captured wanted = run(fetch);
    std::string of_tap;
    std::string of_fetch;
    for (const char name : names) {
      of_tap += listed.out.find(format("riscv64/{}:t", name)) == std::string::npos ? '-' : name;
      of_fetch += wanted.out.find(std::string(64, name)) == std::string::npos ? '-' : name;
    }
    EXPECT_EQ(of_tap, of_fetch) << listed.err << wanted.err;
    return of_tap;
  };
  EXPECT_EQ(both({"--slice", "1/2"}), "a-c-e-");
  EXPECT_EQ(both({"--slice", "2/2"}), "-b-d-f");
  EXPECT_EQ(both({"--slice", "1/2", "--durations", times}), "a--d-f");
  EXPECT_EQ(both({"--durations", times, "--slice", "2/2"}), "-bc-e-");
}

TEST_F(QtFetch, DurationsThatAreNoneAreAMistakeOfBothPrograms) {
  const std::string times = m_folder.path() + "/times";
  write_file(times, "riscv64/a 3.000\nriscv64/b three\n");
  const std::string no_file = m_folder.path() + "/none.toml";
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {support::tool("qt-tap"), "--slice", "1/2", "--durations", times, no_file},
           {support::tool("qt-fetch"), "--slice", "1/2", "--durations", times, "--definition",
            no_file}}) {
    const Captured ran = *run_captured(command, {}, Deadline::after(std::chrono::minutes(1)));
    EXPECT_EQ(ran.status.text(), "exited 2");
    EXPECT_THAT(ran.err, HasSubstr(times + ":2: 'riscv64/b three' is not ARCH/FILE SECONDS"));
  }
  write_file(times, "riscv64/a 3.000\n");
  EXPECT_THAT(run({"--durations", times, "--definition", no_file}).err,
              HasSubstr("--durations FILE belongs to --slice"));
}

TEST_F(QtFetch, PrintsThePathAndNothingElse) {
  serve();
  for (int round = 0; round < 2; ++round) {
    const Captured result = run({url(), m_digest});
    EXPECT_EQ(result.status.text(), "exited 0");
    EXPECT_EQ(result.out, cached() + "\n");
    EXPECT_EQ(result.err, "");
  }
  EXPECT_TRUE(read_file(cached()) == m_body);
  EXPECT_EQ(m_server.requests("/file").size(), 1u);
}

TEST_F(QtFetch, GoneExits1) {
  const Captured result = run({url(), m_digest});
  EXPECT_EQ(result.status.code(), 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "qt-fetch: error: fetching " + url() + ": HTTP status 404\n");
}

TEST_F(QtFetch, AnotherContentExits1) {
  serve();
  const Captured result = run({url(), std::string(64, '0')});
  EXPECT_EQ(result.status.code(), 1);
  EXPECT_THAT(result.err, HasSubstr("digest"));
  EXPECT_THAT(result.err, HasSubstr(m_digest));
}

TEST_F(QtFetch, WrongUseExits2) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {url()},
                                                {url(), "0123"},
                                                {"ftp://host/file", m_digest},
                                                {"--uncached", url(), m_digest},
                                                {"--list", "--stamp", "stamp"},
                                                {"--prune", "--stamp", "stamp"},
                                                {"--retries", "many", url(), m_digest}}) {
    const Captured result = run(words);
    EXPECT_EQ(result.status.code(), 2) << join(words, " ");
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, testing::StartsWith("qt-fetch: error: "));
  }
}

TEST_F(QtFetch, OfflineExits77) {
  const ScopedVariable no_download("QEMU_TEST_NO_DOWNLOAD", "1");
  const Captured result = run({url(), m_digest});
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_THAT(result.err, HasSubstr("asset unavailable: " + url() + ": "));
  EXPECT_TRUE(m_server.requests("/file").empty());
}

TEST_F(QtFetch, AServerThatIsDownExits77AfterItsRetries) {
  m_server.set("/file", {.status = 503});
  const Captured result = run({"--retries", "2", url(), m_digest});
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_EQ(m_server.requests("/file").size(), 3u);
}

TEST_F(QtFetch, ACacheThatCannotBeWrittenExits99) {
  serve();
  write_file(m_folder.path() + "/file", "");
  const ScopedVariable cache("QEMU_TEST_CACHE_DIR", m_folder.path() + "/file");
  const Captured result = run({url(), m_digest});
  EXPECT_EQ(result.status.code(), 99);
  EXPECT_THAT(result.err, HasSubstr("set QEMU_TEST_CACHE_DIR"));
}

// As in a build service: the user's folder is that of /etc/passwd. Looks only.
TEST_F(QtFetch, WithoutHomeTheCacheIsThatOfTheUser) {
  const ScopedVariable cache("QEMU_TEST_CACHE_DIR", std::nullopt);
  const ScopedVariable xdg("XDG_CACHE_HOME", std::nullopt);
  const ScopedVariable home("HOME", std::nullopt);
  const std::string folder = home_folder();
  const Captured result = run({"--list"});
  if (folder.empty()) {
    EXPECT_EQ(result.status.code(), 99);
    EXPECT_THAT(result.err, HasSubstr("HOME is not set"));
  } else {
    EXPECT_EQ(result.status.code(), 0) << result.err;
    EXPECT_THAT(result.err, HasSubstr(folder + "/.cache/qemu/download"));
  }
}

TEST_F(QtFetch, AFullDiskExits99AndKeepsWhatCame) {
  serve();
  // The size limit of a file is as good as a full disk, and needs no disk.
  const std::vector<std::string> limited = command({url(), m_digest});
  const Captured result =
      run_captured({"sh", "-c", "trap '' XFSZ; ulimit -f 2000; exec \"$@\"", "sh", limited[0],
                    limited[1], limited[2], limited[3], limited[4]},
                   {}, Deadline::after(std::chrono::minutes(1)))
          .value();
  EXPECT_EQ(result.status.code(), 99);
  EXPECT_THAT(result.err, HasSubstr("writing " + cached() + ".partial: File too large"));
  EXPECT_FALSE(exists(cached()));
  EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
  EXPECT_THAT(m_server.requests("/file").back().range, testing::StartsWith("bytes="));
}

TEST_F(QtFetch, TakesTheNextUrl) {
  serve();
  const Captured result = run({m_server.url("/gone"), url(), m_digest});
  EXPECT_EQ(result.status.code(), 0);
  EXPECT_EQ(result.out, cached() + "\n");
}

TEST_F(QtFetch, TheStampIsWrittenOnlyWhenAllIsThere) {
  const std::string stamp = m_folder.path() + "/stamp";
  m_server.set("/file", {.status = 503});
  const Captured down = run({"--stamp", stamp, "--retries", "0", url(), m_digest});
  EXPECT_EQ(down.status.code(), 0);
  EXPECT_THAT(down.err, HasSubstr("warning: asset unavailable: "));
  EXPECT_FALSE(exists(stamp));

  m_server.set("/file", {.status = 404});
  EXPECT_EQ(run({"--stamp", stamp, url(), m_digest}).status.code(), 1);
  EXPECT_FALSE(exists(stamp));

  serve();
  const Captured up = run({"--stamp", stamp, url(), m_digest});
  EXPECT_EQ(up.status.code(), 0);
  EXPECT_EQ(up.out, ""); // for build systems, which show what a program prints
  EXPECT_TRUE(exists(stamp));
}

TEST_F(QtFetch, AStampOfEarlierGoesWhereNotAllIsThere) {
  const std::string stamp = m_folder.path() + "/stamp";
  const auto expect_gone = [&](int code, const Words& words, const Environment& environment) {
    ::unlink(cached().c_str());
    write_file(stamp, "");
    Words all = {"--stamp", stamp, "--retries", "0"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(run(all, environment).status.code(), code);
    EXPECT_FALSE(exists(stamp)) << code;
  };
  m_server.set("/file", {.status = 503});
  expect_gone(0, {url(), m_digest}, {});
  expect_gone(0, {url(), m_digest}, {{"QEMU_TEST_NO_DOWNLOAD", "1"}});
  expect_gone(1, {"--require", url(), m_digest}, {});
  m_server.set("/file", {.status = 404});
  expect_gone(1, {url(), m_digest}, {});
  m_server.set("/file", {.body = "other"});
  expect_gone(1, {url(), m_digest}, {});
  write_file(m_folder.path() + "/wrong.toml", "what");
  expect_gone(2, {"--definition", m_folder.path() + "/wrong.toml"}, {});
  expect_gone(99, {url(), m_digest}, {{"QEMU_TEST_CACHE_DIR", "/dev/null"}});
}

TEST_F(QtFetch, FetchesTheAssetsOfDefinitions) {
  serve();
  make_directories(m_folder.path() + "/avr");
  std::vector<std::string> words = {"--definition"};
  const std::string nowhere(64, '5');
  for (const std::string name : {"one", "two"}) {
    words.push_back(m_folder.path() + "/avr/" + name + ".toml");
    const bool one = name == "one";
    write_file(words.back(), "[asset.k]\nurl = '" + (one ? url() : m_server.url("/later")) +
                                 "'\nsha256 = '" + (one ? m_digest : nowhere) +
                                 "'\n[test.t]\nargs = ['-kernel', '${asset.k}']\n"
                                 "steps = [{ wait = 'ok' }]\n");
  }
  m_server.set("/later", {.status = 503});
  words.insert(words.begin(), {"--retries", "0"});
  const Captured result = run(words);
  EXPECT_EQ(result.status.code(), 77) << result.err;
  EXPECT_EQ(result.out, cached() + "\n");
  EXPECT_THAT(result.err, HasSubstr("downloaded " + url() + " (4.8 MiB)\n"));
  EXPECT_THAT(result.err, HasSubstr("asset unavailable: " + m_server.url("/later") +
                                    ": HTTP status 503 (needed by avr/two.t)\n"));
  EXPECT_THAT(result.err, HasSubstr("0 cached, 1 downloaded, 1 unavailable\n"));

  words.insert(words.begin(), "--json");
  const Captured json = run(words);
  const std::vector<std::string> lines = split(json.out, '\n');
  ASSERT_EQ(lines.size(), 3u); // the last one is empty
  EXPECT_EQ(parse_json(lines[0], "stdout")["outcome"], "cached");
  EXPECT_EQ(parse_json(lines[1], "stdout")["tests"][0], "avr/two.t");

  words[0] = "--require";
  EXPECT_EQ(run(words).status.code(), 1);
  words[0] = "--quiet";
  EXPECT_THAT(run(words).err, Not(HasSubstr("cached")));
}

TEST_F(QtFetch, AMistakeInADefinitionExits2) {
  write_file(m_folder.path() + "/wrong.toml", "[asset.k]\nurls = 'x'\n");
  const Captured result = run({"--definition", m_folder.path() + "/wrong.toml"});
  EXPECT_EQ(result.status.code(), 2);
  EXPECT_THAT(result.err, HasSubstr("wrong.toml:2:1"));
}

TEST_F(QtFetch, UncachedWritesTheOutputOnly) {
  serve();
  const ScopedVariable no_download("QEMU_TEST_NO_DOWNLOAD", "1");
  const ScopedVariable cache("QEMU_TEST_CACHE_DIR", std::nullopt);
  const ScopedVariable xdg("XDG_CACHE_HOME", std::nullopt);
  const ScopedVariable home("HOME", std::nullopt);
  const std::string output = m_folder.path() + "/output";
  const Captured result = run({"--uncached", "--output", output, url(), m_digest});
  EXPECT_EQ(result.status.code(), 0) << result.err;
  EXPECT_EQ(result.out, output + "\n");
  EXPECT_TRUE(read_file(output) == m_body);
  EXPECT_FALSE(exists(cached()));
  // What goes for downloads into the cache goes for this one.
  const std::string stamp = m_folder.path() + "/stamp";
  const auto with = [&](const std::vector<std::string>& more, const std::string& from) {
    std::vector<std::string> words = {"--uncached", "--output", output, from, m_digest};
    words.insert(words.begin(), more.begin(), more.end());
    return run(words);
  };
  EXPECT_EQ(parse_json(with({"--json"}, url()).out, "stdout")["path"], output);
  EXPECT_EQ(with({"--stamp", stamp}, url()).status.code(), 0);
  EXPECT_TRUE(exists(stamp));
  const std::string down = "http://127.0.0.1:1/file";
  EXPECT_EQ(with({"--retries", "0"}, down).status.code(), 77);
  EXPECT_EQ(with({"--retries", "0", "--require"}, down).status.code(), 1);
  EXPECT_EQ(with({"--retries", "0", "--stamp", stamp}, down).status.code(), 0);
  EXPECT_FALSE(exists(stamp));
}

TEST_F(QtFetch, ManyProcessesAskOnce) {
  serve();
  std::vector<Process> processes;
  for (int i = 0; i < 16; ++i) {
    processes.push_back(Process::spawn(command({"--stamp", "/dev/null", url(), m_digest}), {}));
  }
  for (Process& process : processes) {
    EXPECT_EQ(process.wait(Deadline::never()).value().text(), "exited 0");
  }
  EXPECT_EQ(m_server.requests("/file").size(), 1u);
  EXPECT_TRUE(read_file(cached()) == m_body);
}

TEST_F(QtFetch, AKilledDownloaderIsSucceededByOneThatContinues) {
  serve({.etag = "\"tag\"", .cut_after = 2'000'000, .cut_times = 1, .cut = Behaviour::Cut::hold});
  Process first = Process::spawn(command({"--stamp", "/dev/null", url(), m_digest}), {});
  m_server.wait_until_held("/file");
  // What was sent arrives in the partial without anybody's doing.
  struct stat status {};
  while (::stat((cached() + ".partial").c_str(), &status) < 0 || status.st_size < 2'000'000) {
    ::sched_yield();
  }
  Process second = Process::spawn(command({"--stamp", "/dev/null", url(), m_digest}), {});
  first.send_signal(SIGKILL);
  EXPECT_EQ(first.wait(Deadline::never()).value().signal(), SIGKILL);
  EXPECT_EQ(second.wait(Deadline::never()).value().text(), "exited 0");
  EXPECT_TRUE(read_file(cached()) == m_body);
  const auto requests = m_server.requests("/file");
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].range, "bytes=2000000-");
  EXPECT_EQ(requests[1].if_range, "\"tag\"");
  EXPECT_EQ(requests[1].body_sent, m_body.size() - 2'000'000);
}

TEST_F(QtFetch, CredentialsAreNeverShown) {
  const std::string secret = "http://me:s3cret@" + url().substr(7);
  const Captured result = run({"-v", "-v", secret, m_digest});
  EXPECT_EQ(result.status.code(), 1);
  EXPECT_THAT(result.err, Not(HasSubstr("s3cret")));
  EXPECT_EQ(m_server.requests("/file").at(0).authorization, "Basic bWU6czNjcmV0");
}

TEST_F(QtFetch, HelpFitsATerminal) {
  const Captured result = run({"--help"});
  EXPECT_EQ(result.status.code(), 0);
  for (const std::string& line : split(result.out, '\n')) {
    EXPECT_LE(line.size(), 80u) << line;
  }
}

} // namespace
} // namespace qt
