#include "image_search.hh"

#include "base/error.hh"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace qt::picture {
namespace {

using Sums = std::array<double, 3>; // of each channel

struct Box {
  std::size_t x;
  std::size_t y;
  std::size_t width;
  std::size_t height;
};

// Sums of the samples and of their squares over any box of a picture, in constant time. (Whole
// numbers: a double holds those of 2^26 pixels exactly.)
class BoxSums {
public:
  explicit BoxSums(const Picture& picture);

  Sums samples(const Box& box) const;
  double squares(const Box& box) const;
  // The squares of the distances from the mean of the channel, over all channels.
  double variation(const Box& box) const;

private:
  struct Cell {
    Sums samples{};
    double squares = 0;
  };
  const Cell& cell(std::size_t x, std::size_t y) const { return m_cells[y * m_stride + x]; }

  std::size_t m_stride;
  std::vector<Cell> m_cells; // of all that is above and left
};

BoxSums::BoxSums(const Picture& picture)
  : m_stride(picture.width + 1)
  , m_cells(m_stride * (picture.height + 1)) {
  for (std::size_t y = 0; y < picture.height; ++y) {
    Cell row;
    for (std::size_t x = 0; x < picture.width; ++x) {
      const Cell& above = cell(x + 1, y);
      Cell& here = m_cells[(y + 1) * m_stride + x + 1];
      for (std::size_t c = 0; c < picture.channels; ++c) {
        const double sample = picture.at(x, y)[c];
        row.samples[c] += sample;
        row.squares += sample * sample;
        here.samples[c] = above.samples[c] + row.samples[c];
      }
      here.squares = above.squares + row.squares;
    }
  }
}

Sums BoxSums::samples(const Box& box) const {
  const std::size_t right = box.x + box.width;
  const std::size_t bottom = box.y + box.height;
  Sums sums{};
  for (std::size_t c = 0; c < sums.size(); ++c) {
    sums[c] = cell(right, bottom).samples[c] - cell(box.x, bottom).samples[c] -
              cell(right, box.y).samples[c] + cell(box.x, box.y).samples[c];
  }
  return sums;
}

double BoxSums::squares(const Box& box) const {
  const std::size_t right = box.x + box.width;
  const std::size_t bottom = box.y + box.height;
  return cell(right, bottom).squares - cell(box.x, bottom).squares - cell(right, box.y).squares +
         cell(box.x, box.y).squares;
}

double product(const Sums& a, const Sums& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

double BoxSums::variation(const Box& box) const {
  const Sums sums = samples(box);
  const double pixels = static_cast<double>(box.width * box.height);
  return std::max(0.0, squares(box) - product(sums, sums) / pixels);
}

double row_product(const std::uint8_t* a, const std::uint8_t* b, std::size_t count) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += static_cast<std::int64_t>(a[i]) * b[i];
  }
  return static_cast<double>(sum);
}

class Search {
public:
  Search(const Picture& screen, const Picture& pattern, double threshold)
    : m_screen(screen)
    , m_pattern(pattern)
    , m_threshold(threshold)
    , m_screen_sums(screen)
    , m_pattern_sums(pattern)
    , m_pattern_variation(m_pattern_sums.variation({0, 0, pattern.width, pattern.height})) {}

  double pattern_variation() const { return m_pattern_variation; }
  // Less than the threshold, not exactly, where it is not reached.
  double coefficient(std::size_t x, std::size_t y) const;

private:
  double most_of_rest(std::size_t x, std::size_t y, std::size_t row) const;

  const Picture& m_screen;
  const Picture& m_pattern;
  const double m_threshold;
  const BoxSums m_screen_sums;
  const BoxSums m_pattern_sums;
  const double m_pattern_variation;
};

// The most that the products of samples from this row of the pattern on can add up to: that of
// their means, and by the inequality of Cauchy and Schwarz that of the distances from them.
double Search::most_of_rest(std::size_t x, std::size_t y, std::size_t row) const {
  const Box rest{0, row, m_pattern.width, m_pattern.height - row};
  const Box there{x, y + row, rest.width, rest.height};
  const double pixels = static_cast<double>(rest.width * rest.height);
  return product(m_pattern_sums.samples(rest), m_screen_sums.samples(there)) / pixels +
         std::sqrt(m_pattern_sums.variation(rest) * m_screen_sums.variation(there));
}

double Search::coefficient(std::size_t x, std::size_t y) const {
  const Box all{0, 0, m_pattern.width, m_pattern.height};
  const Box there{x, y, all.width, all.height};
  const double scale = std::sqrt(m_pattern_variation * m_screen_sums.variation(there));
  if (scale < 1) { // one colour; the smallest scale of others is above 1
    return 0;
  }
  const double of_means = product(m_pattern_sums.samples(all), m_screen_sums.samples(there)) /
                          static_cast<double>(all.width * all.height);
  const double least = m_threshold * scale + of_means;
  double sum = 0;
  for (std::size_t row = 0; row < all.height; ++row) {
    if (row > 0 && sum + most_of_rest(x, y, row) < least - 0.5) { // 0.5: for rounding
      return 0;
    }
    sum += row_product(m_pattern.at(0, row), m_screen.at(x, y + row),
                       m_pattern.width * m_pattern.channels);
  }
  return (sum - of_means) / scale;
}

bool is_near(std::size_t a, std::size_t b, std::size_t size) {
  return 2 * (std::max(a, b) - std::min(a, b)) < size;
}

} // namespace

std::vector<Place> find_places(const Picture& screen, const Picture& pattern, double threshold) {
  if (pattern.width > screen.width || pattern.height > screen.height) {
    throw Error(format("looking for a picture of {}x{} in one of {}x{}: it is larger",
                       pattern.width, pattern.height, screen.width, screen.height),
                ExitCode::usage);
  }
  const Search search(screen, pattern, threshold);
  if (search.pattern_variation() < 1) {
    throw Error("looking for a picture of one colour: it would be anywhere", ExitCode::usage);
  }
  std::vector<Place> places;
  for (std::size_t y = 0; y + pattern.height <= screen.height; ++y) {
    for (std::size_t x = 0; x + pattern.width <= screen.width; ++x) {
      const Place here{x, y, search.coefficient(x, y)};
      if (here.coefficient < threshold) {
        continue;
      }
      const auto same = std::find_if(places.begin(), places.end(), [&](const Place& place) {
        return is_near(place.x, x, pattern.width) && is_near(place.y, y, pattern.height);
      });
      if (same == places.end()) {
        places.push_back(here);
      } else if (here.coefficient > same->coefficient) {
        *same = here;
      }
    }
  }
  return places;
}

} // namespace qt::picture
