// What of a text comes again. A guest prints times, addresses and counters; what a test waits for
// must not have them in it. Two things tell: the same run once more, without a person, and what a
// time of day, today's date and the stamp of a kernel message look like: two runs of the same
// minute have these in common.
#pragma once

#include "record/recording.hh"

#include <string>
#include <string_view>
#include <vector>

namespace qt {

// The longest part of the text without times of day, dates in the year `year` ("2026") and stamps
// of kernel messages; empty if none has a letter or digit. Blanks around it stay.
std::string timeless_part(const std::string& text, const std::string& year);

// What a console said in a run without a person.
class ConsoleText {
public:
  explicit ConsoleText(std::string_view output);

  bool contains(std::string_view part) const { return m_text.find(part) != std::string::npos; }
  // The piece of it that is most like `part`; empty if none has half of it.
  std::string most_similar(const std::string& part) const;

private:
  std::vector<std::string> m_pieces;
  std::string m_text; // all of them, a line each
};

// The longer of what both begin and what both end with, cut at the border of a word or number. A
// number alone is none: beside one that changes it is the same by chance.
std::string common_part(const std::string& one, const std::string& other);

// Whether the text says something: letters and digits, at least so many.
bool is_telling(std::string_view text, std::size_t least);

} // namespace qt
