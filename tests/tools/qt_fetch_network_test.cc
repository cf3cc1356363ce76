// qt-fetch against servers: mirrors, certificates, credentials, what is seen on a terminal.
#include "base/text.hh"
#include "data/json.hh"
#include "environment.hh"
#include "fetch_fixture.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace qt {
namespace {

using support::Behaviour;
using support::FaultServer;
using support::ScopedVariable;
using support::sha256_of;
using support::TestAuthority;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class QtFetchNetwork : public support::FetchFixture {
protected:
  QtFetchNetwork()
    : FetchFixture(3'000'000, {"--retries", "1"}) {}

  std::string with_user(std::string url) const {
    return url.insert(url.find("//") + 2, "me:s3cret@");
  }
  // A definition with an asset of each name and a test that needs it; its path.
  std::string define(const std::vector<std::pair<std::string, std::string>>& assets) const {
    std::string text;
    std::string arguments;
    for (const auto& [url, digest] : assets) {
      const std::string name = "n" + digest.substr(0, 8);
      text += "[asset." + name + "]\nurl = '" + url + "'\nsha256 = '" + digest + "'\n";
      arguments += "'${asset." + name + "}', ";
    }
    make_directories(m_folder.path() + "/avr");
    const std::string path = m_folder.path() + "/avr/x.toml";
    write_file(path, text + "[test.t]\nargs = [" + arguments + "]\nsteps = [{ wait = 'ok' }]\n");
    return path;
  }

  const ScopedVariable m_bundle{"CURL_CA_BUNDLE", std::nullopt};
  const ScopedVariable m_certificates{"SSL_CERT_FILE", std::nullopt};
  const ScopedVariable m_home{"HOME", m_folder.path()};
};

TEST_F(QtFetchNetwork, AHitDoesNotLoadLibcurl) {
  m_server.set("/file", {.body = m_body});
  ASSERT_EQ(run({m_server.url("/file"), m_digest}).status.code(), 0);
  const Captured hit = run({m_server.url("/file"), m_digest}, {{"LD_DEBUG", "files"}});
  if (hit.err.empty()) {
    GTEST_SKIP() << "this C library has no LD_DEBUG";
  }
  EXPECT_THAT(hit.err, HasSubstr("libc.so"));
  EXPECT_THAT(hit.err, Not(HasSubstr("libcurl")));
}

// --- mirrors

TEST_F(QtFetchNetwork, AMirrorComesFirstAndTheFileKeepsItsOwnUrl) {
  FaultServer mirror;
  mirror.set("/a/file", {.body = m_body});
  const std::string rules = m_server.url("/") + "=" + with_user(mirror.url("/a/"));
  EXPECT_EQ(run({m_server.url("/file"), m_digest}, {{"QEMU_TEST_MIRRORS", rules}}).status.code(),
            0);
  EXPECT_TRUE(m_server.requests("/file").empty());
  EXPECT_EQ(mirror.requests("/a/file").at(0).authorization, "Basic bWU6czNjcmV0");
  std::string url(1000, '\0');
  const ssize_t size = ::getxattr(cached().c_str(), "user.qemu-asset-url", url.data(), url.size());
  if (size > 0) { // not every file system has these
    EXPECT_EQ(url.substr(0, static_cast<std::size_t>(size)), m_server.url("/file"));
  }
}

TEST_F(QtFetchNetwork, WhereTheMirrorsFailTheOriginalIsAsked) {
  FaultServer mirror;
  m_server.set("/file", {.body = m_body});
  const std::string rules = m_server.url("/") + "=" + with_user(mirror.url("/a/")) + " " +
                            m_server.url("/") + "=" + mirror.url("/b/");
  const Captured result =
      run({"-v", "-v", m_server.url("/file"), m_digest}, {{"QEMU_TEST_MIRRORS", rules}});
  EXPECT_EQ(result.status.code(), 0) << result.err;
  EXPECT_EQ(mirror.requests("/a/file").size(), 1u);
  EXPECT_EQ(mirror.requests("/b/file").size(), 1u);
  EXPECT_THAT(result.err, HasSubstr(mirror.url("/a/file")));
  EXPECT_THAT(result.err, Not(HasSubstr("s3cret")));
}

TEST_F(QtFetchNetwork, AWrongMirrorExits2) {
  const Captured result =
      run({m_server.url("/file"), m_digest}, {{"QEMU_TEST_MIRRORS", "https://me:s3cret@host/"}});
  EXPECT_EQ(result.status.code(), 2);
  EXPECT_THAT(result.err, testing::StartsWith("qt-fetch: error: QEMU_TEST_MIRRORS: rule 1 "));
  EXPECT_THAT(result.err, Not(HasSubstr("s3cret")));
}

// --- certificates

TEST_F(QtFetchNetwork, AnUnknownAuthorityIsFinalUntilItIsTrusted) {
  const TestAuthority authority;
  FaultServer server(&authority);
  server.set("/file", {.body = m_body});
  const Captured refused = run({server.url("/file"), m_digest});
  EXPECT_EQ(refused.status.code(), 1);
  EXPECT_THAT(refused.err, ContainsRegex("fetching https://127.0.0.1:[0-9]+/file: .*certificate"));
  EXPECT_THAT(refused.err, HasSubstr("set SSL_CERT_FILE"));
  EXPECT_TRUE(server.requests("/file").empty());

  const std::string file = m_folder.path() + "/authority.pem";
  write_file(file, authority.certificate());
  for (const char* variable : {"SSL_CERT_FILE", "CURL_CA_BUNDLE"}) {
    const Captured trusted = run({server.url("/file"), m_digest}, {{variable, file}});
    EXPECT_EQ(trusted.status.code(), 0) << variable << ": " << trusted.err;
    remove_tree(cached());
  }
  EXPECT_EQ(server.requests("/file").size(), 2u);

  const Captured no_file = run({server.url("/file"), m_digest}, {{"SSL_CERT_FILE", file + "2"}});
  EXPECT_EQ(no_file.status.code(), 1);
  EXPECT_THAT(no_file.err, HasSubstr(file + "2"));
}

TEST_F(QtFetchNetwork, ACertificateOfAnotherNameIsFinal) {
  const TestAuthority authority;
  FaultServer server(&authority);
  server.set("/file", {.body = m_body});
  const std::string file = m_folder.path() + "/authority.pem";
  write_file(file, authority.certificate());
  // libcurl takes every name below localhost for this host; this one is not in the certificate.
  const Captured result =
      run({"https://other.localhost:" + std::to_string(server.port()) + "/file", m_digest},
          {{"SSL_CERT_FILE", file}, {"no_proxy", "*"}});
  EXPECT_EQ(result.status.code(), 1);
  EXPECT_THAT(result.err, HasSubstr("other.localhost"));
  EXPECT_TRUE(server.requests("/file").empty());
}

// --- credentials

TEST_F(QtFetchNetwork, CredentialsOfAllKindsAreUsedAndNeverShown) {
  const std::string proxied = "http://elsewhere.invalid/file";
  write_file(m_folder.path() + "/.netrc", "machine 127.0.0.1 login netrc password s3cret\n");
  const std::string proxy = "http://proxy:s3cret@127.0.0.1:" + std::to_string(m_server.port());
  struct Row {
    std::string url;
    std::string path;
    std::string authorization;
    std::string proxy_authorization;
  };
  const std::vector<Row> rows = {
      {with_user(m_server.url("/user")), "/user", "Basic bWU6czNjcmV0", ""},
      {m_server.url("/netrc"), "/netrc", "Basic bmV0cmM6czNjcmV0", ""},
      {proxied, proxied, "", "Basic cHJveHk6czNjcmV0"}};
  for (const Row& row : rows) {
    for (const Behaviour& behaviour :
         {Behaviour{.status = 403}, Behaviour{.status = 503},
          Behaviour{.body = m_body, .cut_after = 1000}, Behaviour{.body = m_body}}) {
      m_server.set(row.path, behaviour);
      const Captured result =
          run({"-v", "-v", "--json", row.url, m_digest}, {{"http_proxy", proxy}});
      EXPECT_THAT(result.out + result.err, Not(HasSubstr("s3cret"))) << row.url;
      for (const char* suffix : {"", ".resume"}) {
        const std::string side = read_file_if_exists(cached() + suffix).value_or("");
        EXPECT_THAT(side, Not(HasSubstr("s3cret"))) << row.url << suffix;
      }
    }
    EXPECT_EQ(m_server.requests(row.path).at(0).authorization, row.authorization);
    EXPECT_EQ(m_server.requests(row.path).at(0).proxy_authorization, row.proxy_authorization);
    std::string attribute(1000, '\0');
    static_cast<void>(
        ::getxattr(cached().c_str(), "user.qemu-asset-url", attribute.data(), attribute.size()));
    EXPECT_THAT(attribute, Not(HasSubstr("s3cret")));
    EXPECT_TRUE(exists(cached())) << row.url;
    remove_tree(cached());
  }
}

TEST_F(QtFetchNetwork, AProxyThatIsDownDoesNotShowItsPassword) {
  int port;
  {
    const FaultServer gone;
    port = gone.port();
  }
  const Captured result =
      run({"-v", "-v", "http://elsewhere.invalid/file", m_digest},
          {{"http_proxy", "http://proxy:s3cret@127.0.0.1:" + std::to_string(port)}});
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_THAT(result.err, Not(HasSubstr("s3cret")));
}

TEST_F(QtFetchNetwork, AProxyThatIsNoUrlIsNamedWithoutItsPassword) {
  const Captured result = run({"-v", "-v", "http://elsewhere.invalid/file", m_digest},
                              {{"http_proxy", "proxy:s3 cret@127.0.0.1:1"}});
  EXPECT_EQ(result.status.code(), 1); // no skip: it would be one for ever
  EXPECT_THAT(result.err, HasSubstr("http_proxy"));
  EXPECT_THAT(result.err, Not(HasSubstr("cret")));
}

TEST_F(QtFetchNetwork, APasswordThatIsNotEscapedIsNotShown) {
  m_server.set("/file", {.body = m_body});
  const std::string place = "@127.0.0.1:" + std::to_string(m_server.port());
  for (const std::string password : {"s3 cret", "s3/cret", "s3#cret", "s3?cret", "s3\ncret"}) {
    const Captured result = run({"-v", "-v", "http://me:" + password + place + "/file", m_digest});
    EXPECT_EQ(result.status.code(), 2) << password;
    EXPECT_THAT(result.err, HasSubstr("is written %")) << password;
    EXPECT_THAT(result.err, Not(HasSubstr("cret")));
  }
  for (const std::string password : {"s3'cret", "s3\"cret", "s3<cret", "s3`cret"}) {
    const Captured missing =
        run({"-v", "-v", "http://me:" + password + place + "/missing", std::string(64, 'a')});
    EXPECT_EQ(missing.status.code(), 1) << password;
    EXPECT_THAT(missing.err, HasSubstr("http://127.0.0.1:"));
    EXPECT_THAT(missing.err, Not(HasSubstr("cret")));
    const Captured found = run({"--json", "http://me:" + password + place + "/file", m_digest});
    EXPECT_EQ(found.status.code(), 0) << found.err;
    EXPECT_THAT(found.out, Not(HasSubstr("cret")));
  }
}

TEST_F(QtFetchNetwork, CredentialsDoNotFollowARedirectToAnotherHost) {
  FaultServer other;
  const std::string target = "http://localhost:" + std::to_string(other.port()) + "/file";
  other.set("/file", {.body = m_body});
  m_server.set("/file", {.status = 302, .headers = {"Location: " + target}});
  const Captured result = run({with_user(m_server.url("/file")), m_digest});
  EXPECT_EQ(result.status.code(), 0) << result.err;
  EXPECT_EQ(m_server.requests("/file").at(0).authorization, "Basic bWU6czNjcmV0");
  EXPECT_EQ(other.requests("/file").at(0).authorization, "");
}

// --- what went wrong

TEST_F(QtFetchNetwork, EachCauseHasItsName) {
  struct Row {
    Behaviour behaviour;
    const char* cause;
    int code;
  };
  const std::vector<Row> rows = {
      {{.status = 404}, "gone", 1},
      {{.status = 410}, "gone", 1},
      {{.status = 401}, "refused", 1},
      {{.status = 403}, "refused", 1},
      {{.status = 429}, "transient", 77},
      {{.status = 500}, "transient", 77},
      {{.body = m_body, .cut_after = 0}, "transient", 77},
      {{.body = "another"}, "corrupt", 1},
      {{.body = m_body.substr(9), .length_unknown = true}, "corrupt", 1}};
  for (const Row& row : rows) {
    m_server.set("/file", row.behaviour);
    const Captured result = run({"--json", m_server.url("/file"), m_digest});
    EXPECT_EQ(result.status.code(), row.code);
    EXPECT_EQ(parse_json(trim(result.out), "stdout")["cause"], row.cause) << result.out;
    EXPECT_FALSE(exists(cached()));
  }
  const Captured offline =
      run({"--json", m_server.url("/file"), m_digest}, {{"QEMU_TEST_NO_DOWNLOAD", "1"}});
  EXPECT_EQ(parse_json(trim(offline.out), "stdout")["cause"], "offline");
}

TEST_F(QtFetchNetwork, WaitsAsLongAsTheServerAsks) {
  m_server.set(
      "/file",
      {.body = m_body, .fail_times = 1, .fail_status = 429, .fail_headers = {"Retry-After: 1"}});
  const Captured result = run({"-v", m_server.url("/file"), m_digest});
  EXPECT_EQ(result.status.code(), 0);
  EXPECT_THAT(result.err, HasSubstr("HTTP status 429; trying again in 1s\n"));
}

TEST_F(QtFetchNetwork, AStalledTransferIsGivenUpAndContinued) {
  m_server.set("/file", {.body = m_body,
                         .etag = "\"tag\"",
                         .cut_after = 500,
                         .cut_times = 1,
                         .cut = Behaviour::Cut::hold});
  EXPECT_EQ(run({"--stall-timeout", "1s", m_server.url("/file"), m_digest}).status.code(), 0);
  EXPECT_EQ(m_server.requests("/file").at(1).range, "bytes=500-");
}

TEST_F(QtFetchNetwork, ADeadHostIsTriedForOneOfItsAssets) {
  std::string dead;
  {
    const FaultServer gone;
    dead = gone.url("/");
  }
  std::vector<std::pair<std::string, std::string>> assets;
  for (int i = 0; i < 30; ++i) {
    assets.emplace_back(dead + std::to_string(i), sha256_of(std::to_string(i)));
  }
  const Captured result = run({"-v", "--jobs", "1", "--definition", define(assets)});
  EXPECT_EQ(result.status.code(), 77);
  std::size_t retries = 0;
  for (const std::string& line : split(result.err, '\n')) {
    retries += line.find("trying again") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(retries, 1u);
  EXPECT_THAT(result.err, HasSubstr("\nqt-fetch: warning: 30 assets unavailable: "));
  EXPECT_THAT(result.err, HasSubstr("0 cached, 0 downloaded, 30 unavailable\n"));
}

// --- what is seen

class OnATerminal : public QtFetchNetwork {
protected:
  // What appears on a terminal of 60 columns that is the program's stderr.
  std::string screen(std::vector<std::string> words, Environment environment,
                     const std::function<void(const std::string&)>& look = {}) const {
    int master = -1;
    int slave = -1;
    winsize size{};
    size.ws_row = 10;
    size.ws_col = 60;
    if (::openpty(&master, &slave, nullptr, nullptr, &size) < 0) {
      return "";
    }
    const UniqueFd reader(master);
    UniqueFd writer(slave);
    const UniqueFd nothing = open_file("/dev/null", O_RDWR);
    SpawnOptions options;
    options.standard_output = nothing.get();
    options.standard_error = writer.get();
    options.environment = std::move(environment);
    Process process = Process::spawn(command(std::move(words)), options);
    writer.reset();
    std::string seen;
    std::array<std::byte, 4096> buffer;
    for (;;) {
      const IoCount count = read_some(reader.get(), buffer);
      if (count.result != IoResult::done) {
        break;
      }
      seen += text_of(std::span(buffer).first(count.count));
      if (look) {
        look(seen);
      }
    }
    process.wait(Deadline::never());
    return seen;
  }
  // A file of which half comes, and the rest when release() is called.
  std::string half() {
    m_server.set("/file", {.body = m_body,
                           .etag = "\"tag\"",
                           .cut_after = 1'500'000,
                           .cut_times = 1,
                           .cut = Behaviour::Cut::hold});
    return define({{m_server.url("/file"), m_digest}});
  }
};

TEST_F(OnATerminal, EachTransferHasALineAndThereIsATotal) {
  const std::string seen =
      screen({"--definition", half()}, {{"TERM", "xterm"}}, [&](const std::string& so_far) {
        if (so_far.find("0 of 1 done, 1.4 MiB downloaded") != std::string::npos) {
          m_server.release();
        }
      });
  if (seen.empty()) {
    GTEST_SKIP() << "no pseudo-terminals here";
  }
  EXPECT_THAT(seen, ContainsRegex("/file +49% +1.4 MiB +[0-9.]+ .?i?B/s"));
  EXPECT_THAT(seen, HasSubstr("\x1b[2A\x1b[J")); // over the two lines
  EXPECT_THAT(seen, HasSubstr("downloaded " + m_server.url("/file") + " (2.9 MiB)\r\n"));
  EXPECT_THAT(seen, testing::EndsWith("0 cached, 1 downloaded\r\n"));
  EXPECT_THAT(seen, Not(ContainsRegex("\x1b\\[[0-9;]*m"))); // no colours, whatever NO_COLOR says
  for (const std::string& line : split(seen, '\n')) {
    const std::size_t shown = line.rfind("\x1b[J");
    EXPECT_LE(line.size() - (shown == std::string::npos ? 0 : shown + 3), 60u) << line;
  }
}

TEST_F(OnATerminal, ADumbOrUnwantedOneIsNotDrawnOn) {
  m_server.release(); // the half comes, then the connection breaks
  const std::string dumb = screen({"--definition", half()}, {{"TERM", "dumb"}});
  EXPECT_THAT(dumb, Not(HasSubstr("\x1b")));
  remove_tree(cached());
  EXPECT_EQ(screen({"--quiet", "--definition", half()}, {{"TERM", "xterm"}}), "");
}

TEST_F(QtFetchNetwork, WithoutATerminalWhatEndsHasALine) {
  m_server.set("/file", {.body = m_body});
  m_server.set("/down", {.status = 503});
  const std::string other = sha256_of("other");
  const Captured result = run(
      {"--definition", define({{m_server.url("/file"), m_digest}, {m_server.url("/down"), other}})},
      {{"TERM", "xterm"}});
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_THAT(result.err, HasSubstr("downloaded " + m_server.url("/file") + " (2.9 MiB)\n"));
  EXPECT_THAT(result.err, HasSubstr("unavailable " + m_server.url("/down") + "\n"));
  EXPECT_THAT(result.err, Not(HasSubstr("\x1b")));
}

} // namespace
} // namespace qt
