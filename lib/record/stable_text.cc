#include "record/stable_text.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "data/regex.hh"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace qt {

namespace {

constexpr char k_cut = '\n'; // no text has one

bool is_word(char byte) { return std::isalnum(static_cast<unsigned char>(byte)) != 0; }

std::size_t count_words(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_word));
}

std::string with_cuts(const std::string& text, const Regex& expression) {
  std::string result;
  std::string rest = text;
  while (const auto found = expression.search(rest)) {
    if (found->end == found->begin) {
      break;
    }
    result += rest.substr(0, found->begin) + k_cut;
    rest.erase(0, found->end);
  }
  return result + rest;
}

std::size_t common_prefix(const std::string& one, const std::string& other) {
  const auto [first, second] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  return static_cast<std::size_t>(first - one.begin());
}

std::size_t common_suffix(const std::string& one, const std::string& other) {
  const auto [first, second] =
      std::mismatch(one.rbegin(), one.rend(), other.rbegin(), other.rend());
  return static_cast<std::size_t>(first - one.rbegin());
}

// "12.34" is one number: its digits after the point go with those before it.
bool is_inner(char byte) { return is_word(byte) || byte == '.'; }

std::string cut_end(const std::string& text, std::size_t length) {
  if (length < text.size() && is_inner(text[length])) {
    while (length > 0 && is_inner(text[length - 1])) {
      --length;
    }
  }
  return text.substr(0, length);
}

std::string cut_start(const std::string& text, std::size_t start) {
  if (start > 0 && is_inner(text[start - 1])) {
    while (start < text.size() && is_inner(text[start])) {
      ++start;
    }
  }
  return text.substr(start);
}

} // namespace

bool is_telling(std::string_view text, std::size_t least) { return count_words(text) >= least; }

std::string timeless_part(const std::string& text, const std::string& year) {
  static const Regex k_time(R"(\b\d{1,2}:\d{2}(:\d{2})?([.,]\d+)?\b)");
  static const Regex k_stamp(R"(^\s*\[ *\d+\.\d+\] ?)");
  static const Regex k_name(R"(\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|)"
                            R"(Oct|Nov|Dec)[a-z]* *\d{0,2}\b)");
  std::string cut = with_cuts(with_cuts(text, k_stamp), k_time);
  const Regex date(format(R"(\b(\d{{1,2}}[-/.])*{}([-/.]\d{{1,2}})*\b)", year));
  if (date.search(cut)) {
    cut = with_cuts(with_cuts(cut, date), k_name);
  }
  const std::vector<std::string> parts = split(cut, k_cut);
  const auto longest = std::max_element(parts.begin(), parts.end(),
                                        [](const std::string& one, const std::string& other) {
                                          return count_words(one) < count_words(other);
                                        });
  return count_words(*longest) > 0 || parts.size() == 1 ? *longest : "";
}

ConsoleText::ConsoleText(std::string_view output) {
  for (const ConsoleLine& line : console_lines(output)) {
    for (const std::string& piece : line.pieces) {
      m_pieces.push_back(piece);
      m_text += piece + "\n";
    }
  }
}

std::string ConsoleText::most_similar(const std::string& part) const {
  std::size_t most = part.size() / 2;
  std::string found;
  for (const std::string& piece : m_pieces) {
    const std::size_t shorter = std::min(piece.size(), part.size());
    const std::size_t same =
        std::min(common_prefix(part, piece) + common_suffix(part, piece), shorter);
    if (same > most) {
      most = same;
      found = piece;
    }
  }
  return found;
}

std::string common_part(const std::string& one, const std::string& other) {
  if (one == other) {
    return one;
  }
  const std::string start = cut_end(one, common_prefix(one, other));
  const std::string end = cut_start(one, one.size() - common_suffix(one, other));
  const std::string& part = count_words(start) >= count_words(end) ? start : end;
  const bool has_letter = std::any_of(part.begin(), part.end(), [](char byte) {
    return std::isalpha(static_cast<unsigned char>(byte)) != 0;
  });
  return has_letter ? part : "";
}

} // namespace qt
