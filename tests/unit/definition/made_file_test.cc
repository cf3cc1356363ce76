#include "definition/made_file.hh"

#include "../support/environment.hh"
#include "os/file.hh"

#include <fcntl.h>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace made_file_test {

using support::ScopedVariable;

class MadeFileTest : public testing::Test {
protected:
  std::string path(const std::string& name) const { return folder.path() + "/" + name; }
  MadeFile look(const std::string& name, Look how = Look::at_marks) const {
    return look_at_made_file(path(name), "FROM here\n", how);
  }
  void make(const std::string& name, const std::string& content) const {
    remove_made_file(path(name));
    write_file(path(name), content);
    record_made_file(path(name), "FROM here\n");
  }
  void make_tree() const {
    remove_made_file(path("t"));
    make_directories(path("t/d"));
    write_file(path("t/d/f"), "content");
    ASSERT_EQ(::symlink("d/f", path("t/l").c_str()), 0);
    record_made_file(path("t"), "FROM here\n");
  }
  // Writes to a file whatever its mode is, as root can, and gives it back its mode and times.
  void scribble(const std::string& name, const std::string& content) const {
    struct stat status;
    ASSERT_EQ(::stat(path(name).c_str(), &status), 0);
    ASSERT_EQ(::chmod(path(name).c_str(), 0644), 0);
    const UniqueFd fd = open_file(path(name), O_WRONLY);
    write_all(fd.get(), content, name);
    ASSERT_EQ(::fchmod(fd.get(), status.st_mode & 07777), 0);
    const timespec times[2] = {status.st_atim, status.st_mtim};
    ASSERT_EQ(::futimens(fd.get(), times), 0);
  }
  mode_t mode(const std::string& name) const {
    struct stat status = {};
    EXPECT_EQ(::lstat(path(name).c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  const TempDir folder{"made-file-test-"};
};

TEST_F(MadeFileTest, IsRightUntilSomethingChanges) {
  EXPECT_EQ(look("f"), MadeFile::absent);
  write_file(path("f"), "content");
  EXPECT_EQ(look("f"), MadeFile::absent) << "nobody knows where it is from";
  make("f", "content");
  EXPECT_EQ(look("f"), MadeFile::right);
  EXPECT_EQ(look("f", Look::at_content), MadeFile::right);
  EXPECT_EQ(look_at_made_file(path("f"), "FROM there\n", Look::at_marks), MadeFile::absent);
  EXPECT_EQ(look_at_made_file(path("f"), "FROM here\nIS", Look::at_marks), MadeFile::absent);
  EXPECT_EQ(mode("f") & 0222, 0U);

  scribble("f", "CONTENT");
  EXPECT_EQ(look("f"), MadeFile::changed) << "by its ctime";
  make("f", "content");
  ASSERT_EQ(::unlink(path("f").c_str()), 0);
  EXPECT_EQ(look("f"), MadeFile::changed);
  write_file(path("f"), "content"); // another file
  EXPECT_EQ(look("f"), MadeFile::changed);
  remove_made_file(path("f"));
  EXPECT_EQ(look("f"), MadeFile::absent);
}

// The record is what is trusted, so it must be one that this user or root has written.
TEST_F(MadeFileTest, ARecordThatOthersCouldWriteCountsAsNone) {
  const std::string record = path(".f.made");
  const auto expect_believed = [&](bool believed, const char* what) {
    EXPECT_EQ(look("f"), believed ? MadeFile::right : MadeFile::absent) << what;
    make("f", "content");
    EXPECT_EQ(look("f"), MadeFile::right) << what;
  };
  const mode_t mask = ::umask(0002); // of many users; no record may depend on it
  make("f", "content");
  expect_believed(true, "as it is made");
  ::umask(mask);
  ASSERT_EQ(::chmod(record.c_str(), 0666), 0);
  expect_believed(false, "writable by all");
  ASSERT_EQ(::rename(record.c_str(), path("elsewhere").c_str()), 0);
  ASSERT_EQ(::symlink("elsewhere", record.c_str()), 0);
  expect_believed(false, "a link");
  ::unlink(record.c_str());
  ASSERT_EQ(::mkfifo(record.c_str(), 0600), 0);
  expect_believed(false, "a fifo");
  ::unlink(record.c_str());
  make_directories(record + "/inside");
  expect_believed(false, "a folder");
  write_file(record, read_file(record) + std::string(100'000, 'x'));
  expect_believed(false, "far too large");
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(record.c_str(), 65534, 65534), 0);
    expect_believed(false, "another user's");
  }
}

TEST_F(MadeFileTest, ContentIsComparedWhereItIsAskedFor) {
  make("f", std::string(100000, 'x'));
  // As after a change that all marks survive: the record says of the file as it is now what it
  // said of it before.
  const std::string record = read_file(path(".f.made"));
  const std::string content = record.substr(record.find("CONTENT"));
  scribble("f", "y");
  record_made_file(path("f"), "FROM here\n");
  const std::string now = read_file(path(".f.made"));
  write_file(path(".f.made"), now.substr(0, now.find("CONTENT")) + content);
  EXPECT_EQ(look("f"), MadeFile::right);
  EXPECT_EQ(look("f", Look::at_content), MadeFile::changed);

  const ScopedVariable unset("QEMU_TEST_VERIFY_FILES", std::nullopt);
  EXPECT_EQ(look_from_environment(), Look::at_marks);
  const ScopedVariable set("QEMU_TEST_VERIFY_FILES", "1");
  EXPECT_EQ(look_from_environment(), Look::at_content);
}

TEST_F(MadeFileTest, ATreeIsLookedAtAsAWhole) {
  make_tree();
  EXPECT_EQ(look("t"), MadeFile::right);
  EXPECT_EQ(look("t", Look::at_content), MadeFile::right);
  EXPECT_EQ(mode("t/d/f") & 0222, 0U);
  EXPECT_NE(mode("t/d") & 0200, 0U) << "whoever made it can remove it";
  const std::vector<std::function<void()>> changes = {
      [&] { scribble("t/d/f", "CONTENT"); },
      [&] { write_file(path("t/d/new"), ""); },
      [&] { make_directories(path("t/new")); },
      [&] { ::unlink(path("t/l").c_str()); },
      [&] { ::rename(path("t/d/f").c_str(), path("t/d/g").c_str()); },
      [&] { ::chmod(path("t/d/f").c_str(), 0755); },
      [&] {
        ::unlink(path("t/l").c_str());
        EXPECT_EQ(::symlink("d", path("t/l").c_str()), 0);
      },
      [&] {
        ::unlink(path("t/d/f").c_str());
        write_file(path("t/d/f"), "content");
      },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    make_tree();
    ASSERT_EQ(look("t"), MadeFile::right) << i;
    changes[i]();
    EXPECT_EQ(look("t"), MadeFile::changed) << i;
  }
}

TEST_F(MadeFileTest, ALinkIsRightWhileTheFileIsThatItLeadsTo) {
  write_file(path("asset"), "content");
  ASSERT_EQ(::symlink(path("asset").c_str(), path("l").c_str()), 0);
  record_made_file(path("l"), "FROM here\n");
  EXPECT_EQ(look("l"), MadeFile::right);
  EXPECT_NE(mode("asset") & 0222, 0U) << "it is not ours";
  scribble("asset", "CONTENT");
  EXPECT_EQ(look("l"), MadeFile::changed);
  ASSERT_EQ(::unlink(path("asset").c_str()), 0);
  EXPECT_EQ(look("l"), MadeFile::changed);
}

TEST_F(MadeFileTest, ItsOriginIsTheAssetAndEveryRuleOnTheWay) {
  Definition definition;
  definition.assets["net"] = {"net", {"https://localhost/a"}, std::string(64, 'a'), "", ""};
  definition.assets["host"] = {"host", {}, "", "", path("host")};
  FileRule inner;
  inner.name = inner.file_name = "inner";
  inner.from = "net";
  inner.from_asset = true;
  inner.member = "a/b";
  FileRule outer;
  outer.name = outer.file_name = "outer";
  outer.from = "inner";
  outer.resize = "16M";
  const auto origin = [&] {
    definition.files["inner"] = inner;
    definition.files["outer"] = outer;
    return origin_of(definition, outer);
  };
  const std::string first = origin();
  EXPECT_EQ(first, "OF resize=16M\nOF member=a/b\nFROM digest " + std::string(64, 'a') + "\n");
  inner.first = true;
  EXPECT_NE(origin(), first);
  inner.first = false;
  definition.assets["net"].digest = std::string(64, 'b');
  EXPECT_NE(origin(), first);
  inner.member = "a/b\nFROM digest";
  EXPECT_EQ(origin().find("\nFROM digest"), origin().rfind("\nFROM digest"));
}

// Package managers that give all files one time (Nix: 1, OSTree: 0), and programs that keep it.
TEST_F(MadeFileTest, AFileOfTheHostIsKnownByMoreThanSizeAndTime) {
  Definition definition;
  definition.assets["host"] = {"host", {}, "", "", path("host")};
  FileRule rule;
  rule.name = rule.file_name = rule.from = "host";
  rule.from_asset = true;
  const auto origin = [&] { return origin_of(definition, rule); };
  const auto set_time = [&](time_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path("host").c_str(), times, 0), 0);
  };
  EXPECT_NE(origin().find("nothing"), std::string::npos);
  for (const time_t seconds : {0, 1, 1700000000}) {
    remove_tree(path("host"));
    write_file(path("host"), "one");
    set_time(seconds);
    const std::string first = origin();
    EXPECT_EQ(origin(), first);
    // Written in place, and replaced.
    scribble("host", "two");
    const std::string second = origin();
    EXPECT_NE(second, first);
    write_file(path("other"), "six");
    ASSERT_EQ(::rename(path("other").c_str(), path("host").c_str()), 0);
    set_time(seconds);
    EXPECT_NE(origin(), second);
    // Where inode and times may be those of any file, as in an image, the content is looked at.
    const std::string line = origin().substr(origin().find("FROM host"));
    EXPECT_EQ(std::count(line.begin(), line.end(), ' '), seconds <= 1 ? 7 : 6);
  }
}

} // namespace made_file_test
} // namespace qt
