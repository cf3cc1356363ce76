#include "extract/member_path.hh"

#include <gtest/gtest.h>

namespace member_path_test {

using namespace qt;
using Text = std::optional<std::string>;

TEST(MemberPathTest, NormalizesWithoutLeavingTheArchive) {
  EXPECT_EQ(normal_member_name("./a//b/./c/"), Text("a/b/c"));
  EXPECT_EQ(normal_member_name("."), Text(""));
  EXPECT_EQ(normal_member_name("a..b/...c"), Text("a..b/...c"));
  EXPECT_EQ(normal_member_name("a/../b"), std::nullopt);
  EXPECT_EQ(normal_member_name(".."), std::nullopt);
  EXPECT_EQ(normal_member_name("/a"), std::nullopt);
  EXPECT_EQ(normal_member_name(std::string_view("a\0b", 3)), std::nullopt);
  EXPECT_EQ(asked_member_name("/a/b"), Text("a/b"));
  EXPECT_EQ(asked_member_name("/../b"), std::nullopt);
}

TEST(MemberPathTest, SplitsAtTheLastSlash) {
  EXPECT_EQ(split_name("a/b/c").parent, "a/b");
  EXPECT_EQ(split_name("a/b/c").base, "c");
  EXPECT_EQ(split_name("c").parent, "");
}

TEST(LinkMapTest, FollowsEveryLinkOnTheWay) {
  LinkMap links;
  links.set("lib", "usr/lib");
  links.set("usr/lib/x.so", "../share/x");
  EXPECT_EQ(links.resolve("lib/y"), Text("usr/lib/y"));
  EXPECT_EQ(links.resolve("lib/x.so"), Text("usr/share/x"));
  EXPECT_EQ(links.resolve("lib/.."), Text("usr"));
  EXPECT_EQ(links.resolve_parent("lib/x.so"), Text("usr/lib/x.so"));
  links.forget("lib");
  EXPECT_EQ(links.resolve("lib/y"), Text("lib/y"));
}

TEST(LinkMapTest, FindsTheWayOut) {
  LinkMap links;
  links.set("deep/er/root", "../..");
  EXPECT_EQ(links.resolve("deep/er/root/x"), Text("x"));
  // By its text this stays inside.
  EXPECT_EQ(links.resolve("deep/er/root/../x"), std::nullopt);
  using Lead = LinkMap::Lead;
  EXPECT_EQ(links.lead_of("l", "deep/er/root/../x"), Lead::outside);
  EXPECT_EQ(links.lead_of("a/l", "../../x"), Lead::outside);
  EXPECT_EQ(links.lead_of("a/l", "../x"), Lead::inside);
  EXPECT_EQ(links.lead_of("l", "x"), Lead::inside);
  EXPECT_EQ(links.lead_of("l", "/x"), Lead::absolute);
  EXPECT_EQ(links.lead_of("a/l", "/../x"), Lead::absolute);
  EXPECT_EQ(links.lead_of("l", ""), Lead::outside);
  EXPECT_EQ(links.lead_of("l", "."), Lead::inside);
  links.set("abs", "/etc");
  EXPECT_EQ(links.resolve("abs/passwd"), std::nullopt);
  EXPECT_EQ(links.resolve_parent("abs/passwd"), std::nullopt);
  EXPECT_EQ(links.lead_of("l", "abs/passwd"), Lead::absolute);
  EXPECT_EQ(links.lead_of("l", "../abs/passwd"), Lead::outside);
}

TEST(LinkMapTest, HasARootOfItsOwnWhereAsked) {
  LinkMap links;
  links.set("bin", "usr/bin");
  links.set("usr/bin/sh", "/bin/busybox");
  links.set("etc/alternatives/vi", "/usr/bin/../../../usr/bin/nvi"); // more ".." than folders
  links.set("var/run", "/run");
  EXPECT_EQ(links.resolve_in_root("/bin/sh"), Text("usr/bin/busybox"));
  EXPECT_EQ(links.resolve_in_root("etc/alternatives/vi"), Text("usr/bin/nvi"));
  EXPECT_EQ(links.resolve_in_root("var/run/lock/x"), Text("run/lock/x"));
  EXPECT_EQ(links.resolve_in_root("../../etc"), Text("etc"));
  links.set("here", "/here");
  EXPECT_EQ(links.resolve_in_root("here"), std::nullopt);
}

TEST(LinkMapTest, EndsInACircle) {
  LinkMap links;
  links.set("a", "b");
  links.set("b", "a");
  EXPECT_EQ(links.resolve("a/x"), std::nullopt);
  // Each link doubles the length of the way; the count of links bounds it.
  links.set("c", "c/c");
  EXPECT_EQ(links.resolve("c"), std::nullopt);
}

} // namespace member_path_test
