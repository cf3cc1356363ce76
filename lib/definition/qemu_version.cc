#include "definition/qemu_version.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
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

} // namespace

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
