#include "fetch/unreachable.hh"

#include "base/text.hh"
#include "environment.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace unreachable_test {

using Ask = UnreachableHosts::Advice::Ask;
using How = UnreachableHosts::How;
using For = UnreachableHosts::For;
using support::ScopedVariable;
using testing::HasSubstr;

class UnreachableTest : public testing::Test {
protected:
  UnreachableHosts
  hosts(UnreachableHosts::Others others = UnreachableHosts::Others::believed) const {
    return UnreachableHosts(m_path, others);
  }
  Ask ask(const std::string& host) const { return UnreachableHosts(m_path).advice(host).ask; }
  // The record with its only line's time moved back.
  void age(int seconds) const {
    std::vector<std::string> words = split(read_file(m_path), ' ');
    words[2] = std::to_string(parse_integer(words[2]).value() - seconds);
    write_file(m_path, join(words, " "));
  }

  TempDir m_folder{"qt-unreachable-"};
  std::string m_path = m_folder.path() + "/record";
};

TEST_F(UnreachableTest, WhatARunFoundItBelievesToTheEnd) {
  UnreachableHosts own; // without a record
  EXPECT_EQ(own.advice("host").ask, Ask::freely);
  own.add("host", "no such name", How::down, For::all);
  EXPECT_EQ(own.advice("host").ask, Ask::no);
  EXPECT_EQ(own.advice("host").why, "host could not be reached before: no such name");
  EXPECT_EQ(own.advice("other").ask, Ask::freely);
}

TEST_F(UnreachableTest, WhatOthersFoundCountsForAMinute) {
  UnreachableHosts(m_path).add("host:80", "it\nwas silent", How::silent, For::all);
  EXPECT_EQ(ask("host:80"), Ask::no);
  EXPECT_THAT(
      UnreachableHosts(m_path).advice("host:80").why,
      testing::MatchesRegex("host:80 could not be reached [0-9]s ago: it.nwas silent; it is "
                            "asked again in [56][0-9]s, or at once if you remove .*/record"));
  EXPECT_EQ(ask("host"), Ask::freely);
  age(50);
  EXPECT_EQ(ask("host:80"), Ask::no);
  age(20);
  EXPECT_EQ(ask("host:80"), Ask::freely);
  age(-200); // a time to come
  EXPECT_EQ(ask("host:80"), Ask::freely);
}

TEST_F(UnreachableTest, OneThatRefusedIsAskedBriefly) {
  UnreachableHosts(m_path).add("host", "refused", How::down, For::all);
  EXPECT_EQ(ask("host"), Ask::briefly);
  EXPECT_EQ(hosts(UnreachableHosts::Others::asked_again).advice("host").ask, Ask::freely);
}

TEST_F(UnreachableTest, WhatIsForThisRunIsNotWritten) {
  UnreachableHosts(m_path).add("host", "refused", How::down, For::this_run);
  EXPECT_FALSE(exists(m_path));
}

TEST_F(UnreachableTest, OneThatAnswersIsTakenBack) {
  UnreachableHosts(m_path).add("host", "silent", How::silent, For::all);
  UnreachableHosts(m_path).add("other", "silent", How::silent, For::all);
  EXPECT_EQ(UnreachableHosts(m_path).silent_hosts(), 2u);
  UnreachableHosts(m_path).reached("host");
  EXPECT_EQ(ask("host"), Ask::freely);
  EXPECT_EQ(ask("other"), Ask::briefly); // the network is back, and so may this be
  EXPECT_EQ(UnreachableHosts(m_path).silent_hosts(), 0u);
  UnreachableHosts fresh(m_folder.path() + "/none");
  fresh.reached("host");
  EXPECT_FALSE(exists(m_folder.path() + "/none")); // nothing to take back
}

TEST_F(UnreachableTest, CountsSilentHostsUntilOneAnswers) {
  UnreachableHosts own;
  own.add("a", "silent", How::silent, For::all);
  own.add("b", "refused", How::down, For::all);
  EXPECT_EQ(own.silent_hosts(), 1u);
  own.add("c", "silent", How::silent, For::all);
  EXPECT_EQ(own.silent_hosts(), 2u);
  own.reached("d");
  EXPECT_EQ(own.silent_hosts(), 0u);
}

TEST_F(UnreachableTest, AnotherNetworkIsAskedAnew) {
  UnreachableHosts(m_path).add("host", "silent", How::silent, For::all);
  std::vector<std::string> words = split(read_file(m_path), ' ');
  words[1] = words[1] == "0" ? "1" : "0";
  write_file(m_path, join(words, " "));
  EXPECT_EQ(ask("host"), Ask::freely);
}

TEST_F(UnreachableTest, WhatIsNoRecordOfThisUserCountsForNothing) {
  UnreachableHosts(m_path).add("host", "silent", How::silent, For::all);
  const std::string record = read_file(m_path);
  ASSERT_EQ(::chmod(m_path.c_str(), 0666), 0); // anybody could have written it
  EXPECT_EQ(ask("host"), Ask::freely);
  for (const char* what : {"link", "pipe", "folder", "rubbish"}) {
    SCOPED_TRACE(what);
    remove_tree(m_path);
    const std::string victim = m_folder.path() + "/victim";
    write_file(victim, record);
    const std::string kind = what;
    if (kind == "link") {
      ASSERT_EQ(::symlink(victim.c_str(), m_path.c_str()), 0);
    } else if (kind == "pipe") {
      ASSERT_EQ(::mkfifo(m_path.c_str(), 0600), 0);
    } else if (kind == "folder") {
      make_directories(m_path);
    } else {
      write_file(m_path, std::string(70'000, 'x') + "\n1 2\n\n1 0 x down\n");
    }
    EXPECT_EQ(ask("host"), Ask::freely);
    UnreachableHosts(m_path).add("new", "refused", How::down, For::all);
    EXPECT_EQ(read_file(victim), record);
  }
  EXPECT_EQ(ask("new"), Ask::briefly); // the file of rubbish was begun anew
}

TEST_F(UnreachableTest, TheRecordStaysSmall) {
  UnreachableHosts many(m_path);
  for (int i = 0; i < 2000; ++i) {
    many.add("host" + std::to_string(i), std::string(500, 'w'), How::down, For::all);
  }
  struct stat status {};
  ASSERT_EQ(::stat(m_path.c_str(), &status), 0);
  EXPECT_LE(status.st_size, 64 << 10);
  EXPECT_EQ(ask("host1999"), Ask::briefly);
}

} // namespace unreachable_test
} // namespace qt

namespace qt {
namespace proxy_test {

using support::ScopedVariable;

class ProxyTest : public testing::Test {
  const ScopedVariable m_http{"http_proxy", "http://me:s3cret@Proxy.example:3128/"};
  const ScopedVariable m_https{"https_proxy", std::nullopt};
  const ScopedVariable m_upper{"HTTPS_PROXY", "secure.example:8080"};
  const ScopedVariable m_all{"all_proxy", std::nullopt};
  const ScopedVariable m_all_upper{"ALL_PROXY", std::nullopt};
  const ScopedVariable m_none{"no_proxy", ".inside.example, other.example,10.0.0.0/8,192.168.1.1"};
  const ScopedVariable m_none_upper{"NO_PROXY", std::nullopt};
};

TEST_F(ProxyTest, IsThatOfTheSchemeWithoutPassword) {
  EXPECT_EQ(proxy_of("http://host/file"), "proxy.example:3128");
  EXPECT_EQ(proxy_of("HTTPS://me:x@host:1/file"), "secure.example:8080");
  EXPECT_EQ(proxy_of("file:///file"), "");
  EXPECT_EQ(proxy_of("http://127.0.0.1:80/"), "");
  EXPECT_EQ(proxy_of("http://localhost/"), "");
  const ScopedVariable all("all_proxy", "socks5h://last.example");
  EXPECT_EQ(proxy_of("http://host/file"), "proxy.example:3128");
  const ScopedVariable http("http_proxy", "");
  EXPECT_EQ(proxy_of("http://host/file"), "last.example");
}

TEST_F(ProxyTest, SomeHostsNeedNone) {
  for (const char* url : {"http://inside.example/", "http://a.inside.example:80/f",
                          "http://OTHER.example/", "http://a.other.example/", "http://192.168.1.1/",
                          "http://10.1.2.3/"}) { // the last: only libcurl knows
    EXPECT_EQ(proxy_of(url), "") << url;
  }
  for (const char* url :
       {"http://another.example/", "http://inside.example.org/", "http://1.192.168.1.1.example/"}) {
    EXPECT_NE(proxy_of(url), "") << url;
  }
  const ScopedVariable none("no_proxy", "*");
  EXPECT_EQ(proxy_of("http://host/file"), "");
}

} // namespace proxy_test
} // namespace qt
