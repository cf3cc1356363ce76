// qt-fetch where hosts are down, silent or have no name: nothing waits for what cannot come, nobody
// asks again what a neighbour has just found out, and what is back is found.
#include "base/format.hh"
#include "base/text.hh"
#include "data/json.hh"
#include "data/url.hh"
#include "environment.hh"
#include "fetch_fixture.hh"
#include "os/file.hh"
#include "os/process.hh"
#include "silent_server.hh"
#include "test_authority.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace qt {
namespace {

using support::FaultServer;
using support::ScopedVariable;
using support::SilentServer;
using support::TestAuthority;
using testing::HasSubstr;
using testing::Not;

class QtFetchOffline : public support::FetchFixture {
protected:
  QtFetchOffline()
    : FetchFixture(100'000) {}

  std::string record() const { return format("{}/unreachable-{}", m_folder.path(), ::geteuid()); }
  static std::string at(int port) { return format("http://127.0.0.1:{}/file", port); }

private:
  const ScopedVariable m_http_proxy{"http_proxy", std::nullopt};
  const ScopedVariable m_https_proxy{"https_proxy", std::nullopt};
  const ScopedVariable m_https_proxy_upper{"HTTPS_PROXY", std::nullopt};
  const ScopedVariable m_all_proxy{"all_proxy", std::nullopt};
  const ScopedVariable m_all_proxy_upper{"ALL_PROXY", std::nullopt};
};

TEST_F(QtFetchOffline, ANameThatDoesNotResolveIsAskedOnce) {
  const Captured result = run({"-v", "--retries", "5", "http://nowhere.invalid/file", m_digest});
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_THAT(result.err, HasSubstr("nowhere.invalid"));
  EXPECT_THAT(result.err, Not(HasSubstr("trying again")));
}

TEST_F(QtFetchOffline, OneThatWasSilentIsNotAskedByNeighbours) {
  const SilentServer silent;
  const std::string url = at(silent.port());
  const Captured first = run({"-v", "--connect-timeout", "1s", url, m_digest});
  EXPECT_EQ(first.status.code(), 77);
  EXPECT_THAT(first.err, Not(HasSubstr("trying again")));
  EXPECT_THAT(first.err, Not(HasSubstr("ago")));

  // Nobody waits an hour for it.
  const Captured second = run({"--connect-timeout", "1h", url, m_digest});
  EXPECT_EQ(second.status.code(), 77);
  EXPECT_THAT(second.err, HasSubstr("could not be reached "));
  EXPECT_THAT(second.err, HasSubstr("at once if you remove " + record()));

  // Who must have it asks, and so does everybody once the record has gone.
  const Captured required = run({"--require", "--connect-timeout", "1s", url, m_digest});
  EXPECT_EQ(required.status.code(), 1);
  EXPECT_THAT(required.err, Not(HasSubstr(" ago: ")));
  ASSERT_EQ(::unlink(record().c_str()), 0);
  EXPECT_THAT(run({"--connect-timeout", "1s", url, m_digest}).err, Not(HasSubstr(" ago: ")));
}

TEST_F(QtFetchOffline, ASilentHostCostsItsAssetsOneWait) {
  const SilentServer silent;
  std::vector<std::string> words = {"--connect-timeout", "1s", "--jobs", "1", "--definition"};
  make_directories(m_folder.path() + "/avr");
  for (int i = 0; i < 100; ++i) {
    words.push_back(format("{}/avr/{}.toml", m_folder.path(), i));
    write_file(words.back(), format("[asset.k]\nurl = '{}{}'\nsha256 = '{}'\n[test.t]\n"
                                    "args = ['${{asset.k}}']\nsteps = [{{ wait = 'ok' }}]\n",
                                    at(silent.port()), i, support::sha256_of(std::to_string(i))));
  }
  const Captured result = run(words); // within a minute, or the fixture ends it
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_THAT(result.err, HasSubstr("100 assets unavailable: "));
}

TEST_F(QtFetchOffline, WhereAllAreSilentOneMoreGetsLittleTime) {
  const SilentServer one;
  const SilentServer two;
  const SilentServer three;
  EXPECT_EQ(run({"--connect-timeout", "1s", at(one.port()), m_digest}).status.code(), 77);
  EXPECT_EQ(run({"--connect-timeout", "1s", at(two.port()), m_digest}).status.code(), 77);
  // An hour would be more than the fixture waits.
  const Captured third = run({"--connect-timeout", "1h", at(three.port()), m_digest});
  EXPECT_EQ(third.status.code(), 77);
  serve();
  EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
}

TEST_F(QtFetchOffline, OneThatRefusedAndIsBackServesAtOnce) {
  int port = 0;
  {
    const FaultServer gone;
    port = gone.port();
  }
  EXPECT_EQ(run({at(port), m_digest}).status.code(), 77);
  const Captured again = run({"-v", "--retries", "5", at(port), m_digest});
  EXPECT_EQ(again.status.code(), 77);
  EXPECT_THAT(again.err, HasSubstr("was asked once and briefly"));
  EXPECT_THAT(again.err, Not(HasSubstr("trying again")));

  FaultServer back(nullptr, port);
  back.set("/file", {.body = m_body});
  EXPECT_EQ(run({at(port), m_digest}).status.code(), 0);
  EXPECT_EQ(back.requests("/file").size(), 1u);
}

TEST_F(QtFetchOffline, WhoQueuesForASilentHostDoesNotBeginToWait) {
  const SilentServer silent;
  Words words = {"--connect-timeout", "6s", "--jobs", "16", "--definition"};
  make_directories(m_folder.path() + "/avr");
  for (int i = 0; i < 16; ++i) { // four connections at a time: 24 s one after the other
    words.push_back(format("{}/avr/{}.toml", m_folder.path(), i));
    write_file(words.back(), format("[asset.k]\nurl = '{}{}'\nsha256 = '{}'\n[test.t]\n"
                                    "args = ['${{asset.k}}']\nsteps = [{{ wait = 'ok' }}]\n",
                                    at(silent.port()), i, support::sha256_of(std::to_string(i))));
  }
  const auto result = run_captured(command(words), {}, Deadline::after(std::chrono::seconds(22)));
  ASSERT_TRUE(result) << "it took too long";
  EXPECT_EQ(result->status.code(), 77);
  EXPECT_THAT(result->err, HasSubstr("16 assets unavailable: "));
}

TEST_F(QtFetchOffline, AQueueForOneHostIsNotSilence) {
  const TestAuthority authority;
  FaultServer encrypted(&authority);
  const std::string certificate = m_folder.path() + "/authority.pem";
  write_file(certificate, authority.certificate());
  for (FaultServer* server : {&m_server, &encrypted}) {
    SCOPED_TRACE(server->url("/"));
    const std::string folder = format("{}/{}/avr", m_folder.path(), server->port());
    make_directories(folder);
    Words words = {"--connect-timeout", "2s", "--jobs", "6", "--retries", "0", "--definition"};
    for (int i = 0; i < 6; ++i) { // four connections at a time, 3 s for each file
      const std::string body = format("{}{}{}", m_body, server->port(), i);
      server->set(format("/{}", i), {.body = body, .bytes_per_second = body.size() / 3});
      words.push_back(format("{}/{}.toml", folder, i));
      write_file(words.back(), format("[asset.k]\nurl = '{}'\nsha256 = '{}'\n[test.t]\n"
                                      "args = ['${{asset.k}}']\nsteps = [{{ wait = 'ok' }}]\n",
                                      server->url(format("/{}", i)), support::sha256_of(body)));
    }
    const Captured result = run(words, {{"SSL_CERT_FILE", certificate}});
    EXPECT_EQ(result.status.code(), 0) << result.err;
    EXPECT_FALSE(exists(record()));
  }
}

TEST_F(QtFetchOffline, AMirrorServesWhatItsHostCannot) {
  const SilentServer silent;
  FaultServer mirror;
  mirror.set("/m/file", {.body = m_body});
  EXPECT_EQ(run({"--connect-timeout", "1s", at(silent.port()), m_digest}).status.code(), 77);
  const std::string rules = format("http://127.0.0.1:{}/={}", silent.port(), mirror.url("/m/"));
  EXPECT_EQ(run({at(silent.port()), m_digest}, {{"QEMU_TEST_MIRRORS", rules}}).status.code(), 0);
}

// Who sends elsewhere has answered, whatever becomes of that.
TEST_F(QtFetchOffline, ARedirectToAHostThatIsDownIsNoFaultOfWhoRedirects) {
  const SilentServer silent;
  int refused = 0;
  {
    const FaultServer gone;
    refused = gone.port();
  }
  for (const std::string& target :
       {at(silent.port()), at(refused), std::string("http://nowhere.invalid/file")}) {
    SCOPED_TRACE(target);
    ::unlink(record().c_str());
    m_server.set("/to", {.status = 302, .headers = {"Location: " + target}});
    const std::string host = host_of(target);
    const Captured first = run({"--connect-timeout", "1s", m_server.url("/to"), m_digest});
    EXPECT_EQ(first.status.code(), 77);
    const std::string found = read_file_if_exists(record()).value_or("");
    EXPECT_THAT(
        found,
        HasSubstr(format(" {} {} ", host == host_of(at(silent.port())) ? "silent" : "down", host)));
    EXPECT_THAT(found, Not(HasSubstr(" " + host_of(m_server.url("/")) + " ")));
    // Nobody waits an hour for it, and who redirects serves.
    const Captured second = run({"-v", "--connect-timeout", "1h", m_server.url("/to"), m_digest});
    EXPECT_EQ(second.status.code(), 77);
    serve();
    EXPECT_EQ(run({url(), m_digest}).status.code(), 0);
    ::unlink(cached().c_str());
  }
}

TEST_F(QtFetchOffline, ARefreshAsksAgain) {
  int port = 0;
  {
    const FaultServer gone;
    port = gone.port();
  }
  EXPECT_EQ(run({at(port), m_digest}).status.code(), 77);
  const Captured result =
      run({"-v", "--retries", "1", at(port), m_digest}, {{"QEMU_TEST_REFRESH_CACHE", "1"}});
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_THAT(result.err, HasSubstr("trying again"));
}

TEST_F(QtFetchOffline, AProxyThatIsDownIsToBlameForAll) {
  const SilentServer proxy;
  const std::string variable = format("http://me:s3cret@127.0.0.1:{}", proxy.port());
  const Captured first = run({"--connect-timeout", "1s", "http://one.invalid/file", m_digest},
                             {{"http_proxy", variable}});
  EXPECT_EQ(first.status.code(), 77);
  EXPECT_THAT(first.err, HasSubstr(format("the proxy 127.0.0.1:{}", proxy.port())));
  const Captured other = run({"--connect-timeout", "1h", "http://two.invalid/file", m_digest},
                             {{"http_proxy", variable}});
  EXPECT_EQ(other.status.code(), 77);
  EXPECT_THAT(other.err, HasSubstr(format("127.0.0.1:{} could not be reached ", proxy.port())));
  EXPECT_THAT(first.err + other.err + read_file(record()), Not(HasSubstr("s3cret")));
  // Without it the network is another.
  EXPECT_THAT(run({"http://two.invalid/file", m_digest}).err, Not(HasSubstr(" ago: ")));
}

TEST_F(QtFetchOffline, TheRecordIsNotForWhatGoesPastTheCache) {
  const SilentServer silent;
  EXPECT_EQ(run({"--connect-timeout", "1s", at(silent.port()), m_digest}).status.code(), 77);
  const Captured result = run({"--connect-timeout", "1s", "--uncached", "--output",
                               m_folder.path() + "/out", at(silent.port()), m_digest});
  EXPECT_EQ(result.status.code(), 77);
  EXPECT_THAT(result.err, Not(HasSubstr(" ago: ")));
}

} // namespace
} // namespace qt
