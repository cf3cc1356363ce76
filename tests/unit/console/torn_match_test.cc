#include "console/torn_match.hh"

#include <algorithm>
#include <gtest/gtest.h>

namespace torn_match_test {

using namespace qt;

Pattern text(std::string literal) { return {Pattern::Kind::text, std::move(literal)}; }
Pattern regex(std::string expression) { return {Pattern::Kind::regex, std::move(expression)}; }

std::optional<Match> find(const std::vector<Pattern>& patterns, std::string_view stream,
                          std::size_t piece, Printk printk = Printk::ignore) {
  TornMatcher matcher(patterns, 0, printk);
  for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size()))) {
    if (std::optional<Match> match = matcher.feed(stream.substr(0, piece))) {
      return match;
    }
  }
  return matcher.settle();
}

// The match, which must be the same however the stream is cut.
std::optional<Match> find(const std::vector<Pattern>& patterns, std::string_view stream) {
  const std::optional<Match> match = find(patterns, stream, stream.size());
  for (std::size_t piece = 1; piece < stream.size(); ++piece) {
    const std::optional<Match> other = find(patterns, stream, piece);
    EXPECT_EQ(other.has_value(), match.has_value()) << "in pieces of " << piece;
    if (match && other) {
      EXPECT_EQ(other->begin, match->begin) << "in pieces of " << piece;
      EXPECT_EQ(other->end, match->end) << "in pieces of " << piece;
      EXPECT_EQ(other->decided, match->decided) << "in pieces of " << piece;
      EXPECT_EQ(other->text, match->text) << "in pieces of " << piece;
    }
  }
  return match;
}

std::string joined(std::string_view stream, std::size_t piece) {
  PrintkFilter filter(0);
  std::string passed;
  std::uint64_t least = 0;
  for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size()))) {
    filter.feed(stream.substr(0, piece),
                [&](std::string_view bytes, std::uint64_t offset, std::uint64_t) {
                  EXPECT_GE(offset, least);
                  least = offset + bytes.size();
                  passed += bytes;
                });
  }
  return passed;
}

void expect_joined(std::string_view stream, std::string_view wanted) {
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    ASSERT_EQ(joined(stream, piece), wanted) << "in pieces of " << piece;
  }
}

TEST(TornMatchTest, MessagesGoWithTheirLineEnd) {
  expect_joined("Linux test[   3.141592] usb 1-1: new\nbox", "Linux testbox");
  expect_joined("a[    3.1] one\r\n[    3.2] two\r\nb\r\n", "ab\r\n");
  expect_joined("line\r\n[    0.000000] Linux version\r\nmore", "line\r\nmore");
  expect_joined("te<6>[  1.0] usb\nst", "test");
  expect_joined("te[  100.000001][    T1] usb\r\nst [    1.0][C12] x\n.", "test .");
}

// However far from the start of what is read, also after many signs that begin none.
TEST(TornMatchTest, MessagesBeginAnywhere) {
  for (const std::string message : {"[    3.1] one\n", "<6>[    3.1] one\n"}) {
    for (const std::string_view before : {"x", "<", "["}) {
      for (std::size_t count = 1; count < 1100; ++count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) {
          text += before;
        }
        const std::string stream = text + ' ' + message + "end";
        ASSERT_EQ(joined(stream, stream.size()), text + " end");
      }
    }
  }
}

TEST(TornMatchTest, WhatIsNoMessagePasses) {
  for (const std::string_view stream :
       {"a[1] [x] [1.x] [ 1.5]a <a> <6>b [[.", "v[1.5][T] x\n.", "[1.5][T1]x\n.", "[[[<<1<2>>]]].",
        "[ 1 .5] x\n.", "[1.] x\n.", "[.5] x\n.", "[ OK ] Started [0;1m."}) {
    expect_joined(stream, stream);
  }
  const std::string endless = "[    1.5] " + std::string(5000, 'x');
  EXPECT_EQ(joined(endless, 7), std::string(5000 - 4096, 'x'));
}

TEST(TornMatchTest, ATornTextIsFoundOnlyIfAskedFor) {
  const std::string stream = ".Linux test[   3.141592] usb 1-1: new device\r\nbox login: ";
  const auto match = find({text("Linux testbox")}, stream);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->begin, 1u);
  EXPECT_EQ(match->end, stream.find("box") + 3);
  EXPECT_EQ(match->text, "Linux testbox");
  EXPECT_FALSE(find({text("Linux testbox")}, stream, 5, Printk::keep));
  EXPECT_EQ(find({regex("test(?<rest>[a-z]+) ")}, stream)->groups.at("rest"), "box");
}

TEST(TornMatchTest, TheMessagesThemselvesAreFoundToo) {
  const std::string stream = "lo[    3.1] Kernel panic - not syncing\r\ngin:";
  EXPECT_EQ(find({text("login:"), text("Kernel panic")}, stream)->pattern, 1u);
  EXPECT_EQ(find({regex("^login:$"), text("not there")}, stream)->text, "login:");
  EXPECT_EQ(find({text("panic"), text("lo")}, stream)->pattern, 1u);
}

// From the consoles of Debian's installer kernel (6.1, i386 "pc" and armhf "virt"): a shell writes
// lines in pieces, another process to /dev/kmsg.
TEST(TornMatchTest, LinesThatARealKernelHasTorn) {
  const std::string i386 = "Linux t[    5.510703] usb 1-1: new high-speed USB device\r\n"
                           "estbox 1 is[    5.518875] usb 1-2: new high-speed USB device\r\n"
                           "up\r\n"
                           "Linux t[    5.526403] usb 1-3: new high-speed USB device\r\n"
                           "[    5.529070] usb 1-4: new high-speed USB device\r\n"
                           "estbox[    5.535999] usb 1-5: new high-speed USB device\r\n"
                           " 2 isup\r\n"
                           "Lin[    5.543246] usb 1-6: new high-speed USB device\r\n"
                           "ux testbox[    5.550672] usb 1-7: new high-speed USB device\r\n"
                           " 3 isup\r\n"
                           "[    5.557739] usb 1-8: new high-speed USB device\r\n"
                           "[    5.560256] usb 1-9: new high-speed USB device\r\n";
  const std::string armhf = "Linux testbox 2 i[    4.462834] usb 1-2: new high-speed USB device\r\n"
                            "sup\r\n"
                            "[    4.471100] usb 1-3: new high-speed USB device\r\n"
                            "Linux testb[    4.479827] usb 1-4: new high-speed USB device\r\n"
                            "ox 3 is[    4.489202] usb 1-5: new high-speed USB device\r\n"
                            "up\r\n"
                            "Lin[    4.497509] usb 1-6: new high-speed USB device\r\n"
                            "ux testb[    4.505406] usb 1-7: new high-speed USB device\r\n"
                            "ox 4 is[    4.513207] usb 1-8: new high-speed USB device\r\n"
                            "up\r\n"
                            "Lin[    4.521251] usb 1-9: new high-speed USB device\r\n"
                            "ux testbox 5 isup\r\n";
  for (const auto& [stream, number] :
       {std::pair(i386, 1), {i386, 2}, {i386, 3}, {armhf, 2}, {armhf, 3}, {armhf, 4}, {armhf, 5}}) {
    const std::string line = "Linux testbox " + std::to_string(number) + " isup";
    const auto match = find({text(line)}, stream);
    ASSERT_TRUE(match) << line;
    EXPECT_EQ(match->text, line);
    EXPECT_EQ(
        find({regex("(?m)^Linux testbox " + std::to_string(number) + " is\\w+\\r")}, stream)->text,
        line + "\r");
  }
  EXPECT_FALSE(find({text("Linux testbox 1 isup")}, i386, 1000, Printk::keep));
  expect_joined(i386, "Linux testbox 1 isup\r\nLinux testbox 2 isup\r\nLinux testbox 3 isup\r\n");
}

// A number that a message tears is not taken for its first digits.
TEST(TornMatchTest, APartIsNotTheWhole) {
  const std::string torn = "C=1[    5.5] usb 1-1: new\r\n[    5.6] usb\r\n0\r\n";
  for (const char* const expression :
       {"C=(?<n>[0-9]+)", "C=(?<n>\\w+)", "C=(?<n>[^\r\n]*)", "C=(?<n>.*)\r\n"}) {
    const auto match = find({regex(expression)}, torn);
    ASSERT_TRUE(match) << expression;
    EXPECT_EQ(match->groups.at("n"), "10") << expression;
    EXPECT_EQ(find({regex(expression)}, "a " + torn + "C=7\r\n")->groups.at("n"), "10");
  }
  for (const std::string_view whole : {"C=1[x", "C=1[    5.5] usb\r\n\r\n", "C=1\r\n[    5.5] u\n0",
                                       "C=1[    5.5] usb 1-1: new", "C=1["}) {
    EXPECT_EQ(find({regex("C=(?<n>\\d+)")}, std::string(whole))->groups.at("n"), "1") << whole;
  }
  EXPECT_EQ(find({regex("(?s)C=.*usb")}, torn)->text, "C=1[    5.5] usb 1-1: new\r\n[    5.6] usb");
}

// What is complete while the rest is awaited comes first: a failure is never waited away.
TEST(TornMatchTest, WhatComesBeforeTheRestCounts) {
  const std::string panics = "C=1[    5.5] Kernel panic\r\n0\r\n";
  for (const std::size_t index : {0u, 1u}) {
    std::vector<Pattern> patterns = {regex("C=(?<n>\\d+)")};
    patterns.insert(patterns.begin() + static_cast<std::ptrdiff_t>(index), text("Kernel panic"));
    EXPECT_EQ(find(patterns, panics)->pattern, index);
    EXPECT_EQ(find(patterns, "C=1[    5.5] usb\r\n0\r\nKernel panic")->pattern, 1 - index);
  }
  EXPECT_EQ(find({regex("C=(?<n>\\d+)"), regex("u(\\w+)\r")}, "C=1[    5.5] usb\r\n0\r\n")->text,
            "usb\r");
}

TEST(TornMatchTest, TheRestIsNotAwaitedForEver) {
  std::string stream = "C=1";
  while (stream.size() < 3 * TornMatcher::k_most_awaited) {
    stream += "[    5.5] usb 1-1: new\r\n";
  }
  const auto match = find({regex("C=(?<n>\\d+)")}, stream, 1000);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->groups.at("n"), "1");
}

TEST(TornMatchTest, ManyMessagesInOneText) {
  std::string stream;
  for (const char byte : std::string("Welcome to Buildroot")) {
    stream += byte;
    stream += "[   12.345678] sd 0:0:0:0: [sda] Attached\r\n[   12.5] <6>x\r\n";
  }
  TornMatcher matcher({text("Welcome to Buildroot")}, 1000, Printk::ignore);
  const auto match = matcher.feed(stream);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->begin, 1000u);
  EXPECT_EQ(match->end, 1000 + stream.rfind("t[   12.3") + 1);
}

TEST(TornMatchTest, NothingIsKeptForLong) {
  TornMatcher matcher({text("never"), regex("never [a-z]+")}, 0, Printk::ignore);
  std::uint64_t size = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string_view piece = "x[    1.234567] a message of the kernel\r\ny";
    EXPECT_FALSE(matcher.feed(piece));
    size += piece.size();
    ASSERT_GE(matcher.keep_from() + 100, size);
  }
}

} // namespace torn_match_test
