#include "definition_text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace template_test {

using namespace qt;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "NAME: STEP; STEP" for each subtest.
std::vector<std::string> subtests(const Definition& definition) {
  std::vector<std::string> lines;
  for (const Subtest& subtest : definition.subtests) {
    std::vector<std::string> steps;
    for (const Phase& phase : subtest.phases) {
      for (const Step& step : phase.steps) {
        steps.push_back(describe_step(step));
      }
    }
    lines.push_back(subtest.name + ": " + join(steps, "; "));
  }
  return lines;
}

const Vm& first_vm(const Definition& definition, std::size_t subtest = 0) {
  return definition.subtests.at(subtest).phases.at(0).vms.at(0);
}

std::string ten_times(const std::string& text) {
  return join(std::vector<std::string>(10, text), ",");
}

// What a phase replaces may be of use to another test.
TEST(Template, MayHaveWhatThePhasesOfOneTestReplace) {
  const char* const text = R"(
[template.t]
machine = "x"
exit = 0
output = "one"
[test.one]
template = "t"
[test.two]
template = "t"
[[test.two.phase]]
exit = 1
output = "two"
[[test.two.phase]]
exit = "any"
output = "three"
)";
  EXPECT_EQ(load_text(text).subtests.size(), 2u);
}

TEST(Template, IsExtendedByItsTest) {
  const Definition definition = load_text(R"(
[template.linux]
summary = "boots"
requires = { commands = "a", slow = true, qemu-version = ">= 7" }
machine = "virt"
args = "-nographic"
fail = "panic"
output = "one"
service = ["daemon", "-x"]
prepare = [{ run = ["p1"] }]
steps = [{ wait = "login:" }]
[test.t]
template = "linux"
requires = { commands = ["b"], qemu-version = ">= 8.0" }
machine = "sifive_u"
args = ["-m", "1G"]
fail = [{ regex = "oops" }]
output = { lacks = "two" }
service = [["second"]]
steps = [{ line = "root" }]
verify = [{ run = ["v1"] }]
)");
  const Subtest& subtest = definition.subtests.at(0);
  EXPECT_EQ(subtest.summary, "boots");
  EXPECT_EQ(subtest.required, Json({{"commands", {"a", "b"}},
                                    {"slow", true},
                                    {"qemu-version", ">= 8.0"},
                                    {"machine", {"sifive_u"}}}));
  const Json expected = {{"machine", "sifive_u"},
                         {"args", {"-nographic", "-m", "1G"}},
                         {"output", {{{"contains", "one"}}, {{"lacks", "two"}}}},
                         {"service", Json::array({{"daemon", "-x"}, Json::array({"second"})})}};
  EXPECT_EQ(first_vm(definition).values, expected);
  EXPECT_EQ(subtest.phases[0].dialogue.at("fail"),
            Json({{{"text", "panic"}}, {{"regex", "oops"}}}));
  EXPECT_THAT(subtests(definition), ElementsAre("t: --wait login:; --line root"));
  EXPECT_EQ(subtest.phases[0].prepare.size(), 1u);
  EXPECT_EQ(subtest.phases[0].verify.size(), 1u);
}

TEST(Template, MayBeMadeOfAnother) {
  const Definition definition = load_text(R"(
include = "../base.toml"
[template.board]
template = "linux"
machine = "${params.board}"
args = ["-m", "1G"]
steps = [{ line = "root" }]
[test.t]
template = "board"
params = { board = "virt" }
args = ["-smp", "2"]
steps = [{ wait = "# " }]
)",
                                          {{"../base.toml", R"(
[template.linux]
machine = "none"
cpu = "max"
args = ["-nographic"]
steps = [{ wait = "login:" }]
)"}});
  const Json expected = {
      {"machine", "virt"}, {"cpu", "max"}, {"args", {"-nographic", "-m", "1G", "-smp", "2"}}};
  EXPECT_EQ(first_vm(definition).values, expected);
  EXPECT_EQ(definition.subtests.at(0).phases.at(0).steps.size(), 3U);
}

TEST(Template, NamesListsOfSteps) {
  const Definition definition = load_text(R"(
include = "../shared.toml"
[steps.boot]
steps = [{ use = "login" }, { line = "id ${params.user}" }]
[template.linux]
steps = [{ use = "boot" }]
[test.t]
template = "linux"
params = { user = "root" }
machine = "virt"
args = ["-kernel", "${file.kernel}"]
steps = [{ wait = "uid=0" }]
prepare = [{ use = "disk" }]
)",
                                          {{"../shared.toml", R"(
[steps.login]
steps = [{ wait = "login:" }, { line = "${params.user}" }]
[steps.disk]
steps = [{ run = ["truncate", "-s", "1M", "${scratch}/disk"] }]
[asset.kernel]
path = "/kernel.gz"
[file.kernel]
from = "kernel"
[asset.other]
url = "https://host/other"
sha256 = "28e71874ce985be66b7fd1345ed88cb2523b982f899c8d2900d6353054a1be49"
[file.other]
from = "other"
)"}});
  const Phase& phase = definition.subtests.at(0).phases.at(0);
  std::vector<std::string> steps;
  for (const Step& step : phase.steps) {
    steps.push_back(describe_step(step));
  }
  EXPECT_EQ(join(steps, "; "), "--wait login:; --line root; --line 'id root'; --wait uid=0");
  EXPECT_EQ(phase.prepare.size(), 1U);
  EXPECT_TRUE(definition.assets.contains("kernel"));
  EXPECT_TRUE(definition.files.contains("kernel"));
  // What others use of the file takes no part: it would be downloaded, and the test thorough.
  EXPECT_FALSE(definition.assets.contains("other"));
  EXPECT_FALSE(definition.files.contains("other"));
  EXPECT_EQ(definition.suite, Suite::quick);
}

TEST(Template, MergesMachinesKeyByKey) {
  const Definition definition = load_text(R"(
[template.pair]
accel = "tcg"
[template.pair.vm.a]
machine = "virt"
args = ["-x"]
[test.t]
template = "pair"
cpu = "max"
[test.t.vm.b]
machine = "none"
accel = "kvm"
[test.t.vm.a]
args = ["-y"]
[[test.t.phase]]
steps = [{ wait = "x", vm = "a" }]
)");
  const Phase& phase = definition.subtests.at(0).phases.at(0);
  ASSERT_EQ(phase.vms.size(), 2u);
  EXPECT_EQ(phase.vms[0].name, "a");
  EXPECT_EQ(phase.vms[0].values,
            Json({{"machine", "virt"}, {"args", {"-x", "-y"}}, {"accel", "tcg"}, {"cpu", "max"}}));
  EXPECT_EQ(phase.vms[1].name, "b");
  EXPECT_EQ(phase.vms[1].values, Json({{"machine", "none"}, {"accel", "kvm"}, {"cpu", "max"}}));
  EXPECT_EQ(definition.subtests[0].required, Json({{"machine", {"virt", "none"}}}));
}

TEST(Template, PutsParamsIn) {
  const Definition definition = load_text(R"(
[asset.kernel]
path = "/k"
[template.linux]
params = { prompt = "# ", status = 0, ports = 1 }
exit = "${params.status}"
args = ["-kernel", "${params.kernel}", "-append", "root=${params.root} n=${params.ports}", "${params.ports}"]
steps = [{ wait = "${params.prompt}" }, { line = "${params.status}" }, { qmp = "q", arguments = { v = "${params.status}", t = "v${params.status}", l = ["${params.on}"] } }, { line = "$${params.root}" }]
[test.t]
template = "linux"
params = { kernel = "${asset.kernel}", root = "/dev/vda", status = 3, on = true }
)");
  const Json expected = {
      {"exit", 3}, {"args", {"-kernel", "${asset.kernel}", "-append", "root=/dev/vda n=1", "1"}}};
  EXPECT_EQ(first_vm(definition).values, expected);
  EXPECT_THAT(subtests(definition),
              ElementsAre("t: --wait '# '; --line 3; --qmp q --arguments "
                          "'{\"l\":[true],\"t\":\"v3\",\"v\":3}'; --line '$${params.root}'"));
  EXPECT_THAT(definition.subtests[0].variables, ElementsAre("asset.kernel"));
}

TEST(Template, PutsParamsIntoParams) {
  const Definition definition = load_text(R"(
[template.linux]
args = ["-append", "root=${params.root}", "${params.count}"]
fail = ["${params.bad}"]
steps = [{ wait = "x" }]
[template.disk]
template = "linux"
params = { root = "/dev/${params.disk}", bad = "no ${params.root}", count = "${params.n}" }
[test.t]
template = "disk"
params = { disk = "vda", n = 2 }
)");
  EXPECT_EQ(first_vm(definition).values, Json({{"args", {"-append", "root=/dev/vda", "2"}}}));
  EXPECT_EQ(definition.subtests.at(0).phases.at(0).dialogue.at("fail"),
            Json({{{"text", "no /dev/vda"}}}));
}

TEST(Template, PutsParamsIntoNamesOfChecks) {
  const std::string text = R"(
[template.board]
steps = [{ wait = "x" }]
[[template.board.check]]
name = "has-${params.part}"
steps = [{ wait = "y" }]
[test.t]
template = "board"
params.part = )";
  const Definition definition = load_text(text + "'disk'\n");
  EXPECT_EQ(definition.subtests.at(0).phases.at(0).checks.at(0).name, "has-disk");
  EXPECT_THAT(mistakes_of(text + "'a/b'\n"),
              ElementsAre(HasSubstr("the name 'has-a/b' of a check may hold only")));
}

// Each names the next one ten times: a few lines that would take all memory.
TEST(Template, BoundsWhatParamsPutTogether) {
  std::string params = "p9='0123456789'";
  for (int i = 0; i < 9; ++i) {
    params += format(",p{}='{}'", i, ten_times(format("${{params.p{}}}", i + 1)));
  }
  const std::string text = "[test.t]\nsteps=[{wait='${params.p0}'}]\nparams={" + params + "}\n";
  EXPECT_THAT(mistakes_of(text),
              Contains(HasSubstr("error: params: the value of 'p5' is longer than 64")));
}

TEST(Template, BoundsWhatListsOfStepsPutIn) {
  std::string text = "[steps.s9]\nsteps=[]\n[test.t]\nsteps=[{use='s0'}, {wait='x'}]\n";
  for (int i = 0; i < 9; ++i) {
    text += format("[steps.s{}]\nsteps=[{}]\n", i, ten_times(format("{{use='s{}'}}", i + 1)));
  }
  EXPECT_THAT(mistakes_of(text),
              ElementsAre(HasSubstr("error: use: more than 10000 steps of lists")));
}

TEST(Template, MultipliesTheMatrix) {
  const Definition definition = load_text(R"(
[test.t]
params = { m = "g3" }
matrix = { cpu = ["7400", "7410"], smp = [1, 2] }
machine = "${params.m}"
cpu = "${cpu}"
args = ["-smp", "${smp}"]
steps = [{ wait = "CPU ${cpu}/${smp}" }, { line = "$${cpu}" }]
)");
  EXPECT_THAT(subtests(definition),
              ElementsAre("t[7400,1]: --wait 'CPU 7400/1'; --line '$${cpu}'",
                          "t[7400,2]: --wait 'CPU 7400/2'; --line '$${cpu}'",
                          "t[7410,1]: --wait 'CPU 7410/1'; --line '$${cpu}'",
                          "t[7410,2]: --wait 'CPU 7410/2'; --line '$${cpu}'"));
  EXPECT_EQ(first_vm(definition, 3).values,
            Json({{"machine", "g3"}, {"cpu", "7410"}, {"args", {"-smp", "2"}}}));
  EXPECT_THAT(definition.subtests[0].variables, IsEmpty());
}

TEST(Template, TakesMatrixVariablesInParamsAndParamsInTheMatrix) {
  const Definition definition = load_text(R"(
[template.t]
matrix = { cpu = ["${params.first}"] }
machine = "${cpu}"
args = ["${params.more}"]
steps = [{ wait = "x" }]
[test.t]
template = "t"
matrix = { cpu = ["b"] }
params = { first = "a", more = "-x=${cpu}" }
)");
  ASSERT_EQ(definition.subtests.size(), 2u);
  EXPECT_EQ(definition.subtests[0].name, "t[a]");
  EXPECT_EQ(first_vm(definition, 1).values, Json({{"machine", "b"}, {"args", {"-x=b"}}}));
}

TEST(Template, ComesFromIncludedFiles) {
  const std::string text = "include = ['../shared/linux.toml', 'two.toml']\n"
                           "[test.t]\ntemplate = 'linux'\n[test.u]\ntemplate = 'two'\n";
  const OtherFiles others = {
      {"../shared/linux.toml", "include = 'deep.toml'\n[template.linux]\nsteps=[{wait='l'}]\n"},
      {"../shared/deep.toml", "[template.deep]\nsteps=[{wait='d'}]\n"},
      {"two.toml", "include = ['../shared/linux.toml']\n[template.two]\nsteps=[{wait='2'}]\n"}};
  EXPECT_THAT(subtests(load_text(text, others)), ElementsAre("t: --wait l", "u: --wait 2"))
      << "a file that is included twice is read once";
}

struct Case {
  std::string text;
  std::vector<std::string> lines; // what is told
  OtherFiles others = {};
};

void PrintTo(const Case& wrong, std::ostream* out) { *out << wrong.text; }

class TemplateMistake : public testing::TestWithParam<Case> {};

TEST_P(TemplateMistake, IsTold) {
  EXPECT_EQ(mistakes_of(GetParam().text, GetParam().others), GetParam().lines) << GetParam().text;
}

const Case k_cases[] = {
    {"[template.linux]\nsteps=[{wait='x'}]\n[test.t]\ntemplate = 'linuz'\n",
     {"board.toml:4:12: error: template: there is no template 'linuz'; did you mean 'linux'?"}},
    {"[test.t]\ntemplate = 'linux'\nmachin = 'x'\n",
     {"board.toml:2:12: error: template: there is no template 'linux'; include the file that has "
      "it",
      "board.toml:3:1: error: unknown key 'machin' in [test.t]; did you mean 'machine'?"}},
    {"[test.t]\ntemplate = 3\n",
     {"board.toml:2:12: error: template: expected the name of a template, got 3"}},
    {"[template.a]\ntemplate = 'b'\nsteps=[{wait='x'}]\n[test.t]\ntemplate='a'\n",
     {"board.toml:2:12: error: template: there is no template 'b'; did you mean 'a'?"}},
    {"[template.a]\ntemplate = 'b'\n[template.b]\ntemplate = 'a'\nsteps=[{wait='x'}]\n[test.t]\n"
     "template='a'\n",
     {"board.toml:4:12: error: template: 'a' is made of itself: a, b, a"}},
    {"[template.a]\ntemplate = 'b'\n[template.b]\nsteps=[{wait='x'}]\n[test.t]\ntemplate='a'\n",
     {}},
    {"[template.a]\ntemplate = 'b'\nmachine='x'\n[template.b]\nsteps=[{wait='${params.y}'}]\n"
     "[test.t]\ntemplate='a'\n",
     {"board.toml:5:14: error: test 't' gives no value for '${params.y}'"}},
    {"[template.a]\nsteps=[{wait='x'}]\n[template.b]\nsteps=[{wait='x'}]\n[test.t]\ntemplate='a'\n",
     {"board.toml:3:11: error: [template.b] is used by no test of this file; leave it out or move "
      "it "
      "to a file that others include"}},
    {"include='a.toml'\n[test.t]\ntemplate='x'\n",
     {},
     {{"a.toml", "[template.x]\nsteps=[{wait='x'}]\n[template.y]\nsteps=[{wait='x'}]\n"}}},
    {"[template.a]\nmachine=\"${params.x}\"\nsteps=[{wait='x'}]\n[test.t]\ntemplate='a'\nparams={x="
     "\"a\\u0000b\"}\n",
     {"board.toml:2:9: error: machine: the text holds U+0000, at which an argument of a program "
      "ends; "
      "only send, interrupt and what is compared with JSON can have it"}},
    {"[test.t]\nmatrix={a=[\"x\\u0000y\"]}\nsteps=[{wait='${a}'}]\n",
     {"board.toml:2:12: error: matrix: expected a text or number that can stand in the name of a "
      "subtest (no spaces, '#', '/', brackets, '*' or '?'), got \"x\\x00y\""}},
    {"[template.a]\nsteps=[{wiat='x'}]\nsumary='x'\nmachine=3\ncpu='${params.x}'\n",
     {"board.toml:2:8: error: steps: no key of this step says what it does; did you mean 'wait'?",
      "board.toml:3:1: error: unknown key 'sumary' in [template.a]; did you mean 'summary'?",
      "board.toml:4:9: error: machine: expected a text, got 3"}},
    {"[template.a]\nsteps=[{wait='${params.x}'}]\n[test.t]\ntemplate='a'\n[test.u]\ntemplate='a'\n"
     "params={x='1', y=2}\n",
     {"board.toml:2:14: error: test 't' gives no value for '${params.x}'",
      "board.toml:7:16: error: params: nothing in test 'u' or template 'a' uses '${params.y}'"}},
    {"[template.a]\nsteps=[{wait='${params.x}'}]\n[test.t]\ntemplate='a'\nparams={z='1'}\n",
     {"board.toml:2:14: error: test 't' gives no value for '${params.x}'; did you mean 'z'?",
      "board.toml:5:9: error: params: nothing in test 't' or template 'a' uses '${params.z}'"}},
    {"[template.a]\nsteps=[{wait='${params.x}'}]\n[test.t]\ntemplate='a'\nparams={x=['1']}\n",
     {"board.toml:5:11: error: params: expected a text, a number, true or false for 'x', got a "
      "list"}},
    // A literal "${params.z}" would come in no machine's output, and fail would never find it.
    {"[template.a]\nfail=['${params.x}']\nsteps=[{wait='x'}]\n[test.t]\ntemplate='a'\n"
     "params={x='${params.z}'}\n",
     {"board.toml:6:11: error: test 't' gives no value for '${params.z}'; did you mean 'x'?"}},
    {"[template.a]\nsteps=[{wait='${params.x}'}]\n[test.t]\ntemplate='a'\n"
     "params={x='a ${params.y}', y='${params.x}'}\n",
     {"board.toml:5:30: error: params: 'x' is made of itself: x, y, x"}},
    {"[test.t]\nparams={x='${params.x}'}\nsteps=[{wait='${params.x}'}]\n",
     {"board.toml:2:11: error: params: 'x' is made of itself: x, x"}},
    {"[test.t]\nparams={x='${params.y}', y='1'}\nsteps=[{wait='x'}]\n",
     {"board.toml:2:9: error: params: nothing in test 't' uses '${params.x}'",
      "board.toml:2:26: error: params: nothing in test 't' uses '${params.y}'"}},
    {"[file.f]\nname='f'\ntext='${params.x}'\n[test.t]\nparams={x='1'}\n"
     "args=['${file.f}']\nsteps=[{wait='${params.x}'}]\n",
     {"board.toml:3:6: error: text: unknown name '${params.x}'; params are put into tests and "
      "their "
      "templates only"}},
    {"[test.t]\nparams=3\nsteps=[{wait='x'}]\n",
     {"board.toml:2:8: error: params: expected a table of names, got 3"}},
    {"[template.a]\nsteps=[{wait='x', timeout='${params.t}'}]\n[test.t]\ntemplate='a'\n"
     "params={t='soon'}\n",
     {"board.toml:2:27: error: timeout: expected a time such as \"500ms\", \"30s\" or \"2m\", got "
      "\"soon\""}},
    // matrix
    {"[test.t]\nmatrix={}\nsteps=[{wait='x'}]\n",
     {"board.toml:2:8: error: matrix: expected a table of lists, got an empty table"}},
    {"[test.t]\nmatrix={a=[]}\nsteps=[{wait='${a}'}]\n",
     {"board.toml:2:11: error: matrix: expected a list of values for 'a', got an empty list"}},
    {"[test.t]\nmatrix={a='x'}\nsteps=[{wait='${a}'}]\n",
     {"board.toml:2:11: error: matrix: expected a list of values for 'a', got \"x\""}},
    {"[test.t]\nmatrix={a=['x y']}\nsteps=[{wait='${a}'}]\n",
     {"board.toml:2:12: error: matrix: expected a text or number that can stand in the name of a "
      "subtest (no spaces, '#', '/', brackets, '*' or '?'), got \"x y\""}},
    {"[test.t]\nmatrix={qemu=['x']}\nsteps=[{wait='${qemu}'}]\n",
     {"board.toml:2:9: error: matrix: 'qemu' has a meaning already; give the variable another "
      "name"}},
    {"[test.t]\nmatrix={a=['1', 1]}\nsteps=[{wait='${a}'}]\n",
     {"board.toml:2:1: error: matrix: there are two subtests 't[1]'"}},
    {"[test.t]\nmatrix={a=['1'], b=['2']}\nsteps=[{wait='${a}'}]\n",
     {"board.toml:2:18: error: matrix: nothing in test 't' uses '${b}'"}},
    {"[test.t]\nmatrix={a=['1']}\nsteps=[{wait='${a} ${zz}'}]\n",
     {"board.toml:3:14: error: wait: unknown name '${zz}' in test 't'; $${ is a literal ${"}},
    // include
    {"include='x.toml'\n[test.t]\nsteps=[{wait='x'}]\n",
     {"board.toml:1:9: error: include: opening x.toml: No such file or directory"}},
    {"include=[3]\n[test.t]\nsteps=[{wait='x'}]\n",
     {"board.toml:1:10: error: include: expected the path of a file, got 3"}},
    {"include='board.toml'\n[test.t]\nsteps=[{wait='x'}]\n",
     {"board.toml:1:9: error: include: 'board.toml' includes this file again"}},
    {"include='a.toml'\n[test.t]\nsteps=[{wait='x'}]\n",
     {"b.toml:1:9: error: include: './a.toml' includes this file again"},
     {{"a.toml", "include='b.toml'\n"}, {"b.toml", "include='./a.toml'\n"}}},
    {"include='a.toml'\n[test.t]\nsteps=[{wait='x'}]\n",
     {},
     {{"a.toml", "[asset.a]\npath='/x'\n"}}},
    {"include='a.toml'\n[asset.a]\npath='/y'\n[test.t]\nargs=['${asset.a}']\nsteps=[{wait='x'}]\n",
     {"board.toml:2:8: error: there is another asset 'a' at a.toml:1:8"},
     {{"a.toml", "[asset.a]\npath='/x'\n"}}},
    {"include='a.toml'\n[test.t]\nsteps=[{wait='x'}]\n",
     {"board.toml:1:9: error: include: 'a.toml' has [test] at a.toml:1:2; only templates, assets, "
      "files and steps can be included"},
     {{"a.toml", "[test.a]\nsteps=[{wait='x'}]\n"}}},
    {"[steps.a]\nsteps=[{wiat='x'}]\n[test.t]\nsteps=[{use='a'}]\n",
     {"board.toml:2:8: error: steps: no key of this step says what it does; did you mean 'wait'?"}},
    {"[steps.login]\nsteps=[{wait='x'}]\n[test.t]\nsteps=[{use='logn'}, {use='login'}]\n",
     {"board.toml:4:13: error: use: there are no [steps.logn]; did you mean 'login'?"}},
    {"[steps.a]\nsteps=[{use='b'}]\n[steps.b]\nsteps=[{use='a'}]\n[test.t]\nsteps=[{use='a'}, "
     "{wait='x'}]\n",
     {"board.toml:4:13: error: use: [steps.a] use themselves: a, b, a"}},
    {"[steps.a]\nsteps=[{wait='x'}]\n[test.t]\nsteps=[{use='a', timeout='1s'}, {wait='y'}]\n",
     {"board.toml:4:8: error: use: nothing else can stand in this step"}},
    {"[steps.a]\nsteps=[{wait='x'}]\n[test.t]\nsteps=[{wait='y'}]\n",
     {"board.toml:1:8: error: [steps.a] are used by nothing in this file; leave them out or move "
      "them to a file that others include"}},
    {"[steps.a]\n[test.t]\nsteps=[{use='a'}, {wait='y'}]\n",
     {"board.toml:1:8: error: [steps.a] has no list of steps; expected steps = [...]",
      "board.toml:3:13: error: use: there are no [steps.a]; include the file that has them"}},
    {"include='a.toml'\n[test.t]\nsteps=[{wait='x'}]\n",
     {"a.toml:2:4: error: parsing key-value pair: expected value, saw '\\n'"},
     {{"a.toml", "\na =\n"}}},
    {"include='a.toml'\n[template.x]\n[test.t]\ntemplate='x'\nsteps=[{wait='x'}]\n",
     {"board.toml:2:11: error: there is another template 'x' at a.toml:1:11"},
     {{"a.toml", "[template.x]\nsteps=[{wait='x'}]\n"}}},
    {"include='a.toml'\n[test.t]\ntemplate='x'\n[test.u]\ntemplate='x'\n",
     {"a.toml:2:16: error: wait: unknown name '${file.f}' in test 't'",
      "a.toml:2:16: error: wait: unknown name '${file.f}' in test 'u'",
      "a.toml:3:1: error: unknown key 'machin' in [template.x]; did you mean 'machine'?"},
     {{"a.toml", "[template.x]\nsteps=[ { wait='${file.f}' } ]\nmachin='x'\n"}}},
};

INSTANTIATE_TEST_SUITE_P(Table, TemplateMistake, testing::ValuesIn(k_cases));

} // namespace template_test
