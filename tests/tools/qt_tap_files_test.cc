// The made files of qt-tap's tests, as processes: made once, by whomever; trusted only as what the
// definition asks for; and never again after something has changed them.
#include "../support/hostile_archive.hh"
#include "../support/tap_fixture.hh"
#include "cache/cache.hh"
#include "data/digest.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace {

using namespace qt;
using testing::HasSubstr;

class QtTapFiles : public support::TapFixture {
protected:
  // An archive in the cache, with "one" and "sub/two". Gives its digest.
  std::string put(const std::string& content) const {
    const std::string bytes = TarMaker().file("one", content).file("sub/two", "two").bytes();
    Digester digester(DigestKind::sha256);
    digester.add(bytes_of(bytes));
    const std::string digest = digester.hex();
    const Cache cache = Cache::open();
    make_directories(cache.folder());
    write_file(cache.partial_path(digest), bytes);
    cache.publish(digest, "https://localhost/t.tar");
    return digest;
  }
  std::string define_with(const std::string& digest, const std::string& tests) {
    return define("riscv64", "files",
                  format(R"(
[asset.t]
url = "https://localhost/t.tar"
sha256 = "{}"
[file.one]
from = "t"
member = "one"
[file.mine]
from = "t"
member = "one"
name = "one"
writable = true
[file.tree]
from = "t"
directory = true
[file.whole]
from = "t"
{})",
                         digest, tests));
  }
  Captured precache(const std::string& definition) const {
    SpawnOptions options;
    options.directory = folder.path();
    return *run_captured(
        {support::tool("qt-extract"), "--definition", definition, "--prepared", ready}, options,
        Deadline::after(std::chrono::seconds(80)));
  }
  void empty_the_cache() const { remove_tree(Cache::open().folder()); }
  Captured run_ready(const std::string& definition) const {
    return run({"--prepared", ready, definition});
  }

  const std::string ready = folder.path() + "/ready";
  const std::string passed = "TAP version 13\n1..1\nok 1 a\n";
  const std::string greps = R"([test.a]
steps = [{ run = ["grep", "first", "${file.one}"] }]
)";
};

TEST_F(QtTapFiles, APreparedFileIsTaken) {
  const std::string file = define_with(put("first"), R"([test.a]
steps = [{ run = ["grep", "first", "${file.one}"] }, { run = ["dd", "of=${file.mine}", "conv=notrunc", "if=/dev/zero", "count=1"] }, { run = ["grep", "first", "${file.one}"] }]
)");
  const Captured made = precache(file);
  ASSERT_EQ(made.status.code(), 0) << made.err;
  empty_the_cache();
  EXPECT_EQ(run_ready(file).out, passed);
  EXPECT_THAT(run({file}).out, HasSubstr("1..0 # SKIP asset unavailable: "));
}

TEST_F(QtTapFiles, APreparedFileOfAnotherAssetIsNotTaken) {
  const std::string second = put("second");
  ASSERT_EQ(precache(define_with(put("first"), greps)).status.code(), 0);
  // The definition has a new digest; nobody has made its files yet.
  const std::string file = define_with(second, greps);
  EXPECT_THAT(run_ready(file).out, HasSubstr("not ok 1 a"));
  empty_the_cache();
  remove_tree(output);
  EXPECT_THAT(run_ready(file).out, HasSubstr("1..0 # SKIP asset unavailable: "));
  // A file that is there without a record is nobody's word for anything.
  remove_tree(ready);
  make_directories(ready);
  write_file(ready + "/one", "first");
  EXPECT_THAT(run_ready(file).out, HasSubstr("1..0 # SKIP asset unavailable: "));
}

TEST_F(QtTapFiles, AStampWhosePayloadIsGoneOrChangedDoesNotMatter) {
  const std::string file = define_with(put("first"), greps);
  ASSERT_EQ(precache(file).status.code(), 0);
  remove_tree(ready + "/one");
  EXPECT_EQ(run_ready(file).out, passed);
  ASSERT_EQ(precache(file).status.code(), 0);
  ASSERT_EQ(::chmod((ready + "/one").c_str(), 0644), 0);
  write_file(ready + "/one", "other");
  EXPECT_EQ(run_ready(file).out, passed);
  // And is mended by whoever prepares.
  ASSERT_EQ(precache(file).status.code(), 0);
  EXPECT_EQ(read_file(ready + "/one"), "first");
}

TEST_F(QtTapFiles, WhatOneSubtestChangesNoOtherSees) {
  // Each keeps the size and sets the time back, as only who means harm would.
  const std::string tests = R"([test.a]
steps = [
  { run = ["grep", "first", "${file.one}"] },
  { run = ["grep", "two", "${file.tree}/sub/two"] },
  { run = ["sh", "-c", 'for f in ${file.one} ${file.tree}/sub/two; do cp -pf $f x && chmod u+w $f && printf OOO | dd of=$f conv=notrunc status=none && touch -r x $f && chmod a-w $f || exit; done; chmod u+w ${file.tree}/sub && echo new > ${file.tree}/sub/new'] },
]
[test.b]
steps = [
  { run = ["grep", "first", "${file.one}"] },
  { run = ["grep", "two", "${file.tree}/sub/two"] },
  { run = ["test", "!", "-e", "${file.tree}/sub/new"] },
]
)";
  const std::string file = define_with(put("first"), tests);
  for (const std::string place : {"shared", "prepared"}) {
    SCOPED_TRACE(place);
    if (place == "prepared") {
      ASSERT_EQ(precache(file).status.code(), 0);
    }
    for (int i = 0; i < 2; ++i) {
      const Captured result = place == "prepared" ? run_ready(file) : run({file});
      EXPECT_EQ(result.out, "TAP version 13\n1..2\nok 1 a\nok 2 b\n") << result.err;
    }
  }
}

TEST_F(QtTapFiles, MadeFilesAreReadOnly) {
  const std::string file = define_with(put("first"), R"toml([test.a]
steps = [
  { run = ["sh", "-c", "test -z $(find -L ${file.one} ${file.tree} ${file.whole} -type f -perm /222)"] },
  { run = ["test", "-w", "${file.mine}"] },
]
)toml");
  const Captured result = run({file});
  EXPECT_EQ(result.out, passed) << result.err;
}

} // namespace
