// The matcher against itself and against a reference. Input: patterns, one a line, "t" and a text
// or "r" and an expression; an empty line; then bytes that are both the stream and, in turn, where
// it is cut. However the stream is cut, the answer is that of feeding it byte by byte; with texts
// alone it is that of comparing at every place.
#include "error.hh"
#include "match.hh"

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
  while (!rest.empty() && patterns.size() < 20) {
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
    if (match.has_value() != bytewise.has_value() ||
        (match && (match->pattern != bytewise->pattern || match->begin != bytewise->begin ||
                   match->end != bytewise->end || match->decided != bytewise->decided))) {
      std::abort();
    }
    if (literals_only) {
      check_literals(patterns, rest, match);
    }
  } catch (const Error&) { // a wrong expression, or one that backtracks without end
  }
  return 0;
}
