// qt-extract as a process: real archives by the programs that people use, hostile ones by hand.
#include "../support/hostile_archive.hh"
#include "base/error.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "cache/cache.hh"
#include "environment.hh"
#include "os/file.hh"
#include "os/file_lock.hh"
#include "os/process.hh"

#include <algorithm>
#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <thread>
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
        Archive{"t.tar.lzma", {"tar", "lzma"}, "tar -cf - src | lzma -c > t.tar.lzma", "src/"},
        Archive{"t.tar.lz", {"tar", "lzip"}, "tar -cf - src | lzip -c > t.tar.lz", "src/"},
        Archive{"t.tar.lz4", {"tar", "lz4"}, "tar -cf - src | lz4 -c > t.tar.lz4", "src/"},
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
  if (GetParam().program == std::string_view("lzma")) {
    GTEST_SKIP() << "a .lzma file has one stream";
  }
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
                                         Compressor{"image.bz2", "bzip2", "bzip2 -c"},
                                         Compressor{"image.lzma", "lzma", "lzma -c"},
                                         Compressor{"image.lz", "lzip", "lzip -c"},
                                         Compressor{"image.lz4", "lz4", "lz4 -c"}),
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
  Outcome outcome = run({"sh", "-c", "echo " + path("file") + " | " + shell_quote(program())});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, work("file") + "\n");
  outcome = run({"sh", "-c", "printf '' | " + shell_quote(program())});
  EXPECT_EQ(outcome.code, 2);
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
        run({"sh", "-c", "ulimit -v 400000; exec " + shell_quote(program()) + " " + arguments});
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("asks for more memory"));
  }
  EXPECT_EQ(left_behind(), std::vector<std::string>());
}

TEST_F(QtExtractTest, RefusesLinksThatLeadOut) {
  expect_refused(TarMaker().add("l", '2', "../outside").bytes(), "l");
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
  // An absolute link may be there; nothing is written by way of it.
  make_directories(path("victim"));
  for (const std::string& link : {path("victim"), std::string("/")}) {
    const std::string below = link == "/" ? path("victim").substr(1) + "/x" : "x";
    expect_refused(TarMaker().add("d", '2', link).file("d/" + below, "x").bytes(), "d/" + below);
    expect_refused(TarMaker().add("d", '2', link).add("d/" + below, '5').bytes(), "d/" + below);
    expect_refused(TarMaker().add("d", '2', link).add("d/" + below, '2', "y").bytes(),
                   "d/" + below);
    expect_refused(
        TarMaker().file("f", "f").add("d", '2', link).add("d/" + below, '1', "f").bytes(),
        "d/" + below);
    expect_refused(CpioMaker().add("d", 0120777, link).add("d/" + below, 0100644, "x").bytes(),
                   "d/" + below);
    // In two parts, and by way of a link that itself looks harmless.
    expect_refused(CpioMaker().add("d", 0120777, link).bytes() +
                       CpioMaker().add("d/" + below, 0100644, "x").bytes(),
                   "d/" + below);
    expect_refused(
        TarMaker().add("d", '2', link).add("e", '2', "d").file("e/" + below, "x").bytes(),
        "e/" + below);
  }
  EXPECT_EQ(::rmdir(path("victim").c_str()), 0) << "nothing should have been made in it";
  // A hard link to what an absolute link leads to, and a file in the place of such a link.
  expect_refused(TarMaker().add("d", '2', path("")).add("h", '1', "d/outside").bytes(), "h");
  write_file(path("evil"),
             TarMaker().add("l", '2', path("outside")).file("l", "in its place").bytes());
  EXPECT_EQ(extract({"--directory", "--output", "tree", path("evil")}).code, 0);
  EXPECT_EQ(read_file(work("tree/l")), "in its place");
  EXPECT_EQ(read_file(path("outside")), "untouched");
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

TEST_F(QtExtractTest, MakesAbsoluteLinksOfARootFileSystem) {
  make_directories(path("src/usr/bin"));
  make_directories(path("src/usr/lib/x86_64"));
  make_directories(path("src/etc/alternatives"));
  write_file(path("src/usr/bin/busybox"), "busybox");
  write_file(path("src/usr/lib/x86_64/libc.so.6"), "libc");
  shell("cd src && ln -s usr/bin bin && ln -s /usr/lib lib && ln -s /bin/busybox usr/bin/sh && "
        "ln -s /etc/alternatives/vi usr/bin/vi && ln -s /usr/bin/sh etc/alternatives/vi && "
        "ln -s /proc/self/mounts etc/mtab && ln -s ../../../../usr/bin/sh usr/bin/deep");
  for (const char* line : {"tar -cf t -C src .", "tar -czf t -C src .",
                           "cd src && find . | cpio --quiet -o -H newc >../t",
                           "cd src && find . | cpio --quiet -o -H newc | gzip >../t"}) {
    shell(line);
    for (const char* member :
         {"bin/sh", "/bin/sh", "usr/bin/sh", "usr/bin/vi", "bin/vi", "./bin/busybox", "bin/deep"}) {
      const Outcome outcome = extract({"--member", member, "--output", "one", path("t")});
      EXPECT_EQ(outcome.code, 0) << line << ": " << outcome.err;
      EXPECT_EQ(read_file(work("one")), "busybox") << line << ": " << member;
    }
    EXPECT_EQ(extract({"--member", "lib/x86_64/libc.so.6", "--output", "one", path("t")}).code, 0);
    EXPECT_EQ(read_file(work("one")), "libc");
    EXPECT_EQ(
        extract({"--directory", "--member", "lib/x86_64", "--output", "part", path("t")}).code, 0);
    EXPECT_EQ(read_file(work("part/libc.so.6")), "libc");
    remove_tree(work("part"));
    // What is nowhere in the archive is not looked for on this host.
    const Outcome missing = extract({"--member", "etc/mtab", path("t")});
    EXPECT_EQ(missing.code, 1);
    EXPECT_THAT(missing.err, HasSubstr("'proc/self/mounts'"));
    remove_tree(path("src/usr/bin/deep"));
    shell(line);
    const Outcome tree = extract({"--directory", "--output", "tree", path("t")});
    ASSERT_EQ(tree.code, 0) << line << ": " << tree.err;
    shell("diff -r --no-dereference src work/tree");
    remove_tree(work("tree"));
    shell("ln -s ../../../../usr/bin/sh src/usr/bin/deep");
  }
}

// The links of the distribution that this runs on, as it has them.
TEST_F(QtExtractTest, UnpacksWhatARealDistributionHas) {
  if (lacks("tar")) {
    GTEST_SKIP() << "the program tar is not installed";
  }
  shell("find /bin /sbin /lib /lib64 /usr/lib/os-release /var/run /var/lock /etc/alternatives "
        "/etc/localtime /etc/mtab /etc/os-release /etc/hostname /usr/bin -maxdepth 1 "
        "'(' -type l -o -size -64k -type f ')' 2>/dev/null >names || true");
  shell("tar --no-recursion --ignore-failed-read -czf t -T names 2>/dev/null");
  make_directories(path("theirs"));
  shell("tar -xzf t -C theirs --no-same-owner");
  const Outcome tree = extract({"--directory", "--output", "tree", path("t")});
  ASSERT_EQ(tree.code, 0) << tree.err;
  shell("diff -r --no-dereference theirs work/tree");
  if (exists("/usr/lib/os-release") && exists("/etc/os-release")) {
    ASSERT_EQ(extract({"--member", "/etc/os-release", "--output", "os", path("t")}).code, 0);
    EXPECT_EQ(read_file(work("os")), read_file("/etc/os-release"));
  }
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

// An initramfs as boot loaders and distributions put it together: microcode as it is, zeros, the
// system, compressed in one way or another.
class QtExtractInitramfsTest : public QtExtractTest,
                               public testing::WithParamInterface<Compressor> {
protected:
  void SetUp() override {
    QtExtractTest::SetUp();
    for (const std::string& name : {std::string("cpio"), std::string(GetParam().program)}) {
      if (lacks(name)) {
        GTEST_SKIP() << "the program " << name << " is not installed";
      }
    }
    make_directories(path("early/kernel/x86"));
    make_directories(path("main/bin"));
    write_file(path("early/kernel/x86/microcode"), "microcode");
    write_file(path("early/both"), "early");
    write_file(path("main/bin/busybox"), std::string(300000, 'b') + "usybox");
    write_file(path("main/both"), "main");
    shell("ln -s /bin/busybox main/init && ln main/bin/busybox main/bin/again");
    shell("cd early && find . | cpio --quiet -o -H newc >../early.cpio");
    shell("cd main && find . | cpio --quiet -o -H newc >../main.cpio");
    shell(
        format("{} <main.cpio >packed 2>errors || {{ cat errors >&2; false; }}", GetParam().line));
  }
  void expect_both_in(const std::string& archive) const {
    const Outcome list = extract({"--list", path(archive)});
    EXPECT_EQ(list.code, 0) << list.err;
    EXPECT_THAT(list.out,
                testing::AllOf(HasSubstr("kernel/x86/microcode\n"),
                               HasSubstr("init -> /bin/busybox\n"),
                               HasSubstr("\t5\tboth\treplaced\n"), HasSubstr("\t4\tboth\n")));
    const Outcome members =
        extract({"--member", "both", "--member", "init", "--member", "kernel/x86/microcode",
                 "--member", "bin/again", "--output", "some", path(archive)});
    EXPECT_EQ(members.code, 0) << members.err;
    EXPECT_EQ(read_file(work("some/both")), "main");
    EXPECT_EQ(read_file(work("some/microcode")), "microcode");
    EXPECT_TRUE(read_file(work("some/init")) == read_file(path("main/bin/busybox")));
    EXPECT_TRUE(read_file(work("some/again")) == read_file(path("main/bin/busybox")));
    const Outcome first =
        extract({"--first", "--member", "both", "--output", "first", path(archive)});
    EXPECT_EQ(first.code, 0) << first.err;
    EXPECT_EQ(read_file(work("first")), "early");
    const Outcome tree = extract({"--directory", "--output", "tree", path(archive)});
    EXPECT_EQ(tree.code, 0) << tree.err;
    EXPECT_EQ(read_file(work("tree/both")), "main");
    EXPECT_EQ(read_file(work("tree/kernel/x86/microcode")), "microcode");
    EXPECT_TRUE(read_file(work("tree/bin/again")) == read_file(path("main/bin/busybox")));
    remove_tree(work("tree"));
  }
};

TEST_P(QtExtractInitramfsTest, IsReadWhole) {
  shell("cat early.cpio packed >plain && { cat early.cpio; head -c 512 /dev/zero; cat packed; } "
        ">padded && { cat early.cpio packed; head -c 1024 /dev/zero; } >tail");
  for (const char* archive : {"plain", "padded", "tail"}) {
    SCOPED_TRACE(archive);
    expect_both_in(archive);
  }
}

TEST_P(QtExtractInitramfsTest, IsReadWholeWhenThePartsAreCompressedEachInItsWay) {
  shell("{ gzip -c early.cpio; cat packed; } >gz_first && "
        "{ head -c 4096 /dev/zero | cat early.cpio -; cat main.cpio; } >twice && "
        "{ gzip -c twice; } >inside && "
        "{ xz -c early.cpio; head -c 8 /dev/zero; cat packed; } >xz_first");
  for (const char* archive : {"gz_first", "inside", "xz_first"}) {
    SCOPED_TRACE(archive);
    expect_both_in(archive);
  }
}

// The kernel reads past zeros wherever it looks for the next part.
TEST_P(QtExtractInitramfsTest, IsReadWholeAfterZeros) {
  for (const char* const zeros : {"1", "512", "20000"}) {
    if (GetParam().line == std::string("cat") && zeros == std::string("1")) {
      continue; // what is not compressed begins at each fourth byte
    }
    SCOPED_TRACE(zeros);
    shell(format("{{ head -c {} /dev/zero; {} <early.cpio; head -c 4 /dev/zero; cat main.cpio; }} "
                 ">padded",
                 zeros, GetParam().line));
    expect_both_in("padded");
    shell("rm -r " + work("some") + " " + work("first"));
  }
  shell(format("{{ head -c 512 /dev/zero; echo text | {}; }} >disk", GetParam().line));
  EXPECT_EQ(extract({"--list", path("disk")}).code, 1);
  const Outcome whole = extract({"--writable", "--output", "copy", path("disk")});
  EXPECT_EQ(whole.code, 0) << whole.err;
  EXPECT_TRUE(read_file(work("copy")) == read_file(path("disk"))) << "a disk may begin like that";
}

TEST_P(QtExtractInitramfsTest, IsNotReadWithSomethingElseInIt) {
  shell("{ cat early.cpio packed; echo something else; } >after && "
        "{ cat early.cpio; echo something else; cat packed; } >between && "
        "{ cat early.cpio; head -c 200 packed; } >short");
  for (const char* archive : {"after", "between", "short"}) {
    SCOPED_TRACE(archive);
    EXPECT_EQ(extract({"--list", path(archive)}).code, 1);
    EXPECT_EQ(extract({"--member", "both", path(archive)}).code, 1);
    EXPECT_EQ(extract({"--directory", "--output", "tree", path(archive)}).code, 1);
    EXPECT_EQ(left_behind(), std::vector<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Compressions, QtExtractInitramfsTest,
    testing::Values(Compressor{"none", "cat", "cat"}, Compressor{"gz", "gzip", "gzip -c"},
                    Compressor{"xz", "xz", "xz -c --check=crc32"},
                    Compressor{"zst", "zstd", "zstd -q -c"}, Compressor{"bz2", "bzip2", "bzip2 -c"},
                    Compressor{"lzma", "lzma", "lzma -c"}, Compressor{"lzip", "lzip", "lzip -c"},
                    Compressor{"lz4", "lz4", "lz4 -c"},
                    Compressor{"lz4_of_the_kernel", "lz4", "lz4 -c -l"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(QtExtractTest, TheLastMemberOfANameCounts) {
  const std::vector<std::string> archives = {
      TarMaker().file("a", "old and longer").file("b", "b").file("./a", "new").bytes(),
      CpioMaker().add("a", 0100644, "old").add("b", 0100644, "b").add("a", 0100644, "new").bytes(),
      ZipMaker()
          .add("a", "old", 0x3f5dd4e5)
          .add("b", "b", 0x71beeff9)
          .add("a", "new", 0x6be34445)
          .bytes(),
      TarMaker().add("a", '2', "b").file("b", "b").file("a", "new").bytes(),
      TarMaker().add("a", '5').file("b", "b").file("a", "new").bytes(),
      TarMaker().add("a", '3').file("b", "b").file("a", "new").bytes(),
      // By way of a link that stands before it.
      TarMaker()
          .file("usr/a", "old")
          .add("l", '2', "usr")
          .file("l/a", "new")
          .add("a", '1', "usr/a")
          .file("b", "b")
          .bytes(),
  };
  for (const std::string& bytes : archives) {
    write_file(path("t"), bytes);
    shell("gzip -c t >t.gz");
    for (const std::string& archive : {path("t"), path("t.gz")}) {
      SCOPED_TRACE(format("archive {} {}", &bytes - archives.data(), archive));
      const Outcome member = extract({"--member", "a", "--output", "a", archive});
      EXPECT_EQ(member.code, 0) << member.err;
      EXPECT_EQ(read_file(work("a")), "new");
      const Outcome both = extract({"--member", "b", "--member", "a", "--output", "some", archive});
      EXPECT_EQ(both.code, 0) << both.err;
      EXPECT_EQ(read_file(work("some/a")), "new");
      const Outcome tree = extract({"--directory", "--output", "tree", archive});
      EXPECT_EQ(tree.code, 0) << tree.err;
      EXPECT_EQ(read_file(work("tree/a")), "new");
      remove_tree(work("tree"));
      const Outcome list = extract({"--list", archive});
      EXPECT_EQ(list.code, 0) << list.err;
      EXPECT_EQ(std::count(list.out.begin(), list.out.end(), '\n'),
                static_cast<long>(3 + (&bytes == &archives.back() ? 2 : 0)));
      EXPECT_THAT(list.out, HasSubstr("\treplaced\n"));
    }
  }
  // The last is no file: then there is none.
  write_file(path("t"), TarMaker().file("a", "old").add("a", '3').bytes());
  EXPECT_EQ(extract({"--member", "a", "--output", "b", path("t")}).code, 1);
  EXPECT_FALSE(exists(work("b")));
  EXPECT_EQ(extract({"--directory", "--output", "tree", path("t")}).code, 0);
  EXPECT_FALSE(exists(work("tree/a")));
  EXPECT_EQ(extract({"--first", "--member", "a", "--output", "b", path("t")}).code, 0);
  EXPECT_EQ(read_file(work("b")), "old");
}

TEST_F(QtExtractTest, TheFirstMemberOfANameIsToBeHadEverywhere) {
  const std::vector<std::string> archives = {
      TarMaker().file("a", "old").file("b", "b").file("./a", "new").bytes(),
      CpioMaker().add("a", 0100644, "old").add("b", 0100644, "b").add("a", 0100644, "new").bytes(),
      ZipMaker()
          .add("a", "old", 0x3f5dd4e5)
          .add("b", "b", 0x71beeff9)
          .add("a", "new", 0x6be34445)
          .bytes(),
  };
  for (const std::string& bytes : archives) {
    SCOPED_TRACE(&bytes - archives.data());
    write_file(path("t"), bytes);
    const Outcome first = extract({"--first", "--member", "a", "--output", "a", path("t")});
    EXPECT_EQ(first.code, 0) << first.err;
    EXPECT_EQ(read_file(work("a")), "old");
  }
}

// What it takes to follow a name of 20,000 folders is not spent.
TEST_F(QtExtractTest, ANameLongerThanAPathIsRefused) {
  std::string name;
  for (int i = 0; i < 20'000; ++i) {
    name += "d/";
  }
  write_file(path("t"), CpioMaker().add(name + "f", 0100644, "x").bytes());
  const Outcome outcome = extract({"--directory", "--output", "tree", path("t")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("its name has 40001 bytes, more than a path can have"));
  EXPECT_LT(outcome.err.size(), 1000U);
  EXPECT_EQ(left_behind(), std::vector<std::string>());
}

// As in a cpio archive of "find /", which the kernel takes. A tree of it is not made.
TEST_F(QtExtractTest, AMemberWithAnAbsoluteNameIsToBeHad) {
  for (const std::string& bytes :
       {TarMaker().file("/sbin/init", "init").add("/l", '2', "/sbin/init").bytes(),
        CpioMaker().add("/sbin/init", 0100644, "init").add("/l", 0120777, "sbin/init").bytes()}) {
    write_file(path("t"), bytes);
    for (const char* name : {"sbin/init", "/sbin/init", "/l"}) {
      const Outcome outcome = extract({"--member", name, "--output", "init", path("t")});
      EXPECT_EQ(outcome.code, 0) << outcome.err;
      EXPECT_EQ(read_file(work("init")), "init");
      ::unlink(work("init").c_str());
    }
    EXPECT_EQ(extract({"--directory", "--output", "tree", path("t")}).code, 1);
    EXPECT_EQ(left_behind(), std::vector<std::string>());
  }
}

TEST_F(QtExtractTest, AHardLinkIsOfTheFileInFrontOfIt) {
  write_file(
      path("t"),
      TarMaker().file("a", "old").add("h", '1', "a").file("a", "new").add("i", '1', "a").bytes());
  ASSERT_EQ(extract({"--directory", "--output", "tree", path("t")}).code, 0);
  const Outcome members =
      extract({"--member", "a", "--member", "h", "--member", "i", "--output", "some", path("t")});
  ASSERT_EQ(members.code, 0) << members.err;
  for (const auto& [name, content] : {std::pair("a", "new"), {"h", "old"}, {"i", "new"}}) {
    EXPECT_EQ(read_file(work("tree/") + name), content) << name;
    EXPECT_EQ(read_file(work("some/") + name), content) << name;
  }
}

TEST_F(QtExtractTest, TheLastMemberCountsInWhatRealProgramsMake) {
  if (lacks("tar") || lacks("python3")) {
    GTEST_SKIP() << "the program tar or python3 is not installed";
  }
  write_file(path("a"), "old");
  shell("tar -cf t.tar a && cat t.tar >first.tar");
  write_file(path("a"), "new");
  shell("tar -rf t.tar a && tar -cf second.tar a && cat first.tar second.tar >both.tar && "
        "cat first.tar second.tar | xz -c >both.tar.xz && python3 -c '\n"
        "import warnings, zipfile\nwarnings.simplefilter(\"ignore\")\n"
        "with zipfile.ZipFile(\"t.zip\", \"w\") as z:\n"
        "  z.writestr(\"a\", \"old\")\n  z.writestr(\"a\", \"new\")\n'");
  for (const char* archive : {"t.tar", "both.tar", "both.tar.xz", "t.zip"}) {
    EXPECT_EQ(extract({"--member", "a", path(archive)}).code, 0) << archive;
    EXPECT_EQ(read_file(work("a")), "new") << archive;
    remove_tree(work("a"));
  }
}

TEST_F(QtExtractTest, TellsOfWhatStandsAroundAnArchive) {
  const std::string tar = TarMaker().file("a", "a").bytes();
  write_file(path("tar"), tar + std::string(9000, '\0') + "a signature, say");
  EXPECT_EQ(extract({"--member", "a", path("tar")}).code, 1);
  const std::string zip = make_zip("a", "a", 0xe8b7be43);
  const auto warning = [&](const std::string& bytes) {
    write_file(path("zip"), bytes);
    const Outcome outcome = extract({"--member", "a", path("zip")});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    remove_tree(work("a"));
    return outcome.err;
  };
  EXPECT_EQ(warning(zip), "");
  EXPECT_THAT(warning(zip + "a signature"), HasSubstr("warning: 11 bytes after the zip archive"));
  EXPECT_THAT(warning(zip + zip), HasSubstr(format("warning: {} bytes before", zip.size())));
  if (!lacks("ar")) {
    write_file(path("data.tar"), tar);
    shell("echo 2.0 >debian-binary && ar rc p.deb debian-binary data.tar && echo more >>p.deb");
    EXPECT_EQ(extract({"--member", "a", path("p.deb")}).code, 1);
  }
}

TEST_F(QtExtractTest, NeverTakesCompressedDataForContent) {
  write_file(path("image"), std::string(50000, 'i'));
  for (const char* const command : {"lzop", "compress", "lz4 -q", "lz4 -q -l", "lzip", "xz",
                                    "zstd -q", "xz --format=lzma", "bzip2", "gzip"}) {
    const std::string program = split(command, ' ')[0];
    if (lacks(program)) {
      continue; // tests/unit/extract/decompress_test.cc has such data
    }
    shell(format("{} -c image >packed", command)); // a name that tells nothing
    const Outcome outcome = extract({"--output", "image", path("packed")});
    EXPECT_TRUE(outcome.code == 1 ? outcome.err.find(program) != std::string::npos
                                  : read_file(work("image")) == read_file(path("image")))
        << command << ": " << outcome.err;
    remove_tree(work("image"));
  }
  using namespace std::string_literals;
  write_file(path("old.Z"), "\x1f\x9d\x90 and codes"s);
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{}, {"--list"}, {"--member", "x"}, {"--resize", "1M"}}) {
    std::vector<std::string> words = options;
    words.push_back(path("old.Z"));
    const Outcome outcome = extract(words);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("uncompress it"));
  }
  EXPECT_EQ(left_behind(), std::vector<std::string>());
}

TEST_F(QtExtractTest, ResizesTheDiskOfAnImageNotItsFile) {
  if (lacks("qemu-img")) {
    GTEST_SKIP() << "the program qemu-img is not installed";
  }
  const auto disk_size = [this](const std::string& image) {
    return run({"sh", "-c",
                "qemu-img info -f qcow2 --output=json " + image +
                    " | tr -d ' \n' | sed 's/.*\"virtual-size\":\\([0-9]*\\).*/\\1/'"})
        .out;
  };
  shell("qemu-img create -q -f qcow2 disk.qcow2 10M && gzip -k disk.qcow2 && "
        "tar -cf t.tar disk.qcow2");
  const std::vector<std::vector<std::string>> ways = {
      {path("disk.qcow2")}, {path("disk.qcow2.gz")}, {"--member", "disk.qcow2", path("t.tar")}};
  for (std::vector<std::string> words : ways) {
    words.insert(words.begin(), {"--output", "big", "--resize", "pow2"});
    const Outcome outcome = extract(words);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(disk_size(work("big")), "16777216");
    EXPECT_EQ(run({"qemu-img", "check", "-q", "-f", "qcow2", work("big")}).code, 0);
    remove_tree(work("big"));
    words[3] = "10M"; // what it has: nothing is to be done
    EXPECT_EQ(extract(words).code, 0);
    EXPECT_EQ(disk_size(work("big")), "10485760");
    remove_tree(work("big"));
    words[3] = "1M";
    EXPECT_EQ(extract(words).code, 1) << "never cuts";
  }
  // The file itself, if that is meant: flash with an image in it, say.
  ASSERT_EQ(
      extract({"--format", "raw", "--resize", "16M", "--output", "flash", path("disk.qcow2")}).code,
      0);
  struct stat status;
  ASSERT_EQ(::stat(work("flash").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 16 << 20);
  EXPECT_EQ(disk_size(work("flash")), "10485760");
  const Outcome without = run({"env", "QEMU_TEST_QEMU_IMG=/nowhere/qemu-img", program(), "--resize",
                               "16M", path("disk.qcow2")});
  EXPECT_EQ(without.code, 77);
  EXPECT_THAT(without.err, HasSubstr("/nowhere/qemu-img"));
  // An image that is a layer on another file is not opened: that file could be any.
  shell("qemu-img create -q -f qcow2 -b disk.qcow2 -F qcow2 layer.qcow2");
  EXPECT_THAT(extract({"--resize", "16M", path("layer.qcow2")}).err, HasSubstr("a part only"));
}

TEST_F(QtExtractTest, RefusesToResizeOtherImages) {
  if (lacks("qemu-img")) {
    GTEST_SKIP() << "the program qemu-img is not installed";
  }
  for (const auto& [kind, options] : {std::pair("vmdk", ""),
                                      {"vmdk", "-o subformat=streamOptimized"},
                                      {"vdi", ""},
                                      {"vhdx", ""},
                                      {"vpc", ""},
                                      {"vpc", "-o subformat=fixed"},
                                      {"qed", ""},
                                      {"parallels", ""}}) {
    shell(format("rm -f disk && qemu-img create -q -f {} {} disk 8M", kind, options));
    const Outcome outcome = extract({"--resize", "64M", path("disk")});
    EXPECT_EQ(outcome.code, 1) << kind << options;
    EXPECT_THAT(outcome.err, testing::AllOf(HasSubstr(format("it is a {} image", kind)),
                                            HasSubstr("qemu-img convert")));
  }
  EXPECT_EQ(left_behind(), std::vector<std::string>());
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

// All files of an image of Nix or OSTree have one mtime; two of a size differ in nothing but that.
TEST_F(QtExtractAgainTest, AnMtimeThatSaysNothingIsNotTrusted) {
  for (const time_t seconds : {0, 1}) {
    const std::array<timespec, 2> times = {timespec{seconds, 0}, timespec{seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path("t").c_str(), times.data(), 0), 0);
    for (const std::vector<std::string>& options :
         {std::vector<std::string>{"--member", "a", path("t")},
          std::vector<std::string>{"--directory", "--output", "tree", path("t")}}) {
      ASSERT_EQ(extract(options).code, 0);
      const std::string name = options[0] == "--member" ? "a" : "tree";
      std::array<char, 1000> record = {};
      const ssize_t size =
          ::getxattr(work(name).c_str(), "user.qemu-test-made", record.data(), record.size());
      ASSERT_GT(size, 0);
      const std::string source = split(std::string(record.data()), '\n').at(1);
      EXPECT_EQ(split(source, ' ').size(), 5U) << source; // the last is of the content
      EXPECT_EQ(extract(options).code, 0) << "a tree that is right stays";
      remove_tree(work(name));
    }
  }
}

// Two images that are mounted read-only, one after the other, in the same place: all that stat(2)
// tells of the file in them is the same.
TEST_F(QtExtractAgainTest, AnotherImageInTheSamePlaceIsAnotherSource) {
  if (lacks("mkfs.ext4")) {
    GTEST_SKIP() << "no mkfs.ext4 on this host";
  }
  make_directories(path("source"));
  make_directories(path("mounted"));
  write_file(path("source/t"), TarMaker().file("a", "aaaa").bytes());
  shell("mkfs.ext4 -q -d source one.img 1M");
  std::string image = read_file(path("one.img"));
  ASSERT_NE(image.find("aaaa"), std::string::npos);
  write_file(path("other.img"), image.replace(image.find("aaaa"), 4, "bbbb"));
  const std::string line = "mount -o loop,ro \"$1\" ../mounted || exit 200\n"
                           "exec \"$2\" --member a ../mounted/t";
  for (const auto& [name, content] :
       {std::pair("one.img", "aaaa"), std::pair("other.img", "bbbb")}) {
    const Outcome outcome =
        run({"unshare", "--mount", "sh", "-c", line, "sh", path(name), program()});
    if (outcome.code == 200 || outcome.err.find("unshare:") != std::string::npos) {
      GTEST_SKIP() << "nobody can mount an image here: " << outcome.err;
    }
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(read_file(work("a")), content);
  }
}

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
  EXPECT_EQ(extract({"--member", "one", path("t")}).code, 1)
      << "another of that name may be missing";
  EXPECT_EQ(extract({"--first", "--member", "one", path("t")}).code, 0);
  EXPECT_EQ(extract({"--directory", "--output", "tree", path("t")}).code, 1);
  EXPECT_EQ(extract({"--member", "two", path("t")}).code, 1);
}

TEST_F(QtExtractTest, StopsReadingAtTheEndOfTheFirstMemberOfAName) {
  if (lacks("gzip")) {
    GTEST_SKIP() << "the program gzip is not installed";
  }
  // All after the member is damaged: only who reads on finds out.
  write_file(path("t"),
             TarMaker().file("one", "1").file("big", std::string(40 << 20, 'b')).bytes());
  shell("gzip -k t");
  const std::string bytes = read_file(path("t.gz"));
  write_file(path("t.gz"), bytes.substr(0, bytes.size() - 100));
  EXPECT_EQ(extract({"--first", "--member", "one", path("t.gz")}).code, 0);
  EXPECT_EQ(extract({"--member", "one", "--output", "last", path("t.gz")}).code, 1);
  EXPECT_EQ(extract({"--first", "--member", "big", path("t.gz")}).code, 1);
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

TEST_F(QtExtractDefinitionTest, SaysWhomItWaitsFor) {
  put_into_cache(TarMaker().file("inner.tar", TarMaker().file("one", "12345").bytes()).bytes());
  make_directories(path("made"));
  std::optional<FileLock> lock = FileLock::acquire(path("made/.inner.lock"));
  ASSERT_TRUE(lock);
  std::thread release([&lock] {
    std::this_thread::sleep_for(std::chrono::seconds(8));
    lock.reset();
  });
  const Outcome outcome = prepare();
  release.join();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr(format("waiting for process {} (", ::getpid())));
  EXPECT_THAT(outcome.err, HasSubstr(".inner.lock"));
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

TEST_F(QtExtractDefinitionTest, KeepsWhatIsRightAndMakesTheRestAnew) {
  put_into_cache(TarMaker().file("inner.tar", TarMaker().file("one", "12345").bytes()).bytes());
  ASSERT_EQ(prepare({"--stamp", path("stamp")}).code, 0);
  struct stat before;
  ASSERT_EQ(::stat(path("made/disk.img").c_str(), &before), 0);
  EXPECT_EQ(before.st_mode & 0222, 0U);
  ASSERT_EQ(::stat(path("made/whole/inner.tar").c_str(), &before), 0);
  EXPECT_EQ(before.st_mode & 0222, 0U);
  ASSERT_EQ(prepare().code, 0);
  struct stat after;
  ASSERT_EQ(::stat(path("made/whole/inner.tar").c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
  // Changed by somebody who sets the time back.
  shell("cp -p made/disk.img kept && chmod u+w made/disk.img && printf X | dd of=made/disk.img "
        "conv=notrunc status=none && touch -r kept made/disk.img && chmod a-w made/disk.img && "
        "echo more >made/whole/more");
  ASSERT_EQ(prepare().code, 0);
  EXPECT_EQ(read_file(path("made/disk.img")), std::string("12345\0\0\0", 8));
  EXPECT_FALSE(exists(path("made/whole/more")));
  // Without the asset what is right stays, what is not is not there; nor is the stamp then.
  ASSERT_EQ(::unlink(cached().c_str()), 0);
  EXPECT_EQ(prepare({"--stamp", path("stamp")}).code, 0);
  EXPECT_TRUE(exists(path("stamp")));
  remove_tree(path("made/whole"));
  EXPECT_EQ(prepare({"--stamp", path("stamp")}).code, 0);
  EXPECT_FALSE(exists(path("stamp")));
  EXPECT_TRUE(exists(path("made/disk.img")));
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

TEST_F(QtExtractTest, OneOfManyUnpacksATree) {
  TarMaker archive;
  for (int i = 0; i < 300; ++i) {
    archive.file(format("d/{}", i), "content");
  }
  write_file(path("t"), archive.bytes());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const Outcome made = extract({"--directory", "-o", work("tree"), path("t")});
      EXPECT_EQ(made.code, 0) << made.err;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(read_file(work("tree/d/299")), "content");
  EXPECT_EQ(run({"find", ".", "-mindepth", "1", "-maxdepth", "1"}).out, "./tree\n");
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

TEST_F(QtExtractTest, ACommandMakesAFile) {
  write_file(path("input"), "first\n");
  const std::string command =
      format("sh -c 'echo run >>{0}/runs; cat {0}/input >${{out}}; echo talk'", m_folder.path());
  const std::vector<std::string> words = {"--make",      command, "--inputs",
                                          path("input"), "-o",    work("out")};
  const Outcome made = extract(words);
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(made.out, work("out") + "\n");
  EXPECT_EQ(made.err, "talk\n");
  EXPECT_EQ(read_file(work("out")), "first\n");
  EXPECT_EQ(extract(words).code, 0);
  write_file(path("input"), "second\n");
  EXPECT_EQ(extract(words).code, 0);
  EXPECT_EQ(read_file(work("out")), "second\n");
  if (::getxattr(work("out").c_str(), "user.qemu-test-made", nullptr, 0) > 0) {
    EXPECT_EQ(read_file(path("runs")), "run\nrun\n");
  }
  EXPECT_EQ(run({"find", ".", "-mindepth", "1"}).out, "./out\n") << "nothing else is left";
}

TEST_F(QtExtractTest, ACommandMakesAFolderAnew) {
  const auto make = [&](const std::string& command) {
    return extract({"--make", command, "-o", work("out")});
  };
  ASSERT_EQ(make("sh -c 'mkdir ${out}; echo 1 >${out}/a'").code, 0);
  if (::getxattr(work("out").c_str(), "user.qemu-test-made", nullptr, 0) <= 0) {
    GTEST_SKIP() << "no extended attributes here";
  }
  const Outcome folder = make("sh -c 'mkdir ${out}; echo 2 >${out}/b'");
  EXPECT_EQ(folder.code, 0) << folder.err;
  EXPECT_EQ(run({"find", "."}).out, ".\n./out\n./out/b\n");
  EXPECT_EQ(make("sh -c 'echo 3 >${out}'").code, 0);
  EXPECT_EQ(read_file(work("out")), "3\n");
  EXPECT_EQ(make("mkdir ${out}").code, 0);
  EXPECT_EQ(run({"find", "."}).out, ".\n./out\n");

  // One that belongs to somebody is left alone.
  make_directories(work("own"));
  write_file(work("own/file"), "");
  const Outcome refused = extract({"--make", "touch ${out}", "-o", work("own")});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("is there already: remove it"));
  EXPECT_TRUE(exists(work("own/file")));
}

TEST_F(QtExtractTest, OneOfManyMakesAFileByItsCommand) {
  const std::string command =
      format("sh -c 'sleep 0.1; echo run >>{}/runs; echo made >${{out}}'", m_folder.path());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const Outcome made = extract({"--make", command, "-o", work("out")});
      EXPECT_EQ(made.code, 0) << made.err;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(read_file(work("out")), "made\n");
  if (::getxattr(work("out").c_str(), "user.qemu-test-made", nullptr, 0) > 0) {
    EXPECT_EQ(read_file(path("runs")), "run\n");
  }
  EXPECT_EQ(run({"find", ".", "-mindepth", "1"}).out, "./out\n") << "nothing else is left";
}

TEST_F(QtExtractTest, ACommandThatFailsMakesNothing) {
  write_file(work("out"), "old");
  const auto make = [&](const std::string& command) {
    return extract({"--make", command, "--timeout", "1s", "-o", work("out")});
  };
  EXPECT_EQ(make("sh -c 'echo half >${out}; exit 3'").code, 1);
  EXPECT_THAT(make("sh -c 'exit 3 ${out}'").err, HasSubstr("sh exited 3"));
  EXPECT_THAT(make("true ${out}").err, HasSubstr("not made ${out}"));
  EXPECT_EQ(make("sh -c 'sleep 600; echo ${out}'").code, 124);
  EXPECT_EQ(make("no-such-program ${out}").code, 127);
  EXPECT_EQ(make("/etc/passwd ${out}").code, 126);
  EXPECT_EQ(make("touch out").code, 2);
  EXPECT_EQ(make("touch '${out}").code, 2);
  EXPECT_EQ(extract({"--make", "touch ${out}"}).code, 2);
  EXPECT_EQ(extract({"--make", "touch ${out}", "-o", work("out"), "--member", "a"}).code, 2);
  EXPECT_EQ(extract({"--inputs", path("x"), path("y")}).code, 2);
  EXPECT_EQ(read_file(work("out")), "old");
}

} // namespace
