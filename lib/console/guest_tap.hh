// The tests that run inside a guest, as it tells them on its console in TAP or KTAP: single lines,
// and what they come to. Pure: lines go in, results come out, and what is wrong with the whole.
//
// A guest is not trusted. What is not a line of the protocol is passed over; what is one but does
// not fit is a mistake: a plan that is not kept, a number twice or out of order, tests of no test,
// the end before the end ("Bail out!"). Names are printable, on one line, without '#', and short;
// there is a limit for the number of tests, for the depth and for the size of what is kept.
//
// Indented tests belong to the next result that is indented less: they are called "parent/child".
// KTAP lets the plan of such tests be left out, plans of the whole never are. A second version line
// begins a second document, with a plan and numbers of its own.
//
// A kernel's message may stand anywhere, with its prefix (printk.hh): at the start of a line the
// prefix alone is passed over, which is how KUnit's lines come; in the middle of a line it is a
// line of its own, and the torn one goes on after it, so that "not " and "ok 3" are no success, nor
// is a line lost that is torn between its CR and its LF. In a block of YAML a message is no end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// One line of the Test Anything Protocol (TAP 12 to 14, testanything.org) or of the kernel's KTAP
// (Documentation/dev-tools/ktap.rst), as a guest prints it:
//
//   TAP version 14, KTAP version 1      a version
//   1..3, 1..0 # SKIP no disk           a plan: how many tests there are
//   ok 1 - name, not ok 2 name # TODO   a result, with a number and a description or without
//   Bail out! no memory                 nothing will come any more
//   # text                              a comment, which may be a diagnostic of a result
//   ---                                 begins a block of YAML, if it is indented
//
// Indented lines belong to a result that comes after them. A directive stands after the description
// and a blank: SKIP and TODO in any case of letters, XFAIL, TIMEOUT and ERROR as the kernel writes
// them. "\#" is no beginning of one.
struct TapLine {
  enum class Kind { other, version, plan, result, bail_out, comment, yaml };
  // todo: it may fail (TODO, XFAIL). failed: what the kernel says of a failure (TIMEOUT, ERROR).
  enum class Directive { none, skip, todo, failed };

  Kind kind = Kind::other;
  std::size_t indent = 0;              // blanks before it
  bool is_ktap = false;                // of a version
  bool is_ok = false;                  // of a result
  std::optional<std::uint64_t> number; // of a result
  std::uint64_t planned = 0;           // by a plan
  std::string text;                    // description, comment without "# ", reason of the end
  Directive directive = Directive::none;
  std::string reason; // what stands after the directive; of `failed` with it
};

struct GuestTest {
  // expected: it failed, and its directive says that it may.
  enum class Outcome { pass, fail, skip, expected };

  std::string name; // not unique: a guest may give one name twice
  Outcome outcome = Outcome::pass;
  std::string reason;                   // of the directive
  std::vector<std::string> diagnostics; // of a failure: comments and YAML beside it
};

class GuestTap {
public:
  static constexpr std::size_t k_most_tests = 10'000;
  static constexpr std::size_t k_deepest = 16;
  static constexpr std::size_t k_longest_name = 120; // bytes, of each part between two '/'

  // Takes the next line, without its end.
  void take(std::string_view line);
  // Looks at a line after the last one, once is_complete(). False if it is neither of the tests nor
  // a kernel's message, so that what comes after it does not matter any more.
  bool take_more(std::string_view line);

  // As many tests as are planned have come, or the last of them, or the guest has given up.
  bool is_complete() const;
  bool bailed_out() const noexcept { return m_bailed_out; }
  // No line will come any more.
  void finish();

  // In the order in which they came. Names of tests inside of one that is still to come are not
  // whole before finish().
  const std::vector<GuestTest>& tests() const noexcept { return m_tests; }
  // The first thing that is wrong with the whole, not counting failures: "only 2 of 3 planned tests
  // came"; or empty.
  const std::string& mistake() const noexcept { return m_mistake; }
  // How far it has come, for people: "2 of 3 planned tests have come".
  std::string progress() const;

private:
  // Tests that are indented alike, under the same test.
  struct Level {
    std::size_t indent = 0;
    std::string name; // of the test that they belong to, if the guest has said it before
    std::optional<std::uint64_t> planned;
    bool is_skipped = false; // "1..0 # SKIP"
    std::uint64_t next = 1;  // number
    std::uint64_t come = 0;
    std::vector<std::size_t> tests; // indices in m_tests, with those inside of them
  };

  bool may_go_on(std::string_view part) const;
  void take_whole(std::string_view line);
  void take_message(std::string_view text);
  void take_parsed(const TapLine& line, std::string_view text);
  void take_version(const TapLine& line);
  void take_plan(const TapLine& line);
  void take_result(const TapLine& line);
  void take_comment(const TapLine& line);
  bool take_yaml(std::string_view line);
  void note_diagnostic(std::string_view text);
  void add_diagnostic(GuestTest& test, std::string_view text);
  void count(const TapLine& line, Level& level, const std::string& name);
  // Makes the innermost level the one with this indentation. Gives the level inside of it that has
  // ended, if one has.
  std::optional<Level> go_to(std::size_t indent);
  void close(Level level, const std::string& parent, bool is_skipped);
  void close_document();
  void complain(std::string mistake);

  std::vector<Level> m_levels = {Level()}; // the outermost first; never empty
  std::vector<GuestTest> m_tests;
  std::string m_mistake;
  std::string m_torn;                    // the first part of a line that a message has torn
  std::string m_subtest;                 // "# Subtest: NAME"
  std::deque<std::string> m_diagnostics; // since the last result
  std::size_t m_diagnostic_bytes = 0;    // of all tests
  std::optional<std::size_t> m_yaml;     // its indentation, while one lasts
  bool m_after_result = false;           // the last line was one
  bool m_has_begun = false;              // a line of the protocol has come
  bool m_is_ktap = false;
  bool m_bailed_out = false;
  bool m_finished = false;
};

} // namespace qt
