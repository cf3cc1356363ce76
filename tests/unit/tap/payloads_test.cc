#include "tap/payloads.hh"

#include "../support/environment.hh"
#include "base/shell_words.hh"
#include "cache/cache.hh"
#include "definition/made_file.hh"
#include "os/file.hh"
#include "os/file_lock.hh"

#include <array>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace payloads_test {

using support::ScopedVariable;
using testing::HasSubstr;
using testing::SizeIs;

class Prepare : public testing::Test {
protected:
  void SetUp() override {
    definition.assets["net"] = {
        "net", {"https://localhost/a", "https://localhost/b"}, digest, "", ""};
    definition.assets["host"] = {"host", {}, "", "", folder.path() + "/host-*"};
    definition.assets["user"] = {"user", {}, "", "QT_PREPARE_TEST", ""};
    write_file(folder.path() + "/host-1", "1");
    write_file(folder.path() + "/host-2", "2");
    // Stands for qt-extract: counts, and copies its last word to what --output says.
    write_file(places.programs.extract, "#!/bin/sh\necho >> " + folder.path() +
                                            "/count\nwhile [ $# -gt 1 ]; do [ $1 = --output ] && "
                                            "out=$2; shift; done\ncp $1 $out\n");
    ::chmod(places.programs.extract.c_str(), 0755);
    make_directories(places.scratch);
  }
  void file(const std::string& name, const std::string& from, bool writable = false) {
    FileRule rule;
    rule.name = rule.file_name = name;
    rule.from = from;
    rule.from_asset = true;
    rule.writable = writable;
    definition.files[name] = rule;
  }
  PreparationPlan plan(const std::vector<std::string>& variables) {
    return plan_preparation(definition, variables, places);
  }
  Prepared make(const PreparationPlan& what) {
    EndRequest request;
    return prepare(
        what, [](std::string_view) { return "value"; }, Deadline::never(), request,
        [](std::string_view) {});
  }
  std::size_t extractions() const {
    return read_file_if_exists(folder.path() + "/count").value_or("").size();
  }

  const TempDir folder{"prepare"};
  const ScopedVariable cache{"QEMU_TEST_CACHE_DIR", folder.path() + "/cache"};
  const ScopedVariable no_user{"QT_PREPARE_TEST", std::nullopt};
  const std::string digest = std::string(64, 'a');
  Definition definition;
  PayloadPlaces places = {{"qt-boot", "qt-expect", "qt-fetch", folder.path() + "/extract"},
                          folder.path() + "/shared",
                          "",
                          folder.path() + "/scratch"};
};

TEST_F(Prepare, AnAssetOfTheNetworkIsFetchedIntoTheCache) {
  const PreparationPlan result = plan({"asset.net", "scratch", "asset.net"});
  ASSERT_THAT(result.steps, SizeIs(1));
  EXPECT_EQ(result.steps[0].kind, Preparation::Kind::fetch);
  EXPECT_EQ(shell_join(result.steps[0].command),
            "qt-fetch https://localhost/a https://localhost/b " + digest);
  EXPECT_EQ(result.paths.at("asset.net"), folder.path() + "/cache/download/" + digest);
}

TEST_F(Prepare, AnAssetOfTheHostIsTheLastThatFits) {
  EXPECT_EQ(plan({"asset.host"}).paths.at("asset.host"), folder.path() + "/host-2");
  definition.assets["host"].path = folder.path() + "/none-*";
  EXPECT_THAT(plan({"asset.host"}).missing, HasSubstr("none-* is not there"));
}

// Both also match a pattern of names.
TEST_F(Prepare, ALinkOfTheHostThatLeadsNowhereIsCalledThat) {
  const std::string link = folder.path() + "/host-3";
  ASSERT_EQ(::symlink("/no/such", link.c_str()), 0);
  EXPECT_THAT(plan({"asset.host"}).missing,
              HasSubstr("host-3 is a link to /no/such, which is not there"));
  ::unlink(link.c_str());
  ASSERT_EQ(::symlink(".git/annex/objects/a/b/SHA256E-s1--0/SHA256E-s1--0", link.c_str()), 0);
  EXPECT_THAT(plan({"asset.host"}).missing, HasSubstr("host-3 is a link of git-annex whose content "
                                                      "is not here; get it with 'git annex get'"));
  const ScopedVariable user("QT_PREPARE_TEST", link);
  EXPECT_THAT(plan({"asset.user"}).missing, HasSubstr("(QT_PREPARE_TEST) is a link of git-annex"));
}

TEST_F(Prepare, AnAssetOfTheUserNeedsItsVariable) {
  EXPECT_THAT(plan({"asset.user"}).missing, HasSubstr("set QT_PREPARE_TEST"));
  const ScopedVariable wrong("QT_PREPARE_TEST", "/no/such");
  EXPECT_THAT(plan({"asset.user"}).missing, HasSubstr("/no/such (QT_PREPARE_TEST) is not there"));
  const ScopedVariable right("QT_PREPARE_TEST", folder.path() + "/host-1");
  EXPECT_EQ(plan({"asset.user"}).paths.at("asset.user"), folder.path() + "/host-1");
}

TEST_F(Prepare, AFileIsMadeOnceUntilWhatItIsMadeFromChanges) {
  file("f", "host");
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  EXPECT_EQ(read_file(places.shared + "/f"), "2");
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  EXPECT_EQ(extractions(), 1U);
  write_file(folder.path() + "/host-2", "new");
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  EXPECT_EQ(read_file(places.shared + "/f"), "new");
  EXPECT_EQ(extractions(), 2U);
  definition.files["f"].member = "other"; // another rule makes another file
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  EXPECT_EQ(extractions(), 3U);
}

// As in Nix and ostree, where all files have the same time.
TEST_F(Prepare, AnotherFileOfTheSameSizeAndTimeIsAnother) {
  file("f", "host");
  const std::string path = folder.path() + "/host-2";
  const std::array<timespec, 2> long_ago = {timespec{1, 0}, timespec{1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), long_ago.data(), 0), 0);
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  EXPECT_EQ(extractions(), 1U);
  write_file(path + ".new", "3");
  ASSERT_EQ(::utimensat(AT_FDCWD, (path + ".new").c_str(), long_ago.data(), 0), 0);
  ASSERT_EQ(::rename((path + ".new").c_str(), path.c_str()), 0);
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  EXPECT_EQ(read_file(places.shared + "/f"), "3");
  EXPECT_EQ(extractions(), 2U);
}

TEST_F(Prepare, UrlsWithSecretsStayInTheDefinition) {
  definition.path = "avr/x.toml";
  definition.assets["net"].size = 7;
  EXPECT_EQ(shell_join(plan({"asset.net"}).steps[0].command),
            "qt-fetch --size 7 https://localhost/a https://localhost/b " + digest);
  definition.assets["net"].urls[1] = "https://me:s3cret@localhost/b";
  EXPECT_EQ(shell_join(plan({"asset.net"}).steps[0].command),
            "qt-fetch --definition avr/x.toml --asset net");
}

TEST_F(Prepare, WhoHoldsAFileForTooLongIsNamed) {
  file("f", "host");
  make_directories(places.shared);
  const auto held = FileLock::acquire(places.shared + "/.f.lock");
  EndRequest request;
  const Prepared late = prepare(plan({"file.f"}), {}, Deadline::after(Duration(50)), request,
                                [](std::string_view) {});
  EXPECT_EQ(late.cause, Cause::skip);
  EXPECT_THAT(late.message, HasSubstr("process " + std::to_string(::getpid()) + " ("));
  EXPECT_THAT(late.message, HasSubstr(places.shared + "/.f.lock"));
  EXPECT_EQ(extractions(), 0U);
}

TEST_F(Prepare, WhatIsNotReadyInTimeIsUnavailable) {
  file("f", "host");
  write_file(places.programs.extract,
             "#!/bin/sh\necho 'qt-extract: info: busy' >&2\nexec sleep 60\n");
  EndRequest request;
  const Prepared late = prepare(plan({"file.f"}), {}, Deadline::after(Duration(500)), request,
                                [](std::string_view) {});
  EXPECT_EQ(late.cause, Cause::skip);
  EXPECT_THAT(late.message, testing::StartsWith("asset unavailable: file.f was not ready"));
}

TEST_F(Prepare, AWritableFileBelongsToTheSubtest) {
  file("w", "host", true);
  for (int i = 1; i <= 2; ++i) {
    const PreparationPlan result = plan({"file.w"});
    EXPECT_EQ(result.paths.at("file.w"), places.scratch + "/w");
    EXPECT_EQ(make(result).cause, Cause::pass);
    EXPECT_EQ(extractions(), static_cast<std::size_t>(i));
  }
}

TEST_F(Prepare, AFileThatSomeoneHasMadeNeedsNothing) {
  file("f", "net");
  places.prepared = folder.path() + "/prepared";
  make_directories(places.prepared);
  const std::string ready = places.prepared + "/f";
  write_file(ready, "made");
  record_made_file(ready, origin_of(definition, definition.files["f"]));
  const PreparationPlan result = plan({"file.f"});
  EXPECT_EQ(result.paths.at("file.f"), ready);
  ASSERT_THAT(result.steps, SizeIs(1)); // the asset is not even looked for
  EXPECT_EQ(result.steps[0].kind, Preparation::Kind::there);
}

TEST_F(Prepare, AFileOfWhichNobodyKnowsWhereItIsFromIsMadeAnew) {
  file("f", "net");
  places.prepared = folder.path() + "/prepared";
  make_directories(places.prepared);
  const std::string ready = places.prepared + "/f";
  const auto is_taken = [&] { return plan({"file.f"}).paths.at("file.f") == ready; };
  write_file(ready, "without record");
  EXPECT_FALSE(is_taken());
  record_made_file(ready, origin_of(definition, definition.files["f"]));
  EXPECT_TRUE(is_taken());
  definition.assets["net"].digest = std::string(64, 'b');
  EXPECT_FALSE(is_taken());
  definition.assets["net"].digest = digest;
  EXPECT_TRUE(is_taken());
  definition.files["f"].member = "another";
  EXPECT_FALSE(is_taken());
}

TEST_F(Prepare, AFileThatASubtestHasChangedIsMadeAnew) {
  file("f", "host");
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  const std::string made = places.shared + "/f";
  struct stat status;
  ASSERT_EQ(::stat(made.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0222, 0U);
  ASSERT_EQ(::chmod(made.c_str(), 0644), 0); // root need not
  write_file(made, "3");
  const timespec times[2] = {status.st_atim, status.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, made.c_str(), times, 0), 0);
  ASSERT_EQ(::chmod(made.c_str(), status.st_mode & 07777), 0);
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  EXPECT_EQ(read_file(made), "2");
  EXPECT_EQ(extractions(), 2U);
}

TEST_F(Prepare, WhatIsMadeOfATextBelongsToTheSubtest) {
  FileRule text;
  text.name = text.file_name = "t";
  text.has_text = true;
  text.text = "${x}";
  definition.files["t"] = text;
  file("f", "t");
  definition.files["f"].from_asset = false;
  EXPECT_EQ(make(plan({"file.f"})).cause, Cause::pass);
  EXPECT_EQ(plan({"file.f"}).paths.at("file.f"), places.scratch + "/f");
  EXPECT_EQ(read_file(places.scratch + "/f"), "value");
}

TEST_F(Prepare, ATextGetsItsValues) {
  FileRule rule;
  rule.name = "t";
  rule.file_name = "t.cfg";
  rule.has_text = true;
  rule.text = "a ${x} $${y}\n";
  definition.files["t"] = rule;
  EXPECT_EQ(make(plan({"file.t"})).cause, Cause::pass);
  EXPECT_EQ(read_file(places.scratch + "/t.cfg"), "a value ${y}\n");
}

TEST_F(Prepare, TheAssetsOfASubtestAreHeldWhileItRuns) {
  const Cache assets = Cache::open();
  make_directories(assets.folder());
  write_file(assets.partial_path(digest), "content");
  assets.publish(digest, "http://host/file");
  file("f", "net");
  {
    const Prepared prepared = make(plan({"file.f"}));
    EXPECT_EQ(prepared.cause, Cause::pass);
    EXPECT_EQ(in_use_elsewhere(assets.own_path(digest)), InUse::yes);
  }
  EXPECT_NE(in_use_elsewhere(assets.own_path(digest)), InUse::yes);
}

TEST_F(Prepare, WhatAProgramSaysBecomesTheReason) {
  file("f", "host");
  const auto result_of = [this](const std::string& script) {
    write_file(places.programs.extract, "#!/bin/sh\n" + script + "\n");
    return make(plan({"file.f"}));
  };
  Prepared result = result_of("echo 'qt-extract: error: gone' >&2; exit 77");
  EXPECT_EQ(result.cause, Cause::skip);
  EXPECT_EQ(result.message, "asset unavailable: gone");
  result = result_of("echo 'qt-extract: error: damaged' >&2; exit 1");
  EXPECT_EQ(result.cause, Cause::asset);
  EXPECT_EQ(result.message, "file.f: damaged");
  EXPECT_EQ(result_of("exit 99").cause, Cause::host);
  EXPECT_EQ(result_of("kill -KILL $$").message, "file.f: killed SIGKILL");
}

} // namespace payloads_test
} // namespace qt
