#include "extract/tree_writer.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <array>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tree_writer_test {

using namespace qt;

class TreeWriterTest : public testing::Test {
protected:
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }
  static void fill(const UniqueFd& fd, std::string_view text) { write_all(fd.get(), text, "test"); }
  static void expect_refused(const std::function<void()>& body) {
    try {
      body();
      ADD_FAILURE() << "should be refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::failed) << error.what();
    }
  }

  TempDir m_folder{"tree-writer-test-"};
};

TEST_F(TreeWriterTest, AppearsWholeOrNotAtAll) {
  {
    TreeWriter tree(path("t"));
    fill(tree.make_file("a/b", 0644), "x");
    EXPECT_FALSE(exists(path("t")));
  }
  EXPECT_EQ(::rmdir(m_folder.path().c_str()), 0) << "nothing should be left";
  make_directories(m_folder.path());
  TreeWriter tree(path("t"));
  fill(tree.make_file("a/b", 0755), "x");
  tree.make_symlink("l", "a/b");
  tree.make_hardlink("h", "l");
  tree.make_folder("empty", 0500);
  tree.publish(Existing::refuse);
  EXPECT_EQ(read_file(path("t/h")), "x");
  struct stat status;
  ASSERT_EQ(::stat(path("t/a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0700, 0700U);
  ASSERT_EQ(::stat(path("t/empty").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0700, 0700U);
}

TEST_F(TreeWriterTest, ReplacesOnlyWhatItMay) {
  make_directories(path("t"));
  write_file(path("t/mine"), "mine");
  {
    TreeWriter tree(path("t"));
    tree.make_file("new", 0644);
    expect_refused([&] { tree.publish(Existing::refuse); });
  }
  EXPECT_EQ(read_file(path("t/mine")), "mine");
  TreeWriter tree(path("t"));
  tree.make_file("new", 0644);
  tree.publish(Existing::replace);
  EXPECT_TRUE(exists(path("t/new")));
  EXPECT_FALSE(exists(path("t/mine")));
  remove_tree(path("t"));
  EXPECT_EQ(::rmdir(m_folder.path().c_str()), 0) << "what was replaced should be gone";
  make_directories(m_folder.path());
}

TEST_F(TreeWriterTest, LaterMembersReplaceEarlierOnes) {
  TreeWriter tree(path("t"));
  fill(tree.make_file("f", 0644), "old and longer");
  fill(tree.make_file("f", 0644), "new");
  tree.make_symlink("l", "f");
  fill(tree.make_file("l", 0644), "no link");
  tree.make_symlink("d", "f");
  tree.make_folder("d", 0755);
  fill(tree.make_file("d/x", 0644), "x");
  tree.make_folder("empty", 0755);
  fill(tree.make_file("empty", 0644), "no folder");
  fill(tree.make_file("gone", 0644), "left out later");
  tree.remove("gone");
  tree.remove("never/there");
  tree.publish(Existing::refuse);
  EXPECT_EQ(read_file(path("t/empty")), "no folder");
  EXPECT_FALSE(exists(path("t/gone")));
  EXPECT_FALSE(exists(path("t/never")));
  EXPECT_EQ(read_file(path("t/f")), "new");
  EXPECT_EQ(read_file(path("t/l")), "no link");
  EXPECT_EQ(read_file(path("t/d/x")), "x");
}

TEST_F(TreeWriterTest, RefusesWhatCannotBe) {
  TreeWriter tree(path("t"));
  tree.make_file("f", 0644);
  tree.make_file("d/in", 0644);
  expect_refused([&] { tree.make_file("f/x", 0644); });
  expect_refused([&] { tree.make_file("d", 0644); });
  expect_refused([&] { tree.make_symlink("d", "f"); });
  expect_refused([&] { tree.make_hardlink("h", "d"); });
  expect_refused([&] { tree.make_hardlink("h", "nothing"); });
  expect_refused([&] { tree.make_file("", 0644); });
  expect_refused([&] { tree.make_file(std::string(300, 'n'), 0644); });
}

TEST_F(TreeWriterTest, MakesAbsoluteLinksAndFollowsNone) {
  make_directories(path("elsewhere"));
  {
    TreeWriter tree(path("t"));
    tree.make_symlink("etc/elsewhere", path("elsewhere"));
    tree.make_symlink("over", "etc/elsewhere/x"); // leads over an absolute one
    tree.make_symlink("self", "/self");
    expect_refused([&] { tree.make_file("etc/elsewhere/x", 0644); });
    expect_refused([&] { tree.make_folder("etc/elsewhere/d", 0755); });
    expect_refused([&] { tree.make_symlink("etc/elsewhere/l", "x"); });
    fill(tree.make_file("f", 0644), "f");
    expect_refused([&] { tree.make_hardlink("etc/elsewhere/h", "f"); });
    expect_refused([&] { tree.make_hardlink("h", "etc/elsewhere/x"); });
    tree.make_hardlink("same", "etc/elsewhere"); // another name of the link itself
    tree.publish(Existing::refuse);
  }
  EXPECT_EQ(::rmdir(path("elsewhere").c_str()), 0) << "nothing should have been made in it";
  std::array<char, 4096> target{};
  EXPECT_GT(::readlink(path("t/etc/elsewhere").c_str(), target.data(), target.size() - 1), 0);
  EXPECT_EQ(target.data(), path("elsewhere"));
  EXPECT_GT(::readlink(path("t/same").c_str(), target.data(), target.size() - 1), 0);
  EXPECT_EQ(target.data(), path("elsewhere"));
}

TEST_F(TreeWriterTest, RefusesALinkThatALaterOneTurnsOutwards) {
  TreeWriter tree(path("t"));
  tree.make_folder("a", 0755);
  tree.make_symlink("l", "a/b/../../x");
  tree.make_symlink("a/b", "c");
  tree.publish(Existing::refuse); // a/b is now a/c: as deep as before
  TreeWriter other(path("u"));
  other.make_folder("a", 0755);
  other.make_symlink("l", "a/b/../../x");
  other.make_symlink("a/b", "..");
  expect_refused([&] { other.publish(Existing::refuse); });
  EXPECT_FALSE(exists(path("u")));
}

} // namespace tree_writer_test
