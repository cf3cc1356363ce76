// What a person may have meant who wrote a name that nothing has.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace qt {

// "; did you mean 'a' or 'b'?" with at most three of the candidates, the nearest first; "" if none
// is near. A candidate is near that `word` begins, or that few slips of the keyboard turn it into.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

} // namespace qt
