#include "definition/payload.hh"

#include "base/spelling.hh"
#include "base/substitute.hh"
#include "base/text.hh"
#include "data/url.hh"
#include "os/file.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <map>
#include <set>
#include <sys/stat.h>
#include <tuple>
#include <utility>

namespace qt {

namespace {

constexpr std::size_t k_longest_way = 100; // what is made of a file goes its whole way
constexpr std::string_view k_of_asset = "asset.";
constexpr std::string_view k_of_file = "file.";
constexpr std::string_view k_data = "${data}";

bool is_pattern(const std::string& path) { return path.find_first_of("*?[") != std::string::npos; }

class PayloadReader {
public:
  PayloadReader(const Value& root, std::string arch, std::string folder, Mistakes& mistakes)
    : m_root(root)
    , m_arch(std::move(arch))
    , m_folder(std::move(folder))
    , m_mistakes(mistakes)
    , m_reader(mistakes, Texts::final) {}

  Payloads read();

private:
  void read_asset(const Member& entry);
  void read_digest(const Member& entry, const Json& values, Asset& asset);
  void read_file(const Member& entry);
  void read_source(FileRule& rule);
  void read_inputs(FileRule& rule);
  void add_inputs_beside(FileRule& rule, const Value& word, bool has_list);
  void add_input(FileRule& rule, const Value& value, const std::string& name);
  void add_named_input(FileRule& rule, const Value& value, const std::string& name);
  std::string nearest(const std::string& name, const std::string& own) const;
  void check_rule(const Member& entry, const FileRule& rule);
  void check_command(const Member& entry, const FileRule& rule);
  void check_cycles();
  bool check_way(std::vector<std::string>& way, std::set<std::string>& seen);
  void wrong_source(const std::string& name, const std::string& why);
  void check_names();
  Value substituted(const Value& table);

  const Value& m_root;
  std::string m_arch;
  std::string m_folder;
  Mistakes& m_mistakes;
  Reader m_reader;
  Payloads m_payloads;
};

std::string text_of(const Json& values, std::string_view key) {
  const auto found = values.find(key);
  return found == values.end() ? std::string() : found->get<std::string>();
}

// The names in a command that are known when it runs.
bool is_of_command(std::string_view name) {
  return name == "out" || name.starts_with(k_of_asset) || name.starts_with(k_of_file);
}

// A copy of a table with the names that are known now put in.
Value PayloadReader::substituted(const Value& table) {
  Value copy = table;
  const auto replace = [this](std::string_view key, Value& value) {
    const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
      if (name == "data") {
        return m_folder;
      }
      if (name == "arch" && !m_arch.empty()) {
        return m_arch;
      }
      if (key == "make" && is_of_command(name)) {
        return std::nullopt;
      }
      m_mistakes.add(value.at,
                     name == "arch"
                         ? format("{}: ${{arch}} has no value here: these tests run on every "
                                  "emulator",
                                  key)
                         : format("{}: unknown name '${{{}}}'; here are only ${{arch}}{} and "
                                  "${{data}}, and $${{ is a literal ${{",
                                  key, name,
                                  key == "make" ? ", ${out}, ${asset.NAME}, ${file.NAME}" : ""));
      return std::nullopt;
    };
    value.text = substitute(value.text, lookup, key == "make" ? Pass::early : Pass::last);
  };
  for (Member& member : copy.members) {
    if (member.value.is(Value::Kind::text) && member.key != "text") {
      replace(member.key, member.value);
    }
    for (Value& element : member.value.elements) {
      replace(member.key, element);
    }
  }
  return copy;
}

void PayloadReader::read_digest(const Member& entry, const Json& values, Asset& asset) {
  for (const auto& [key, bits] : {std::pair("sha256", 256U), std::pair("sha512", 512U)}) {
    if (!values.contains(key)) {
      continue;
    }
    const std::string digest = lower_case(values.at(key).get<std::string>());
    const Position& at = entry.value.find(key)->at;
    if (!is_digest(digest, bits)) {
      m_mistakes.add(
          at, format("{}: expected {} hexadecimal digits, got {}{}", key, bits / 4, digest.size(),
                     digest.size() == bits / 4 ? " characters that are not all such" : ""));
    } else if (!asset.digest.empty()) {
      m_mistakes.add(at, "sha256 and sha512 both stand here; one of them is enough");
    }
    asset.digest = digest;
  }
}

void PayloadReader::read_asset(const Member& entry) {
  const Value table = substituted(entry.value);
  m_reader.unknown_members(table, format("[asset.{}]", entry.key), key_names(asset_keys()));
  const Json values = m_reader.values(table, asset_keys());
  Asset asset;
  asset.name = entry.key;
  asset.env = text_of(values, "env");
  asset.path = text_of(values, "path");
  if (values.contains("url")) {
    asset.urls = values.at("url").get<std::vector<std::string>>();
  }
  read_digest(entry, values, asset);
  if (values.contains("size")) {
    asset.size = parse_size(text_of(values, "size"));
  }

  std::vector<const Member*> sources;
  for (const Member& member : table.members) {
    if (member.key == "url" || member.key == "env" || member.key == "path") {
      sources.push_back(&member);
    }
  }
  if (sources.empty()) {
    m_mistakes.add(entry.at,
                   format("[asset.{}] needs a url with its digest, an env or a path", entry.key));
  } else if (sources.size() > 1) {
    m_mistakes.add(sources[1]->at, format("[asset.{}] has '{}' already; url, env and path exclude "
                                          "each other",
                                          entry.key, sources[0]->key));
  }
  const bool digest_given = table.find("sha256") != nullptr || table.find("sha512") != nullptr;
  if (const Value* const url = table.find("url")) {
    if (!digest_given) {
      m_mistakes.add(
          entry.at,
          format("[asset.{}] needs sha256 or sha512: nothing is used unverified", entry.key));
    }
    if (values.contains("url") && asset.urls.empty()) {
      m_mistakes.add(url->at, "url: expected a text or a list of texts, got an empty list");
    }
    for (std::size_t i = 0; i < asset.urls.size(); ++i) {
      const Position& at = url->is(Value::Kind::list) ? url->elements[i].at : url->at;
      if (!is_fetchable(asset.urls[i])) {
        m_mistakes.add(at, format("url: expected http://, https:// or file://, got \"{}\"",
                                  display_url(asset.urls[i])));
      } else if (const std::string mistake = url_mistake(asset.urls[i]); !mistake.empty()) {
        m_mistakes.add(at, format("url: {}, got \"{}\"", mistake, display_url(asset.urls[i])));
      }
    }
  }
  if (const Value* const path = table.find("path"); path != nullptr && values.contains("path")) {
    if (!asset.path.starts_with('/')) {
      m_mistakes.add(path->at, "path: expected an absolute path; a file beside the definition is "
                               "\"${data}/NAME\"");
    }
    const Value* const written = entry.value.find("path");
    struct stat status;
    if (written->text.starts_with(k_data) && !is_pattern(asset.path) &&
        ::lstat(asset.path.c_str(), &status) < 0) { // it belongs to the definition
      m_mistakes.add(path->at, format("path: there is no {}", asset.path));
    }
    if (const Member* const size = table.member("size")) {
      m_mistakes.add(size->at, "size: a path takes none: the host's file may be of any version");
    }
    if (digest_given) {
      m_mistakes.add(entry.at, format("[asset.{}]: a path takes no digest: the host's file may be "
                                      "of any version",
                                      entry.key));
    }
  }
  if (const Value* const env = table.find("env"); env != nullptr && values.contains("env")) {
    if (asset.env.empty() || asset.env.find_first_of("= ${}") != std::string::npos) {
      m_mistakes.add(env->at, "env: expected the name of an environment variable");
    }
  }
  m_payloads.assets[entry.key] = asset;
}

void PayloadReader::check_rule(const Member& entry, const FileRule& rule) {
  const Value& table = entry.value;
  if (table.find("from") == nullptr && !rule.has_text && table.find("make") == nullptr) {
    m_mistakes.add(entry.at, format("[file.{}] needs from = \"…\" (an asset or a file), text = "
                                    "\"…\" or make = [\"COMMAND\", …]",
                                    entry.key));
  }
  check_command(entry, rule);
  if (rule.has_text) {
    for (const char* key :
         {"from", "member", "first", "format", "directory", "skip-devices", "resize"}) {
      if (const Member* const member = table.member(key)) {
        m_mistakes.add(
            member->at,
            format("[file.{}] is written from its text; {} has no place in it", entry.key, key));
      }
    }
  }
  if (const Member* const resize = table.member("resize"); resize != nullptr && rule.directory) {
    m_mistakes.add(resize->at,
                   format("[file.{}] is a whole tree; it cannot be resized", entry.key));
  }
  if (const Member* const first = table.member("first");
      first != nullptr && (rule.directory || rule.member.empty())) {
    m_mistakes.add(first->at, format("[file.{}]: first is for one member", entry.key));
  }
  const std::string& name = rule.file_name;
  if (const Value* const given = table.find("name");
      given != nullptr && (name.empty() || name == "." || name == ".." ||
                           name.find_first_of("/\n") != std::string::npos)) {
    m_mistakes.add(given->at, "name: expected the name of a file, without folders");
  }
}

void PayloadReader::check_command(const Member& entry, const FileRule& rule) {
  const Value* const make = entry.value.find("make");
  for (const char* key : {"inputs", "timeout"}) {
    if (const Member* const member = entry.value.member(key); member != nullptr && !make) {
      m_mistakes.add(member->at, format("{} needs make = [\"COMMAND\", …]", key));
    }
  }
  if (make == nullptr || rule.make.empty()) {
    return;
  }
  for (const char* key :
       {"from", "text", "member", "first", "format", "directory", "skip-devices", "resize"}) {
    if (const Member* const member = entry.value.member(key)) {
      m_mistakes.add(member->at, format("[file.{}] is made by a command; {} has no place in it",
                                        entry.key, key));
    }
  }
  if (!has_placeholder(rule.make, "out")) {
    m_mistakes.add(make->at, "make: the command does not say ${out}, the file that it is to make");
  }
  if (rule.make.front().empty()) {
    m_mistakes.add(make->at, "make: expected a command, got an empty text");
  }
}

void PayloadReader::read_file(const Member& entry) {
  const Value table = substituted(entry.value);
  m_reader.unknown_members(table, format("[file.{}]", entry.key), key_names(file_keys()));
  const Json values = m_reader.values(table, file_keys());
  FileRule rule;
  rule.name = entry.key;
  rule.from = text_of(values, "from");
  rule.file_name = values.contains("name") ? text_of(values, "name") : entry.key;
  rule.has_text = table.find("text") != nullptr;
  rule.text = text_of(values, "text");
  rule.member = text_of(values, "member");
  rule.format = text_of(values, "format");
  rule.resize = text_of(values, "resize");
  rule.directory = values.contains("directory");
  rule.first = values.contains("first");
  rule.skip_devices = values.contains("skip-devices");
  rule.writable = values.contains("writable");
  rule.make = values.value("make", std::vector<std::string>());
  rule.inputs = values.value("inputs", std::vector<std::string>());
  rule.timeout = text_of(values, "timeout");
  check_rule(entry, rule);
  m_payloads.files[entry.key] = rule;
}

void PayloadReader::read_source(FileRule& rule) {
  const Value* const from = m_root.find("file")->find(rule.name)->find("from");
  if (from == nullptr || !from->is(Value::Kind::text)) {
    return;
  }
  const bool asset = m_payloads.assets.contains(rule.from);
  const bool file = m_payloads.files.contains(rule.from) && rule.from != rule.name;
  rule.from_asset = asset;
  if (asset && file) {
    m_mistakes.add(from->at,
                   format("from: '{}' is an asset and a file; give one another name", rule.from));
  } else if (!asset && !file) {
    m_mistakes.add(from->at, rule.from == rule.name
                                 ? format("from: [file.{}] is made from itself", rule.name)
                                 : format("from: there is no asset or file '{}'{}", rule.from,
                                          nearest(rule.from, rule.name)));
  }
}

// A hint at the names that there are, but `own`.
std::string PayloadReader::nearest(const std::string& name, const std::string& own) const {
  std::set<std::string_view> names; // an asset and its file often share one
  for (const auto& [asset, unused] : m_payloads.assets) {
    names.insert(asset);
  }
  for (const auto& [file, unused] : m_payloads.files) {
    names.insert(file);
  }
  names.erase(own);
  return did_you_mean(name, std::vector<std::string_view>(names.begin(), names.end()));
}

// The file or folder in `folder` that a command names by `rest`, which comes after ${data} and, if
// the word began with that, is all of it; of names with * ? [] the folder that they are looked for
// in. Empty if none can be told: the shell makes the name, or it is not there.
std::string path_beside(const std::string& folder, const std::string& rest, bool is_all) {
  if (is_all && rest.size() > 1 && rest[0] == '/' && exists(folder + rest)) {
    return folder + rest;
  }
  std::string name = rest.substr(0, rest.find_first_of(" \t\n'\"`;|&<>(),$"));
  if (!exists(folder + name)) {
    name.erase(std::min(name.size(), name.rfind('/', name.find_first_of("*?["))));
  }
  return name.size() > 1 && name[0] == '/' && exists(folder + name) ? folder + name : "";
}

// A file of the host that a word is, or has after a "=".
std::string file_in_word(const std::string& word) {
  const std::size_t begin = word.starts_with('/') ? 0 : word.find("=/") + 1; // 0 after npos
  const std::string path = word.substr(begin);
  struct stat status;
  const bool is_file =
      path.starts_with('/') && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  return is_file ? path : "";
}

// What lies beside the definition. What cannot be told from the word has to be listed: a file that
// changes unseen would leave an old result in use.
void PayloadReader::add_inputs_beside(FileRule& rule, const Value& word, bool has_list) {
  const std::string& text = word.text;
  for (std::size_t at = text.find(k_data); at != std::string::npos;
       at = text.find(k_data, at + 1)) {
    if (at > 0 && text[at - 1] == '$') { // as it is
      continue;
    }
    const std::string path = path_beside(m_folder, text.substr(at + k_data.size()), at == 0);
    if (!path.empty()) {
      add_input(rule, word, path);
    } else if (!has_list) {
      m_mistakes.add(word.at, format("make: which files the command reads cannot be told from "
                                     "'{}'; write ${{data}}/NAME of one that is there, or list "
                                     "them in inputs, so that a change of them is seen",
                                     text));
    }
  }
}

// What the command names, and what "inputs" names besides.
void PayloadReader::read_inputs(FileRule& rule) {
  if (rule.make.empty()) {
    return;
  }
  const Value& table = *m_root.find("file")->find(rule.name);
  const std::vector<std::string> listed = std::exchange(rule.inputs, {});
  const std::vector<Value>& words = table.find("make")->elements;
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string& name : placeholders(words[i].text)) {
      if (name.starts_with(k_of_asset) || name.starts_with(k_of_file)) {
        add_input(rule, words[i], name);
      }
    }
    add_inputs_beside(rule, words[i], !listed.empty());
    if (const std::string path = file_in_word(words[i].text); i > 0 && !path.empty()) {
      add_input(rule, words[i], path);
    }
  }
  const Value* const inputs = table.find("inputs");
  for (std::size_t i = 0; i < listed.size(); ++i) {
    add_named_input(rule, inputs->is(Value::Kind::list) ? inputs->elements[i] : *inputs, listed[i]);
  }
}

// One that is said in full.
void PayloadReader::add_input(FileRule& rule, const Value& value, const std::string& name) {
  const std::string asset = asset_in(name);
  const std::string file = file_in(name);
  if (file == rule.name) {
    m_mistakes.add(value.at, format("make: [file.{}] is made from itself", rule.name));
  } else if ((!asset.empty() && !m_payloads.assets.contains(asset)) ||
             (!file.empty() && !m_payloads.files.contains(file)) || name == k_of_asset ||
             name == k_of_file) {
    m_mistakes.add(
        value.at, format("make: unknown name '${{{}}}'{}", name, nearest(asset + file, rule.name)));
  } else if (std::find(rule.inputs.begin(), rule.inputs.end(), name) == rule.inputs.end()) {
    rule.inputs.push_back(name);
  }
}

// One of "inputs": the name of an asset or a file, or a path.
void PayloadReader::add_named_input(FileRule& rule, const Value& value, const std::string& name) {
  if (name.starts_with('/')) {
    add_input(rule, value, name);
    return;
  }
  const bool asset = m_payloads.assets.contains(name);
  const bool file = m_payloads.files.contains(name) && name != rule.name;
  if (asset != file) {
    add_input(rule, value, (asset ? "asset." : "file.") + name);
  } else {
    m_mistakes.add(
        value.at, asset ? format("inputs: '{}' is an asset and a file; give one another name", name)
                  : name == rule.name
                      ? format("inputs: [file.{}] is made from itself", rule.name)
                      : format("inputs: there is no asset or file '{}'{}; a file of the host has "
                               "an absolute path",
                               name, nearest(name, rule.name)));
  }
}

// Each circle is told of once, at its member that comes first by name.
void PayloadReader::check_cycles() {
  for (const auto& [name, rule] : m_payloads.files) {
    std::vector<std::string> way = {name};
    std::set<std::string> seen = {name};
    if (!check_way(way, seen)) {
      return;
    }
  }
}

// All ways on from the last file of `way`. False if one is too long.
bool PayloadReader::check_way(std::vector<std::string>& way, std::set<std::string>& seen) {
  const auto rule = m_payloads.files.find(way.back());
  const std::string start = way.front();
  if (rule == m_payloads.files.end()) {
    return true;
  }
  for (const std::string& source : sources_of(rule->second)) {
    const std::string next = file_in(source);
    if (next.empty() || next == way.back()) {
      continue;
    }
    way.push_back(next);
    if (next == start && *std::min_element(way.begin(), way.end()) == start) {
      wrong_source(start, "files are made from each other in a circle: " + join(way, " → "));
    }
    if (way.size() > k_longest_way) {
      wrong_source(start, format("more than {} files are made from each other", k_longest_way));
      return false;
    }
    if (seen.insert(next).second && !check_way(way, seen)) {
      return false;
    }
    way.pop_back();
  }
  return true;
}

// What is made for all subtests lies in one folder, where a name can stand for one content only.
// Texts are written for one subtest.
void PayloadReader::check_names() {
  const auto content = [](const FileRule& rule) {
    return std::tie(rule.from, rule.member, rule.format, rule.resize, rule.directory, rule.first,
                    rule.make, rule.inputs);
  };
  std::map<std::string_view, const FileRule*> known;
  for (const auto& [name, rule] : m_payloads.files) {
    if (rule.has_text) {
      continue;
    }
    const auto [other, is_new] = known.emplace(rule.file_name, &rule);
    if (!is_new && content(*other->second) != content(rule)) {
      const Member& entry = *m_root.find("file")->member(name);
      const Value* const given = entry.value.find("name");
      m_mistakes.add(
          given != nullptr ? given->at : entry.at,
          format("name: [file.{}] has the name '{}', too, and another content; the later "
                 "one would take its place",
                 other->second->name, rule.file_name));
    }
  }
}

void PayloadReader::wrong_source(const std::string& name, const std::string& why) {
  const Value& table = *m_root.find("file")->find(name);
  const Member* const from = table.member("from");
  const Member& member = from != nullptr ? *from : *table.member("make");
  m_mistakes.add(member.value.at, format("{}: {}", member.key, why));
}

Payloads PayloadReader::read() {
  m_reader.named_tables(m_root, "asset", [this](const Member& entry) { read_asset(entry); });
  m_reader.named_tables(m_root, "file", [this](const Member& entry) { read_file(entry); });
  for (auto& [name, rule] : m_payloads.files) {
    read_source(rule);
    read_inputs(rule);
  }
  check_cycles();
  check_names();
  return std::move(m_payloads);
}

} // namespace

std::vector<std::string> sources_of(const FileRule& rule) {
  if (rule.has_text || (rule.make.empty() && rule.from.empty())) {
    return {};
  }
  return rule.make.empty()
             ? std::vector<std::string>{(rule.from_asset ? "asset." : "file.") + rule.from}
             : rule.inputs;
}

std::string asset_in(const std::string& source) {
  return source.starts_with(k_of_asset) ? source.substr(k_of_asset.size()) : "";
}

std::string file_in(const std::string& source) {
  return source.starts_with(k_of_file) ? source.substr(k_of_file.size()) : "";
}

MakeArguments make_arguments(const FileRule& rule,
                             const std::map<std::string, std::string>& paths) {
  const Lookup lookup = [&paths](std::string_view name) -> std::optional<std::string> {
    const auto found = paths.find(std::string(name));
    if (found == paths.end()) {
      return std::nullopt;
    }
    std::string path = found->second; // in which nothing is a placeholder
    for (std::size_t at = 0; (at = path.find("${", at)) != std::string::npos; at += 3) {
      path.insert(at, "$");
    }
    return path;
  };
  MakeArguments arguments;
  for (const std::string& word : rule.make) {
    arguments.words.push_back(substitute(word, lookup, Pass::early));
  }
  for (const std::string& input : rule.inputs) {
    const auto found = paths.find(input);
    arguments.inputs.push_back(found == paths.end() ? input : found->second);
  }
  return arguments;
}

Payloads read_payloads(const Value& root, const std::string& arch, const std::string& folder,
                       Mistakes& mistakes) {
  return PayloadReader(root, arch, folder, mistakes).read();
}

} // namespace qt
