#include "base/spelling.hh"

#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>
#include <utility>
#include <vector>

namespace qt {

namespace {

// Edits to turn one word into the other: insert, delete, replace, swap neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                             cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

// The candidates that are near, nearest first, at most three.
std::vector<std::string> nearest(std::string_view word,
                                 std::span<const std::string_view> candidates) {
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  for (const std::string_view candidate : candidates) {
    if (candidate == word) { // it is what was said, whatever else is wrong with it
      continue;
    }
    const std::size_t distance = edit_distance(word, candidate);
    const bool extends = !word.empty() && candidate.starts_with(word);
    if (distance <= std::max<std::size_t>(2, word.size() / 3) || extends) {
      ranked.emplace_back(distance, candidate);
    }
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (const auto& [distance, name] : ranked) {
    if (names.size() < 3 && std::find(names.begin(), names.end(), name) == names.end()) {
      names.emplace_back(name); // an archive may have it twice
    }
  }
  return names;
}

} // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::vector<std::string> names = nearest(word, candidates);
  if (names.empty()) {
    return "";
  }
  return format("; did you mean '{}'?", join(names, "' or '"));
}

} // namespace qt
