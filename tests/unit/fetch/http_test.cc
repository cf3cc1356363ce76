#include "fetch/http.hh"

#include "data/url.hh"
#include "environment.hh"
#include "fault_server.hh"
#include "os/file.hh"
#include "silent_server.hh"

#include <array>
#include <atomic>
#include <ctime>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <sys/stat.h>
#include <thread>

namespace qt {
namespace http_test {

using support::Behaviour;
using support::FaultServer;
using support::ScopedVariable;
using testing::HasSubstr;
using testing::Not;

class HttpTest : public testing::Test {
protected:
  HttpResult get(const std::string& url) { return get_from(url, 0, ""); }
  HttpResult get_from(const std::string& url, std::uint64_t offset, const std::string& validator) {
    HttpRequest request;
    request.url = url;
    request.fd = m_fd.get();
    request.offset = offset;
    request.validator = validator;
    request.on_validator = [this](const std::string& text) { m_validator = text; };
    return m_client.get(request, [this](HttpProgress progress) { m_last = progress; });
  }
  std::string content() const { return read_file(m_path); }
  void hold(const std::string& bytes) const { write_file(m_path, bytes); }

  static HttpLimits limits() {
    HttpLimits limits;
    limits.stall = std::chrono::seconds(1);
    return limits;
  }
  HttpLimits m_limits = limits();

  FaultServer m_server;
  TempDir m_folder{"qt-http-"};
  std::string m_path = m_folder.path() + "/body";
  UniqueFd m_fd = open_file(m_path, O_RDWR | O_CREAT);
  UnreachableHosts m_unreachable;
  HttpClient m_client{limits(), m_unreachable};
  HttpProgress m_last;
  std::string m_validator;
};

TEST_F(HttpTest, StoresTheBody) {
  const std::string body(3'000'000, 'b');
  m_server.set("/file", {.body = body, .etag = "\"tag\""});
  const HttpResult result = get(m_server.url("/file"));
  EXPECT_EQ(result.outcome, HttpOutcome::complete);
  EXPECT_EQ(result.reason, "");
  EXPECT_TRUE(content() == body);
  EXPECT_EQ(m_last.bytes, body.size());
  EXPECT_EQ(m_validator, "\"tag\"");
}

TEST_F(HttpTest, StoresAnEmptyBody) {
  m_server.set("/empty", {.body = ""});
  EXPECT_EQ(get(m_server.url("/empty")).outcome, HttpOutcome::complete);
  EXPECT_EQ(content(), "");
}

TEST_F(HttpTest, SortsStatusesByWhatToDoNext) {
  struct Row {
    int status;
    HttpOutcome outcome;
  };
  for (const Row row :
       {Row{404, HttpOutcome::gone}, Row{410, HttpOutcome::gone}, Row{401, HttpOutcome::refused},
        Row{403, HttpOutcome::refused}, Row{400, HttpOutcome::refused},
        Row{408, HttpOutcome::transient}, Row{429, HttpOutcome::transient},
        Row{500, HttpOutcome::transient}, Row{503, HttpOutcome::transient},
        Row{204, HttpOutcome::refused}, Row{300, HttpOutcome::refused}}) {
    m_server.set("/file", {.status = row.status});
    const HttpResult result = get(m_server.url("/file"));
    EXPECT_EQ(result.outcome, row.outcome) << row.status;
    EXPECT_THAT(result.reason, HasSubstr(std::to_string(row.status)));
    EXPECT_EQ(content(), "") << row.status; // an error page is never stored
  }
}

TEST_F(HttpTest, TellsWhatTheServerAsksToWait) {
  m_server.set("/busy", {.status = 503, .headers = {"Retry-After: 7"}});
  EXPECT_EQ(get(m_server.url("/busy")).retry_after, std::chrono::seconds(7));
}

TEST_F(HttpTest, AConnectionThatBreaksIsTransientAndKeepsWhatCame) {
  for (const Behaviour::Cut cut : {Behaviour::Cut::close, Behaviour::Cut::hold}) {
    m_server.set("/cut", {.body = std::string(1000, 'c'), .cut_after = 400, .cut = cut});
    EXPECT_EQ(get(m_server.url("/cut")).outcome, HttpOutcome::transient);
    EXPECT_EQ(content(), std::string(400, 'c'));
  }
  m_server.set("/reset",
               {.body = std::string(1000, 'c'), .cut_after = 0, .cut = Behaviour::Cut::reset});
  EXPECT_EQ(get(m_server.url("/reset")).outcome, HttpOutcome::transient);
}

// Those after the body libcurl itself does not bound.
TEST_F(HttpTest, HeadersWithoutEndAreRefused) {
  std::string body = "0\r\n";
  while (body.size() < (8U << 20)) {
    body += "X-More: " + std::string(4000, 'x') + "\r\n";
  }
  m_server.set(
      "/file",
      {.body = body + "\r\n", .headers = {"Transfer-Encoding: chunked"}, .length_unknown = true});
  const HttpResult result = get(m_server.url("/file"));
  EXPECT_EQ(result.outcome, HttpOutcome::refused) << result.reason;
  EXPECT_THAT(result.reason, HasSubstr("headers without end"));
}

TEST_F(HttpTest, NobodyListeningIsUnreachable) {
  int port;
  {
    const FaultServer gone;
    port = gone.port();
  }
  const HttpResult result = get("http://127.0.0.1:" + std::to_string(port) + "/file");
  EXPECT_EQ(result.outcome, HttpOutcome::unreachable);
  EXPECT_EQ(result.host, "127.0.0.1:" + std::to_string(port));
  EXPECT_THAT(result.reason, HasSubstr("127.0.0.1"));
}

TEST_F(HttpTest, AHostThatWasWrittenOffIsNotAskedAgain) {
  const std::string host = "127.0.0.1:" + std::to_string(m_server.port());
  FaultServer other;
  other.set("/there", {.status = 302, .headers = {"Location: " + m_server.url("/file")}});
  m_server.set("/file", {.body = "content"});
  EXPECT_EQ(get(other.url("/there")).outcome, HttpOutcome::complete);
  m_unreachable.add(host, "it is down", UnreachableHosts::How::down, UnreachableHosts::For::all);
  for (const std::string& url : {m_server.url("/file"), other.url("/there")}) {
    const HttpResult result = get(url);
    EXPECT_EQ(result.outcome, HttpOutcome::unreachable) << url;
    EXPECT_EQ(result.host, host);
    EXPECT_THAT(result.reason, HasSubstr(host));
  }
  EXPECT_EQ(m_server.requests("/file").size(), 1u);
}

TEST_F(HttpTest, FollowsRedirectsButOnlyToHttp) {
  m_server.set("/file", {.body = "right"});
  m_server.set("/a", {.status = 302, .headers = {"Location: /b"}});
  m_server.set("/b", {.status = 301, .headers = {"Location: " + m_server.url("/file")}});
  EXPECT_EQ(get(m_server.url("/a")).outcome, HttpOutcome::complete);
  EXPECT_EQ(content(), "right");

  const std::string secret = m_folder.path() + "/secret";
  write_file(secret, "secret");
  m_server.set("/ftp", {.status = 302, .headers = {"Location: ftp://127.0.0.1/file"}});
  m_server.set("/local", {.status = 302, .headers = {"Location: file://" + secret}});
  m_server.set("/loop", {.status = 302, .headers = {"Location: /loop"}});
  for (const char* path : {"/ftp", "/local", "/loop"}) {
    EXPECT_EQ(get(m_server.url(path)).outcome, HttpOutcome::refused) << path;
    EXPECT_EQ(content(), "right") << path;
  }
}

TEST_F(HttpTest, LeavesContentEncodingAlone) {
  const std::string packed("\x1f\x8b\x08\x00 these are the bytes of the asset", 36);
  m_server.set("/file.gz", {.body = packed, .headers = {"Content-Encoding: gzip"}});
  EXPECT_EQ(get(m_server.url("/file.gz")).outcome, HttpOutcome::complete);
  EXPECT_EQ(content(), packed);
  EXPECT_EQ(m_server.requests("/file.gz").at(0).accept_encoding, "identity");
}

TEST_F(HttpTest, ReadsFileUrls) {
  const std::string source = m_folder.path() + "/source";
  write_file(source, "from a file");
  EXPECT_EQ(get("file://" + source).outcome, HttpOutcome::complete);
  EXPECT_EQ(content(), "from a file");
  EXPECT_EQ(get("file:///nonexistent").outcome, HttpOutcome::gone);
  ASSERT_EQ(::mkfifo((m_folder.path() + "/a fifo").c_str(), 0600), 0);
  for (const std::string& url : {"file://localhost" + m_folder.path() + "/a%20fifo",
                                 std::string("file:///dev/zero"), "file://" + m_folder.path()}) {
    const HttpResult result = get(url); // at once
    EXPECT_EQ(result.outcome, HttpOutcome::refused) << url;
    EXPECT_EQ(result.reason, "it is not a regular file");
  }
  // What is there already is of no use: the file starts over.
  hold("old and much longer than the source");
  EXPECT_EQ(get_from("file://" + source, 35, "").outcome, HttpOutcome::complete);
  EXPECT_EQ(content(), "from a file");
  EXPECT_EQ(m_last.restarts, 1u);
}

TEST_F(HttpTest, ContinuesWhereTheFileEnds) {
  m_server.set("/file", {.body = "0123456789", .etag = "\"tag\""});
  hold("0123");
  EXPECT_EQ(get_from(m_server.url("/file"), 4, "\"tag\"").outcome, HttpOutcome::complete);
  EXPECT_EQ(content(), "0123456789");
  EXPECT_EQ(m_last.restarts, 0u);
  const FaultServer::Request request = m_server.requests("/file").at(0);
  EXPECT_EQ(request.range, "bytes=4-");
  EXPECT_EQ(request.if_range, "\"tag\"");
  EXPECT_EQ(request.body_sent, 6u);
}

TEST_F(HttpTest, StartsOverWhenTheServerSendsEverything) {
  for (const bool changed : {false, true}) {
    m_server.set("/file",
                 {.body = "0123456789",
                  .etag = changed ? "\"new\"" : "\"tag\"",
                  .ranges = changed ? Behaviour::Ranges::right : Behaviour::Ranges::ignored});
    hold("abcdefgh");
    EXPECT_EQ(get_from(m_server.url("/file"), 8, "\"tag\"").outcome, HttpOutcome::complete);
    EXPECT_EQ(content(), "0123456789");
    EXPECT_EQ(m_last.restarts, 1u);
    EXPECT_EQ(m_last.bytes, 10u);
  }
}

TEST_F(HttpTest, DoesNotContinueWithAnotherRangeThanAskedFor) {
  for (const Behaviour::Ranges ranges : {Behaviour::Ranges::wrong, Behaviour::Ranges::refused}) {
    m_server.set("/file", {.body = "0123456789", .ranges = ranges});
    hold("0123");
    EXPECT_EQ(get_from(m_server.url("/file"), 4, "").outcome, HttpOutcome::not_resumable);
    EXPECT_EQ(content(), "0123");
  }
}

TEST_F(HttpTest, CredentialsAreSentButNeverShown) {
  m_server.set("/file", {.status = 401});
  const std::string host = "127.0.0.1:" + std::to_string(m_server.port());
  const HttpResult result = get("http://me:s3cret@" + host + "/file");
  EXPECT_EQ(m_server.requests("/file").at(0).authorization, "Basic bWU6czNjcmV0");
  EXPECT_THAT(result.reason, Not(HasSubstr("s3cret")));
  EXPECT_EQ(display_url("http://me:s3cret@host/a@b"), "http://host/a@b");
  EXPECT_EQ(display_url("https://host/a@b?c"), "https://host/a@b?c");
  EXPECT_EQ(display_url("http://me:s3/cr@host/"), "http://host/"); // what people mean by it
}

TEST_F(HttpTest, TakesCredentialsFromNetrc) {
  write_file(m_folder.path() + "/.netrc", "machine 127.0.0.1 login me password s3cret\n");
  const ScopedVariable home("HOME", m_folder.path());
  m_server.set("/file", {.body = "right"});
  EXPECT_EQ(get(m_server.url("/file")).outcome, HttpOutcome::complete);
  EXPECT_EQ(m_server.requests("/file").at(0).authorization, "Basic bWU6czNjcmV0");
}

TEST_F(HttpTest, ANetrcThatIsNoFileIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((m_folder.path() + "/.netrc").c_str(), 0600), 0);
  const ScopedVariable home("HOME", m_folder.path());
  m_server.set("/file", {.body = "right"});
  EXPECT_EQ(get(m_server.url("/file")).outcome, HttpOutcome::complete);
}

TEST_F(HttpTest, LoopbackNeedsNoProxy) {
  const ScopedVariable proxy("http_proxy", "http://127.0.0.1:1");
  m_server.set("/file", {.body = "right"});
  EXPECT_EQ(get(m_server.url("/file")).outcome, HttpOutcome::complete);
  EXPECT_EQ(get("http://elsewhere.invalid/file").outcome, HttpOutcome::unreachable); // the proxy
}

TEST_F(HttpTest, AProxyThatRefusesAConnectionIsNamed) {
  const std::string proxy = "127.0.0.1:" + std::to_string(m_server.port());
  const ScopedVariable variable("https_proxy", "http://me:s3cret@" + proxy);
  const ScopedVariable none("no_proxy", std::nullopt);
  struct Row {
    int status;
    HttpOutcome outcome;
  };
  for (const Row row : {Row{403, HttpOutcome::refused}, Row{404, HttpOutcome::refused},
                        Row{407, HttpOutcome::refused}, Row{429, HttpOutcome::unreachable},
                        Row{502, HttpOutcome::unreachable}, Row{503, HttpOutcome::unreachable},
                        Row{504, HttpOutcome::unreachable}}) {
    m_server.set("elsewhere.invalid:443", {.status = row.status});
    const HttpResult result = get("https://elsewhere.invalid/file");
    EXPECT_EQ(result.outcome, row.outcome) << row.status;
    EXPECT_THAT(result.reason,
                HasSubstr("the proxy " + proxy + " answered CONNECT with HTTP status " +
                          std::to_string(row.status)));
    EXPECT_THAT(result.reason, Not(HasSubstr("s3cret")));
    EXPECT_EQ(result.retry, HttpResult::Retry::may_help);
    if (row.outcome == HttpOutcome::unreachable) {
      EXPECT_EQ(result.host, "elsewhere.invalid");
    }
  }
}

TEST_F(HttpTest, AProxyIsWaitedForAsLongAsItAsks) {
  const std::string proxy = "127.0.0.1:" + std::to_string(m_server.port());
  const ScopedVariable variable("https_proxy", "http://" + proxy);
  const ScopedVariable none("no_proxy", std::nullopt);
  const std::time_t in_an_hour = std::time(nullptr) + 3600;
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), "%a, %d %b %Y %T GMT", std::gmtime(&in_an_hour));
  const auto pause = [&](const std::string& value) {
    m_server.set("elsewhere.invalid:443", {.status = 503, .headers = {"Retry-After: " + value}});
    return get("https://elsewhere.invalid/file").retry_after;
  };
  EXPECT_EQ(pause("7"), std::chrono::seconds(7));
  EXPECT_GT(pause(date.data()).value(), std::chrono::minutes(50));
  EXPECT_EQ(pause("Thu, 01 Jan 1970 00:00:00 GMT"), std::nullopt);
  EXPECT_EQ(pause("-5"), std::nullopt);
  EXPECT_EQ(pause("soon"), std::nullopt);
  EXPECT_GT(pause("9223372036854775807").value(), std::chrono::hours(24)); // no overflow
  m_server.set("elsewhere.invalid:443", {.status = 503});
  EXPECT_EQ(get("https://elsewhere.invalid/file").retry_after, std::nullopt);
}

TEST_F(HttpTest, AStatusThatCameThroughAProxySaysSo) {
  const std::string proxy = "127.0.0.1:" + std::to_string(m_server.port());
  const ScopedVariable variable("http_proxy", proxy);
  const ScopedVariable none("no_proxy", std::nullopt);
  m_server.set("http://elsewhere.invalid/file", {.status = 502});
  const HttpResult result = get("http://elsewhere.invalid/file");
  EXPECT_EQ(result.outcome, HttpOutcome::transient);
  EXPECT_EQ(result.reason, "HTTP status 502 through the proxy " + proxy);
}

TEST_F(HttpTest, KnowsWhetherAnotherTryMayHelp) {
  const HttpResult nameless = get("http://nowhere.invalid/file");
  EXPECT_EQ(nameless.outcome, HttpOutcome::unreachable);
  EXPECT_EQ(nameless.retry, HttpResult::Retry::is_pointless);
  EXPECT_EQ(nameless.how, UnreachableHosts::How::down);
  const support::SilentServer silent;
  m_limits.connect = std::chrono::milliseconds(200);
  HttpClient client(m_limits, m_unreachable);
  HttpRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(silent.port()) + "/file";
  request.fd = m_fd.get();
  const HttpResult none = client.get(request, [](HttpProgress) {});
  EXPECT_EQ(none.outcome, HttpOutcome::unreachable);
  EXPECT_EQ(none.retry, HttpResult::Retry::is_pointless);
  EXPECT_EQ(none.how, UnreachableHosts::How::silent);
}

TEST_F(HttpTest, TellsWhereAFileCameFromInTheEnd) {
  m_server.set("/file?token=s3cret", {.body = "right"});
  m_server.set("/there", {.status = 302, .headers = {"Location: /file?token=s3cret"}});
  EXPECT_EQ(get(m_server.url("/there")).final_url, m_server.url("/file?token=***"));
}

TEST_F(HttpTest, NoMoreComesThanIsWanted) {
  for (const bool length_unknown : {false, true}) {
    m_server.set("/file", {.body = std::string(100'000, 'b'), .length_unknown = length_unknown});
    HttpRequest request;
    request.url = m_server.url("/file");
    request.fd = m_fd.get();
    request.largest = 99'999;
    hold("");
    EXPECT_EQ(m_client.get(request, [](HttpProgress) {}).outcome, HttpOutcome::too_large);
    EXPECT_LE(content().size(), 99'999u);
    request.largest = 100'000;
    EXPECT_EQ(m_client.get(request, [](HttpProgress) {}).outcome, HttpOutcome::complete);
  }
}

TEST_F(HttpTest, AFullDiskIsNotTheServersFault) {
  m_server.set("/file", {.body = "content"});
  m_fd = open_file("/dev/full", O_RDWR);
  const HttpResult result = get(m_server.url("/file"));
  EXPECT_EQ(result.outcome, HttpOutcome::unwritable);
  EXPECT_EQ(result.reason, "No space left on device");
}

TEST_F(HttpTest, WhatTheFollowerThrowsEndsTheTransfer) {
  m_server.set("/held",
               {.body = std::string(1000, 'h'), .cut_after = 500, .cut = Behaviour::Cut::hold});
  HttpRequest request;
  request.url = m_server.url("/held");
  request.fd = m_fd.get();
  EXPECT_THROW(m_client.get(request, [](HttpProgress) { throw std::runtime_error("enough"); }),
               std::runtime_error);
  // The client is of further use.
  m_server.set("/file", {.body = "right"});
  EXPECT_EQ(get(m_server.url("/file")).outcome, HttpOutcome::complete);
}

TEST_F(HttpTest, TransfersOfSeveralThreadsShareConnections) {
  const std::string body(200'000, 's');
  m_server.set("/file", {.body = body});
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string path = m_folder.path() + "/thread" + std::to_string(i);
      const UniqueFd fd = open_file(path, O_RDWR | O_CREAT);
      for (int round = 0; round < 5; ++round) {
        HttpRequest request;
        request.url = m_server.url("/file");
        request.fd = fd.get();
        if (m_client.get(request, [](HttpProgress) {}).outcome == HttpOutcome::complete &&
            read_file(path) == body) {
          ++right;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(right, 40);
  EXPECT_EQ(m_server.requests("/file").size(), 40u);
  EXPECT_LE(m_server.connections(), 4u); // HttpLimits::connections_per_host
}

TEST(HttpUrl, KnowsWhatItMayFetch) {
  EXPECT_TRUE(is_fetchable("http://host/"));
  EXPECT_TRUE(is_fetchable("HTTPS://host/"));
  EXPECT_TRUE(is_fetchable("file:///path"));
  EXPECT_FALSE(is_fetchable("ftp://host/"));
  EXPECT_FALSE(is_fetchable("scp://host/"));
  EXPECT_FALSE(is_fetchable("/path"));
  EXPECT_FALSE(is_fetchable(""));
}

} // namespace http_test
} // namespace qt
