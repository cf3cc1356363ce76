// find-image as a process, with pictures that are made here.
#include "boot_fixture.hh"
#include "image_search.hh"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace qt {
namespace {

using namespace support;
using testing::HasSubstr;

struct Colour {
  int red;
  int green;
  int blue;
};

// What stands at a place.
using Painter = std::function<Colour(int x, int y)>;

// A ring, half of it in another colour: its edges differ in all directions.
Colour ring(int x, int y) {
  const int square = (x - 20) * (x - 20) + (y - 20) * (y - 20);
  if (square < 100 || square > 324) {
    return {0, 0, 0};
  }
  return x < 20 ? Colour{250, 200, 20} : Colour{240, 240, 240};
}

// Patterns of 40x40 at these places of a dark screen.
Painter screen_with(const std::vector<std::pair<int, int>>& places, const Painter& pattern = ring) {
  return [places, pattern](int x, int y) {
    for (const auto& [left, top] : places) {
      if (x >= left && x < left + 40 && y >= top && y < top + 40) {
        return pattern(x - left, y - top);
      }
    }
    return Colour{0, 0, 0};
  };
}

class FindImage : public testing::Test {
protected:
  std::string paint(const std::string& name, int width, int height, const Painter& painter) {
    std::string bytes = format("P6\n# made\n{} {}\n255\n", width, height);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const Colour colour = painter(x, y);
        for (const int sample : {colour.red, colour.green, colour.blue}) {
          bytes += static_cast<char>(sample);
        }
      }
    }
    return file(name, bytes);
  }
  std::string file(const std::string& name, const std::string& bytes) {
    write_file(m_folder.path() + "/" + name, bytes);
    return m_folder.path() + "/" + name;
  }
  int run(Words words) {
    words.insert(words.begin(), variable("QEMU_TEST_FIND_IMAGE"));
    const auto result = run_captured(words, {}, Deadline::after(std::chrono::minutes(1)));
    m_out = result->out;
    m_err = result->err;
    return result->status.code();
  }

  TempDir m_folder{"qt-find-image-test-"};
  const std::string m_pattern = paint("pattern", 40, 40, ring);
  std::string m_out;
  std::string m_err;
};

TEST_F(FindImage, SaysWhereThePatternIs) {
  const std::string screen = paint("screen", 320, 200, screen_with({{7, 11}, {200, 150}}));
  EXPECT_EQ(run({screen, m_pattern, "--count", "2"}), 0) << m_err;
  EXPECT_EQ(m_out, "7 11 1.000\n200 150 1.000\n");
}

TEST_F(FindImage, PatternsSideBySideAreSeveral) {
  const std::string screen =
      paint("screen", 330, 60, screen_with({{0, 0}, {40, 0}, {81, 3}, {280, 20}}));
  EXPECT_EQ(run({screen, m_pattern, "--count", "4"}), 0) << m_err << m_out;
  EXPECT_EQ(run({screen, m_pattern, "--count", "5"}), 1);
  EXPECT_THAT(m_out, HasSubstr("4 times, expected 5"));
}

TEST_F(FindImage, APatternThatIsNotThereIsAFailure) {
  const auto upside_down = [](int x, int y) { return ring(39 - x, 39 - y); };
  const std::string screen = paint("screen", 200, 100, screen_with({{9, 9}}, upside_down));
  EXPECT_EQ(run({screen, m_pattern}), 1);
  EXPECT_THAT(m_out, HasSubstr("0 times, expected 1"));
  EXPECT_EQ(run({screen, m_pattern, "--threshold", "0.5"}), 0) << m_err; // it is like it, though
}

TEST_F(FindImage, BrightnessAndContrastDoNotMatter) {
  const auto paler = [](int x, int y) {
    const Colour colour = ring(x, y);
    return Colour{60 + colour.red / 2, 60 + colour.green / 2, 60 + colour.blue / 2};
  };
  const std::string screen = paint("screen", 100, 100, screen_with({{30, 40}}, paler));
  EXPECT_EQ(run({screen, m_pattern, "--threshold", "0.999"}), 0) << m_err;
  EXPECT_THAT(m_out, HasSubstr("30 40 "));
}

TEST_F(FindImage, WrongColoursAreSeenUnlessItLooksInGray) {
  const auto blue = [](int x, int y) {
    const int light = ring(x, y).green;
    return Colour{0, 0, light};
  };
  const std::string screen = paint("screen", 100, 100, screen_with({{30, 40}}, blue));
  EXPECT_EQ(run({screen, m_pattern}), 1);
  EXPECT_EQ(run({screen, m_pattern, "--gray"}), 0) << m_err;
}

TEST_F(FindImage, IsFoundInNoiseAndOnlyThere) {
  std::mt19937 random(1);
  const auto noise = [&random](int, int) {
    const auto sample = [&random] { return static_cast<int>(random() & 255U); };
    return Colour{sample(), sample(), sample()};
  };
  std::vector<Colour> pixels;
  for (int i = 0; i < 160 * 120; ++i) {
    pixels.push_back(noise(0, 0));
  }
  const auto all = [&pixels](int x, int y) {
    return pixels[static_cast<std::size_t>(y * 160 + x)];
  };
  const auto part = [&all](int x, int y) { return all(x + 71, y + 53); };
  const std::string screen = paint("screen", 160, 120, all);
  EXPECT_EQ(run({screen, paint("part", 33, 21, part)}), 0) << m_err;
  EXPECT_EQ(m_out, "71 53 1.000\n");
  EXPECT_EQ(run({screen, m_pattern}), 1);
}

// The coefficient as it is defined.
double coefficient(const picture::Picture& screen, const picture::Picture& pattern,
                   const picture::Place& place) {
  double both = 0;
  double square = 0;
  double pattern_square = 0;
  const double pixels = static_cast<double>(pattern.width * pattern.height);
  for (std::size_t c = 0; c < pattern.channels; ++c) {
    std::vector<std::pair<double, double>> samples;
    double mean = 0;
    double pattern_mean = 0;
    for (std::size_t y = 0; y < pattern.height; ++y) {
      for (std::size_t x = 0; x < pattern.width; ++x) {
        samples.emplace_back(screen.at(place.x + x, place.y + y)[c], pattern.at(x, y)[c]);
        mean += samples.back().first / pixels;
        pattern_mean += samples.back().second / pixels;
      }
    }
    for (const auto& [sample, pattern_sample] : samples) {
      both += (sample - mean) * (pattern_sample - pattern_mean);
      square += (sample - mean) * (sample - mean);
      pattern_square += (pattern_sample - pattern_mean) * (pattern_sample - pattern_mean);
    }
  }
  return square > 0 ? both / std::sqrt(square * pattern_square) : 0;
}

// A place is given up early only if it does not reach the threshold, for threshold by threshold.
TEST_F(FindImage, GivingUpEarlyLosesNothing) {
  const auto waves = [](int x, int y) {
    const double wave = std::sin(x / 3.0) + std::sin(y / 4.0 + x / 11.0);
    return Colour{static_cast<int>(127 + 60 * wave), (x * y) % 61 + 90, 128 + (x * x - y) % 97};
  };
  const auto part = [&waves](int x, int y) { return waves(x + 20, y + 9); };
  const picture::Picture screen = picture::read_picture(paint("screen", 90, 60, waves));
  const picture::Picture pattern = picture::read_picture(paint("part", 17, 13, part));
  for (const double threshold : {0.2, 0.4, 0.6, 0.8, 0.99}) {
    const auto found = picture::find_places(screen, pattern, threshold);
    for (const picture::Place& place : found) {
      EXPECT_NEAR(place.coefficient, coefficient(screen, pattern, place), 1e-9);
    }
    std::size_t reached = 0;
    for (std::size_t y = 0; y + 13 <= 60; ++y) {
      for (std::size_t x = 0; x + 17 <= 90; ++x) {
        const double full = coefficient(screen, pattern, {x, y, 0});
        reached += full >= threshold;
        EXPECT_TRUE(full < threshold || std::any_of(found.begin(), found.end(),
                                                    [&](const picture::Place& place) {
                                                      return place.coefficient >= full - 1e-9 &&
                                                             place.x + 17 > x && x + 17 > place.x &&
                                                             place.y + 13 > y && y + 13 > place.y;
                                                    }))
            << x << " " << y << " " << full << " " << threshold;
      }
    }
    EXPECT_GE(reached, found.size());
    EXPECT_GE(found.size(), 1U);
  }
}

TEST_F(FindImage, JudgesTheSize) {
  const std::string screen = paint("screen", 320, 200, screen_with({{7, 11}}));
  EXPECT_EQ(run({screen, "--size", "320x200"}), 0) << m_err;
  EXPECT_EQ(run({screen, "--size", "200x320"}), 1);
  EXPECT_THAT(m_out, HasSubstr("it measures 320x200, expected 200x320"));
  EXPECT_EQ(run({screen, m_pattern, "--size", "640x480"}), 1); // the pattern is there
}

TEST_F(FindImage, ReadsNumbersCommentsAndOtherRanges) {
  const std::string grey = file("grey", "P2 #made\n3 2 # size\n7\n0 1 2\n7 0 7\n");
  const std::string same = file("same", std::string("P5\n3 2\n255\n\0\x24\x49\xff\0\xff", 17));
  EXPECT_EQ(run({grey, same, "--threshold", "0.9999"}), 0) << m_err;
  EXPECT_EQ(m_out, "0 0 1.000\n");
  const std::string colour =
      file("colour", "P3 3 2 255  0 0 0  36 36 36  73 73 73  255 255 255  0 0 0  255 255 255");
  EXPECT_EQ(run({colour, same, "--threshold", "0.9999"}), 0) << m_err;
  EXPECT_EQ(run({colour, same, "--threshold", "0.9999", "--gray"}), 0) << m_err;
}

TEST_F(FindImage, RefusesWhatIsNoPicture) {
  const std::string good = file("good", "P2 1 1 1 1");
  for (const std::string bytes :
       {"", "P", "P4 1 1 1", "PNG", "P5", "P5 2", "P5 2 2", "P5 2 2 255\nabc",
        "P5 2 2 65535\nabcdefgh", "P5 0 2 255\n", "P5 2 2 0\nabcd",
        "P5 99999999999 99999999999 255\n", "P2 2 1 9 1", "P2 2 1 9 1 x", "P2 2 1 9 1 10",
        "P5 2 1 9\n\001\012", "P5 67108864 67108864 255\n", "P6 1 1 255"}) {
    EXPECT_EQ(run({file("bad", bytes), "--size", "1x1"}), 2) << bytes;
    EXPECT_THAT(m_err, HasSubstr("bad: expected ")) << bytes;
  }
  EXPECT_EQ(run({good, m_pattern}), 2);
  EXPECT_THAT(m_err, HasSubstr("it is larger"));
  EXPECT_EQ(run({m_pattern, good}), 2);
  EXPECT_THAT(m_err, HasSubstr("one colour"));
  EXPECT_EQ(run({m_folder.path() + "/none", good}), 99);
}

TEST_F(FindImage, RefusesAWrongCommandLine) {
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({m_pattern}), 2);
  EXPECT_EQ(run({m_pattern, m_pattern, m_pattern}), 2);
  for (const char* threshold : {"0", "1.1", "x", "0.5x", "nan", ""}) {
    EXPECT_EQ(run({m_pattern, m_pattern, "--threshold", threshold}), 2) << threshold;
  }
}

} // namespace
} // namespace qt
