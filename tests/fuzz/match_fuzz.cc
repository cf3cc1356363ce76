// The matcher against itself and against a reference. Input: patterns, one a line, "t" and a text
// or "r" and an expression; an empty line; then bytes that are both the stream and, in turn, where
// it is cut. However the stream is cut, the answer is that of feeding it byte by byte; with texts
// alone it is that of comparing at every place. The same holds for what a console puts before the
// matcher: control sequences and echoes taken out, kernel messages ignored.
#include "base/error.hh"
#include "console/ansi.hh"
#include "console/echo.hh"
#include "console/torn_match.hh"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace qt;

// What is no property of a stream: where an attempt began, and verbs that steer the search.
bool is_outside(std::string_view expression) {
  for (const std::string_view part : {"\\G", "\\K", "(*", "(?C", "\\C", "\\Q"}) {
    if (expression.find(part) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

std::optional<Match> feed(const std::vector<Pattern>& patterns, std::string_view stream,
                          std::string_view cuts) {
  Matcher matcher(patterns);
  for (std::size_t i = 0; !stream.empty(); ++i) {
    const std::size_t piece = cuts.empty() ? 1 : static_cast<unsigned char>(cuts[i % cuts.size()]);
    if (std::optional<Match> match = matcher.feed(stream.substr(0, 1 + piece % 97))) {
      return match;
    }
    stream.remove_prefix(std::min(1 + piece % 97, stream.size()));
  }
  return std::nullopt;
}

std::optional<Match> feed_bytes(const std::vector<Pattern>& patterns, std::string_view stream) {
  Matcher matcher(patterns);
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (std::optional<Match> match = matcher.feed(stream.substr(i, 1))) {
      return match;
    }
  }
  return std::nullopt;
}

bool same(const std::optional<Match>& a, const std::optional<Match>& b) {
  return a.has_value() == b.has_value() &&
         (!a || (a->pattern == b->pattern && a->begin == b->begin && a->end == b->end &&
                 a->decided == b->decided));
}

// As a console does it; `line` has been typed.
std::optional<Match> feed_console(const std::vector<Pattern>& patterns, std::string_view stream,
                                  std::string_view cuts, std::string_view line, std::string& left) {
  AnsiFilter escapes;
  EchoFilter echo;
  TornMatcher matcher(patterns, 0, Printk::ignore);
  echo.expect(line);
  std::optional<Match> match;
  const auto pass = [&](std::string_view bytes) {
    left += bytes;
    match = match ? match : matcher.feed(bytes);
  };
  for (std::size_t i = 0; !stream.empty(); ++i) {
    const std::size_t byte = cuts.empty() ? 0 : static_cast<unsigned char>(cuts[i % cuts.size()]);
    const std::size_t piece = std::min(1 + byte % 97, stream.size());
    escapes.feed(stream.substr(0, piece),
                 [&](std::string_view visible) { echo.feed(visible, pass); });
    stream.remove_prefix(piece);
  }
  echo.finish(pass);
  return match;
}

void check_console(const std::vector<Pattern>& patterns, std::string_view stream) {
  const std::string_view line = stream.substr(0, stream.size() % 7);
  std::string left;
  std::string left_bytewise;
  const std::optional<Match> match = feed_console(patterns, stream, stream, line, left);
  const std::optional<Match> bytewise = feed_console(patterns, stream, {}, line, left_bytewise);
  if (left != left_bytewise || !same(match, bytewise)) {
    std::abort();
  }
}

void check_literals(const std::vector<Pattern>& patterns, std::string_view stream,
                    const std::optional<Match>& match) {
  for (std::size_t end = 1; end <= stream.size(); ++end) {
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      if (stream.substr(0, end).ends_with(patterns[i].text)) {
        if (!match || match->pattern != i || match->end != end) {
          std::abort();
        }
        return;
      }
    }
  }
  if (match) {
    std::abort();
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<Pattern> patterns;
  bool literals_only = true;
  while (!rest.empty() && patterns.size() < 80) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) {
      break;
    }
    if (line.size() < 2 || line.size() > 60 || is_outside(line)) {
      return 0;
    }
    const bool is_regex = line.front() == 'r';
    literals_only = literals_only && !is_regex;
    patterns.push_back(
        {is_regex ? Pattern::Kind::regex : Pattern::Kind::text, std::string(line.substr(1))});
  }
  rest = rest.substr(0, 2000);
  try {
    const std::optional<Match> match = feed(patterns, rest, rest);
    const std::optional<Match> bytewise = feed_bytes(patterns, rest);
    if (!same(match, bytewise)) {
      std::abort();
    }
    check_console(patterns, rest);
    if (literals_only) {
      check_literals(patterns, rest, match);
    }
  } catch (const Error&) { // a wrong expression, or one that backtracks without end
  }
  return 0;
}
