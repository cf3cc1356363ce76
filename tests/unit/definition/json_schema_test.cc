// The schema against the tables that it is made of, against all definitions that there are, and
// against wrong ones. What a schema means is for another program to say: python3-jsonschema.
#include "data/toml.hh"
#include "definition/json_schema.hh"
#include "definition/merge.hh"
#include "definition_text.hh"
#include "os/process.hh"
#include "schema/tables.hh"

#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

namespace {

using namespace qt;
using testing::IsEmpty;

std::set<std::string> properties(const Json& schema) {
  std::set<std::string> names;
  for (const auto& [name, unused] : schema.at("properties").items()) {
    names.insert(name);
  }
  return names;
}

std::set<std::string> as_set(const std::vector<std::string_view>& names) {
  return {names.begin(), names.end()};
}

TEST(DefinitionSchema, HasTheKeysOfTheTables) {
  const Json schema = definition_schema();
  const Json& parts = schema.at("definitions");
  EXPECT_EQ(properties(schema), as_set(definition_keys()));
  EXPECT_EQ(properties(parts.at("test")), as_set(test_keys()));
  EXPECT_EQ(properties(parts.at("phase")), as_set(phase_keys()));
  EXPECT_EQ(properties(parts.at("vm")), as_set(key_names(vm_keys())));
  EXPECT_EQ(properties(parts.at("asset")), as_set(key_names(asset_keys())));
  EXPECT_EQ(properties(parts.at("file")), as_set(key_names(file_keys())));
  EXPECT_EQ(properties(parts.at("requires")), as_set(key_names(requires_keys())));
  EXPECT_EQ(parts.at("step").at("anyOf").size(), step_type_keys().size());
  for (const Json& step : parts.at("step").at("anyOf")) {
    const StepType type = *step_type_from(step.at("title").get<std::string>());
    const bool may_wait = type == StepType::line || type == StepType::send;
    for (const std::string& name : properties(step)) {
      const bool is_of_wait = may_wait && (find_step_key(StepType::wait, name) != nullptr ||
                                           find_step_key(StepType::wait_regex, name) != nullptr ||
                                           find_step_key(StepType::tap, name) != nullptr);
      EXPECT_TRUE(find_step_key(type, name) != nullptr || is_of_wait)
          << step.at("title") << ": " << name;
    }
    EXPECT_TRUE(properties(step).contains("timeout"));
  }
}

Json document(const std::string& text, const std::string& name) {
  const auto parsed = parse_toml(text, name);
  const Mistake* const mistake = std::get_if<Mistake>(&parsed);
  EXPECT_EQ(mistake, nullptr) << name;
  return mistake == nullptr ? json_of(std::get<Value>(parsed)) : Json();
}

constexpr const char* k_checker = R"python(
import json, sys
from jsonschema import Draft7Validator
asked = json.load(open(sys.argv[1]))
Draft7Validator.check_schema(asked["schema"])
checker = Draft7Validator(asked["schema"])
for name, document in asked["documents"].items():
    for error in checker.iter_errors(document):
        print(name, "/".join(map(str, error.absolute_path)), error.message[:200], sep="\t")
)python";

// Which documents are refused, and why.
using Refused = std::multimap<std::string, std::string>;

class DefinitionSchemaChecked : public testing::Test {
protected:
  void SetUp() override {
    const auto found = find_program("python3");
    if (!found || run({"python3", "-c", "import jsonschema"}).status.code() != 0) {
      GTEST_SKIP() << "no python3-jsonschema";
    }
  }
  static Captured run(const std::vector<std::string>& words) {
    return *run_captured(words, {}, Deadline::after(std::chrono::seconds(120)));
  }
  Refused refused(const std::map<std::string, Json>& documents) const {
    const std::string path = folder.path() + "/asked.json";
    write_file(path, dump_json({{"schema", definition_schema()}, {"documents", documents}}));
    const Captured result = run({"python3", "-W", "ignore", "-c", k_checker, path});
    EXPECT_EQ(result.status.code(), 0) << result.err;
    Refused found;
    for (const std::string& line : split(result.out, '\n')) {
      if (const std::size_t tab = line.find('\t'); tab != std::string::npos) {
        found.emplace(line.substr(0, tab), line.substr(tab + 1));
      }
    }
    return found;
  }

  const TempDir folder{"json-schema-test"};
};

TEST_F(DefinitionSchemaChecked, AcceptsAllDefinitions) {
  const char* const root = std::getenv("QEMU_TEST_SOURCE_ROOT");
  if (root == nullptr) {
    GTEST_SKIP() << "QEMU_TEST_SOURCE_ROOT does not say where the source is; run by meson test";
  }
  std::map<std::string, Json> documents;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(std::string(root) + "/tests/functional")) {
    if (file.path().extension() == ".toml") {
      const std::string path = file.path();
      documents[path] = document(read_file(path), path);
    }
  }
  EXPECT_GT(documents.size(), 50u);
  EXPECT_THAT(refused(documents), IsEmpty());
}

// One definition for each text, which has a test that is right if the text has none.
std::map<std::string, std::string> definitions_of(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> definitions;
  for (const std::string& text : texts) {
    const bool has_test = text.find("[test.") != std::string::npos;
    definitions[text] =
        text + (has_test ? "" : "\n[test.t]\nmachine = 'virt'\nsteps = [{ wait = 'x' }]\n");
  }
  return definitions;
}

std::string test_with(const std::string& keys) { return "[test.t]\n" + keys; }
std::string step(const std::string& keys) {
  return test_with("machine = 'virt'\nsteps = [{ " + keys + " }]\n");
}

std::map<std::string, Json> documents_of(const std::map<std::string, std::string>& definitions) {
  std::map<std::string, Json> documents;
  for (const auto& [name, text] : definitions) {
    // A name of one line.
    documents[join(split(name, '\n'), " ")] = document(text, name);
  }
  return documents;
}

TEST_F(DefinitionSchemaChecked, AcceptsWhatTheReaderAccepts) {
  const auto definitions = definitions_of({
      step("exit = 'any'"),
      step("wait = 'x', timeout = '.5s', budget = '1.5m', mark = 'm'"),
      step("qmp = 'a', until = { a = [1, 2] }, every = '1ms'"),
      step("hmp = 'a', until = 'RE'"),
      step("qmp = 'a', range = [0.5, 2], at = '/a', save = { n = '/b' }"),
      step("qmp = 'a', save = { n = { at = '/b', default = 0 }, m = '/c' }"),
      step("run = ['a'], stdout = ['x', { lacks = 'y', matches = 'z' }]"),
      step("run = ['x'], stdout = 'y', status = 3"),
      step("tcp = '127.0.0.1:1', open = false"),
      step("file = '/x', min-size = 5"),
      step("wait = 'x', fail = 'y'"),
      step("wait = 'x', fail = ['y', { regex = 'z+' }]"),
      step("line = 'x', wait = 'y', fail = 'z', timeout = '1s', pace = '1ms'"),
      step("send = 'x', wait-regex = 'y', ignore-printk = true"),
      step("interrupt = \"\\u0000\", until = 'x'"),
      test_with("machine = 'virt'\nconsole = false\nexit = 0\n"),
      test_with("machine = 'virt'\nservice = ['a', 'b']\nready = 'log:up'\nexit = 0\n"),
      test_with("machine = 'virt'\noutput = { lacks = 'x' }\n"),
      test_with("machine = 'virt'\noutput = ['w', { lacks = 'x' }, { lacks = 'y' }]\n"),
      test_with("machine = 'virt'\nrequires = { machine = [], slow = true }\nexit = 0\n"),
      test_with("machine = 'virt'\nrequires = { config = ['igvm', 'not asan'] }\nexit = 0\n"),
      test_with("template = 'a'\nparams = { s = 3 }\n[template.a]\nmachine = 'virt'\n"
                "exit = '${params.s}'\n"),
      test_with("template = 'a'\nparams = { s = 'x' }\n[template.a]\nmachine = 'virt'\nexit = 0\n"
                "[[template.a.check]]\nname = '${params.s}'\nsteps = [{ wait = 'x' }]\n"),
      "[asset.a]\nenv = 'A'\n[file.f]\nfrom = 'a'\nresize = 'pow2'\n[file.g]\nfrom = 'a'\n"
      "resize = '16M'\n[file.h]\ntext = ''\n",
      "[file.f]\nmake = ['touch', '${out}']\ninputs = '/x'\ntimeout = '5s'\nwritable = true\n",
  });
  for (const auto& [name, text] : definitions) {
    EXPECT_THAT(mistakes_of(text), IsEmpty()) << text;
  }
  EXPECT_THAT(refused(documents_of(definitions)), IsEmpty());
}

TEST_F(DefinitionSchemaChecked, RefusesWhatIsWrong) {
  const auto definitions = definitions_of({
      "sumary = 'x'",
      "summary = 5",
      "suite = 'quick'",
      "timeout = 5",
      "timeout = '5'",
      "timeout = '5 s'",
      "tags = [1]",
      "[asset.a]\nurl = 'http://h/f'\n",
      "[asset.a]\nurl = 'http://h/f'\nenv = 'A'\nsha256 = 'x'\n",
      "[asset.a]\nsize = 5\n",
      "[asset.a]\nenv = ''\n",
      "requires = { config = 'igwm' }",
      "requires = { config = [] }",
      "[asset.'a b']\nenv = 'A'\n",
      "[file.f]\nmember = 'x'\n",
      "[file.f]\nfrom = 'a'\ntext = 'b'\n",
      "[file.f]\ntext = 'b'\nwritable = false\n",
      "[file.f]\nmake = 'touch ${out}x'\ntext = 'b'\n",
      "[file.f]\nmake = ['touch', '${out}']\ntext = 'b'\n",
      "[file.f]\ntext = 'b'\ninputs = ['/x']\n",
      "[file.f]\ntext = 'b'\ntimeout = '5s'\n",
      "[file.f]\ntext = 'b'\nresize = '16X'\n",
      "[file.f]\ntext = 'b'\ndirectroy = true\n",
      "requires = { slow = 1 }",
      "requires = { comands = 'x' }",
      "requires = []",
      test_with("machine = 5\nexit = 0\n"),
      test_with("machine = 'virt'\nexit = 256\n"),
      test_with("machine = 'virt'\nexit = 'none'\n"),
      test_with("machin = 'virt'\nexit = 0\n"),
      test_with("machine = 'virt'\nconsole = true\nexit = 0\n"),
      test_with("machine = 'virt'\nconsole = 99\nexit = 0\n"),
      test_with("machine = 'virt'\nconfine = 'jail'\nexit = 0\n"),
      test_with("machine = 'virt'\nready = 'udp:5'\nexit = 0\n"),
      test_with("machine = 'virt'\nservice = ['a']\nready = 'unix:'\nexit = 0\n"),
      test_with("machine = 'virt'\noutput = { has = 'x' }\n"),
      test_with("machine = 'virt'\noutput = []\n"),
      test_with("machine = 'virt'\noutput = ['x', { has = 'y' }]\n"),
      test_with("machine = 'virt'\noutput = [['x']]\n"),
      test_with("machine = 'virt'\nservice = []\nexit = 0\n"),
      test_with("machine = 'virt'\nqmp = 'no'\nexit = 0\n"),
      test_with("machine = 'virt'\nfail = { text = 'a', regex = 'b' }\nexit = 0\n"),
      test_with("machine = 'virt'\nprepare = [{ wait = 'x' }]\nexit = 0\n"),
      test_with("machine = 'virt'\nmatrix = { a = [] }\nexit = 0\n"),
      test_with("machine = 'virt'\nexit = 0\n[test.t.vm.a]\nsteps = []\n"),
      test_with("[[test.t.phase]]\nmachine = 'virt'\nsummary = 'x'\nexit = 0\n"),
      step(""),
      step("wait = 'x', qmp = 'y'"),
      step("wait = ''"),
      step("wait = 'x', pace = '1s'"),
      step("line = 'x', until = 'y'"),
      step("wiat = 'x'"),
      step("wait = 'x', timeout = 3"),
      step("quit = false"),
      step("running = 1"),
      step("run = 'true'"),
      step("run = []"),
      step("qmp = 'a', range = [1]"),
      step("qmp = 'a', arguments = 'x'"),
      step("qmp = 'a', save = {}"),
      step("qmp = 'a', save = { n = { at = '/b' } }"),
      step("qmp = 'a', save = { n = { at = '/b', default = [] } }"),
      step("qmp = 'a', save = { n = { at = '/b', default = 0, more = 1 } }"),
      step("hmp = 'a', returns = {}"),
      step("event = 'A', data = 1"),
      step("tcp = 'h:1', open = 'no'"),
      step("send = 5"),
  });
  const Refused found = refused(documents_of(definitions));
  for (const auto& [name, text] : definitions) {
    EXPECT_TRUE(found.contains(join(split(name, '\n'), " "))) << "accepted:\n" << text;
    EXPECT_FALSE(mistakes_of(text).empty()) << "the reader accepts:\n" << text;
  }
}

} // namespace
