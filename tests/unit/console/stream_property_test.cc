// However a stream is cut into reads, what is found in it is the same: escape sequences, echoes,
// kernel messages, texts and expressions together, as a console does it. Each round prints its seed
// if it fails. QEMU_TEST_ROUNDS: how many, 300 if unset.
#include "console/ansi.hh"
#include "console/echo.hh"
#include "console/torn_match.hh"

#include <cstdlib>
#include <gtest/gtest.h>
#include <random>

namespace stream_property_test {

using namespace qt;

struct Outcome {
  std::string stream; // what is left of the raw bytes
  std::optional<Match> match;
};

Outcome feed(std::string_view raw, const std::vector<Pattern>& patterns, Printk printk,
             const std::function<std::size_t()>& next_piece) {
  AnsiFilter escapes;
  EchoFilter echo;
  echo.expect("ls -l");
  echo.expect("echo boot");
  TornMatcher matcher(patterns, 0, printk);
  Outcome outcome;
  const auto match = [&](std::string_view bytes) {
    outcome.stream += bytes;
    if (!outcome.match) {
      outcome.match = matcher.feed(bytes);
    }
  };
  while (!raw.empty()) {
    const std::size_t piece = std::min(next_piece(), raw.size());
    escapes.feed(raw.substr(0, piece),
                 [&](std::string_view visible) { echo.feed(visible, match); });
    raw.remove_prefix(piece);
  }
  echo.finish(match);
  return outcome;
}

// Bytes that the filters and the patterns care for, and some that they do not.
std::string random_stream(std::mt19937& random) {
  const std::vector<std::string> parts = {"ls -l",
                                          "\r\n",
                                          "l",
                                          "echo boot",
                                          " \r",
                                          "\x1b[1;3",
                                          "2m",
                                          "\x1b]0;x\a",
                                          "\x1b(B",
                                          "\x1b",
                                          "[    1.5] usb\r\n",
                                          "<6>[  2.5]",
                                          "[    T1] sd\n",
                                          "[",
                                          "<",
                                          "login:",
                                          "log",
                                          "in: ",
                                          "boot 12",
                                          "345",
                                          "panic",
                                          "pan",
                                          "ic",
                                          std::string("\0\xff\xc3", 3),
                                          "a.b",
                                          "\b",
                                          "\n",
                                          "x"};
  std::string stream;
  for (std::size_t i = 0, count = random() % 60; i < count; ++i) {
    stream += parts[random() % parts.size()];
  }
  return stream;
}

void expect_same(const Outcome& one, const Outcome& other, unsigned seed) {
  ASSERT_EQ(one.stream, other.stream) << "seed " << seed;
  ASSERT_EQ(one.match.has_value(), other.match.has_value()) << "seed " << seed;
  if (one.match) {
    ASSERT_EQ(one.match->pattern, other.match->pattern) << "seed " << seed;
    ASSERT_EQ(one.match->begin, other.match->begin) << "seed " << seed;
    ASSERT_EQ(one.match->end, other.match->end) << "seed " << seed;
    ASSERT_EQ(one.match->decided, other.match->decided) << "seed " << seed;
    ASSERT_EQ(one.match->text, other.match->text) << "seed " << seed;
  }
}

TEST(StreamPropertyTest, CutsChangeNothing) {
  const char* const asked = std::getenv("QEMU_TEST_ROUNDS");
  const unsigned rounds = asked != nullptr ? static_cast<unsigned>(std::atoi(asked)) : 300;
  const std::vector<Pattern> all = {
      {Pattern::Kind::text, "login: "},      {Pattern::Kind::text, "panic"},
      {Pattern::Kind::regex, "boot (\\d+)"}, {Pattern::Kind::regex, "^x[^y]+$"},
      {Pattern::Kind::text, "ls -l"},        {Pattern::Kind::regex, "(?s)a.b.*?log"}};
  for (unsigned seed = 1; seed <= rounds; ++seed) {
    std::mt19937 random(seed);
    const std::string raw = random_stream(random);
    std::vector<Pattern> patterns;
    for (const Pattern& pattern : all) {
      if (random() % 2 == 0) {
        patterns.push_back(pattern);
      }
    }
    const Printk printk = random() % 2 == 0 ? Printk::ignore : Printk::keep;
    const Outcome whole = feed(raw, patterns, printk, [&] { return raw.size(); });
    const Outcome bytewise = feed(raw, patterns, printk, [] { return std::size_t{1}; });
    const Outcome cut = feed(raw, patterns, printk, [&] { return 1 + random() % 20; });
    ASSERT_NO_FATAL_FAILURE(expect_same(bytewise, whole, seed));
    ASSERT_NO_FATAL_FAILURE(expect_same(bytewise, cut, seed));
  }
}

} // namespace stream_property_test
