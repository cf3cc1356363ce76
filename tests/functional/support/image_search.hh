// Where a small picture stands in a large one, by the normalised correlation coefficient: 1 where
// they are the same but for brightness and contrast, about 0 where they have nothing in common. It
// is what OpenCV computes with TM_CCOEFF_NORMED, each channel about its own mean.
#pragma once

#include "picture.hh"

#include <cstddef>
#include <vector>

namespace qt::picture {

struct Place {
  std::size_t x = 0;
  std::size_t y = 0;
  double coefficient = 0;
};

// Each place of `pattern` within `screen` with a coefficient of at least `threshold` (above 0, at
// most 1). Places that share half of the pattern's width and height are one, the best of them.
// Both must have the same number of channels. Throws Error(usage) if `pattern` is larger than
// `screen` or of one colour.
//
// Exact, and fast on screens: a place is given up at the row of the pattern after which not even a
// perfect match of the other rows could reach the threshold.
std::vector<Place> find_places(const Picture& screen, const Picture& pattern, double threshold);

} // namespace qt::picture
