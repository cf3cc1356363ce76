#include "report/markup.hh"

#include "base/text.hh"

namespace qt {

std::string fit_for_markup(std::string_view text) {
  std::string fit;
  for (const char letter : escape_for_display(text)) {
    switch (letter) {
    case '&':
      fit += "&amp;";
      break;
    case '<':
      fit += "&lt;";
      break;
    case '>':
      fit += "&gt;";
      break; // "]]>" must not stand in the text of XML
    case '"':
      fit += "&quot;";
      break;
    default:
      fit += letter;
    }
  }
  return fit;
}

} // namespace qt
