#include "fetch/fetch.hh"

#include "base/error.hh"
#include "data/digest.hh"
#include "environment.hh"
#include "fault_server.hh"

#include <array>
#include <atomic>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace qt {
namespace fetch_test {

using support::Behaviour;
using support::FaultServer;
using support::ScopedVariable;
using testing::HasSubstr;
using testing::Not;

std::string digest_of(std::string_view bytes, DigestKind kind = DigestKind::sha256) {
  Digester digester(kind);
  digester.add(bytes_of(bytes));
  return digester.hex();
}

class FetchTest : public testing::Test {
protected:
  FetchTest() {
    for (int i = 0; m_body.size() < 300'000; ++i) {
      m_body += std::to_string(i) + "\n";
    }
    m_digest = digest_of(m_body);
    m_options.download.first_pause = std::chrono::milliseconds(1);
  }

  AssetSource source(std::vector<std::string> paths) const {
    for (std::string& path : paths) {
      path = m_server.url(path);
    }
    return {paths, m_digest, ""};
  }
  Fetched fetch(const AssetSource& wanted) const {
    return Fetcher(m_cache, m_options).fetch(wanted);
  }
  void expect_right(const Fetched& result, FetchOutcome outcome) const {
    EXPECT_EQ(result.outcome, outcome) << result.reason;
    EXPECT_EQ(result.path, m_cache.path_of(m_digest));
    EXPECT_TRUE(read_file(result.path) == m_body);
    EXPECT_EQ(m_cache.state(m_digest), Cache::State::verified);
    EXPECT_FALSE(exists(m_cache.partial_path(m_digest)));
  }
  // Nothing may stand under a digest that does not have it, whatever happens.
  void TearDown() override {
    if (m_cache.state(m_digest) != Cache::State::absent) {
      EXPECT_EQ(digest_of_file(m_cache.path_of(m_digest), DigestKind::sha256), m_digest);
    }
  }
  void put_partial(std::string_view bytes, const std::string& path, const std::string& tag) const {
    make_directories(m_cache.folder());
    write_file(m_cache.partial_path(m_digest), bytes);
    if (!path.empty()) {
      m_cache.remember_resume(m_digest, {m_server.url(path), tag});
    }
  }

  const ScopedVariable m_no_download{"QEMU_TEST_NO_DOWNLOAD", std::nullopt};
  const ScopedVariable m_refresh{"QEMU_TEST_REFRESH_CACHE", std::nullopt};
  FaultServer m_server;
  TempDir m_folder{"qt-fetch-"};
  Cache m_cache{m_folder.path()};
  FetchOptions m_options;
  std::string m_body;
  std::string m_digest;
};

TEST_F(FetchTest, DownloadsOnceThenFindsIt) {
  m_server.set("/file", {.body = m_body});
  expect_right(fetch(source({"/file"})), FetchOutcome::downloaded);
  expect_right(fetch(source({"/file"})), FetchOutcome::cached);
  EXPECT_EQ(m_server.requests("/file").size(), 1u);
}

TEST_F(FetchTest, Sha512) {
  m_server.set("/file", {.body = m_body});
  m_digest = digest_of(m_body, DigestKind::sha512);
  const Fetched result = fetch(source({"/file"}));
  EXPECT_EQ(result.outcome, FetchOutcome::downloaded) << result.reason;
  EXPECT_EQ(base_name(result.path), m_digest);
  m_digest = digest_of(m_body);
}

TEST_F(FetchTest, AHitIsNotHashedAgain) {
  m_server.set("/file", {.body = m_body});
  const Fetched first = fetch(source({"/file"}));
  ASSERT_TRUE(first.there());
  // A record that lies: only who hashes would notice.
  ASSERT_EQ(::unlink(first.path.c_str()), 0);
  write_file(first.path, "not the content");
  m_cache.record(m_digest, Cache::marks(first.path).value());
  EXPECT_EQ(fetch(source({"/file"})).outcome, FetchOutcome::cached);
  ASSERT_EQ(::unlink(first.path.c_str()), 0);
}

TEST_F(FetchTest, VerifiesAFileThatSomebodyElsePutThere) {
  make_directories(m_cache.folder());
  write_file(m_cache.path_of(m_digest), m_body);
  expect_right(fetch(source({"/file"})), FetchOutcome::cached);
  EXPECT_TRUE(m_server.requests("/file").empty());
}

TEST_F(FetchTest, ReplacesAWrongFileThatSomebodyElsePutThere) {
  make_directories(m_cache.folder());
  write_file(m_cache.path_of(m_digest), m_body + "damaged");
  m_server.set("/file", {.body = m_body});
  expect_right(fetch(source({"/file"})), FetchOutcome::downloaded);
}

TEST_F(FetchTest, AWrongFileIsNotServedOffline) {
  make_directories(m_cache.folder());
  write_file(m_cache.path_of(m_digest), m_body + "damaged");
  m_options.downloads = FetchOptions::Downloads::forbidden;
  EXPECT_EQ(fetch(source({"/file"})).outcome, FetchOutcome::unavailable);
  EXPECT_EQ(m_cache.state(m_digest), Cache::State::absent);
}

TEST_F(FetchTest, ACacheThatCannotBeWrittenServesWhatIsRight) {
  make_directories(m_cache.folder());
  write_file(m_cache.path_of(m_digest), m_body);
  // Root ignores modes; folders in the way of the lock and the record stop everybody.
  make_directories(m_cache.path_of(m_digest) + ".lock");
  make_directories(m_cache.path_of(m_digest) + ".verified/x");
  make_directories(m_cache.path_of(m_digest) + ".stamp/x");
  const Fetched result = fetch(source({"/file"}));
  EXPECT_EQ(result.outcome, FetchOutcome::cached);
  EXPECT_EQ(result.path, m_cache.path_of(m_digest));
  EXPECT_TRUE(m_server.requests("/file").empty());
}

TEST_F(FetchTest, ACacheThatCannotBeWrittenIsAnError) {
  make_directories(m_cache.path_of(m_digest) + ".lock");
  m_server.set("/file", {.body = m_body});
  try {
    static_cast<void>(fetch(source({"/file"})));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_THAT(error.what(), HasSubstr(m_cache.folder()));
  }
}

TEST_F(FetchTest, TriesAgainAfterATransientFailure) {
  m_server.set("/file", {.body = m_body, .fail_times = 3, .fail_status = 503});
  expect_right(fetch(source({"/file"})), FetchOutcome::downloaded);
  EXPECT_EQ(m_server.requests("/file").size(), 4u);
}

TEST_F(FetchTest, GivesUpAfterTheRetries) {
  m_server.set("/file", {.body = m_body, .fail_times = 3, .fail_status = 503});
  m_options.download.retries = 2;
  const Fetched result = fetch(source({"/file"}));
  EXPECT_EQ(result.outcome, FetchOutcome::unavailable);
  EXPECT_EQ(result.reason, "asset unavailable: " + m_server.url("/file") + ": HTTP status 503");
  EXPECT_EQ(m_server.requests("/file").size(), 3u);
  EXPECT_FALSE(exists(m_cache.partial_path(m_digest))); // nothing came
}

TEST_F(FetchTest, ADeadHostIsTriedForOneAssetOnly) {
  std::string dead;
  {
    const FaultServer gone;
    dead = gone.url("/file");
  }
  m_options.download.retries = 2;
  Fetcher fetcher(m_cache, m_options);
  const Fetched first = fetcher.fetch({{dead + "1"}, std::string(64, '1'), ""});
  EXPECT_EQ(first.outcome, FetchOutcome::unavailable);
  EXPECT_THAT(first.reason, Not(HasSubstr("before")));
  const Fetched second = fetcher.fetch({{dead + "2"}, std::string(64, '2'), ""});
  EXPECT_EQ(second.outcome, FetchOutcome::unavailable);
  EXPECT_THAT(second.reason, HasSubstr("could not be reached before: " + first.why));
  EXPECT_EQ(second.group, first.group);
  const Fetched third = fetcher.fetch({{dead + "3", dead + "4"}, std::string(64, '3'), ""});
  EXPECT_EQ(third.group, first.group);
  EXPECT_THAT(first.why, Not(HasSubstr("/file")));
}

TEST_F(FetchTest, DoesNotWaitForAServerThatAsksForTooMuch) {
  m_server.set("/file", {.status = 429, .headers = {"Retry-After: 3600"}});
  const Fetched result = fetch(source({"/file"}));
  EXPECT_EQ(result.outcome, FetchOutcome::unavailable);
  EXPECT_THAT(result.reason, HasSubstr("3600s"));
  EXPECT_EQ(m_server.requests("/file").size(), 1u);
}

TEST_F(FetchTest, GoneAndRefusedAreFinal) {
  for (const int status : {404, 410, 403}) {
    m_server.set("/file", {.status = status});
    const std::size_t before = m_server.requests("/file").size();
    const Fetched result = fetch(source({"/file"}));
    EXPECT_EQ(result.outcome, FetchOutcome::failed);
    EXPECT_EQ(m_server.requests("/file").size(), before + 1);
  }
}

TEST_F(FetchTest, WrongContentIsFinal) {
  m_server.set("/file", {.body = "<html>welcome to the hotel network</html>"});
  const Fetched result = fetch(source({"/file"}));
  EXPECT_EQ(result.outcome, FetchOutcome::failed);
  EXPECT_THAT(result.reason, HasSubstr(m_digest));
  EXPECT_THAT(result.reason, HasSubstr(digest_of("<html>welcome to the hotel network</html>")));
  EXPECT_EQ(m_server.requests("/file").size(), 1u);
  EXPECT_EQ(m_cache.state(m_digest), Cache::State::absent);
  EXPECT_FALSE(exists(m_cache.partial_path(m_digest)));
}

TEST_F(FetchTest, WhatCameInsteadIsCalledByItsName) {
  struct Row {
    const char* body;
    const char* name;
  };
  for (const Row& row :
       {Row{"<!DOCTYPE html>\n<title>Sign in</title>", "it is a web page, perhaps to log in"},
        Row{"\xef\xbb\xbf  <!-- x -->\n<HTML><body>", "it is a web page, perhaps to log in"},
        Row{"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
            "it is a pointer of Git LFS"},
        Row{"/annex/objects/SHA256E-s5--0.img\n", "it is a pointer of git-annex"},
        Row{"../../.git/annex/objects/xW/3k/SHA256E-s5--0.img/SHA256E-s5--0.img",
            "it is a pointer of git-annex"},
        Row{".git/annex/objects/a\n", "it is a pointer of git-annex"},
        Row{"/home/u/r/.git/annex/objects/a", "it is a pointer of git-annex"},
        Row{"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
            "it is a server's message about an error"}}) {
    m_server.set("/login", {.body = row.body});
    m_server.set("/file", {.status = 302, .headers = {"Location: /login"}});
    const Fetched result = fetch(source({"/file"}));
    EXPECT_EQ(result.outcome, FetchOutcome::failed);
    EXPECT_THAT(result.reason, HasSubstr(row.name));
    EXPECT_THAT(result.reason, HasSubstr("it came from " + m_server.url("/login")));
  }
  m_server.set("/file", {.body = "../see/.git/annex/objects/ for more\nand so on\n"});
  EXPECT_THAT(fetch(source({"/file"})).reason, Not(HasSubstr("it is")));
  m_server.set("/file", {.body = "just other bytes"});
  EXPECT_THAT(fetch(source({"/file"})).reason, Not(HasSubstr("it is")));
  EXPECT_THAT(fetch(source({"/file"})).reason, Not(HasSubstr("it came")));
}

TEST_F(FetchTest, AProxysBadDayIsTriedAgainAndThenASkip) {
  const ScopedVariable proxy("https_proxy", "127.0.0.1:" + std::to_string(m_server.port()));
  const ScopedVariable none("no_proxy", std::nullopt);
  m_options.download.retries = 2;
  for (const int status : {429, 502, 503, 504}) {
    const std::string host = "host" + std::to_string(status) + ".invalid";
    m_server.set(host + ":443", {.status = status});
    const Fetched result = fetch({{"https://" + host + "/file"}, m_digest, ""});
    EXPECT_EQ(result.outcome, FetchOutcome::unavailable) << status;
    EXPECT_EQ(m_server.requests(host + ":443").size(), 3u);
  }
  m_server.set("host.invalid:443", {.status = 403});
  EXPECT_EQ(fetch({{"https://host.invalid/file"}, m_digest, ""}).outcome, FetchOutcome::failed);
  EXPECT_EQ(m_server.requests("host.invalid:443").size(), 1u);
}

TEST_F(FetchTest, GoesOnToTheNextUrl) {
  m_server.set("/busy", {.status = 500});
  m_server.set("/wrong", {.body = "wrong"});
  m_server.set("/file", {.body = m_body});
  m_options.download.retries = 0;
  expect_right(fetch(source({"/gone", "/busy", "/wrong", "/file", "/unused"})),
               FetchOutcome::downloaded);
  EXPECT_TRUE(m_server.requests("/unused").empty());
}

TEST_F(FetchTest, OneUrlThatMayWorkLaterMakesItUnavailableOnly) {
  m_server.set("/busy", {.status = 500});
  m_options.download.retries = 0;
  EXPECT_EQ(fetch(source({"/busy", "/gone"})).outcome, FetchOutcome::unavailable);
  EXPECT_EQ(fetch(source({"/gone", "/gone2"})).outcome, FetchOutcome::failed);
}

TEST_F(FetchTest, ForbiddenDownloadsSayWhatToDo) {
  m_options.downloads = FetchOptions::Downloads::forbidden;
  const Fetched result = fetch(source({"/file"}));
  EXPECT_EQ(result.outcome, FetchOutcome::unavailable);
  EXPECT_THAT(result.reason,
              testing::StartsWith("asset unavailable: " + m_server.url("/file") + ": "));
  EXPECT_THAT(result.reason, HasSubstr("unset"));
  EXPECT_TRUE(m_server.requests("/file").empty());
  EXPECT_FALSE(exists(m_cache.folder())); // not even a trace
}

TEST_F(FetchTest, TheEnvironmentForbidsAndRefreshes) {
  EXPECT_EQ(FetchOptions::from_environment().downloads, FetchOptions::Downloads::allowed);
  EXPECT_EQ(FetchOptions::from_environment().refresh, FetchOptions::Refresh::no);
  for (const char* value : {"", "0"}) {
    const ScopedVariable no_download("QEMU_TEST_NO_DOWNLOAD", value);
    const ScopedVariable refresh("QEMU_TEST_REFRESH_CACHE", value);
    EXPECT_EQ(FetchOptions::from_environment().downloads, FetchOptions::Downloads::allowed);
    EXPECT_EQ(FetchOptions::from_environment().refresh, FetchOptions::Refresh::no);
  }
  const ScopedVariable refresh("QEMU_TEST_REFRESH_CACHE", "1");
  EXPECT_EQ(FetchOptions::from_environment().refresh, FetchOptions::Refresh::yes);
  const ScopedVariable no_download("QEMU_TEST_NO_DOWNLOAD", "1");
  EXPECT_EQ(FetchOptions::from_environment().downloads, FetchOptions::Downloads::forbidden);
}

TEST_F(FetchTest, ARefreshDownloadsOncePerRun) {
  m_server.set("/file", {.body = m_body});
  ASSERT_TRUE(fetch(source({"/file"})).there());
  m_options.refresh = FetchOptions::Refresh::yes;
  // File times come from a clock with ticks: without a pause the first download would seem to be
  // from after the start of the run below.
  const std::string marks = m_cache.path_of(m_digest) + ".verified";
  ASSERT_EQ(::utimensat(AT_FDCWD, marks.c_str(),
                        std::array<timespec, 2>{timespec{1, 0}, timespec{1, 0}}.data(), 0),
            0);
  Fetcher fetcher(m_cache, m_options);
  EXPECT_EQ(fetcher.fetch(source({"/file"})).outcome, FetchOutcome::downloaded);
  EXPECT_EQ(m_server.requests("/file").size(), 2u);
}

TEST_F(FetchTest, AFailedRefreshLeavesTheOldFile) {
  m_server.set("/file", {.body = m_body});
  ASSERT_TRUE(fetch(source({"/file"})).there());
  m_server.set("/file", {.body = "something else"});
  m_options.refresh = FetchOptions::Refresh::yes;
  Fetcher fetcher(m_cache, m_options);
  // As above: make the record older than the run.
  const std::string marks = m_cache.path_of(m_digest) + ".verified";
  ASSERT_EQ(::utimensat(AT_FDCWD, marks.c_str(),
                        std::array<timespec, 2>{timespec{1, 0}, timespec{1, 0}}.data(), 0),
            0);
  EXPECT_EQ(fetcher.fetch(source({"/file"})).outcome, FetchOutcome::failed);
  EXPECT_TRUE(read_file(m_cache.path_of(m_digest)) == m_body);
}

TEST_F(FetchTest, ContinuesWithinARunAfterACut) {
  m_server.set("/file", {.body = m_body, .etag = "\"tag\"", .cut_after = 100'000, .cut_times = 1});
  expect_right(fetch(source({"/file"})), FetchOutcome::downloaded);
  const auto requests = m_server.requests("/file");
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].range, "bytes=100000-");
  EXPECT_EQ(requests[1].if_range, "\"tag\"");
  EXPECT_EQ(requests[1].body_sent, m_body.size() - 100'000);
}

TEST_F(FetchTest, ContinuesWhatAnEarlierRunLeft) {
  m_server.set("/file", {.body = m_body, .etag = "\"tag\"", .cut_after = 100'000});
  m_options.download.retries = 0;
  EXPECT_EQ(fetch(source({"/file"})).outcome, FetchOutcome::unavailable);
  EXPECT_EQ(m_cache.state(m_digest), Cache::State::absent);
  EXPECT_EQ(read_file(m_cache.partial_path(m_digest)).size(), 100'000u);

  m_server.set("/file", {.body = m_body, .etag = "\"tag\""});
  expect_right(fetch(source({"/file"})), FetchOutcome::downloaded);
  EXPECT_EQ(m_server.requests("/file").back().range, "bytes=100000-");
  EXPECT_EQ(m_server.requests("/file").back().if_range, "\"tag\"");
}

TEST_F(FetchTest, AServerThatMakesContinuingUselessStillGivesTheRightFile) {
  struct Row {
    const char* what;
    Behaviour::Ranges ranges;
    const char* etag;
    std::size_t requests;
  };
  const std::string damaged = std::string(50'000, 'x');
  for (const Row& row :
       {Row{"ignores ranges", Behaviour::Ranges::ignored, "\"tag\"", 1},
        Row{"has a new file", Behaviour::Ranges::right, "\"new\"", 1},
        Row{"sends another range", Behaviour::Ranges::wrong, "\"tag\"", 2},
        Row{"lies about the range", Behaviour::Ranges::mislabelled, "\"tag\"", 2},
        Row{"refuses the range", Behaviour::Ranges::refused, "\"tag\"", 2},
        Row{"continues what was damaged", Behaviour::Ranges::right, "\"tag\"", 2}}) {
    SCOPED_TRACE(row.what);
    remove_tree(m_cache.folder());
    put_partial(damaged, row.what, "");
    m_cache.remember_resume(m_digest, {m_server.url("/file"), "\"tag\""});
    m_server.set("/file", {.body = m_body, .etag = row.etag, .ranges = row.ranges});
    const std::size_t before = m_server.requests("/file").size();
    expect_right(fetch(source({"/file"})), FetchOutcome::downloaded);
    EXPECT_EQ(m_server.requests("/file").size() - before, row.requests);
  }
}

TEST_F(FetchTest, APartialThatIsLongerThanTheFileStartsOver) {
  put_partial(m_body + "more", "", "");
  m_server.set("/file", {.body = m_body});
  expect_right(fetch(source({"/file"})), FetchOutcome::downloaded);
}

TEST_F(FetchTest, AWholePartialNeedsNoServer) {
  put_partial(m_body, "", "");
  expect_right(fetch(source({"/nobody"})), FetchOutcome::downloaded);
  EXPECT_TRUE(m_server.requests("/nobody").empty());
}

TEST_F(FetchTest, AnEmptyAsset) {
  m_body.clear();
  m_digest = digest_of("");
  m_server.set("/empty", {.body = ""});
  expect_right(fetch(source({"/empty"})), FetchOutcome::downloaded);
}

TEST_F(FetchTest, ManyAtOnceAskOnce) {
  m_server.set("/file", {.body = m_body});
  std::vector<std::thread> threads;
  std::atomic<int> downloaded = 0;
  std::atomic<int> cached = 0;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      const Fetched result = fetch(source({"/file"}));
      (result.outcome == FetchOutcome::downloaded ? downloaded : cached) += result.there();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(downloaded, 1);
  EXPECT_EQ(cached, 15);
  EXPECT_EQ(m_server.requests("/file").size(), 1u);
}

TEST_F(FetchTest, FetchesAListInItsOrder) {
  std::vector<AssetSource> wanted;
  for (int i = 0; i < 20; ++i) {
    const std::string path = "/file" + std::to_string(i);
    const std::string body = m_body + path;
    if (i != 7) {
      m_server.set(path, {.body = body});
    }
    wanted.push_back({{m_server.url(path)}, digest_of(body), ""});
  }
  std::vector<std::size_t> done;
  const std::vector<Fetched> results =
      Fetcher(m_cache, m_options).fetch_all(wanted, 4, [&](std::size_t i, const Fetched&) {
        done.push_back(i);
      });
  ASSERT_EQ(results.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i == 7) {
      EXPECT_EQ(results[i].outcome, FetchOutcome::failed);
    } else {
      EXPECT_EQ(results[i].path, m_cache.path_of(wanted[i].digest));
    }
  }
  EXPECT_EQ(done.size(), wanted.size());
}

TEST_F(FetchTest, AHostFailureOfOneIsThrownForAll) {
  m_server.set("/file", {.body = m_body});
  make_directories(m_cache.path_of(m_digest) + ".lock");
  const std::vector<AssetSource> wanted(3, source({"/file"}));
  EXPECT_THROW(Fetcher(m_cache, m_options).fetch_all(wanted, 2, {}), Error);
}

TEST_F(FetchTest, UncachedGoesPastTheCache) {
  const std::string path = m_folder.path() + "/output";
  m_server.set("/file", {.body = m_body, .cut_after = 100'000, .cut_times = 1});
  m_options.downloads = FetchOptions::Downloads::forbidden;
  const Fetched result = Fetcher(m_cache, m_options).fetch_uncached(source({"/file"}), path);
  EXPECT_EQ(result.outcome, FetchOutcome::downloaded) << result.reason;
  EXPECT_EQ(result.path, path);
  EXPECT_TRUE(read_file(path) == m_body);
  EXPECT_FALSE(exists(m_cache.folder()));

  m_server.set("/file", {.body = "wrong"});
  EXPECT_EQ(Fetcher(m_cache, m_options).fetch_uncached(source({"/file"}), path + "2").outcome,
            FetchOutcome::failed);
  EXPECT_FALSE(exists(path + "2"));
}

TEST_F(FetchTest, CredentialsStayOutOfMessagesAndTheCache) {
  AssetSource wanted = source({"/file"});
  wanted.urls[0].insert(wanted.urls[0].find("//") + 2, "me:s3cret@");
  EXPECT_THAT(fetch(wanted).reason, Not(HasSubstr("s3cret")));
  m_server.set("/file", {.body = m_body, .etag = "\"tag\"", .cut_after = 100});
  m_options.download.retries = 0;
  EXPECT_THAT(fetch(wanted).reason, Not(HasSubstr("s3cret")));
  EXPECT_THAT(m_cache.resume_of(m_digest)->url, Not(HasSubstr("s3cret")));
  EXPECT_EQ(m_server.requests("/file").at(0).authorization, "Basic bWU6czNjcmV0");
}

} // namespace fetch_test
} // namespace qt
