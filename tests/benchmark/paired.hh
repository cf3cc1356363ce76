// Two commands timed in turn, A B A B …, so that a machine that slows down slows both.
#pragma once

#include "base/format.hh"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace bench {

inline double seconds_of(const std::function<void()>& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// Seconds of each run, pair by pair.
struct Pairs {
  std::vector<double> ours;
  std::vector<double> theirs;

  // The median of what `combine` makes of each pair.
  template<typename Combine>
  double median_of(Combine combine) const {
    std::vector<double> values;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      values.push_back(combine(ours[i], theirs[i]));
    }
    return median(std::move(values));
  }
  double ratio() const { return median_of(std::divides<>()); }
  double difference() const { return median_of(std::minus<>()); }
};

// One warm-up each, then `rounds` pairs.
inline Pairs measure(int rounds, const std::function<void()>& ours,
                     const std::function<void()>& theirs) {
  ours();
  theirs();
  Pairs pairs;
  for (int i = 0; i < rounds; ++i) {
    pairs.ours.push_back(seconds_of(ours));
    pairs.theirs.push_back(seconds_of(theirs));
  }
  return pairs;
}

inline void print(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

// Prints one line: medians, the median of the differences and of the ratios, pair by pair.
inline void compare(const char* what, int rounds, const char* ours_name,
                    const std::function<void()>& ours, const char* theirs_name,
                    const std::function<void()>& theirs) {
  const Pairs pairs = measure(rounds, ours, theirs);
  print(qt::format("{}: {} {:.1f} ms, {} {:.1f} ms, difference {:+.1f} ms, ratio {:.3f} "
                   "(medians of {} pairs)",
                   what, ours_name, median(pairs.ours) * 1e3, theirs_name,
                   median(pairs.theirs) * 1e3, pairs.difference() * 1e3, pairs.ratio(), rounds));
}

} // namespace bench
