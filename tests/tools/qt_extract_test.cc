// qt-extract as a process: real archives by the programs that people use, hostile ones by hand.
#include "../support/hostile_archive.hh"
#include "base/error.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "cache/cache.hh"
#include "environment.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace {

using namespace qt;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

class QtExtractTest : public testing::Test {
protected:
  void SetUp() override { make_directories(path("work")); }

  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }
  std::string work(const std::string& name) const { return path("work/") + name; }

  Outcome run(std::vector<std::string> argv) const {
    SpawnOptions options;
    options.directory = path("work");
    const std::optional<Captured> result =
        run_captured(argv, options, Deadline::after(std::chrono::minutes(1)));
    if (!result) {
      ADD_FAILURE() << "did not end: " << shell_join(argv);
      return {-1, "", ""};
    }
    const int code =
        result->status.by_signal() ? 128 + result->status.signal() : result->status.code();
    return {code, result->out, result->err};
  }
  Outcome extract(std::vector<std::string> options) const {
    options.insert(options.begin(), program());
    return run(options);
  }
  static std::string program() { return support::tool("qt-extract"); }
  // A shell line in the folder of the test; fails the test if it fails.
  void shell(const std::string& line) const {
    const Outcome outcome = run({"sh", "-ec", "cd .. && " + line});
    ASSERT_EQ(outcome.code, 0) << line << "\n" << outcome.err;
  }
  static bool lacks(const std::string& name) { return !find_program(name); }

  // boot/vmlinuz with a hole's worth of zeros, boot/link → vmlinuz, a, hard = a, run (executable)
  void make_source() const {
    make_directories(path("src/boot"));
    std::string kernel;
    for (int i = 0; i < 15000; ++i) {
      kernel += format("line {} of the kernel\n", i * 7919 % 100003);
    }
    write_file(path("src/boot/vmlinuz"), kernel + std::string(300000, '\0') + "end");
    write_file(path("src/a"), "small\n");
    write_file(path("src/run"), "#!/bin/sh\n");
    shell("cd src && ln a hard && ln -s vmlinuz boot/link && chmod 4755 run");
  }
  // Everything below work/, by name, sorted.
  std::vector<std::string> left_behind() const {
    std::vector<std::string> names = split(run({"find", ".", "-mindepth", "1"}).out, '\n');
    std::sort(names.begin(), names.end());
    names.erase(names.begin()); // after the last newline
    return names;
  }
  void expect_refused(const std::string& archive, const std::string& member) const {
    write_file(path("outside"), "untouched");
    write_file(path("evil"), archive);
    const Outcome outcome = extract({"--directory", "--output", "tree", path("evil")});
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("'" + member + "'"));
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(left_behind(), std::vector<std::string>());
    EXPECT_EQ(read_file(path("outside")), "untouched");
  }

  TempDir m_folder{"qt-extract-test-"};
};

struct Archive {
  const char* name;
  std::vector<std::string> programs;
  const char* line; // makes ../NAME from src
  const char* prefix;
};

class QtExtractArchiveTest : public QtExtractTest, public testing::WithParamInterface<Archive> {
protected:
  void SetUp() override {
    QtExtractTest::SetUp();
    for (const std::string& name : GetParam().programs) {
      if (lacks(name)) {
        GTEST_SKIP() << "the program " << name << " is not installed";
      }
    }
    make_source();
    shell(GetParam().line);
  }
  std::string archive() const { return path(GetParam().name); }
};

TEST_P(QtExtractArchiveTest, TakesOneMember) {
  const std::string member = std::string(GetParam().prefix) + "boot/vmlinuz";
  const Outcome outcome = extract({"--member", member, archive()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, work("vmlinuz") + "\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(read_file(work("vmlinuz")) == read_file(path("src/boot/vmlinuz")));
}

TEST_P(QtExtractArchiveTest, TakesMembersByOtherSpellingsAndThroughLinks) {
  const std::string prefix = GetParam().prefix;
  const Outcome outcome =
      extract({"--member", "./" + prefix + "a", "--member", "/" + prefix + "boot/link", "--member",
               prefix + "hard", "--output", "some", archive()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, work("some/a\n") + work("some/link\n") + work("some/hard\n"));
  EXPECT_EQ(read_file(work("some/a")), "small\n");
  EXPECT_EQ(read_file(work("some/hard")), "small\n");
  EXPECT_TRUE(read_file(work("some/link")) == read_file(path("src/boot/vmlinuz")));
}

TEST_P(QtExtractArchiveTest, TakesTheWholeTree) {
  const Outcome outcome = extract({"--directory", "--output", "tree", archive()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, work("tree") + "\n");
  shell("diff -r src work/tree/" + std::string(GetParam().prefix));
  struct stat status;
  ASSERT_EQ(::stat((work("tree/") + GetParam().prefix + "run").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 04700, 0700u) << "executable, writable, not setuid";
}

TEST_P(QtExtractArchiveTest, NamesTheNearestMember) {
  const std::string prefix = GetParam().prefix;
  const Outcome outcome = extract({"--member", prefix + "boot/vmlinux", archive()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean '" + prefix + "boot/vmlinuz'"));
  EXPECT_EQ(left_behind(), std::vector<std::string>());
}

TEST_P(QtExtractArchiveTest, RefusesItTruncated) {
  const std::string bytes = read_file(archive());
  write_file(path("short"), bytes.substr(0, bytes.size() * 2 / 5));
  const Outcome outcome = extract({"--directory", "--output", "tree", path("short")});
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(path("short")));
  EXPECT_EQ(left_behind(), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(
    Formats, QtExtractArchiveTest,
    testing::Values(
        Archive{"t.tar", {"tar"}, "tar -cf t.tar src", "src/"},
        Archive{"t.tar.gz", {"tar", "gzip"}, "tar -czf t.tar.gz src", "src/"},
        Archive{"t.tar.xz", {"tar", "xz"}, "tar -cJf t.tar.xz src", "src/"},
        Archive{"t.tar.zst", {"tar", "zstd"}, "tar --zstd -cf t.tar.zst src", "src/"},
        Archive{"t.tar.bz2", {"tar", "bzip2"}, "tar -cjf t.tar.bz2 src", "src/"},
        Archive{"pax", {"tar"}, "tar --format=pax -cf pax src", "src/"},
        Archive{"v7", {"tar"}, "tar --format=v7 -cf v7 src", "src/"},
        Archive{"t.zip", {"zip"}, "cd src && zip -qry ../t.zip .", ""},
        Archive{"stored.zip", {"zip"}, "cd src && zip -0 -qry ../stored.zip .", ""},
        Archive{"newc", {"cpio"}, "cd src && find . | cpio --quiet -o -H newc > ../newc", ""},
        Archive{"odc", {"cpio"}, "cd src && find . | cpio --quiet -o -H odc > ../odc", ""},
        Archive{"newc.gz",
                {"cpio", "gzip"},
                "cd src && find . | cpio --quiet -o -H newc | gzip > ../newc.gz",
                ""},
        Archive{"newc.bz2",
                {"cpio", "bzip2"},
                "cd src && find . | cpio --quiet -o -H newc | bzip2 > ../newc.bz2",
                ""},
        Archive{"t.iso", {"genisoimage"}, "genisoimage -quiet -R -J -o t.iso src", ""},
        Archive{"x.iso", {"xorriso"}, "xorriso -as mkisofs -quiet -R -o x.iso src 2>&1", ""},
        Archive{"gz.deb",
                {"ar", "tar", "gzip"},
                "echo 2.0 > debian-binary && tar -czf data.tar.gz -C src . && tar -czf "
                "control.tar.gz debian-binary && ar rc gz.deb debian-binary control.tar.gz "
                "data.tar.gz",
                ""},
        Archive{"xz.deb",
                {"ar", "tar", "xz"},
                "echo 2.0 > debian-binary && tar -cJf data.tar.xz -C src . && ar rc xz.deb "
                "debian-binary data.tar.xz",
                ""},
        Archive{"zst.deb",
                {"ar", "tar", "zstd"},
                "echo 2.0 > debian-binary && tar --zstd -cf data.tar.zst -C src . && ar rc "
                "zst.deb debian-binary data.tar.zst",
                ""}),
    [](const auto& test) {
      std::string name = test.param.name;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

struct Compressor {
  const char* name; // image.gz or what it is called
  const char* program;
  const char* line; // compresses standard input
};

class QtExtractCompressedTest : public QtExtractTest,
                                public testing::WithParamInterface<Compressor> {
protected:
  void SetUp() override {
    QtExtractTest::SetUp();
    if (lacks(GetParam().program)) {
      GTEST_SKIP() << "the program " << GetParam().program << " is not installed";
    }
    make_source();
    shell(format("{} < src/boot/vmlinuz > {}", GetParam().line, GetParam().name));
  }
  std::string image() const { return path(GetParam().name); }
};

TEST_P(QtExtractCompressedTest, DecompressesWithHoles) {
  const Outcome outcome = extract({image()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string name(
      std::string_view(GetParam().name).substr(0, image().rfind('.') - path("").size()));
  EXPECT_EQ(outcome.out, work(name) + "\n");
  EXPECT_TRUE(read_file(work(name)) == read_file(path("src/boot/vmlinuz")));
  struct stat status;
  ASSERT_EQ(::stat(work(name).c_str(), &status), 0);
  EXPECT_LT(status.st_blocks * 512, status.st_size - 200000) << "the zeros should be a hole";
  EXPECT_EQ(status.st_mode & 0600, 0600u);
}

TEST_P(QtExtractCompressedTest, TellsByContentAndNamesADigestByItself) {
  const std::string digest(64, 'd');
  shell(format("cp {} {}", GetParam().name, digest));
  const Outcome outcome = extract({path(digest)});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, work(digest) + "\n");
  EXPECT_TRUE(read_file(work(digest)) == read_file(path("src/boot/vmlinuz")));
}

TEST_P(QtExtractCompressedTest, JoinsStreams) {
  shell(format("cat {0} {0} > twice", GetParam().name));
  const Outcome outcome = extract({"--output", "twice", path("twice")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string once = read_file(path("src/boot/vmlinuz"));
  EXPECT_TRUE(read_file(work("twice")) == once + once);
}

TEST_P(QtExtractCompressedTest, AcceptsPaddingButNothingElseBehind) {
  const std::string bytes = read_file(image());
  write_file(path("padded"), bytes + std::string(512, '\0'));
  EXPECT_EQ(extract({path("padded")}).code, 0);
  write_file(path("trailing"), bytes + "something that is none of it");
  const Outcome outcome = extract({path("trailing")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("followed by something else"));
  EXPECT_FALSE(exists(work("trailing")));
}

TEST_P(QtExtractCompressedTest, RefusesTruncatedAndDamaged) {
  const std::string bytes = read_file(image());
  for (const std::size_t length : {bytes.size() - 1, bytes.size() / 2, std::size_t{20}}) {
    write_file(path("short"), bytes.substr(0, length));
    const Outcome outcome = extract({path("short")});
    EXPECT_EQ(outcome.code, 1) << length;
    EXPECT_THAT(outcome.err, HasSubstr(path("short"))) << length;
  }
  std::string damaged = bytes;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x10);
  write_file(path("damaged"), damaged);
  EXPECT_EQ(extract({path("damaged")}).code, 1);
  EXPECT_EQ(left_behind(), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Formats, QtExtractCompressedTest,
                         testing::Values(Compressor{"image.gz", "gzip", "gzip -c"},
                                         Compressor{"image.xz", "xz", "xz -c"},
                                         Compressor{"blocks.xz", "xz", "xz -c --block-size=262144"},
                                         Compressor{"image.zst", "zstd", "zstd -q -c"},
                                         Compressor{"long.zst", "zstd",
                                                    "zstd -q -c --ultra --long=31 -1"},
                                         Compressor{"image.bz2", "bzip2", "bzip2 -c"}),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_F(QtExtractTest, HandsAPlainFileOnByLink) {
  write_file(path("firmware.bin"), "code");
  const Outcome outcome = extract({path("firmware.bin")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, work("firmware.bin") + "\n");
  struct stat link;
  ASSERT_EQ(::lstat(work("firmware.bin").c_str(), &link), 0);
  EXPECT_TRUE(S_ISLNK(link.st_mode));
  EXPECT_EQ(read_file(work("firmware.bin")), "code");
}

TEST_F(QtExtractTest, CopiesForWriting) {
  write_file(path("disk"), "code" + std::string(1 << 20, '\0') + "end");
  shell("chmod 0440 disk && cp --sparse=always disk sparse && chmod 0440 sparse");
  ASSERT_EQ(extract({"--writable", path("sparse")}).code, 0);
  struct stat copy;
  ASSERT_EQ(::lstat(work("sparse").c_str(), &copy), 0);
  EXPECT_TRUE(S_ISREG(copy.st_mode));
  EXPECT_EQ(copy.st_mode & 0600, 0600u);
  EXPECT_LT(copy.st_blocks * 512, copy.st_size / 2);
  EXPECT_TRUE(read_file(work("sparse")) == read_file(path("disk")));
}

TEST_F(QtExtractTest, GrowsButNeverCuts) {
  write_file(path("card"), std::string(5000, 'x'));
  ASSERT_EQ(extract({"--resize", "pow2", path("card")}).code, 0);
  EXPECT_TRUE(read_file(work("card")) == std::string(5000, 'x') + std::string(3192, '\0'));
  ASSERT_EQ(extract({"--resize", "1M", path("card")}).code, 0);
  struct stat status;
  ASSERT_EQ(::stat(work("card").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 1 << 20);
  EXPECT_LT(status.st_blocks * 512, 1 << 16);
  const Outcome outcome = extract({"--resize", "4K", path("card")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, testing::AllOf(HasSubstr("5000"), HasSubstr("4096")));
  EXPECT_EQ(extract({"--resize", "big", path("card")}).code, 2);
}

TEST_F(QtExtractTest, ReadsThePathFromStandardInput) {
  write_file(path("file"), "x");
  Outcome outcome = run({"sh", "-c", "echo " + path("file") + " | " + program()});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, work("file") + "\n");
  outcome = run({"sh", "-c", "printf '' | " + program()});
  EXPECT_EQ(outcome.code, 99);
  EXPECT_THAT(outcome.err, HasSubstr("no path"));
}

TEST_F(QtExtractTest, TakesAFolderOfAnArchive) {
  write_file(
      path("t"),
      TarMaker().add("./top/", '5').file("./top/sub/one", "1").file("./other/two", "2").bytes());
  const Outcome outcome = extract({"--directory", "--member", "top", path("t")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, work("top") + "\n");
  EXPECT_EQ(left_behind(), (std::vector<std::string>{"./top", "./top/sub", "./top/sub/one"}));
}

TEST_F(QtExtractTest, ListsMembers) {
  write_file(path("t"), TarMaker()
                            .add("d/", '5')
                            .file("d/one", "12345")
                            .add("l", '2', "d/one")
                            .add("dev/null", '3')
                            .file("odd\x1b[31m", "")
                            .bytes());
  const Outcome outcome = extract({"--list", path("t")});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "folder\t0\td/\n"
                         "file\t5\td/one\n"
                         "symlink\t0\tl -> d/one\n"
                         "device\t0\tdev/null\n"
                         "file\t0\todd\\e[31m\n");
  write_file(path("text"), "no archive at all");
  EXPECT_EQ(extract({"--list", path("text")}).code, 1);
}

TEST_F(QtExtractTest, DoesNotReplaceAFullFolderOrItsSource) {
  write_file(path("t"), TarMaker().file("one", "1").bytes());
  make_directories(work("full"));
  write_file(work("full/mine"), "mine");
  const Outcome outcome = extract({"--directory", "--output", "full", path("t")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("there already"));
  EXPECT_EQ(left_behind(), (std::vector<std::string>{"./full", "./full/mine"}));

  write_file(work("raw"), "raw");
  EXPECT_EQ(extract({"raw"}).code, 2);
  EXPECT_EQ(read_file(work("raw")), "raw");
}

TEST_F(QtExtractTest, RefusesNamesThatLeadOut) {
  expect_refused(TarMaker().file("ok", "1").file("../outside", "x").bytes(), "../outside");
  expect_refused(TarMaker().file("a/../../outside", "x").bytes(), "a/../../outside");
  expect_refused(TarMaker().file(path("outside"), "x").bytes(), path("outside"));
  expect_refused(CpioMaker().add("../../outside", 0100644, "x").bytes(), "../../outside");
  expect_refused(make_zip("../outside", "x", 0x8cdc1683), "../outside");
}

TEST_F(QtExtractTest, RefusesNamesThatLeadOutHoweverTheyAreWritten) {
  // pax: a record before the member; GNU: a member before the member.
  expect_refused(TarMaker().add("x", 'x', "", "19 path=../outside\n").file("harmless", "x").bytes(),
                 "../outside");
  expect_refused(TarMaker()
                     .add("././@LongLink", 'L', "", std::string("../outside\0", 11))
                     .file("harmless", "x")
                     .bytes(),
                 "../outside");
  if (!lacks("ar")) {
    write_file(path("data.tar"), TarMaker().file("./../outside", "x").bytes());
    shell("echo 2.0 > debian-binary && ar rc evil.deb debian-binary data.tar");
    expect_refused(read_file(path("evil.deb")), "./../outside");
  }
  if (!lacks("genisoimage")) {
    make_directories(path("src"));
    write_file(path("src/..Xoutside"), "x");
    shell("genisoimage -quiet -R -o evil.iso src");
    std::string image = read_file(path("evil.iso"));
    for (std::size_t at = 0; (at = image.find("..Xoutside", at)) != std::string::npos;) {
      image[at + 2] = '/';
    }
    expect_refused(image, "../outside");
  }
}

TEST_F(QtExtractTest, FailsForDataThatAsksForAllMemory) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer needs more address space than is left here";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "the sanitizer needs more address space than is left here";
#endif
#endif
  // A cpio member whose name has 4 GiB; a Zstandard frame with a window of 2 GiB.
  write_file(path("cpio"), "070701" +
                               format("{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}"
                                      "{:08x}{:08x}{:08x}{:08x}",
                                      1, 0100644, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xfffffff0U, 0) +
                               "name");
  write_file(path("zst"), std::string("\x28\xb5\x2f\xfd\0\xa8\1\0\0", 9));
  for (const std::string& arguments : {"--directory -o tree " + path("cpio"),
                                       "--member x " + path("cpio"), "-o out " + path("zst")}) {
    const Outcome outcome =
        run({"sh", "-c", "ulimit -v 400000; exec " + program() + " " + arguments});
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("asks for more memory"));
  }
  EXPECT_EQ(left_behind(), std::vector<std::string>());
}

TEST_F(QtExtractTest, RefusesLinksThatLeadOut) {
  expect_refused(TarMaker().add("l", '2', "../outside").bytes(), "l");
  expect_refused(TarMaker().add("l", '2', "/etc/passwd").bytes(), "l");
  expect_refused(TarMaker().add("h", '1', "../outside").bytes(), "h");
  expect_refused(TarMaker().add("h", '1', path("outside")).bytes(), "h");
  expect_refused(TarMaker().add("h", '1', "nothing").bytes(), "h");
  expect_refused(CpioMaker().add("l", 0120777, "../../outside").bytes(), "l");
}

TEST_F(QtExtractTest, RefusesWaysThroughLinks) {
  // The name is harmless, the link before it is not.
  expect_refused(TarMaker().add("d", '2', "..").file("d/outside", "x").bytes(), "d");
  // By the text of its target the link stays inside; by the link on its way it does not.
  expect_refused(
      TarMaker().add("a/", '5').add("a/up", '2', "..").add("out", '2', "a/up/../outside").bytes(),
      "out");
  // What it leads over is put there afterwards.
  expect_refused(TarMaker().add("out", '2', "a/b/../../../work/x").bytes(), "out");
  expect_refused(
      TarMaker().add("a/", '5').add("out", '2', "a/b/../../x").add("a/b", '2', ".").bytes(), "out");
  expect_refused(TarMaker().add("l", '2', "l").bytes(), "l");
}

TEST_F(QtExtractTest, FollowsLinksThatStayInside) {
  write_file(path("t"), TarMaker()
                            .add("usr/lib/", '5')
                            .add("lib", '2', "usr/lib")
                            .file("lib/x", "1")
                            .add("y", '1', "lib/x")
                            .bytes());
  const Outcome outcome = extract({"--directory", "--output", "tree", path("t")});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read_file(work("tree/usr/lib/x")), "1");
  EXPECT_EQ(read_file(work("tree/y")), "1");
}

TEST_F(QtExtractTest, LeavesOutDevicesAndSaysSo) {
  write_file(path("initrd"), CpioMaker()
                                 .add("dev/console", 0020600, "")
                                 .add("dev/log", 0140777, "")
                                 .add("init", 0100755, "#!")
                                 .bytes());
  Outcome outcome = extract({"--directory", "--output", "tree", path("initrd")});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, testing::AllOf(HasSubstr("left out 2"), HasSubstr("dev/console"),
                                          HasSubstr("--skip")));
  EXPECT_EQ(left_behind(), (std::vector<std::string>{"./tree", "./tree/init"}));
  outcome = extract({"--directory", "--skip-devices", "--output", "quiet", path("initrd")});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  outcome = extract({"--member", "dev/console", path("initrd")});
  EXPECT_EQ(outcome.code, 1) << "what is asked for by name must be a file";
  EXPECT_THAT(outcome.err, HasSubstr("it is a device"));
}

// Files and trees that are right already; inode and mtime show whether they were made anew.
class QtExtractAgainTest : public QtExtractTest {
protected:
  void SetUp() override {
    QtExtractTest::SetUp();
    write_file(path("t"), TarMaker().file("a", "aaaa").file("d/b", "bbbb").bytes());
    write_file(path("probe"), "");
    const UniqueFd fd = open_file(path("probe"), O_WRONLY);
    if (::fsetxattr(fd.get(), "user.probe", "x", 1, 0) < 0) {
      GTEST_SKIP() << "this file system has no user attributes";
    }
  }
  ino_t inode(const std::string& name) const {
    struct stat status = {};
    ::lstat(work(name).c_str(), &status);
    return status.st_ino;
  }
  // The inode number of a file that is removed may be used again: the old file stays open.
  UniqueFd hold(const std::string& name) const { return open_file(work(name), O_RDONLY); }
};

TEST_F(QtExtractAgainTest, LeavesARightFileAloneAndRemakesAChangedOne) {
  const std::vector<std::string> options = {"--member", "a", "--resize", "8", path("t")};
  ASSERT_EQ(extract(options).code, 0);
  const UniqueFd first = hold("a");
  const ino_t number = inode("a");
  Outcome outcome = extract(options);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, work("a") + "\n");
  EXPECT_EQ(inode("a"), number);
  // Of the same size, at once.
  {
    const UniqueFd fd = open_file(work("a"), O_WRONLY);
    write_all(fd.get(), "x", "a");
  }
  EXPECT_EQ(extract(options).code, 0);
  EXPECT_NE(inode("a"), number);
  EXPECT_EQ(read_file(work("a")), std::string("aaaa\0\0\0\0", 8));
  // Something else is asked for under the same name.
  EXPECT_EQ(extract({"--member", "d/b", "--output", "a", path("t")}).code, 0);
  EXPECT_EQ(read_file(work("a")), "bbbb");
  // Another source.
  write_file(path("t"), TarMaker().file("a", "AAAA").file("d/b", "BBBB").bytes());
  EXPECT_EQ(extract({"--member", "d/b", "--output", "a", path("t")}).code, 0);
  EXPECT_EQ(read_file(work("a")), "BBBB");
  // Its owner cannot write it.
  ASSERT_EQ(::chmod(work("a").c_str(), 0444), 0);
  EXPECT_EQ(extract({"--member", "d/b", "--output", "a", path("t")}).code, 0);
  struct stat status;
  ASSERT_EQ(::stat(work("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0600, 0600u);
}

TEST_F(QtExtractAgainTest, MakesOnlyThoseMembersThatAreNotRight) {
  const std::vector<std::string> options = {"--member", "a", "--member", "d/b", path("t")};
  ASSERT_EQ(extract(options).code, 0);
  const ino_t number = inode("a");
  const UniqueFd first = hold("a");
  ASSERT_EQ(::unlink(work("b").c_str()), 0);
  EXPECT_EQ(extract(options).code, 0);
  EXPECT_EQ(inode("a"), number);
  EXPECT_EQ(read_file(work("b")), "bbbb");
}

TEST_F(QtExtractAgainTest, LeavesARightTreeAloneAndSeesWhatChangedInOne) {
  const std::vector<std::string> options = {"--directory", "--output", "tree", path("t")};
  ASSERT_EQ(extract(options).code, 0);
  const ino_t number = inode("tree");
  EXPECT_EQ(extract(options).code, 0);
  EXPECT_EQ(inode("tree"), number);
  // A changed tree may be somebody's work: it is not thrown away.
  {
    const UniqueFd fd = open_file(work("tree/d/b"), O_WRONLY);
    write_all(fd.get(), "x", "b");
  }
  const Outcome outcome = extract(options);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("there already"));
  EXPECT_EQ(read_file(work("tree/d/b")), "xbbb");
}

TEST_F(QtExtractAgainTest, LeavesARightCopyAndLinkAlone) {
  ASSERT_EQ(extract({"--writable", path("t")}).code, 0);
  const ino_t number = inode("t");
  EXPECT_EQ(extract({"--writable", path("t")}).code, 0);
  EXPECT_EQ(inode("t"), number);
  ASSERT_EQ(extract({"--output", "link", path("t")}).code, 0);
  const ino_t link = inode("link");
  EXPECT_EQ(extract({"--output", "link", path("t")}).code, 0);
  EXPECT_EQ(inode("link"), link);
}

TEST_F(QtExtractTest, FindsTheContentOfHardLinksInCpio) {
  // GNU cpio writes the content with the last name only.
  write_file(path("c"), CpioMaker()
                            .add("first", 0100644, "", 7, 2)
                            .add("second", 0100644, "content", 7, 2)
                            .add("empty", 0100644, "", 8, 1)
                            .bytes());
  ASSERT_EQ(extract({"--member", "first", path("c")}).code, 0);
  EXPECT_EQ(read_file(work("first")), "content");
  ASSERT_EQ(extract({"--member", "second", "--member", "empty", path("c")}).code, 0);
  EXPECT_EQ(read_file(work("second")), "content");
  EXPECT_EQ(read_file(work("empty")), "");
  ASSERT_EQ(extract({"--directory", "--output", "tree", path("c")}).code, 0);
  EXPECT_EQ(read_file(work("tree/first")), "content");
}

TEST_F(QtExtractTest, TakesNoWarningForSuccess) {
  // A pax record whose name is not UTF-8: libarchive warns and goes on with some name.
  write_file(
      path("t"),
      TarMaker().add("x", 'x', "", "10 path=\xff\n").file("one", "1").file("two", "2").bytes());
  const Outcome outcome = extract({"--directory", "--output", "tree", path("t")});
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_EQ(left_behind(), std::vector<std::string>());
  EXPECT_EQ(extract({"--member", "two", path("t")}).code, 0) << "that member is as it should be";
}

TEST_F(QtExtractTest, RefusesATarWithoutItsEnd) {
  write_file(path("t"), TarMaker().file("one", "1").without_end());
  EXPECT_EQ(extract({"--member", "one", path("t")}).code, 0) << "what was asked for is there";
  EXPECT_EQ(extract({"--directory", "--output", "tree", path("t")}).code, 1);
  EXPECT_EQ(extract({"--member", "two", path("t")}).code, 1);
}

TEST_F(QtExtractTest, StopsReadingAtTheEndOfTheMember) {
  if (lacks("gzip")) {
    GTEST_SKIP() << "the program gzip is not installed";
  }
  // All behind the member is damaged: only who reads on finds out.
  write_file(path("t"),
             TarMaker().file("one", "1").file("big", std::string(40 << 20, 'b')).bytes());
  shell("gzip -k t");
  const std::string bytes = read_file(path("t.gz"));
  write_file(path("t.gz"), bytes.substr(0, bytes.size() - 100));
  EXPECT_EQ(extract({"--member", "one", path("t.gz")}).code, 0);
  EXPECT_EQ(extract({"--member", "big", path("t.gz")}).code, 1);
  EXPECT_FALSE(exists(work("big")));
}

TEST_F(QtExtractTest, NamesTheMemberThatDiffersInCase) {
  if (lacks("genisoimage")) {
    GTEST_SKIP() << "the program genisoimage is not installed";
  }
  make_source();
  shell("rm src/boot/link && genisoimage -quiet -o plain.iso src 2>&1");
  const Outcome outcome = extract({"--member", "boot/vmlinuz", path("plain.iso")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean 'BOOT/VMLINUZ'"));
  EXPECT_EQ(extract({"--member", "BOOT/VMLINUZ", path("plain.iso")}).code, 0);
  EXPECT_TRUE(read_file(work("VMLINUZ")) == read_file(path("src/boot/vmlinuz")));
}

TEST_F(QtExtractTest, GoesStraightToTheMemberOfAZip) {
  if (lacks("zip")) {
    GTEST_SKIP() << "the program zip is not installed";
  }
  make_source();
  shell("cd src && zip -qX ../t.zip a run boot/vmlinuz && zip -qyX ../t.zip boot/link");
  // The local header of the second member: who looks at each member on the way fails.
  std::string bytes = read_file(path("t.zip"));
  const std::size_t second = bytes.find("PK\x03\x04", 4);
  ASSERT_NE(second, std::string::npos);
  bytes[second] = 'X';
  write_file(path("t.zip"), bytes);
  EXPECT_EQ(extract({"--member", "run", path("t.zip")}).code, 1);
  const Outcome outcome = extract({"--member", "boot/link", "--member", "a", path("t.zip")});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(read_file(work("link")) == read_file(path("src/boot/vmlinuz")));
  EXPECT_EQ(read_file(work("a")), "small\n");
}

TEST_F(QtExtractTest, RefusesBombs) {
  if (lacks("gzip")) {
    GTEST_SKIP() << "the program gzip is not installed";
  }
  shell("truncate -s 8M zeros && gzip zeros");
  const Outcome outcome = extract({"--max-size", "4M", path("zeros.gz")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("--max-size"));
  EXPECT_EQ(extract({"--max-size", "8M", path("zeros.gz")}).code, 0);
  // All members of an archive together, and one that is told from its header.
  const std::string mebibyte(1 << 20, 'b');
  write_file(path("t"), TarMaker().file("one", mebibyte).file("two", mebibyte).bytes());
  EXPECT_EQ(extract({"--max-size", "1500K", "--directory", "-o", "tree", path("t")}).code, 1);
  EXPECT_EQ(extract({"--max-size", "1500K", "--member", "one", "--member", "two", path("t")}).code,
            1);
  EXPECT_EQ(extract({"--max-size", "2M", "--directory", "-o", "tree", path("t")}).code, 0);
}

TEST_F(QtExtractTest, RefusesABombByItself) {
  if (lacks("zstd")) {
    GTEST_SKIP() << "the program zstd is not installed";
  }
  shell("head -c 1100M /dev/zero | zstd -q > bomb.zst");
  const Outcome outcome = extract({path("bomb.zst")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("larger than 1073741824 bytes"));
  EXPECT_EQ(left_behind(), std::vector<std::string>());
}

TEST_F(QtExtractTest, DecodesAheadOfWriting) {
  if (lacks("gzip")) {
    GTEST_SKIP() << "the program gzip is not installed";
  }
  std::string text;
  for (int i = 0; i < 1000000; ++i) {
    text += format("line {}\n", i);
  }
  write_file(path("big"), text);
  shell("gzip -1 -k big");
  EXPECT_EQ(extract({path("big.gz")}).code, 0);
  EXPECT_TRUE(read_file(work("big")) == text);
  // A failure in the middle, seen by the other thread.
  write_file(path("cut.gz"), read_file(path("big.gz")).substr(0, 1 << 21));
  EXPECT_EQ(extract({path("cut.gz")}).code, 1);
  EXPECT_FALSE(exists(work("cut")));
}

TEST_F(QtExtractTest, HoldsToTheFormatAskedFor) {
  write_file(path("t"), TarMaker().file("one", "1").bytes());
  EXPECT_EQ(extract({"--format", "zip", "--member", "one", path("t")}).code, 1);
  EXPECT_EQ(extract({"--format", "tar", "--member", "one", path("t")}).code, 0);
  EXPECT_EQ(extract({"--format", "xz", path("t")}).code, 1);
  EXPECT_EQ(extract({"--format", "rar", path("t")}).code, 2);
  write_file(path("text"), "no archive at all");
  const Outcome outcome = extract({"--member", "one", path("text")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("not an archive"));
}

TEST_F(QtExtractTest, SaysThatTheFileIsNotThere) {
  const Outcome outcome = extract({path("nothing")});
  EXPECT_EQ(outcome.code, 77);
  EXPECT_THAT(outcome.err, HasSubstr(path("nothing")));
}

TEST_F(QtExtractTest, RefusesWrongCommandLines) {
  EXPECT_EQ(extract({"one", "two"}).code, 2);
  EXPECT_EQ(extract({"--directory", "--resize", "pow2", "x"}).code, 2);
  EXPECT_EQ(extract({"--member", "../x", "x"}).code, 2);
  EXPECT_EQ(extract({"--member", "a/x", "--member", "b/x", path("x")}).code, 2);
  const Outcome outcome = extract({"--membr", "x"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("member"));
}

// A definition with a file that is made from another, and a cache for it.
class QtExtractDefinitionTest : public QtExtractTest {
protected:
  void SetUp() override {
    QtExtractTest::SetUp();
    ::setenv("QEMU_TEST_CACHE_DIR", path("cache").c_str(), 1);
    make_directories(path("cache/download"));
    write_file(path("test.toml"), format(R"(
summary = "files"
[asset.tree]
url = "https://example.invalid/tree.tar"
sha256 = "{}"
[asset.host]
path = "/nowhere/at/all"
[file.whole]
from = "tree"
directory = true
[file.inner]
from = "tree"
member = "inner.tar"
[file.disk]
from = "inner"
member = "./one"
name = "disk.img"
resize = "pow2"
writable = true
[file.config]
text = "x"
[file.firmware]
from = "host"
[test.t]
machine = "none"
exit = 0
)",
                                         digest()));
  }
  void TearDown() override { ::unsetenv("QEMU_TEST_CACHE_DIR"); }

  static std::string digest() { return std::string(64, 'd'); }
  std::string cached() const { return path("cache/download/") + digest(); }
  // What qt-fetch does after it has compared the digest.
  void put_into_cache(const std::string& bytes) const {
    write_file(cached(), bytes);
    const Cache cache(path("cache"));
    cache.record(digest(), Cache::marks(cached()).value());
  }
  Outcome prepare(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--definition", path("test.toml"), "--prepared", path("made")});
    return extract(more);
  }
};

TEST_F(QtExtractDefinitionTest, MakesFilesAndFilesFromThose) {
  const std::string inner = TarMaker().file("one", "12345").bytes();
  put_into_cache(TarMaker().file("inner.tar", inner).bytes());
  Outcome outcome = prepare();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, join(std::vector{path("made/inner"), path("made/disk.img"),
                                          path("made/whole"), std::string()},
                              "\n"));
  EXPECT_TRUE(read_file(path("made/whole/inner.tar")) == inner);
  EXPECT_EQ(read_file(path("made/disk.img")), std::string("12345\0\0\0", 8));
  EXPECT_FALSE(exists(path("made/config"))) << "texts belong to a test";
  EXPECT_FALSE(exists(path("made/firmware"))) << "the host's files change";

  outcome = prepare({"--stamp", path("stamp")}); // again, over what is there
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(exists(path("stamp")));
}

TEST_F(QtExtractDefinitionTest, LeavesOutWhatTheCacheDoesNotHave) {
  make_directories(path("made"));
  write_file(path("made/disk.img"), "of an earlier definition");
  Outcome outcome = prepare();
  EXPECT_EQ(outcome.code, 77);
  EXPECT_THAT(outcome.err, HasSubstr("asset tree"));
  EXPECT_FALSE(exists(path("made/disk.img")));
  outcome = prepare({"--stamp", path("stamp")});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_FALSE(exists(path("stamp")));
  // There, but nobody has looked whether it is what the digest says.
  write_file(cached(), "anything");
  EXPECT_EQ(prepare().code, 77);
}

TEST_F(QtExtractDefinitionTest, FailsForABadFileAndGoesOnWithTheOthers) {
  put_into_cache(TarMaker().file("other", "x").bytes());
  const Outcome outcome = prepare({"--stamp", path("stamp")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("file inner"));
  EXPECT_FALSE(exists(path("stamp")));
  EXPECT_TRUE(exists(path("made/whole/other")));
}

TEST_F(QtExtractDefinitionTest, RefusesWrongUse) {
  EXPECT_EQ(extract({"--definition", path("test.toml")}).code, 2);
  EXPECT_EQ(prepare({"file"}).code, 2);
  write_file(path("test.toml"), "[file.x]\nfrm = 'y'\n");
  EXPECT_EQ(prepare().code, 2);
}

TEST_F(QtExtractTest, SaysThatTheDiskIsFull) {
  make_directories(work("small"));
  if (::mount("none", work("small").c_str(), "tmpfs", 0, "size=64k") < 0) {
    GTEST_SKIP() << "cannot mount a small tmpfs here: " << std::strerror(errno);
  }
  write_file(path("big"), std::string(1 << 20, 'b'));
  write_file(path("t"), TarMaker().file("one", std::string(1 << 20, 'b')).bytes());
  const Outcome copied = extract({"--writable", "--output", "small/big", path("big")});
  const Outcome tree = extract({"--directory", "--output", "small/tree", path("t")});
  const std::string left = run({"find", "small", "-mindepth", "1"}).out;
  ::umount(work("small").c_str());
  EXPECT_EQ(copied.code, 99);
  EXPECT_THAT(copied.err, HasSubstr("No space left"));
  EXPECT_EQ(tree.code, 99);
  EXPECT_EQ(left, "");
}

} // namespace
