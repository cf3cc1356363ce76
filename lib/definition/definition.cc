#include "definition/definition.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "data/toml.hh"
#include "definition/merge.hh"
#include "definition/requirement.hh"
#include "definition/template.hh"
#include "definition/variables.hh"
#include "os/file.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <filesystem>
#include <variant>

namespace qt {

namespace {

void add_with_includes(const std::string& path, std::set<std::string>& files) {
  if (!files.insert(path).second) {
    return;
  }
  std::string text;
  try {
    text = read_file(path);
  } catch (const Error&) { // it may come later
    return;
  }
  const auto parsed = parse_toml(text, path);
  const Value* const root = std::get_if<Value>(&parsed);
  const Value* const include = root != nullptr ? root->find("include") : nullptr;
  if (include == nullptr) {
    return;
  }
  const std::vector<Value> names =
      include->is(Value::Kind::text) ? std::vector<Value>{*include} : include->elements;
  for (const Value& name : names) {
    if (name.is(Value::Kind::text)) {
      const auto included = std::filesystem::path(parent_of(path)) / name.text;
      add_with_includes(included.lexically_normal().string(), files);
    }
  }
}

constexpr std::size_t k_largest_definition = 1U << 20; // people write them

class Loader {
public:
  explicit Loader(const std::string& path)
    : m_path(path) {}

  Definition load();

private:
  void read_includes(const Value& root, const std::string& path, std::vector<std::string>& open);
  void read_include(const Value& name, const std::string& path, std::vector<std::string>& open);
  void read_templates(const Value& root);
  void read_shared(const Value& root);
  Value with_shared(Value root);
  void leave_out_unused(Definition& definition);
  void read_tests(const Value& root, Definition& definition);
  void read_test(const Member& test, const Value* required, const Payloads& payloads,
                 Definition& definition);
  void check_pending(const Member& test, const Payloads& payloads);
  void check_texts(const Value& root, const Payloads& payloads);
  Suite read_suite(const Value& root, const std::map<std::string, Asset>& assets);

  std::string m_path;
  Mistakes m_mistakes;
  Reader m_reader{m_mistakes, Texts::final};
  Templates m_templates;
  StepLists m_step_lists;
  // [asset.NAME] and [file.NAME] of included files, by kind.
  std::map<std::string, std::vector<Member>> m_shared;
  std::set<std::string> m_used_templates;
  std::vector<std::string> m_tags;     // of the file
  std::vector<std::string> m_included; // canonical paths of files read already
};

// Two paths of one file are the same file to cycles and to files that are included twice.
std::string canonical(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, ignored);
  return ignored ? absolute_path(path) : real.string();
}

void Loader::read_templates(const Value& root) {
  m_reader.named_tables(root, "template", [this](const Member& entry) {
    m_reader.unknown_members(entry.value, format("[template.{}]", entry.key), test_keys());
    const auto [known, inserted] = m_templates.emplace(entry.key, entry);
    if (!inserted) {
      m_mistakes.add(entry.at, format("there is another template '{}' at {}", entry.key,
                                      known->second.at.text()));
    }
  });
}

void Loader::read_include(const Value& name, const std::string& path,
                          std::vector<std::string>& open) {
  if (!m_reader.expect(name, Value::Kind::text, "include", "the path of a file")) {
    return;
  }
  const std::filesystem::path relative = std::filesystem::path(parent_of(path)) / name.text;
  const std::string file = relative.lexically_normal().string();
  const std::string real = canonical(file);
  if (std::find(open.begin(), open.end(), real) != open.end()) {
    m_mistakes.add(name.at, format("include: '{}' includes this file again", name.text));
    return;
  }
  if (std::find(m_included.begin(), m_included.end(), real) != m_included.end()) {
    return; // over another way already
  }
  std::string text;
  try {
    text = read_file(file, k_largest_definition);
  } catch (const Error& error) {
    m_mistakes.add(name.at, format("include: {}", error.what()));
    return;
  }
  m_included.push_back(real);
  const auto parsed = parse_toml(text, file);
  if (const Mistake* const mistake = std::get_if<Mistake>(&parsed)) {
    m_mistakes.add(mistake->at, mistake->text);
    return;
  }
  const Value& root = std::get<Value>(parsed);
  for (const Member& member : root.members) {
    if (member.key == "test" || member.key == "requires") {
      m_mistakes.add(name.at, format("include: '{}' has [{}] at {}; only templates, assets, files "
                                     "and steps can be included",
                                     name.text, member.key, member.at.text()));
    }
  }
  m_reader.unknown_members(
      root, "an included file",
      {"summary", "include", "template", "steps", "asset", "file", "test", "requires"});
  open.push_back(real);
  read_includes(root, file, open);
  open.pop_back();
  read_templates(root);
  read_step_lists(root, m_step_lists, m_reader);
  read_shared(root);
}

void Loader::read_shared(const Value& root) {
  for (const char* const kind : {"asset", "file"}) {
    m_reader.named_tables(root, kind,
                          [this, kind](const Member& entry) { m_shared[kind].push_back(entry); });
  }
}

// The file with the assets and files that it includes, as if they stood in it.
Value Loader::with_shared(Value root) {
  for (const auto& shared : m_shared) {
    const std::string& kind = shared.first;
    const std::vector<Member>& entries = shared.second;
    auto table = std::find_if(root.members.begin(), root.members.end(),
                              [&](const Member& member) { return member.key == kind; });
    if (table == root.members.end()) {
      table = root.members.insert(table, {kind, entries.front().at, Value()});
    }
    for (const Member& entry : entries) {
      if (const Member* const known = table->value.member(entry.key)) {
        m_mistakes.add(known->at,
                       format("there is another {} '{}' at {}", kind, entry.key, entry.at.text()));
      } else {
        table->value.members.push_back(entry);
      }
    }
  }
  return root;
}

// What is included for others has no part in this definition.
void Loader::leave_out_unused(Definition& definition) {
  std::set<std::string> files;
  std::set<std::string> assets;
  for (const Subtest& subtest : definition.subtests) {
    files.merge(files_of(definition, subtest));
    assets.merge(assets_of(definition, subtest));
  }
  const auto is_shared = [this](const std::string& kind, const std::string& name) {
    const std::vector<Member>& entries = m_shared[kind];
    return std::any_of(entries.begin(), entries.end(),
                       [&name](const Member& entry) { return entry.key == name; });
  };
  for (const auto& [name, rule] : definition.files) {
    if (!is_shared("file", name)) {
      files.merge(definition.files_for(name));
      assets.merge(definition.assets_for(name));
    }
  }
  std::erase_if(definition.files, [&](const auto& file) {
    return is_shared("file", file.first) && !files.contains(file.first);
  });
  std::erase_if(definition.assets, [&](const auto& asset) {
    return is_shared("asset", asset.first) && !assets.contains(asset.first);
  });
}

void Loader::read_includes(const Value& root, const std::string& path,
                           std::vector<std::string>& open) {
  const Value* const include = root.find("include");
  if (include == nullptr) {
    return;
  }
  if (include->is(Value::Kind::text)) {
    read_include(*include, path, open);
  } else if (m_reader.expect(*include, Value::Kind::list, "include", "a list of paths")) {
    for (const Value& name : include->elements) {
      read_include(name, path, open);
    }
  }
}

// What can be said of the table of a test or template alone, whose params are not known.
void Loader::check_pending(const Member& test, const Payloads& payloads) {
  Member whole = test;
  put_in_step_lists(whole.value, m_step_lists, m_reader);
  read_subtest(whole, nullptr, payloads, Reader(m_mistakes, Texts::pending));
}

void Loader::read_test(const Member& test, const Value* required, const Payloads& payloads,
                       Definition& definition) {
  m_reader.unknown_members(test.value, format("[test.{}]", test.key), test_keys());
  for (const Value* used = test.value.find("template"); used != nullptr;) { // and theirs
    const auto known = m_templates.find(used->text);
    const bool is_new = m_used_templates.insert(used->text).second;
    used = is_new && known != m_templates.end() ? known->second.value.find("template") : nullptr;
  }
  const std::vector<Member> subtests = expand_test(test, m_templates, m_step_lists, m_reader);
  if (subtests.empty()) {
    check_pending(test, payloads);
  }
  for (const Member& subtest : subtests) {
    Member plain = subtest;
    plain.key = test.key; // messages name the test: its subtests have the same mistakes
    definition.subtests.push_back(read_subtest(plain, required, payloads, m_reader));
    definition.subtests.back().name = subtest.key;
    if (definition.subtests.back().summary.empty()) {
      definition.subtests.back().summary = definition.summary;
    }
    std::vector<std::string>& tags = definition.subtests.back().tags;
    tags.insert(tags.begin(), m_tags.begin(), m_tags.end());
  }
}

void Loader::read_tests(const Value& root, Definition& definition) {
  const Payloads payloads{definition.assets, definition.files};
  check_texts(root, payloads);
  const Value* const required = root.find("requires");
  if (required != nullptr) {
    read_requires(*required, m_reader);
  }
  const bool usable = required != nullptr && required->is(Value::Kind::table);
  m_reader.named_tables(root, "test", [&](const Member& test) {
    read_test(test, usable ? required : nullptr, payloads, definition);
  });
  const std::set<std::string> used_lists = used_step_lists(root);
  if (const Value* const lists = root.find("steps"); lists != nullptr && root.find("test")) {
    for (const Member& entry : lists->members) {
      if (!used_lists.contains(entry.key)) {
        m_mistakes.add(entry.at, format("[steps.{}] are used by nothing in this file; leave them "
                                        "out or move them to a file that others include",
                                        entry.key));
      }
    }
  }
  // Else one may be meant and its name misspelt.
  const bool all_are_known =
      std::all_of(m_used_templates.begin(), m_used_templates.end(),
                  [this](const std::string& name) { return m_templates.contains(name); });
  const Value* const templates = root.find("template");
  if (templates != nullptr && templates->is(Value::Kind::table)) {
    for (const Member& entry : templates->members) {
      if (entry.value.is(Value::Kind::table)) { // also what no test uses, or each replaces
        check_pending(entry, payloads);
      }
      if (root.find("test") != nullptr && all_are_known && !m_used_templates.contains(entry.key)) {
        m_mistakes.add(entry.at,
                       format("[template.{}] is used by no test of this file; leave it out "
                              "or move it to a file that others include",
                              entry.key));
      }
    }
  }
}

void Loader::check_texts(const Value& root, const Payloads& payloads) {
  Variables variables(payloads, m_mistakes, "");
  const Value* const files = root.find("file");
  if (files == nullptr) {
    return;
  }
  for (const Member& entry : files->members) {
    if (const Value* const text = entry.value.find("text")) {
      variables.check("text", *text, Variables::SavedNames::unknown);
    }
  }
}

Suite Loader::read_suite(const Value& root, const std::map<std::string, Asset>& assets) {
  if (const Value* const suite = root.find("suite")) {
    if (!suite->is(Value::Kind::text) || suite->text != suite_name(Suite::thorough)) {
      m_mistakes.add(suite->at, format("suite: expected \"thorough\", got {}; without this key a "
                                       "file with payloads is thorough, any other quick",
                                       describe_value(*suite)));
    }
    return Suite::thorough;
  }
  const bool needs_payload = std::any_of(
      assets.begin(), assets.end(), [](const auto& asset) { return asset.second.path.empty(); });
  return needs_payload ? Suite::thorough : Suite::quick;
}

Definition Loader::load() {
  Definition definition;
  definition.path = m_path;
  definition.folder = parent_of(absolute_path(m_path));
  definition.arch = base_name(definition.folder);
  definition.stem = std::filesystem::path(m_path).stem().string();

  const auto parsed = parse_toml(read_file(m_path, k_largest_definition), m_path);
  if (const Mistake* const mistake = std::get_if<Mistake>(&parsed)) {
    m_mistakes.add(mistake->at, mistake->text);
    throw m_mistakes.report();
  }
  const Value& root = std::get<Value>(parsed);
  m_reader.unknown_members(root, "a definition", definition_keys());
  if (root.members.empty()) {
    m_mistakes.add(root.at, "the file is empty; expected [test.NAME] tables");
  }
  if (const Value* const summary = root.find("summary");
      summary != nullptr && m_reader.expect(*summary, Value::Kind::text, "summary", "a text")) {
    definition.summary = summary->text;
  }
  if (const Value* const timeout = root.find("timeout")) {
    const auto named = m_reader.value(*find_key(dialogue_keys(), "timeout"), *timeout);
    definition.timeout = parse_duration(named.value_or("").get<std::string>()).value_or(Duration());
  }
  if (const Value* const tags = root.find("tags")) {
    m_tags = read_tags(*tags, m_reader);
  }
  std::vector<std::string> open = {canonical(m_path)};
  read_includes(root, m_path, open);
  read_templates(root);
  read_step_lists(root, m_step_lists, m_reader);
  Payloads payloads =
      read_payloads(with_shared(root), definition.arch == k_generic ? "" : definition.arch,
                    definition.folder, m_mistakes);
  definition.assets = std::move(payloads.assets);
  definition.files = std::move(payloads.files);
  read_tests(root, definition);
  if (m_mistakes.empty()) { // else files may be made of each other
    leave_out_unused(definition);
  }
  definition.suite = read_suite(root, definition.assets);
  if (!m_mistakes.empty()) {
    throw m_mistakes.report();
  }
  definition.warnings = m_mistakes.warnings();
  return definition;
}

} // namespace

std::string_view suite_name(Suite suite) { return suite == Suite::quick ? "quick" : "thorough"; }

std::set<std::string> Definition::files_for(const std::string& file) const {
  std::set<std::string> found;
  std::vector<std::string> next = {file};
  while (!next.empty()) {
    const auto rule = files.find(next.back());
    next.pop_back();
    if (rule == files.end() || !found.insert(rule->first).second) {
      continue;
    }
    for (const std::string& source : sources_of(rule->second)) {
      next.push_back(file_in(source));
    }
  }
  return found;
}

std::set<std::string> Definition::assets_for(const std::string& file) const {
  std::set<std::string> found;
  for (const std::string& name : files_for(file)) {
    for (const std::string& source : sources_of(files.at(name))) {
      found.insert(asset_in(source));
    }
  }
  found.erase("");
  return found;
}

bool Definition::has_text_for(const std::string& file) const {
  const std::set<std::string> all = files_for(file);
  return std::any_of(all.begin(), all.end(),
                     [this](const std::string& name) { return files.at(name).has_text; });
}

std::set<std::string> files_of(const Definition& definition, const Subtest& subtest) {
  std::set<std::string> files;
  for (const std::string& variable : subtest.variables) {
    files.merge(definition.files_for(file_in(variable)));
  }
  return files;
}

std::set<std::string> assets_of(const Definition& definition, const Subtest& subtest) {
  std::set<std::string> assets;
  for (const std::string& variable : subtest.variables) {
    assets.insert(asset_in(variable));
  }
  for (const std::string& file : files_of(definition, subtest)) {
    assets.merge(definition.assets_for(file));
  }
  assets.erase("");
  return assets;
}

Definition load_definition(const std::string& path) { return Loader(path).load(); }

std::set<std::string> definition_and_includes(const std::string& path) {
  std::set<std::string> files;
  add_with_includes(path, files);
  return files;
}

} // namespace qt
