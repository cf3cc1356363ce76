#include "definition/variables.hh"

#include "base/error.hh"
#include "base/spelling.hh"
#include "base/substitute.hh"
#include "base/text.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

// qt-definition(5), VARIABLES.
constexpr std::array<std::string_view, 9> k_plain = {
    "scratch", "log", "data", "build", "socket", "arch", "qemu", "qemu-img", "firmware"};

constexpr std::string_view k_asset = "asset.";
constexpr std::string_view k_file = "file.";

std::string_view rest_after(std::string_view name, std::string_view prefix) {
  return name.substr(prefix.size());
}

} // namespace

std::span<const std::string_view> plain_variables() { return k_plain; }

bool is_program_variable(std::string_view name) {
  if (std::find(k_plain.begin(), k_plain.end(), name) != k_plain.end()) {
    return true;
  }
  for (const std::string_view prefix : {k_asset, k_file, std::string_view("plugin."),
                                        std::string_view("support."), std::string_view("fd.")}) {
    if (name.starts_with(prefix)) {
      return is_name(rest_after(name, prefix));
    }
  }
  if (name.starts_with("port.")) {
    const std::optional<PortReference> port = parse_port_reference(rest_after(name, "port."));
    return port && is_name(port->name);
  }
  return name.starts_with("date:") && name != "date:";
}

bool is_known_late(std::string_view name) {
  return is_program_variable(name) && name != "build" && name != "data";
}

std::vector<std::string> names_used(const std::vector<std::string>& words, std::string_view place,
                                    const Payloads& payloads) {
  Mistakes mistakes;
  Variables variables(payloads, mistakes, "");
  for (const std::string& word : words) {
    Value value;
    value.kind = Value::Kind::text;
    value.text = word;
    variables.check(place, value, Variables::SavedNames::unknown);
  }
  if (!mistakes.empty()) {
    throw Error(join(mistakes.texts(), "; "), ExitCode::usage);
  }
  return variables.used();
}

std::vector<std::string> Variables::known_names() const {
  std::vector<std::string> names(k_plain.begin(), k_plain.end());
  for (const auto& [name, unused] : m_payloads.assets) {
    names.push_back(std::string(k_asset) + name);
  }
  for (const auto& [name, unused] : m_payloads.files) {
    names.push_back(std::string(k_file) + name);
  }
  names.insert(names.end(), m_saved.begin(), m_saved.end());
  return names;
}

void Variables::check_name(std::string_view key, const Position& at, const std::string& name,
                           SavedNames saved) {
  if (saved == SavedNames::known && m_saved.contains(name)) {
    return;
  }
  const bool missing = (name.starts_with(k_asset) &&
                        !m_payloads.assets.contains(std::string(rest_after(name, k_asset)))) ||
                       (name.starts_with(k_file) &&
                        !m_payloads.files.contains(std::string(rest_after(name, k_file))));
  if (is_program_variable(name) && !missing) {
    add_used(name);
    return;
  }
  const bool is_param = name.starts_with("params.");
  if (is_param && !m_user.empty()) {
    return; // said where params are put in
  }
  const std::vector<std::string> known = known_names();
  std::string hint = did_you_mean(name, std::vector<std::string_view>(known.begin(), known.end()));
  if (m_saved.contains(name)) {
    hint = "; what a step saves is known to the steps after it and to args";
  } else if (is_param) {
    hint = "; params are put into tests and their templates only";
  } else if (name.starts_with("date")) {
    hint = "; a date has a format, as in ${date:%Y}";
  } else if (name.starts_with("port.")) {
    hint = "; expected ${port.NAME} or ${port.NAME-5900}";
  } else if (hint.empty() && !missing) {
    hint = "; $${ is a literal ${";
  }
  m_mistakes.add(at, format("{}: unknown name '${{{}}}'{}{}", key, name,
                            m_user.empty() ? "" : " in " + m_user, hint));
}

void Variables::check(std::string_view key, const Value& value, SavedNames saved) {
  if (value.is(Value::Kind::text)) {
    for (const std::string& name : placeholders(value.text)) {
      check_name(key, value.at, name, saved);
    }
  }
  for (const Value& element : value.elements) {
    check(key, element, saved);
  }
  for (const Member& member : value.members) {
    check(member.key, member.value, saved);
  }
}

void Variables::save(const std::string& name, const Position& at) {
  if (!is_name(name) || is_program_variable(name) || name.starts_with("params.")) {
    m_mistakes.add(at, format("'{}' cannot be saved under this name: {}", name,
                              is_name(name) ? "it has a meaning already"
                                            : "only letters, digits and _ - . + may stand in it"));
    return;
  }
  m_saved.insert(name);
}

void Variables::add_used(const std::string& name) {
  if (std::find(m_used.begin(), m_used.end(), name) != m_used.end()) {
    return;
  }
  m_used.push_back(name);
  if (name.starts_with(k_file)) {
    const FileRule& rule = m_payloads.files.at(std::string(rest_after(name, k_file)));
    if (rule.has_text) {
      for (const std::string& inner : placeholders(rule.text)) {
        if (is_program_variable(inner)) {
          const bool nested_file = inner.starts_with(k_file);
          if (!nested_file || m_payloads.files.contains(std::string(rest_after(inner, k_file)))) {
            add_used(inner);
          }
        }
      }
    }
  }
}

} // namespace qt
