#include "base/percent.hh"

#include <charconv>

namespace qt {

std::string percent_decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const std::string_view hex = text[i] == '%' ? text.substr(i + 1, 2) : "";
    const auto read = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    const bool is_escape = hex.size() == 2 && read.ptr == hex.data() + hex.size();
    plain += is_escape ? static_cast<char>(value) : text[i];
    i += is_escape ? hex.size() : 0;
  }
  return plain;
}

} // namespace qt
