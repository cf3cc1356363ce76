#include "definition/payload.hh"

#include "base/spelling.hh"
#include "base/substitute.hh"
#include "base/text.hh"
#include "data/url.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace qt {

namespace {

constexpr std::size_t k_longest_way = 100; // what is made of a file goes its whole way

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
  void check_rule(const Member& entry, const FileRule& rule);
  void check_cycles();
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
      m_mistakes.add(value.at,
                     name == "arch"
                         ? format("{}: ${{arch}} has no value here: these tests run on every "
                                  "emulator",
                                  key)
                         : format("{}: unknown name '${{{}}}'; here are only ${{arch}} and "
                                  "${{data}}, and $${{ is a literal ${{",
                                  key, name));
      return std::nullopt;
    };
    value.text = substitute(value.text, lookup, Pass::last);
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
  if (table.find("from") == nullptr && !rule.has_text) {
    m_mistakes.add(
        entry.at,
        format("[file.{}] needs from = \"…\" (an asset or a file) or text = \"…\"", entry.key));
  }
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
    std::set<std::string_view> names; // an asset and its file often share one
    for (const auto& [name, unused] : m_payloads.assets) {
      names.insert(name);
    }
    for (const auto& [name, unused] : m_payloads.files) {
      names.insert(name);
    }
    names.erase(rule.name);
    const std::vector<std::string_view> known(names.begin(), names.end());
    m_mistakes.add(from->at, rule.from == rule.name
                                 ? format("from: [file.{}] is made from itself", rule.name)
                                 : format("from: there is no asset or file '{}'{}", rule.from,
                                          did_you_mean(rule.from, known)));
  }
}

// Each circle is told of once, at its member that comes first by name.
void PayloadReader::check_cycles() {
  for (const auto& [name, rule] : m_payloads.files) {
    std::vector<std::string> path = {name};
    const FileRule* at = &rule;
    while (!at->from_asset && !at->has_text && at->from != at->name) {
      const auto next = m_payloads.files.find(at->from);
      if (next == m_payloads.files.end()) {
        break;
      }
      at = &next->second;
      const bool seen = std::find(path.begin(), path.end(), at->name) != path.end();
      path.push_back(at->name);
      if (at->name == name && *std::min_element(path.begin(), path.end()) == name) {
        wrong_source(name, "files are made from each other in a circle: " + join(path, " → "));
      }
      if (seen) {
        break;
      }
      if (path.size() > k_longest_way) {
        wrong_source(name, format("more than {} files are made from each other", k_longest_way));
        return;
      }
    }
  }
}

// What is made for all subtests lies in one folder, where a name can stand for one content only.
// Texts are written for one subtest.
void PayloadReader::check_names() {
  const auto content = [](const FileRule& rule) {
    return std::tie(rule.from, rule.member, rule.format, rule.resize, rule.directory, rule.first);
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
  m_mistakes.add(m_root.find("file")->find(name)->find("from")->at, "from: " + why);
}

Payloads PayloadReader::read() {
  m_reader.named_tables(m_root, "asset", [this](const Member& entry) { read_asset(entry); });
  m_reader.named_tables(m_root, "file", [this](const Member& entry) { read_file(entry); });
  for (auto& [name, rule] : m_payloads.files) {
    read_source(rule);
  }
  check_cycles();
  check_names();
  return std::move(m_payloads);
}

} // namespace

Payloads read_payloads(const Value& root, const std::string& arch, const std::string& folder,
                       Mistakes& mistakes) {
  return PayloadReader(root, arch, folder, mistakes).read();
}

} // namespace qt
