// "${NAME}" in texts. "$${" is a literal "${"; a "$" before anything else is just a "$". A NAME
// ends at the next "}" and holds no "$", quote or line end: "${" without such an end is plain text,
// because guests' shells and boot loaders use it too. Names are not nested, and what is put in is
// not scanned again.
//
// Replacing goes in passes, each by who knows more: first params and matrix variables (when the
// definition is loaded), then files, folders and ports (when a subtest runs), then what steps
// saved. All but the last keep what they do not know, and keep "$${" as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// The value of a name; nothing: not known here, the placeholder stays.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

enum class Pass {
  early, // "$${" stays for a later pass
  last,  // "$${" becomes "${"
};

std::string substitute(std::string_view text, const Lookup& lookup, Pass pass);

// The names in `text`, in order, each as often as it stands there; empty ones too.
std::vector<std::string> placeholders(std::string_view text);
// Whether "${name}" is in one of the texts.
bool has_placeholder(const std::vector<std::string>& texts, std::string_view name);

// The name if `text` is just one placeholder, as "${NAME}"; nothing otherwise.
std::optional<std::string> sole_placeholder(std::string_view text);

// A port's name with what is to be added to its number: "a-5900" → {"a", -5900}, "a" → {"a", 0}.
// Nothing if there is no name, or no number after the sign.
struct PortReference {
  std::string name;
  std::int64_t offset = 0;
  bool operator==(const PortReference&) const = default;
};
std::optional<PortReference> parse_port_reference(std::string_view text);

} // namespace qt
