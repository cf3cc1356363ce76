// Pictures as QEMU's screendump writes them: portable anymaps of netpbm, grey or in colour, binary
// (P5, P6) or as numbers (P2, P3), described in netpbm's pages pgm(5) and ppm(5). Refused: bitmaps
// (P1, P4) and samples of two bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace qt::picture {

struct Picture {
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t channels = 3;          // 1: grey; 3: red, green, blue
  std::vector<std::uint8_t> samples; // 0 to 255, row by row, the channels of a pixel side by side

  const std::uint8_t* at(std::size_t x, std::size_t y) const {
    return samples.data() + (y * width + x) * channels;
  }
};

// Throws Error: usage if the file holds something else, internal if it cannot be read.
Picture read_picture(const std::string& path);

// The same in grey by the weights of ITU-R BT.601, rounded.
Picture in_grey(const Picture& picture);

// The same with three channels.
Picture in_colour(const Picture& picture);

} // namespace qt::picture
