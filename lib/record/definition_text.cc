#include "record/definition_text.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <limits>

namespace qt {

namespace {

constexpr std::size_t k_longest_line = 100;

// The code point that an escape names; what is shown as it is, is written as it is.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char byte : text) {
    const auto number = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') {
      result += '\\';
      result += byte;
    } else if (byte == '\n' || byte == '\r' || byte == '\t') {
      result += byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : "\\t";
    } else if (number < ' ' || number == 0x7f) {
      result += format("\\u{:04X}", number);
    } else {
      result += byte;
    }
  }
  return result + "\"";
}

// Whether dump_json() finds no byte to replace.
bool is_utf8(const std::string& text) {
  return Json::parse(dump_json(text), nullptr, false) == Json(text);
}

std::string toml_key(const std::string& key) {
  const bool is_bare = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char byte) {
    return std::isalnum(byte) != 0 || byte == '_' || byte == '-';
  });
  return is_bare ? key : quoted(key);
}

std::string toml_number(const Json& value) {
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw Error("a number over 64 bits has no place in TOML");
  }
  return dump_json(value); // with a point or an exponent if it has a fraction
}

Json with_literal_texts(Json value) {
  return with_texts_changed(std::move(value), without_variables);
}

std::string step_text(const DraftStep& step) {
  std::string text;
  for (const auto& [key, value] : step.keys) {
    text += format("{}{} = {}", text.empty() ? "" : ", ", key, toml_literal(value));
  }
  return text;
}

// A step that types says what it waits for, where just that is the next step.
std::string steps_text(const std::vector<DraftStep>& steps) {
  std::string text;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::string step = step_text(steps[i]);
    const bool types = steps[i].keys[0].first == "line" || steps[i].keys[0].first == "send";
    if (types && i + 1 < steps.size() && steps[i + 1].keys[0].first == "wait") {
      step += ", " + step_text(steps[++i]);
    }
    text += format("  {{ {} }},\n", step);
  }
  return text;
}

std::string asset_text(const RecordedAsset& asset) {
  std::string text = format("[asset.{}]\n", asset.name);
  if (asset.url.empty()) {
    text += format("path = {}\n", toml_literal(asset.path));
  } else {
    text += format("url    = {}\n{} = \"{}\"\n", toml_literal(asset.url),
                   asset.digest.size() == 64 ? "sha256" : "sha512", asset.digest);
  }
  if (asset.writable) {
    text += format("\n[file.{}]\nfrom     = \"{}\"\nwritable = true\n", asset.name, asset.name);
  }
  return text + "\n";
}

std::string args_text(const std::vector<std::string>& args) {
  std::vector<std::string> words;
  for (const std::string& word : args) {
    words.push_back(toml_value(word));
  }
  const std::string line = "[" + join(words, ", ") + "]";
  return line.size() <= k_longest_line ? line : "[\n  " + join(words, ",\n  ") + ",\n]";
}

} // namespace

std::string without_variables(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at, 2) == "${") {
      result += '$';
    }
    result += text[at];
  }
  return result;
}

std::string toml_value(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (!is_utf8(text)) {
      throw Error(format("'{}' is no text in UTF-8, as a definition holds", text),
                  ExitCode::failed);
    }
    return quoted(text);
  }
  if (value.is_number()) {
    return toml_number(value);
  }
  if (value.is_null()) {
    throw Error("null has no place in TOML");
  }
  if (!value.is_structured()) {
    return dump_json(value);
  }
  std::vector<std::string> parts;
  for (const auto& [key, member] : value.items()) {
    parts.push_back(value.is_array() ? toml_value(member)
                                     : format("{} = {}", toml_key(key), toml_value(member)));
  }
  const std::string inner = join(parts, ", ");
  return value.is_array() ? "[" + inner + "]" : inner.empty() ? "{}" : "{ " + inner + " }";
}

std::string toml_literal(const Json& value) { return toml_value(with_literal_texts(value)); }

std::string definition_text(const RecordedDefinition& definition) {
  std::string text =
      "# Recorded with qt-boot --record. Look it over: what is waited for came again "
      "in each run.\n";
  text += format("summary = {}\n", toml_literal(definition.summary));
  if (!definition.timeout.empty()) {
    text += format("timeout = \"{}\"\n", definition.timeout);
  }
  text += "\n";
  for (const RecordedAsset& asset : definition.assets) {
    text += asset_text(asset);
  }
  text += format("[test.{}]\n", definition.test);
  std::size_t width = 5;
  for (const auto& [key, value] : definition.keys) {
    width = std::max(width, key.size());
  }
  const auto row = [&text, width](const std::string& key, const std::string& value) {
    text += format("{:{}} = {}\n", key, width, value);
  };
  for (const auto& [key, value] : definition.keys) {
    row(key, toml_literal(value));
  }
  if (!definition.args.empty()) {
    row("args", args_text(definition.args));
  }
  row("steps", "[\n" + steps_text(definition.steps) + "]");
  return text;
}

} // namespace qt
