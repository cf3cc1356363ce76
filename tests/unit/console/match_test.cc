#include "console/match.hh"

#include "base/error.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace match_test {

using namespace qt;

Pattern text(std::string literal) { return {Pattern::Kind::text, std::move(literal)}; }
Pattern regex(std::string expression) { return {Pattern::Kind::regex, std::move(expression)}; }

// Feeds `stream` in pieces of the given size.
std::optional<Match> feed_in_pieces(Matcher& matcher, std::string_view stream, std::size_t size) {
  while (!stream.empty()) {
    if (std::optional<Match> match = matcher.feed(stream.substr(0, size))) {
      return match;
    }
    stream.remove_prefix(std::min(size, stream.size()));
  }
  return std::nullopt;
}

std::optional<Match> find(const std::vector<Pattern>& patterns, std::string_view stream,
                          std::size_t size = std::string_view::npos) {
  Matcher matcher(patterns);
  return feed_in_pieces(matcher, stream, size);
}

TEST(MatchTest, FindsLiteralsAcrossReads) {
  for (const std::size_t size : {1u, 2u, 3u, 7u, 100u}) {
    const auto match = find({text("login: ")}, "Welcome\r\nbox login: ", size);
    ASSERT_TRUE(match) << size;
    EXPECT_EQ(match->begin, 13u);
    EXPECT_EQ(match->end, 20u);
  }
  EXPECT_FALSE(find({text("login: ")}, "box login:", 1));
}

TEST(MatchTest, TheFirstToEndWins) {
  const auto match = find({text("a long text"), text("text"), text("long")}, "a long text");
  EXPECT_EQ(match->pattern, 2u);
  // Of two that end at the same byte it is the first in the list.
  EXPECT_EQ(find({text("xab"), text("b")}, "xab")->pattern, 0u);
  EXPECT_EQ(find({text("b"), text("xab")}, "xab")->pattern, 0u);
}

TEST(MatchTest, AnyBytesAreText) {
  EXPECT_EQ(find({text(std::string("\0\xff\x1b", 3))}, std::string("a\0\xff\x1bz", 5))->end, 4u);
  EXPECT_EQ(find({regex("\\x00\\xff.")}, std::string("a\0\xff\x1bz", 5), 1)->end, 4u);
}

TEST(MatchTest, ANumberCutByAReadIsNotTakenShort) {
  Matcher matcher({regex("v=(?<v>\\d+)")});
  EXPECT_FALSE(matcher.feed("v=1"));
  EXPECT_FALSE(matcher.feed("2"));
  const auto match = matcher.feed("3 and");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->groups.at("v"), "123");
  EXPECT_EQ(match->text, "v=123");
  EXPECT_EQ(match->end, 5u);
  EXPECT_EQ(match->decided, 6u);
}

TEST(MatchTest, AQuietStreamSettles) {
  Matcher matcher({regex("v=(\\d+)")});
  EXPECT_FALSE(matcher.feed("v="));
  EXPECT_TRUE(matcher.undecided());
  EXPECT_FALSE(matcher.settle());
  EXPECT_FALSE(matcher.feed("12"));
  EXPECT_EQ(matcher.keep_from(), 0u);
  const auto match = matcher.settle();
  ASSERT_TRUE(match);
  EXPECT_EQ(match->text, "v=12");
}

TEST(MatchTest, LinesEndWithCarriageReturnOrLineFeed) {
  EXPECT_EQ(find({regex("^(?<all>U-Boot .*)$")}, "\r\nU-Boot 2023\r\n=> ", 1)->groups.at("all"),
            "U-Boot 2023");
  EXPECT_FALSE(find({regex("^Boot")}, "U-Boot", 1));
  EXPECT_TRUE(find({regex("[^x]\\nb")}, "\r\nb", 1));
  EXPECT_EQ(find({regex("[^a]b")}, "\r\nb", 1)->begin, find({regex("[^a]b")}, "\r\nb")->begin);
}

TEST(MatchTest, LooksBackOverReads) {
  EXPECT_TRUE(find({regex("(?<=abc)d")}, "xabcd", 1));
  EXPECT_FALSE(find({regex("(?<=abd)d")}, "xabcd", 1));
}

TEST(MatchTest, OffsetsCountFromTheStart) {
  Matcher matcher({text("b"), regex("zz")}, 1000);
  const auto match = matcher.feed("ab");
  EXPECT_EQ(match->begin, 1001u);
  EXPECT_EQ(match->end, 1002u);
}

TEST(MatchTest, WrongPatternsAreUsageErrors) {
  EXPECT_THROW(Matcher({text("")}), Error);
  try {
    Matcher({regex("a(b")});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), // between them, in the words of its version, PCRE2
                testing::MatchesRegex("regular expression 'a\\(b': .+ at offset [0-9]+"));
  }
}

TEST(MatchTest, EndlessBacktrackingIsStopped) {
  Matcher matcher({regex("^(a+)+$")});
  try {
    matcher.feed(std::string(40, 'a') + "b\n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("'^(a+)+$'"), std::string::npos) << error.what();
  }
}

TEST(MatchTest, AnOpenAttemptHidesNothingShorter) {
  // "begin" keeps the first branch open; the second is complete long before the window is full.
  const std::vector<Pattern> patterns = {regex("(?s)begin.*(end|END)|oops")};
  const std::string stream = "begin oops " + std::string(300'000, 'x');
  for (const std::size_t size : {101u, 4096u, 65536u, 500'000u}) {
    const auto match = find(patterns, stream, size);
    ASSERT_TRUE(match) << size;
    EXPECT_EQ(match->text, "oops");
    EXPECT_EQ(match->decided, 65536u); // the window is full: what is there decides
  }
}

TEST(MatchTest, AMatchThatMightGrowWithoutEndIsTakenAsItIs) {
  const std::string stream = "-begin end" + std::string(300'000, 'x');
  for (const std::size_t size : {101u, 4096u, 65536u, 500'000u}) {
    const auto match = find({regex("(?s)begin.*end")}, stream, size);
    ASSERT_TRUE(match) << size;
    EXPECT_EQ(match->text, "begin end");
    EXPECT_EQ(match->decided, 65537u);
  }
}

// Lengths around the window, however the stream is cut.
TEST(MatchTest, SpansAreFoundUpToTheWindow) {
  for (const std::size_t length : {30'000u, 65'534u, 65'535u, 200'000u}) {
    std::string stream(50'000, 'b');
    stream += "a" + std::string(length, 'b') + "c" + std::string(100, ' ');
    std::optional<std::uint64_t> wanted;
    for (const std::size_t size : {4096u, 65'537u, 400'000u}) {
      const auto match = find({regex("a[ab]+c")}, stream, size);
      EXPECT_EQ(match.has_value(), length + 2 <= 65'536) << length << " by " << size;
    }
    // Without a byte that each match needs.
    for (const std::size_t size : {4096u, 65'537u, 400'000u}) {
      const auto match = find({regex("b[ab]+[c-d]")}, stream, size);
      ASSERT_TRUE(match) << length;
      EXPECT_EQ(match->end, 50'000 + length + 2);
      EXPECT_EQ(match->begin, wanted.value_or(match->begin)) << length << " by " << size;
      wanted = match->begin;
    }
  }
}

TEST(MatchTest, PrefixesAreFoundAcrossReads) {
  const std::vector<Pattern> patterns = {regex("^BUG: \\d+!"),    regex("Oops: [0-9]+\\r"),
                                         regex("\\[ OK \\] x?y"), regex("panic( now)?\\."),
                                         regex("colou?r\\n"),     text("zzz")};
  const std::string stream =
      "xBUG: 1!\nBUG: 12 \nOops: Oops: 1 colo panic no panic[ OK ] z[ OK ] y. Oops: 7\r";
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    const auto match = find(patterns, stream, size);
    ASSERT_TRUE(match) << size;
    EXPECT_EQ(match->text, "[ OK ] y") << size;
  }
  EXPECT_EQ(find(patterns, "color\n", 2)->pattern, 4u);
  EXPECT_EQ(find(patterns, "colour\n", 3)->pattern, 4u);
  EXPECT_EQ(find({regex("abc|xyz")}, "..xyz")->begin, 2u);
  EXPECT_EQ(find({regex("abc(d|xyz)")}, "..abcxyz")->begin, 2u);
  EXPECT_EQ(find({regex("abc[)]|xyz")}, "..xyz")->begin, 2u);
}

TEST(MatchTest, MemoryIsBoundedAndLaterMatchesAreFound) {
  Matcher matcher({regex("begin.*end"), text("done")});
  EXPECT_FALSE(matcher.feed("begin"));
  const std::string block(100'000, 'x');
  for (int i = 0; i < 50; ++i) {
    EXPECT_FALSE(matcher.feed(block));
  }
  EXPECT_GT(matcher.keep_from(), 4'800'000u);
  EXPECT_FALSE(matcher.feed("begin and "));
  EXPECT_EQ(matcher.feed("end\n")->text, "begin and end");
}

TEST(MatchTest, RegexSearchesWholeTexts) {
  const auto found = Regex("version (\\d+)\\.(?<minor>\\d+)").search("QEMU version 7.2");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->groups, (std::vector<std::optional<std::string>>{"7", "2"}));
  EXPECT_EQ(found->named.at("minor"), "2");
  EXPECT_FALSE(Regex("^x").search("abc"));
}

// The reference: a literal is found by comparing at every place.
std::optional<Match> naive(const std::vector<Pattern>& patterns, std::string_view stream) {
  for (std::size_t end = 1; end <= stream.size(); ++end) {
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      if (stream.substr(0, end).ends_with(patterns[i].text)) {
        return Match{i, end - patterns[i].text.size(), end, end, patterns[i].text, {}};
      }
    }
  }
  return std::nullopt;
}

TEST(MatchTest, LiteralsAgreeWithTheReferenceHoweverCut) {
  std::mt19937 random(1);
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  const auto letters = [&](std::size_t count) {
    std::string result;
    while (result.size() < count) {
      result += "ab"[below(8) == 0];
    }
    return result;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<Pattern> patterns;
    for (std::size_t i = 0, count = 1 + below(20); i < count; ++i) {
      patterns.push_back(text(letters(3 + below(10)) + "b" + letters(below(4))));
    }
    const std::string stream = letters(below(300));
    const std::optional<Match> wanted = naive(patterns, stream);
    const std::optional<Match> match = find(patterns, stream, 1 + below(120));
    ASSERT_EQ(match.has_value(), wanted.has_value());
    if (match) {
      ASSERT_EQ(match->end, wanted->end) << stream;
      ASSERT_EQ(match->pattern, wanted->pattern) << stream;
    }
  }
}

// As a dialogue with many failure texts has them: some begin alike, some are part of others, and
// most of the stream is passed over because nothing in it begins as they do.
TEST(MatchTest, ManyPatternsGiveTheSameHoweverCut) {
  std::mt19937 random(3);
  const std::vector<std::string> words = {
      "Kernel ", "Kern", "panic ", "Oops: ", "no 1", "BUG", "\n"};
  const auto sentence = [&](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += words[random() % words.size()];
    }
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<Pattern> texts;
    std::vector<Pattern> mixed; // each tenth or so an expression
    for (std::size_t i = 0, count = 1 + random() % 80; i < count; ++i) {
      texts.push_back(text(sentence(4 + random() % 3)));
      mixed.push_back(random() % 10 != 0 ? texts.back()
                                         : regex("(?<=\\d|K)ern " + std::to_string(i)));
      if (random() % 10 == 0) {
        mixed.back() = regex("^" + sentence(1 + random() % 3) + "[^1]");
      }
    }
    const std::string stream = sentence(random() % 400) + "no 123 ";
    const std::optional<Match> wanted = naive(texts, stream);
    const std::optional<Match> match = find(texts, stream, 1 + random() % 700);
    ASSERT_EQ(match.has_value(), wanted.has_value()) << stream;
    if (match) {
      ASSERT_EQ(match->end, wanted->end) << stream;
      ASSERT_EQ(match->pattern, wanted->pattern) << stream;
    }
    const std::optional<Match> bytewise = find(mixed, stream, 1);
    const std::optional<Match> pieces = find(mixed, stream, 1 + random() % 700);
    ASSERT_EQ(pieces.has_value(), bytewise.has_value()) << stream;
    if (pieces) {
      ASSERT_EQ(pieces->pattern, bytewise->pattern) << stream;
      ASSERT_EQ(pieces->begin, bytewise->begin) << stream;
      ASSERT_EQ(pieces->decided, bytewise->decided) << stream;
      ASSERT_EQ(pieces->text, bytewise->text) << stream;
    }
  }
}

TEST(MatchTest, ExpressionsGiveTheSameHoweverCut) {
  std::mt19937 random(2);
  const std::vector<Pattern> patterns = {
      regex("a\\d+b?"), regex("^=> $"), regex("(?<=1)c.*$"), regex("\\bfoo\\b|bar(?!x)"),
      text("a1c"),      regex("x\\Ry"), regex("foo ?[a-c]"), regex("bar=+>[^\\n]")};
  const std::string alphabet = "a1bc=> \r\nfoobarxy";
  for (int round = 0; round < 5000; ++round) {
    std::string stream;
    for (std::size_t i = 0, count = random() % 60; i < count; ++i) {
      stream += alphabet[random() % alphabet.size()];
    }
    const std::optional<Match> bytewise = find(patterns, stream, 1);
    const std::optional<Match> match = find(patterns, stream, 1 + random() % 60);
    ASSERT_EQ(match.has_value(), bytewise.has_value()) << stream;
    if (match) {
      ASSERT_EQ(match->pattern, bytewise->pattern) << stream;
      ASSERT_EQ(match->begin, bytewise->begin) << stream;
      ASSERT_EQ(match->end, bytewise->end) << stream;
      ASSERT_EQ(match->decided, bytewise->decided) << stream;
    }
  }
}

} // namespace match_test
