// The made files of qt-tap's tests, as processes: made once, by whomever; trusted only as what the
// definition asks for; and never again after something has changed them.
#include "../support/descendants.hh"
#include "../support/hostile_archive.hh"
#include "../support/tap_fixture.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "cache/cache.hh"
#include "data/digest.hh"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace qt;
using testing::HasSubstr;
using testing::Not;

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
  Captured precache(const std::string& definition, Words more = {}) const {
    SpawnOptions options;
    options.directory = folder.path();
    more.insert(more.begin(),
                {support::tool("qt-extract"), "--definition", definition, "--prepared", ready});
    return *run_captured(more, options, Deadline::after(std::chrono::seconds(80)));
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

// Another run with the same --output, of an edited definition, makes the files of its own; nobody
// may pass or fail with those.
TEST_F(QtTapFiles, AFileThatAnotherRunReplacesMeanwhileIsNoBasisForAVerdict) {
  const std::string edited = folder.path() + "/edited/riscv64/files.toml";
  make_directories(parent_of(edited));
  write_file(edited, read_file(define_with(put("second"), R"([test.other]
steps = [{ run = ["cat", "${file.one}"] }, { run = ["ls", "${file.tree}"] }]
)")));
  const std::string first = put("first");
  const auto test = [&](const std::string& file, const std::string& last) {
    return define_with(first, format("[test.a]\nsteps = [{{ run = ['ls', '${{file.{}}}'] }}, "
                                     "{{ run = ['{}', '--output', '{}', '{}'] }}, {}]\n",
                                     file, support::tool("qt-tap"), output, edited, last));
  };
  for (const char* used : {"one", "tree"}) {
    const Captured replaced = run({test(used, "{ run = ['true'] }")});
    EXPECT_THAT(replaced.out, HasSubstr("\nnot ok 1 a\n")) << used;
    EXPECT_THAT(replaced.out,
                HasSubstr(format("/prepared/riscv64/files/{} was removed or made anew "
                                 "while it was used",
                                 used)));
  }
  const Captured fails = run({test("one", "{ run = ['false'] }")});
  EXPECT_THAT(fails.out, HasSubstr("exited 1; file.one: ")) << fails.out;

  EXPECT_EQ(run({define_with(first, greps)}).out, passed);
  const Captured copied = run({test("mine", "{ run = ['grep', 'first', '${file.mine}'] }")});
  EXPECT_EQ(copied.out, passed); // of its copy it knows
}

// The command of `two` is met by the other run: it makes `two` of what that has put in the place of
// `one`. Nobody may find it later and take it for what it should be.
TEST_F(QtTapFiles, WhatWasMadeOfAReplacedFileIsNotKept) {
  const std::string edited = folder.path() + "/edited/riscv64/files.toml";
  make_directories(parent_of(edited));
  write_file(edited, read_file(define_with(put("second"), "[test.other]\nsteps = [{ run = ['cat', "
                                                          "'${file.one}'] }]\n")));
  write_file(folder.path() + "/riscv64/two.sh",
             format("if mkdir {0}/met; then\n"
                    "  QEMU_TEST_CACHE_DIR={0}/cache QEMU_TEST_NO_DOWNLOAD=1 {1} --output {2} {3}\n"
                    "fi\ncat \"$1\" >\"$2\"\n",
                    folder.path(), support::tool("qt-tap"), output, edited));
  const std::string two = R"([file.two]
make = ["sh", "${data}/two.sh", "${file.one}", "${out}"]
)";
  const std::string file = define_with(put("first"), two + R"([test.a]
steps = [{ run = ["grep", "first", "${file.two}"] }]
)");
  const Captured met = run({file});
  EXPECT_THAT(met.out, HasSubstr("\nnot ok 1 a\n")) << met.err;
  EXPECT_THAT(met.out, HasSubstr("# host: file.one: ")) << met.out;
  EXPECT_EQ(run({file}).out, passed);

  // What is made of a file is not the file: when it is there, that one does not matter any more.
  const std::string later =
      define_with(put("first"), two + format(R"([test.a]
steps = [{{ run = ["{}", "--output", "{}", "{}"] }}, {{ run = ["grep", "first", "${{file.two}}"] }}]
)",
                                             support::tool("qt-tap"), output, edited));
  EXPECT_EQ(run({later}).out, passed);
}

// The same where files are made ahead.
TEST_F(QtTapFiles, WhatWasMadeAheadOfAReplacedFileIsNotKept) {
  const std::string edited = folder.path() + "/edited/riscv64/files.toml";
  make_directories(parent_of(edited));
  write_file(edited, read_file(define_with(put("second"), greps)));
  write_file(folder.path() + "/riscv64/two.sh",
             format("if mkdir {0}/met; then\n"
                    "  QEMU_TEST_CACHE_DIR={0}/cache {1} --definition {2} --prepared {3}\n"
                    "fi\ncat \"$1\" >\"$2\"\n",
                    folder.path(), support::tool("qt-extract"), edited, ready));
  const std::string file = define_with(put("first"), R"([file.two]
make = ["sh", "${data}/two.sh", "${file.one}", "${out}"]
[test.a]
steps = [{ run = ["grep", "first", "${file.two}"] }]
)");
  const Captured met = precache(file);
  EXPECT_NE(met.status.code(), 0);
  EXPECT_THAT(met.err, HasSubstr("/one was made anew while it was used")) << met.err;
  EXPECT_FALSE(exists(ready + "/two"));
  EXPECT_EQ(precache(file).status.code(), 0);
  EXPECT_EQ(read_file(ready + "/two"), "first");
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

// A file that a command makes, which notes each of its runs in the file "runs".
class QtTapMade : public QtTapFiles {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-riscv64")) {
      GTEST_SKIP() << "no qemu-system-riscv64 on this host";
    }
    make_directories(folder.path() + "/riscv64");
    write_script("truncate -s 1M \"$1\"");
    write_file(input, "input\n");
  }
  void write_script(const std::string& last) const {
    write_file(folder.path() + "/riscv64/make.sh",
               format("echo run >>{}/runs\n{}\n", folder.path(), last));
  }
  // Two machines that have it as their disk, which is so large.
  std::string define_disk(const std::string& keys = "", std::size_t size = 1 << 20) {
    return define("riscv64", "made",
                  format(R"(
[file.disk]
make = ["sh", "${{data}}/make.sh", "${{out}}"]
inputs = ["{0}"]
{1}
[template.machine]
machine = "virt"
args = ["-drive", "file=${{file.disk}},if=virtio,format=raw,read-only=on"]
steps = [{{ qmp = "query-block", at = "/0/inserted/image/virtual-size", equals = {2} }}]
[test.a]
template = "machine"
[test.b]
template = "machine"
)",
                         input, keys, size));
  }
  std::size_t runs() const {
    return split(read_file_if_exists(folder.path() + "/runs").value_or(""), '\n').size() - 1;
  }

  const std::string input = folder.path() + "/input";
  const std::string both_passed = "TAP version 13\n1..2\nok 1 a\nok 2 b\n";
};

TEST_F(QtTapMade, ACommandMakesItOnceForAllSubtestsAndRuns) {
  const std::string file = define_disk();
  const Captured first = run({file});
  EXPECT_EQ(first.out, both_passed) << first.err;
  EXPECT_EQ(run({file}).out, both_passed);
  EXPECT_EQ(runs(), 1U);
  EXPECT_THAT(run({define_disk("", 1 << 19)}).out, HasSubstr("not ok 1 a\n"));
}

TEST_F(QtTapMade, ItIsMadeAnewWhenTheCommandOrAnInputChanges) {
  EXPECT_EQ(run({define_disk()}).out, both_passed);
  write_file(input, "other input\n");
  EXPECT_EQ(run({define_disk()}).out, both_passed);
  EXPECT_EQ(runs(), 2U);
  write_script("truncate -s 2M \"$1\"");
  EXPECT_EQ(run({define_disk("", 2 << 20)}).out, both_passed);
  EXPECT_EQ(runs(), 3U);
  std::string file = define_disk("", 2 << 20);
  std::string text = read_file(file);
  text.replace(text.find("\"${out}\""), 8, "\"${out}\", \"more\"");
  write_file(file, text);
  EXPECT_EQ(run({file}).out, both_passed);
  EXPECT_EQ(runs(), 4U);
}

// What the command reads need not be a word of its own, and a new program may make something else.
TEST_F(QtTapMade, ItIsMadeAnewWhenItsProgramOrAFileInAScriptChanges) {
  const std::string part = folder.path() + "/riscv64/part";
  const std::string program = folder.path() + "/mk";
  const auto made = [&](const std::string& make, const std::string& content) {
    return run({define("riscv64", "made",
                       format(R"(
[file.disk]
make = {}
[test.a]
steps = [{{ run = ["cat", "${{file.disk}}"], stdout = {{ equals = "{}" }} }}]
)",
                              make, content))})
        .out;
  };
  for (const char* const content : {"one", "two"}) {
    write_file(part, content);
    EXPECT_EQ(made(R"(["sh", "-c", "cat '${data}/part' >${out}"])", content), passed);
    write_file(program, format("#!/bin/sh\nprintf {} >$1\n", content));
    ::chmod(program.c_str(), 0755);
    EXPECT_EQ(made(format(R"(["{}", "${{out}}"])", program), content), passed);
  }
}

// No record can know of them.
TEST_F(QtTapMade, VariablesOfTheUserDoNotReachTheCommand) {
  const support::ScopedVariable variable("QEMU_TEST_WHO", "alice");
  const Captured result = run({define("riscv64", "made", R"(
[file.disk]
make = ["sh", "-c", "echo \"$QEMU_TEST_WHO.$PATH\" >${out}"]
[test.a]
steps = [{ run = ["cat", "${file.disk}"], stdout = { matches = "^\\..*/bin" } }]
)")});
  EXPECT_THAT(result.out, HasSubstr("\nok 1 a\n")) << result.err;
}

// As after Ctrl-Z, or on a host that was suspended.
TEST_F(QtTapMade, TheTimeInWhichAllAreStoppedDoesNotCount) {
  write_script("sleep 1; truncate -s 1M \"$1\"");
  SpawnOptions options;
  options.directory = folder.path();
  Process process = Process::spawn(
      {support::tool("qt-tap"), "--output", output, define_disk("timeout = \"4s\"")}, options);
  for (int i = 0; runs() == 0 && i < 6000; ++i) {
    ::usleep(5000);
  }
  std::vector<pid_t> all = {process.pid()};
  for (const support::Descendant& one : support::descendants()) {
    all.push_back(one.pid);
  }
  for (const int signal : {SIGSTOP, SIGCONT}) {
    for (const pid_t pid : all) {
      ::kill(pid, signal);
    }
    ::sleep(signal == SIGSTOP ? 6 : 0);
  }
  EXPECT_EQ(process.wait(Deadline::after(std::chrono::seconds(80)))->text(), "exited 0");
}

TEST_F(QtTapMade, TwoAtOnceMakeItOnce) {
  write_script("sleep 1; truncate -s 1M \"$1\"");
  const std::string file = define_disk();
  const auto start = [&](const std::string& name) {
    SpawnOptions options;
    options.directory = folder.path();
    return Process::spawn({"sh", "-c",
                           format("{} >{}.out 2>&1",
                                  shell_join(std::vector<std::string>{support::tool("qt-tap"),
                                                                      "--output", output, file}),
                                  name)},
                          options);
  };
  Process one = start("one");
  Process two = start("two");
  EXPECT_EQ(one.wait(Deadline::after(std::chrono::seconds(80)))->text(), "exited 0");
  EXPECT_EQ(two.wait(Deadline::after(std::chrono::seconds(80)))->text(), "exited 0");
  EXPECT_EQ(runs(), 1U);
  EXPECT_THAT(read_file(folder.path() + "/one.out"), HasSubstr("\nok 2 b\n"));
  EXPECT_THAT(read_file(folder.path() + "/two.out"), HasSubstr("\nok 2 b\n"));
}

// However it names them: by a folder, by a pattern, in quotes, with a part that the shell puts in.
TEST_F(QtTapMade, ItIsMadeAnewWhenWhatTheCommandReadsChanges) {
  const std::string parts = folder.path() + "/riscv64/parts";
  const std::string host = folder.path() + "/host.txt";
  for (const std::string& command :
       Words{R"(["sh", "-c", "cat $1/* >$2", "sh", "${data}/parts", "${out}"])",
             R"(["sh", "-c", "cat ${data}/parts/*.s >${out}"])",
             R"(["sh", "-c", "cat '${data}/parts/one.s' >${out}"])",
             R"(["sh", "-c", "for i in one; do cat ${data}/parts/$i.s; done >${out}"])",
             R"(["sh", "-c", "cat ${data}/parts/one.s >$1", "sh", "${out}"])",
             R"(["sh", "-c", "cd ${data} && cat parts/one.s >${out}"])"
             "\ninputs = ['${data}/parts/one.s']",
             "[\"dd\", \"status=none\", \"if=" + host + "\", \"of=${out}\"]",
             "[\"cp\", \"" + host + "\", \"${out}\"]"}) {
    const auto run_with = [&](const std::string& text) {
      write_file(parts + "/one.s", text);
      write_file(host, text);
      return run({define("riscv64", "parts",
                         format(R"(
[file.whole]
make = {}
[test.a]
steps = [{{ run = ["cat", "${{file.whole}}"], stdout = "{}" }}]
)",
                                command, text))});
    };
    make_directories(parts);
    EXPECT_EQ(run_with("before").out, passed) << command;
    EXPECT_EQ(run_with("after!").out, passed) << command;
  }
}

TEST_F(QtTapMade, WhatNobodyCanTellHasToBeListed) {
  write_file(folder.path() + "/riscv64/with space", "x");
  for (const std::string word :
       {"cd ${data} && cat parts/one.s >${out}", "${data}", "cat ${data}/nosuch >${out}",
        "cat ${data}/*.s >${out}", "cat '${data}/with space' >${out}"}) {
    const std::string file = define("riscv64", "untold",
                                    format(R"(
[file.f]
make = ["sh", "-c", "{}", "${{out}}"]
[test.a]
steps = [{{ run = ["cat", "${{file.f}}"], stdout = "x" }}]
)",
                                           word));
    const Captured checked = run({"--check", file});
    EXPECT_EQ(exit_status_of(checked.status.wait_status), 2) << word;
    EXPECT_THAT(checked.err, HasSubstr("3:21: error: make: which files the command reads cannot be "
                                       "told from '" +
                                       word + "'"));
  }
}

// It would be made anew for each subtest, while others use it.
TEST_F(QtTapMade, ACommandThatReadsTheResultsIsRefused) {
  const Captured result = run({define("riscv64", "all",
                                      "[file.f]\nmake = ['touch', '${out}']\n"
                                      "inputs = '" +
                                          folder.path() +
                                          "'\n[test.a]\nsteps = [{ file = "
                                          "'${file.f}', lacks = 'x' }]\n")});
  EXPECT_THAT(result.err + result.out, HasSubstr("in which the results are"));
  EXPECT_THAT(result.out, Not(HasSubstr("\nok 1 a")));
}

// What lies beside the definition belongs to it: that is no skip.
TEST_F(QtTapMade, AnAssetThatShouldLieBesideTheDefinition) {
  const std::string keys = "[asset.a]\npath = '${data}/a.bin'\n[file.f]\nfrom = 'a'\n[test.a]\n"
                           "steps = [{ file = '${file.f}', min-size = '1' }]\n";
  const Captured checked = run({define("riscv64", "beside", keys)});
  EXPECT_EQ(exit_status_of(checked.status.wait_status), 2);
  EXPECT_THAT(checked.err, HasSubstr("2:8: error: path: there is no " + folder.path()));
  write_file(folder.path() + "/riscv64/a.bin", "a");
  EXPECT_EQ(run({define("riscv64", "beside", keys)}).out, passed);
}

TEST_F(QtTapMade, AWritableOneIsACopyForEachSubtest) {
  const std::string file = define("riscv64", "made", R"(
[file.disk]
make = ["sh", "${data}/make.sh", "${out}"]
writable = true
[template.writes]
steps = [{ run = ["sh", "-c", "test ! -s ${file.disk} -o -z \"$(tr -d '\\0' <${file.disk})\" && echo x >${file.disk}"] }]
[test.a]
template = "writes"
[test.b]
template = "writes"
)");
  const Captured result = run({file});
  EXPECT_EQ(result.out, both_passed) << result.err;
  EXPECT_EQ(runs(), 1U);
}

TEST_F(QtTapMade, ItIsReadOnly) {
  const Captured result = run({define("riscv64", "made", R"(
[file.disk]
make = ["sh", "${data}/make.sh", "${out}"]
[test.a]
steps = [{ run = ["find", "${file.disk}", "-perm", "/222"], stdout = { equals = "" } }]
)")});
  EXPECT_EQ(result.out, passed) << result.err;
}

TEST_F(QtTapMade, ACommandThatFailsFailsTheTestsAndIsTriedAgain) {
  write_script("echo 'no space for it' >&2; exit 3");
  const std::string file = define_disk();
  const Captured failed = run({file});
  EXPECT_THAT(failed.out, HasSubstr("\nnot ok 1 a\n"));
  EXPECT_THAT(failed.out, HasSubstr("\nnot ok 2 b\n"));
  EXPECT_THAT(failed.err, HasSubstr("file.disk: "));
  EXPECT_THAT(failed.err, HasSubstr("sh exited 3"));
  EXPECT_THAT(failed.err, HasSubstr("it said last 'no space for it'"));
  EXPECT_EQ(runs(), 2U);
  write_script(": ");
  EXPECT_THAT(run({file}).err, HasSubstr("sh has ended well, but not made ${out}"));
  write_script("ln -s /etc/passwd \"$1\"");
  EXPECT_THAT(run({file}).err, HasSubstr("neither a file nor a folder"));
  write_script("truncate -s 1M \"$1\"");
  EXPECT_EQ(run({file}).out, both_passed);
}

TEST_F(QtTapMade, AnInputThatIsNotThereIsAFailureIfItBelongsToTheDefinition) {
  const std::string file = define_disk();
  remove_tree(input);
  EXPECT_THAT(run({file}).out, HasSubstr("# SKIP " + input + " is not there"));
  write_file(input, "");
  remove_tree(folder.path() + "/riscv64/make.sh");
  const Captured failed = run({file});
  EXPECT_THAT(failed.out, HasSubstr("\nnot ok 1 a\n"));
  EXPECT_THAT(failed.err, HasSubstr("riscv64/make.sh: No such file"));
}

TEST_F(QtTapMade, ACommandThatHangsIsAFailureAndNoSkip) {
  write_script("sleep 600");
  const Captured own = run({define_disk("timeout = '1s'")});
  EXPECT_THAT(own.out, HasSubstr("\nnot ok 1 a\n"));
  EXPECT_THAT(own.err, HasSubstr("timeout: file.disk: "));
  EXPECT_THAT(own.err, HasSubstr("has not ended within "));
  const Captured all = run({"--timeout", "2s", define_disk()});
  EXPECT_THAT(all.out, HasSubstr("\nnot ok 1 a\n"));
  EXPECT_THAT(all.err, HasSubstr("was not made in the time that --timeout gives"));
}

TEST_F(QtTapMade, OfATextItIsMadeForEachSubtest) {
  const Captured result = run({define("riscv64", "made", R"(
[file.note]
text = "in ${scratch}"
[file.disk]
make = ["cp", "${file.note}", "${out}"]
[template.reads]
steps = [{ run = ["cat", "${file.disk}"], stdout = "in ${scratch}" }]
[test.a]
template = "reads"
[test.b]
template = "reads"
)")});
  EXPECT_EQ(result.out, both_passed) << result.err;
}

TEST_F(QtTapMade, WhatIsMadeOfAnAssetNeedsTheAsset) {
  const std::string digest = put("first");
  const std::string more = R"(
[file.copy]
make = ["sh", "-c", "echo made; cat $1 $1 >$2", "sh", "${file.one}", "${out}"]
[test.a]
steps = [{ run = ["cat", "${file.copy}"], stdout = { equals = "firstfirst" } }]
)";
  const std::string file = define_with(digest, more);
  EXPECT_EQ(run({file}).out, passed);
  EXPECT_THAT(tap({"--list", "--select", "asset:t", file}).out, HasSubstr("files:a"));
  empty_the_cache();
  EXPECT_EQ(run({file}).out, passed); // offline: it is made already
  remove_tree(output);
  EXPECT_THAT(run({file}).out, HasSubstr("1..0 # SKIP asset unavailable: "));
}

TEST_F(QtTapMade, IsThereAfterwardsIfItWasMadeAhead) {
  const std::string file = define_disk();
  const Captured ahead = precache(file, {"--stamp", "stamp"});
  ASSERT_EQ(ahead.status.code(), 0) << ahead.err;
  EXPECT_TRUE(exists(folder.path() + "/stamp"));
  EXPECT_EQ(runs(), 1U);
  write_file(folder.path() + "/riscv64/make.sh", read_file(folder.path() + "/riscv64/make.sh"));
  ASSERT_EQ(precache(file).status.code(), 0);
  const std::size_t before = runs();
  EXPECT_EQ(run_ready(file).out, both_passed);
  EXPECT_EQ(runs(), before) << "the test made it again";
  EXPECT_FALSE(exists(output + "/riscv64/made.files")) << "the test made it again";
  write_file(input, "other input\n");
  ASSERT_EQ(precache(file).status.code(), 0);
  EXPECT_EQ(runs(), before + 1) << "it is made of another input";
  EXPECT_EQ(run_ready(file).out, both_passed);
  EXPECT_EQ(runs(), before + 1);
}

TEST_F(QtTapMade, OfAnAssetItIsThereOfflineIfItWasMadeAhead) {
  const std::string file = define_with(put("first"), R"(
[file.copy]
make = ["sh", "-c", "cat $1 $1 >$2", "sh", "${file.one}", "${out}"]
[file.grown]
from = "copy"
resize = "1M"
writable = true
[test.a]
steps = [
  { run = ["cat", "${file.copy}"], stdout = { equals = "firstfirst" } },
  { run = ["stat", "-c", "%s", "${file.grown}"], stdout = "1048576" },
  { run = ["test", "-w", "${file.grown}"] },
]
)");
  const Captured ahead = precache(file);
  ASSERT_EQ(ahead.status.code(), 0) << ahead.err;
  EXPECT_THAT(ahead.out, HasSubstr(ready + "/copy\n"));
  empty_the_cache();
  EXPECT_EQ(run_ready(file).out, passed);
  remove_tree(ready);
  remove_tree(output);
  const Captured without = precache(file, {"--stamp", "stamp"});
  EXPECT_EQ(without.status.code(), 0);
  EXPECT_THAT(without.err, HasSubstr("asset t is not in the cache"));
  EXPECT_FALSE(exists(folder.path() + "/stamp"));
  EXPECT_THAT(run_ready(file).out, HasSubstr("1..0 # SKIP asset unavailable: "));
}

// Nothing that only tests use which cannot run here, and nothing of one subtest's.
TEST_F(QtTapMade, AheadOnlyWhatTestsCanUseIsMade) {
  const auto made_ahead = [&](const std::string& text) {
    const Captured ahead = precache(define("riscv64", "made", text), {"--stamp", "stamp"});
    EXPECT_EQ(ahead.status.code(), 0) << text << ahead.err;
    EXPECT_TRUE(exists(folder.path() + "/stamp")) << text;
    return exists(ready + "/disk");
  };
  const std::string make = "[file.disk]\nmake = [\"sh\", \"${data}/make.sh\", \"${out}\"]\n";
  const std::string reads = "steps = [{ run = [\"cat\", \"${file.disk}\"] }]\n";
  const std::string with = "\nrequires = { commands = [\"sh\", \"no-such-program\"] }\n";
  const std::string off = "\nrequires = { disabled = \"why\" }\n";
  EXPECT_FALSE(made_ahead(make + "[test.a]" + with + reads));
  EXPECT_FALSE(made_ahead(make + "[test.a]" + off + reads));
  EXPECT_FALSE(made_ahead(make + "[test.a]\nsteps = [{ run = [\"true\"] }]\n"));
  EXPECT_FALSE(made_ahead(make + "inputs = \"/no/such/input\"\n[test.a]\n" + reads));
  EXPECT_FALSE(made_ahead("[asset.own]\nenv = \"QEMU_TEST_NO_SUCH\"\n" + make +
                          "inputs = \"own\"\n[test.a]\n" + reads));
  EXPECT_FALSE(made_ahead("[file.note]\ntext = \"${scratch}\"\n" + make +
                          "inputs = \"note\"\n[test.a]\n" + reads));
  EXPECT_EQ(runs(), 0U);
  EXPECT_TRUE(made_ahead("[asset.own]\npath = \"" + input + "\"\n" + make +
                         "inputs = \"own\"\n[test.a]\n" + reads));
  EXPECT_TRUE(made_ahead(make + "[test.a]" + with + reads + "[test.b]\n" + reads));
}

TEST_F(QtTapMade, ACommandThatFailsAheadIsAFailureToo) {
  write_script("echo 'no space for it' >&2; exit 3");
  const Captured ahead = precache(define_disk(), {"--stamp", "stamp"});
  EXPECT_EQ(ahead.status.code(), 1);
  EXPECT_THAT(ahead.err, HasSubstr("no space for it"));
  EXPECT_THAT(ahead.err, HasSubstr("file disk: making "));
  EXPECT_THAT(ahead.err, HasSubstr("sh exited 3"));
  EXPECT_FALSE(exists(folder.path() + "/stamp"));
  EXPECT_FALSE(exists(ready + "/disk"));
}

TEST_F(QtTapMade, TheDryRunSaysTheCommand) {
  const std::string text = run({"--dry-run", "--filter", "a", define_disk("timeout = '7s'")}).out;
  EXPECT_THAT(text, HasSubstr(format(" --make 'sh {}/riscv64/make.sh ", folder.path())));
  EXPECT_THAT(text, HasSubstr(" --inputs " + input));
  EXPECT_THAT(text, HasSubstr(" --timeout 7s "));
  EXPECT_EQ(runs(), 0U);
  const Captured pasted =
      *run_captured({"sh", "-ec", text}, {}, Deadline::after(std::chrono::seconds(80)));
  EXPECT_EQ(pasted.status.text(), "exited 0") << pasted.err << text;
  EXPECT_EQ(runs(), 1U);
}

} // namespace
