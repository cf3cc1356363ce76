#include "base/last_part.hh"

namespace qt {

std::string last_part(std::string_view text, std::size_t most) {
  if (text.size() <= most) {
    return std::string(text);
  }
  text.remove_prefix(text.size() - most);
  while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xc0) == 0x80) {
    text.remove_prefix(1); // the rest of a character
  }
  return "…" + std::string(text);
}

} // namespace qt
