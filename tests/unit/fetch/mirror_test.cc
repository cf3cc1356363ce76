#include "fetch/fetch.hh"

#include "base/error.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace mirror_test {

std::vector<std::string> tried(const std::string& rules, const std::vector<std::string>& urls) {
  std::vector<std::string> list;
  for (const Candidate& candidate : with_mirrors(urls, parse_mirrors(rules))) {
    list.push_back(candidate.url);
  }
  return list;
}

using testing::ElementsAre;

TEST(Mirror, RewritesPrefixesAndKeepsTheOriginalLast) {
  EXPECT_THAT(tried("", {"https://a/x"}), ElementsAre("https://a/x"));
  EXPECT_THAT(tried("https://a/=https://cache/a/", {"https://a/x", "https://b/x"}),
              ElementsAre("https://cache/a/x", "https://a/x", "https://b/x"));
  EXPECT_THAT(tried(" https://a/=https://one/\thttps://b/=file:///two/\n https://a/=http://three/ ",
                    {"https://a/x", "https://b/y"}),
              ElementsAre("https://one/x", "http://three/x", "file:///two/y", "https://a/x",
                          "https://b/y"));
  EXPECT_EQ(with_mirrors(std::vector<std::string>{"https://a/x", "https://b/y"},
                         parse_mirrors("https://b/=https://c/"))[0]
                .original,
            1u);
}

TEST(Mirror, APrefixEndsWhereANameDoes) {
  EXPECT_THAT(tried("https://a=https://cache", {"https://a/x"}),
              ElementsAre("https://cache/x", "https://a/x"));
  EXPECT_THAT(tried("https://a=https://cache", {"https://a.evil/x"}),
              ElementsAre("https://a.evil/x"));
  EXPECT_THAT(tried("https://a/?f==https://cache/", {"https://a/?f=x"}),
              ElementsAre("https://a/?f=x")); // "x" is no path
  EXPECT_THAT(tried("https://a/?d=/=https://cache/", {"https://a/?d=/x"}),
              ElementsAre("https://cache/x", "https://a/?d=/x"));
}

TEST(Mirror, AMistakeNamesTheRuleButNotItsPassword) {
  for (const char* wrong :
       {"https://a/=https://cache/ https://me:s3cret@b/",
        "https://a/=https://b/ /x=https://s3cret/",
        "https://a/=https://b/ https://s3cret/=ftp://b/", "https://a/=https://b/ s3cret"}) {
    try {
      static_cast<void>(parse_mirrors(wrong));
      FAIL() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), testing::HasSubstr("QEMU_TEST_MIRRORS: rule 2 "));
      EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("s3cret")));
    }
  }
}

} // namespace mirror_test
} // namespace qt
