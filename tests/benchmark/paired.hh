// Two commands timed in turn, A B A B …, so that a machine that slows down slows both.
#pragma once

#include "format.hh"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
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

// One warm-up each, then `rounds` pairs. Prints one line: medians, the median of the differences
// and of the ratios, pair by pair.
inline void compare(const char* what, int rounds, const char* ours_name,
                    const std::function<void()>& ours, const char* theirs_name,
                    const std::function<void()>& theirs) {
  ours();
  theirs();
  std::vector<double> a;
  std::vector<double> b;
  std::vector<double> difference;
  std::vector<double> ratio;
  for (int i = 0; i < rounds; ++i) {
    a.push_back(seconds_of(ours));
    b.push_back(seconds_of(theirs));
    difference.push_back(a.back() - b.back());
    ratio.push_back(a.back() / b.back());
  }
  std::puts(qt::format("{}: {} {:.1f} ms, {} {:.1f} ms, difference {:+.1f} ms, ratio {:.3f} "
                       "(medians of {} pairs)",
                       what, ours_name, median(a) * 1e3, theirs_name, median(b) * 1e3,
                       median(difference) * 1e3, median(ratio), rounds)
                .c_str());
  std::fflush(stdout);
}

} // namespace bench
