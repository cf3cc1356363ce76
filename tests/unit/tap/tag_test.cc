#include "tap/tag.hh"

#include "definition_text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tag_test {

using namespace qt;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;

constexpr const char* k_boards = R"(
tags = ["network-boot"]
requires = { netdev = "user" }

[asset.kernel]
url = "https://example.org/vmlinuz"
sha256 = "28e71874ce985be66b7fd1345ed88cb2523b982f899c8d2900d6353054a1be49"

[file.image]
from = "kernel"

[template.board]
tags = "linux"
machine = "virt,gic-version=3"
steps = [{ wait = "login:" }]

[test.one]
template = "board"
tags = ["rare"]
cpu = "max,pmu=on"
requires = { accel = ["kvm", "hvf"], slow = true }
args = ["-kernel", "${file.image}"]

[test.two]
template = "board"
machine = "none"
)";

std::vector<Selected> all_of(const Definition& definition) {
  return select_subtests(std::span(&definition, 1), {});
}

std::vector<std::string> names(const std::vector<Selected>& selected) {
  std::vector<std::string> result;
  for (const Selected& one : selected) {
    result.push_back(one.subtest->name);
  }
  return result;
}

std::string mistake(const Definition& definition, const std::string& expression) {
  try {
    select_by_tags(all_of(definition), expression);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
}

TEST(Tag, FollowsFromTheDefinition) {
  const Definition definition = load_text(k_boards);
  EXPECT_THAT(tags_of(definition, definition.subtests[0]),
              ElementsAre("accel:hvf", "accel:kvm", "arch:riscv64", "asset:kernel", "cpu:max",
                          "file:board", "linux", "machine:virt", "netdev:user", "network-boot",
                          "rare", "slow", "suite:thorough", "timeout:90s"));
  EXPECT_THAT(tags_of(definition, definition.subtests[1]),
              IsSupersetOf({"asset:none", "linux", "machine:none", "network-boot"}));
}

TEST(Tag, SelectsInTheOrderOfTheFile) {
  const Definition definition = load_text(k_boards);
  EXPECT_THAT(names(select_by_tags(all_of(definition), "linux")), ElementsAre("one", "two"));
  EXPECT_THAT(names(select_by_tags(all_of(definition), "machine:virt and slow")),
              ElementsAre("one"));
  EXPECT_THAT(names(select_by_tags(all_of(definition), "not slow")), ElementsAre("two"));
}

TEST(Tag, AMisspeltTagIsNoEmptySelection) {
  const Definition definition = load_text(k_boards);
  EXPECT_THAT(mistake(definition, "not rar"), HasSubstr("the tag 'rar'; did you mean 'rare'"));
  EXPECT_THAT(mistake(definition, "machne:virt"), HasSubstr("did you mean 'machine:virt'"));
  EXPECT_THAT(mistake(definition, "machine:q35"),
              HasSubstr("no subtest has the tag 'machine:q35'"));
  EXPECT_EQ(mistake(definition, "not flaky"), "");
  EXPECT_EQ(mistake(definition, "not machine:q35"), "");
  EXPECT_EQ(mistake(definition, "slow or flaky"), "");
  EXPECT_THAT(mistake(definition, "machine:virt or machine:vrit"),
              HasSubstr("did you mean 'machine:virt'"));
  EXPECT_THAT(mistake(definition, "machine:virt or not not machine:q35"), HasSubstr("machine:q35"));
  EXPECT_THAT(mistake(definition, "suite:quikc or linux"), HasSubstr("suite:quikc"));
  EXPECT_THAT(mistake(definition, "linux and not linux"), HasSubstr("no subtest matches"));
}

TEST(Tag, AnOwnTagIsAPlainWord) {
  EXPECT_THAT(mistakes_of("tags = ['a b', 'and', 'slow', 'arch:arm']\n[test.x]\nmachine = "
                          "'none'\nsteps = [{ quit = true }]"),
              testing::SizeIs(4));
}

TEST(Tag, ASuiteIsThoroughIfItSaysSo) {
  const std::string test = "[test.x]\nmachine = 'none'\nsteps = [{ quit = true }]";
  EXPECT_EQ(load_text(test).suite, Suite::quick);
  EXPECT_EQ(load_text("suite = 'thorough'\n" + test).suite, Suite::thorough);
  EXPECT_EQ(load_text("[asset.a]\npath = '/usr/share/a'\n" + test).suite, Suite::quick);
  EXPECT_THAT(mistakes_of("suite = 'quick'\n" + test),
              ElementsAre(HasSubstr("board.toml:1:9: error: suite: expected \"thorough\"")));
}

} // namespace tag_test
