// What a test requires of the host and of QEMU: reads and checks the tables "requires", with
// the conditions on versions. Whether it is there is not looked at.
#pragma once

#include "definition/schema.hh"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace qt {

struct Flaky {
  std::string bug;
  std::string until; // "2026-12-31", the last day; or empty
  std::string on;    // "host-arch:NAME" or "host-os:NAME"; empty: everywhere
};

// Its kinds of hosts.
inline constexpr std::array<std::string_view, 2> k_flaky_hosts = {"host-arch", "host-os"};

// The value of the key in normal form: a text, or a table of texts. Nothing if it is wrong, which
// has then been said. Warns if the last day has passed.
std::optional<Json> read_flaky(const Value& value, const Reader& reader);

// From a value in normal form.
Flaky flaky_of(const Json& value);
// "URL, on host-arch:s390x, until 2026-12-31".
std::string flaky_text(const Flaky& flaky);
// What to do after the last day; empty before, or if none is named. Looks at the clock.
std::string flaky_warning(const Flaky& flaky);

// The values of a table "requires" by requires_keys(), in normal form.
Json read_requires(const Value& value, const Reader& reader);

// A mistake if the value of such a key (accel, netdev, host-os, host-arch) is a name that only a
// slip can have made of one that is known: a condition that nothing meets would be a skip for ever.
void check_known_name(std::string_view key, const Value& value, const Reader& reader);

// "virt,gic-version=3" and "type=virt" are the machine "virt".
std::string machine_name(std::string_view machine);

// Adds the machine that `machine` ("virt,gic-version=3") names to `required`, unless that has an
// empty list of machines: a test that QEMU refuses a machine.
void require_machine(std::string_view machine, Json& required);

// Conditions on QEMU's version, as in requires: ">= 8.0, < 10".

// Whether a version such as "7.2.22" is as `wanted` asks: conditions of >= > <= < == = != and a
// version, separated by commas; a version alone means itself. Missing parts count as 0. Throws
// Error(ExitCode::usage) if `wanted` is no such condition.
bool version_meets(std::string_view version, std::string_view wanted);

// What is wrong with `wanted`: it is no condition, or one that no version meets. Empty if nothing.
std::string version_mistake(std::string_view wanted);

} // namespace qt
