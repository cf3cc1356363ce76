#include "base/text.hh"

#include "base/format.hh"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace qt {

namespace {

// Length of the valid UTF-8 sequence at the start of `bytes` that needs two bytes or more; 0 if
// there is none. Overlong forms and surrogates count as invalid.
std::size_t utf8_length(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || bytes.size() < length) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(bytes[i]) & 0xc0) != 0x80) {
      return 0;
    }
  }
  const auto second = static_cast<unsigned char>(bytes[1]);
  const bool invalid = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                       (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return invalid ? 0 : length;
}

// How many bytes at the start are printable ASCII, eight at a time: a fast console is all of that.
std::size_t printable(std::string_view bytes) {
  constexpr std::uint64_t k_ones = 0x0101010101010101;
  constexpr std::uint64_t k_signs = k_ones * 0x80;
  std::size_t at = 0;
  for (std::uint64_t word; at + sizeof word <= bytes.size(); at += sizeof word) {
    std::memcpy(&word, bytes.data() + at, sizeof word);
    const std::uint64_t deleted = word ^ (k_ones * 0x7f); // 0 where 0x7f stands
    // The sign of each byte that is over 0x7f, under 0x20, or 0x7f.
    if (((word | (word - k_ones * 0x20) | (deleted - k_ones)) & k_signs) != 0) {
      break;
    }
  }
  while (at < bytes.size() && bytes[at] >= ' ' && bytes[at] < '\x7f') {
    ++at;
  }
  return at;
}

void escape(std::string& out, std::string_view bytes, std::string_view also_escaped,
            bool keep_tab) {
  while (!bytes.empty()) {
    if (const std::size_t plain = also_escaped.empty() ? printable(bytes) : 0; plain > 0) {
      out += bytes.substr(0, plain);
      bytes.remove_prefix(plain);
      continue;
    }
    const char c = bytes[0];
    const auto value = static_cast<unsigned char>(c);
    std::size_t length = 1;
    if (also_escaped.find(c) != std::string_view::npos) {
      out += '\\';
      out += c;
    } else if ((value >= 0x20 && value < 0x7f) || (c == '\t' && keep_tab)) {
      out += c;
    } else if (value >= 0x80 && (length = utf8_length(bytes)) != 0) {
      // C1 controls (U+0080 to U+009F) act on some terminals like ESC sequences.
      const std::string_view character = bytes.substr(0, length);
      const bool is_c1 = value == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0;
      // U+FFFE and U+FFFF are no characters of XML, which Meson's reports are written in.
      const bool is_none = character == "\xef\xbf\xbe" || character == "\xef\xbf\xbf";
      if (is_c1 || is_none) {
        for (const char part : character) {
          out += format("\\x{:02x}", static_cast<unsigned char>(part));
        }
      } else {
        out += character;
      }
    } else {
      length = 1;
      switch (c) {
      case '\r':
        out += "\\r";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\x1b':
        out += "\\e";
        break;
      default:
        out += format("\\x{:02x}", value);
      }
    }
    bytes.remove_prefix(length);
  }
}

} // namespace

void append_for_display(std::string& text, std::string_view bytes) {
  escape(text, bytes, "", true);
}

std::string escape_for_display(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  append_for_display(text, bytes);
  return text;
}

std::string format_escapes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  escape(text, bytes, "\\", false);
  return text;
}

std::optional<std::string> parse_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) {
      return std::nullopt;
    }
    switch (text[i]) {
    case 'r':
      out += '\r';
      break;
    case 'n':
      out += '\n';
      break;
    case 't':
      out += '\t';
      break;
    case 'e':
      out += '\x1b';
      break;
    case '0':
      out += '\0';
      break;
    case '\\':
      out += '\\';
      break;
    case 'x': {
      unsigned value = 0;
      const char* digits = text.data() + i + 1;
      if (text.size() - i < 3 || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) {
        return std::nullopt;
      }
      out += static_cast<char>(value);
      i += 2;
      break;
    }
    default:
      return std::nullopt;
    }
  }
  return out;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    digits.remove_prefix(2);
    base = 16;
  }
  if (digits.empty() || digits[0] == '-') {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [rest, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || rest != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view k_units = "KMGT";
  unsigned shift = 0;
  if (!text.empty()) {
    const std::size_t unit = k_units.find(text.back());
    if (unit != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(unit) + 1);
      text.remove_suffix(1);
    }
  }
  const std::optional<std::int64_t> number = parse_integer(text);
  if (!number || *number < 0 || *number > (INT64_MAX >> shift)) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*number) << shift;
}

std::string format_size(std::uint64_t bytes) {
  if (bytes < 1024) {
    return format("{} B", bytes);
  }
  constexpr std::string_view k_units = "KMGT";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < k_units.size()) { // 1024.0 when rounded
    value /= 1024;
    ++unit;
  }
  return format("{:.1f} {}iB", value, k_units[unit]);
}

std::string join(std::span<const std::string> words, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    out += i == 0 ? std::string_view() : separator;
    out += words[i];
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(at + 1);
  }
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return lower;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view k_space = " \t\r\n";
  const std::size_t first = text.find_first_not_of(k_space);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(k_space) - first + 1);
}

std::vector<std::string> last_lines(std::string_view text, std::size_t count, std::size_t longest) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() < count) {
    const std::size_t newline = text.rfind('\n');
    const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    std::string_view line = text.substr(start);
    while (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    lines.push_back(last_part(line, longest));
    text = text.substr(0, start == 0 ? 0 : newline);
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

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
