// A test that is unstable: requires = { flaky = "URL" }, or
// { bug = "URL", until = 2026-12-31, on = "host-arch:s390x" }: on which hosts only, and from which
// day on somebody has to look whether it still is.
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

} // namespace qt
