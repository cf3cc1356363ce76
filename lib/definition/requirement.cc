#include "definition/requirement.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/spelling.hh"
#include "base/substitute.hh"
#include "base/text.hh"
#include "definition/variables.hh"
#include "schema/build_word.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <span>
#include <vector>

namespace qt {

namespace {

using Version = std::array<std::int64_t, 3>;

struct Condition {
  std::string sign;
  Version limit;
};

[[noreturn]] void refuse(std::string_view whole) {
  throw Error(format("expected conditions such as \">= 8.0, < 10\", got \"{}\"", whole),
              ExitCode::usage);
}

// "8", "7.2" or "7.2.22".
Version parse_version(std::string_view text, std::string_view whole) {
  Version version = {0, 0, 0};
  const std::vector<std::string> parts = split(trim(text), '.');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::optional<std::int64_t> number = parse_integer(parts[i]);
    if (i >= version.size() || parts[i].size() > 4 || !number || *number < 0) {
      refuse(whole);
    }
    version[i] = *number;
  }
  return version;
}

std::vector<Condition> parse_conditions(std::string_view wanted) {
  constexpr std::array<std::string_view, 8> k_signs = {">=", ">", "<=", "<", "==", "=", "!=", ""};
  std::vector<Condition> conditions;
  for (const std::string& part : split(wanted, ',')) {
    const std::string_view condition = trim(part);
    const std::size_t digits = std::min(condition.find_first_not_of("<>=!"), condition.size());
    const std::string_view sign = condition.substr(0, digits);
    if (std::find(k_signs.begin(), k_signs.end(), sign) == k_signs.end()) {
      refuse(wanted);
    }
    conditions.push_back({std::string(sign), parse_version(condition.substr(digits), wanted)});
  }
  return conditions;
}

bool meets(const Version& version, const Condition& condition) {
  const Version& limit = condition.limit;
  return condition.sign == ">="   ? version >= limit
         : condition.sign == ">"  ? version > limit
         : condition.sign == "<=" ? version <= limit
         : condition.sign == "<"  ? version < limit
         : condition.sign == "!=" ? version != limit
                                  : version == limit;
}

bool meets_all(const Version& version, const std::vector<Condition>& conditions) {
  return std::all_of(conditions.begin(), conditions.end(),
                     [&version](const Condition& condition) { return meets(version, condition); });
}

// The versions next to `limit`. What several conditions allow together begins or ends at one.
std::vector<Version> neighbours(const Version& limit) {
  constexpr std::int64_t k_most = 9999;
  std::vector<Version> all = {limit, {limit[0], limit[1], limit[2] + 1}};
  if (limit[2] > 0) {
    all.push_back({limit[0], limit[1], limit[2] - 1});
  } else if (limit[1] > 0) {
    all.push_back({limit[0], limit[1] - 1, k_most});
  } else if (limit[0] > 0) {
    all.push_back({limit[0] - 1, k_most, k_most});
  }
  return all;
}

constexpr std::array<std::string_view, 3> k_members = {"bug", "until", "on"};

bool is_date(const std::string& text) {
  int year = 0, month = 0, day = 0;
  char rest = 0;
  return text.size() == 10 &&
         std::sscanf(text.c_str(), "%4d-%2d-%2d%c", &year, &month, &day, &rest) == 3 &&
         std::chrono::year_month_day(std::chrono::year(year),
                                     std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
             .ok();
}

bool is_host(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && colon + 1 < text.size() &&
         std::find(k_flaky_hosts.begin(), k_flaky_hosts.end(), text.substr(0, colon)) !=
             k_flaky_hosts.end();
}

std::string today() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts = {};
  ::gmtime_r(&now, &parts);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

// What was expected of a member instead; empty if it is right.
std::string member_mistake(std::string_view name, const Value& value) {
  const bool is_pending = value.text.find("${") != std::string::npos;
  if (name == "until") {
    const bool is_dated = value.is(Value::Kind::date) || value.is(Value::Kind::text);
    return is_dated && (is_pending || is_date(value.text)) ? "" : "a date such as 2026-12-31";
  }
  if (!value.is(Value::Kind::text) || value.text.empty()) {
    return name == "bug" ? "the URL of the bug" : "a text";
  }
  return name != "on" || is_pending || is_host(value.text) ? "" : "host-arch:NAME or host-os:NAME";
}

// `config` is a text or a list of texts.
void check_build_words(const Value& config, const Reader& reader) {
  for (const Value& element : config.elements) {
    check_build_words(element, reader);
  }
  const WantedBuild wanted = wanted_build(config.text);
  const bool is_word = config.is(Value::Kind::text) && config.text.find("${") == std::string::npos;
  if (is_word && wanted.word == nullptr) {
    reader.mistakes().add(config.at, "config: " + build_word_mistake(wanted.name));
  }
}

// Names for which an emulator or host that lacks them is no reason to doubt the definition: a slip
// in one would be a skip for ever. There may be others, in a newer QEMU or on another host.
struct KnownNames {
  std::string_view key;
  std::span<const std::string_view> names;
};

constexpr std::array<std::string_view, 9> k_accelerators = {"tcg", "kvm",   "hvf",  "whpx", "nvmm",
                                                            "xen", "qtest", "mshv", "nitro"};

constexpr std::array<std::string_view, 16> k_back_ends = {
    "user",   "tap", "bridge",     "socket",     "stream", "dgram",      "hubport",      "l2tpv3",
    "netmap", "vde", "vhost-user", "vhost-vdpa", "af-xdp", "vmnet-host", "vmnet-shared", "passt"};

constexpr std::array<std::string_view, 7> k_systems = {"linux",   "darwin", "freebsd", "netbsd",
                                                       "openbsd", "sunos",  "haiku"};

constexpr std::array<std::string_view, 16> k_architectures = {
    "x86_64", "aarch64", "arm64", "arm",  "i386",   "i686",    "riscv64",     "riscv32",
    "ppc64",  "ppc64le", "s390x", "mips", "mips64", "sparc64", "loongarch64", "amd64"};

constexpr std::array<KnownNames, 4> k_known_names = {
    KnownNames{"accel", k_accelerators}, KnownNames{"netdev", k_back_ends},
    KnownNames{"host-os", k_systems}, KnownNames{"host-arch", k_architectures}};

} // namespace

void check_known_name(std::string_view key, const Value& value, const Reader& reader) {
  for (const Value& element : value.elements) {
    check_known_name(key, element, reader);
  }
  const auto known = std::find_if(k_known_names.begin(), k_known_names.end(),
                                  [key](const KnownNames& entry) { return entry.key == key; });
  if (known == k_known_names.end() || !value.is(Value::Kind::text)) {
    return;
  }
  const std::string_view text = value.text;
  const std::string_view name = text.substr(0, text.find_first_of(",:"));
  const auto& names = known->names;
  const bool is_known = std::find(names.begin(), names.end(), name) != names.end();
  const std::string meant = is_known ? "" : did_you_mean(name, names);
  if (!meant.empty() && name.find("${") == std::string_view::npos) {
    reader.mistakes().add(value.at, format("{}: nothing is known as '{}'{}", key, name, meant));
  }
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.find_first_not_of("0123456789") == 0 &&
         name.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") ==
             std::string_view::npos;
}

// What keeps a text from ever being met, on any host; empty if nothing does. `names`: the variables
// in it. Unknown ones are told of elsewhere.
std::string never_met(std::string_view key, const std::string& text,
                      const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (key == "commands" ? is_known_late(name) : is_program_variable(name)) {
      return format("${{{}}} has no value here{}", name,
                    key == "commands" ? "; ${build} and ${data} have" : "");
    }
  }
  if (key == "env" && names.empty() && !text.empty() &&
      !is_variable_name(std::string_view(text).substr(0, text.find('=')))) {
    return format("expected the name of an environment variable, or NAME=EXAMPLE, got \"{}\"",
                  text);
  }
  const bool is_path = text.find('/') != std::string::npos;
  if (key == "commands" && !is_path && text.find_first_of(" \t\n") != std::string::npos) {
    return format("expected the name of a program, got \"{}\"", text);
  }
  return "";
}

// A slip in one would be a skip for ever.
void check_can_be_met(std::string_view key, const Value& value, const Reader& reader) {
  for (const Value& element : value.elements) {
    check_can_be_met(key, element, reader);
    const auto is_opposite = [&element](const Value& other) {
      return other.text == "not " + element.text;
    };
    if (key == "config" && std::any_of(value.elements.begin(), value.elements.end(), is_opposite)) {
      reader.mistakes().add(element.at,
                            format("config: no QEMU is both '{0}' and 'not {0}'", element.text));
    }
  }
  if (!value.is(Value::Kind::text)) {
    return;
  }
  if (const std::string mistake = never_met(key, value.text, placeholders(value.text));
      !mistake.empty()) {
    reader.mistakes().add(value.at, format("{}: {}", key, mistake));
  }
}

std::optional<Json> read_flaky(const Value& value, const Reader& reader) {
  if (!value.is(Value::Kind::table)) {
    return reader.value(*find_key(requires_keys(), "flaky"), value);
  }
  Json normal = Json::object();
  bool is_good = true;
  const auto complain = [&](const Position& at, const std::string& text) {
    reader.mistakes().add(at, "flaky: " + text);
    is_good = false;
  };
  for (const Member& member : value.members) {
    if (std::find(k_members.begin(), k_members.end(), member.key) == k_members.end()) {
      complain(member.at,
               format("unknown key '{}'{}", member.key, did_you_mean(member.key, k_members)));
    } else if (const std::string wanted = member_mistake(member.key, member.value);
               !wanted.empty()) {
      complain(member.value.at, format("expected {} for '{}', got {}", wanted, member.key,
                                       describe_value(member.value)));
    } else {
      normal[member.key] = member.value.text;
    }
  }
  if (value.find("bug") == nullptr) {
    complain(value.at, "expected the URL of the bug, as bug = \"URL\"");
  }
  if (!is_good) {
    return std::nullopt;
  }
  if (const std::string warning = flaky_warning(flaky_of(normal)); !warning.empty()) {
    reader.mistakes().warn(value.at, "flaky: " + warning);
  }
  return normal;
}

Flaky flaky_of(const Json& value) {
  return value.is_string()
             ? Flaky{value.get<std::string>(), "", ""}
             : Flaky{json_text(value, "bug"), json_text(value, "until"), json_text(value, "on")};
}

std::string flaky_text(const Flaky& flaky) {
  return flaky.bug + (flaky.on.empty() ? "" : ", on " + flaky.on) +
         (flaky.until.empty() ? "" : ", until " + flaky.until);
}

std::string flaky_warning(const Flaky& flaky) {
  if (!is_date(flaky.until) || today() <= flaky.until) {
    return "";
  }
  return format("it is past {}: see whether {} is mended; then take 'flaky' out, else name a later "
                "day",
                flaky.until, flaky.bug);
}

std::string machine_name(std::string_view machine) {
  std::string_view name = machine.substr(0, machine.find(','));
  if (name.starts_with("type=")) {
    name.remove_prefix(5);
  }
  return std::string(name);
}

Json read_requires(const Value& value, const Reader& reader) {
  if (!reader.expect(value, Value::Kind::table, "requires", "a table")) {
    return Json::object();
  }
  reader.unknown_members(value, "requires", key_names(requires_keys()));
  Value others = value;
  std::erase_if(others.members, [](const Member& member) { return member.key == "flaky"; });
  Json required = reader.values(others, requires_keys());
  if (const Value* const flaky = value.find("flaky")) {
    if (std::optional<Json> normal = read_flaky(*flaky, reader)) {
      required["flaky"] = std::move(*normal);
    }
  }
  for (const Member& member : others.members) {
    check_known_name(member.key, member.value, reader);
    if (reader.texts() == Texts::final) {
      check_can_be_met(member.key, member.value, reader);
    }
  }
  if (required.contains("config")) {
    check_build_words(*value.find("config"), reader);
  }
  const auto version = required.find("qemu-version");
  if (version != required.end()) {
    const auto& wanted = version->get_ref<const std::string&>();
    const std::string mistake =
        wanted.find("${") == std::string::npos ? version_mistake(wanted) : "";
    if (!mistake.empty()) {
      reader.mistakes().add(value.find("qemu-version")->at, format("qemu-version: {}", mistake));
    }
  }
  return required;
}

void require_machine(std::string_view machine, Json& required) {
  const std::string name = machine_name(machine);
  const auto given = required.find("machine");
  const bool switched_off = given != required.end() && given->empty();
  if (switched_off || name.empty() || name.find("${") != std::string::npos) {
    return;
  }
  Json& machines = required["machine"];
  if (std::find(machines.begin(), machines.end(), Json(name)) == machines.end()) {
    machines.push_back(name);
  }
}

bool version_meets(std::string_view version, std::string_view wanted) {
  return meets_all(parse_version(version, version), parse_conditions(wanted));
}

std::string version_mistake(std::string_view wanted) {
  try {
    const std::vector<Condition> conditions = parse_conditions(wanted);
    for (const Condition& condition : conditions) {
      for (const Version& version : neighbours(condition.limit)) {
        // A "!=" may forbid just the neighbour; the next one is as good.
        const Version next = {version[0], version[1], version[2] + 1};
        if (meets_all(version, conditions) || meets_all(next, conditions)) {
          return "";
        }
      }
    }
    return format("no version meets \"{}\"; the test would be skipped always", wanted);
  } catch (const Error& error) {
    return error.what();
  }
}

} // namespace qt
