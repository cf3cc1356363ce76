// The Test Anything Protocol, version 13, as Meson reads it. What a guest printed gets into the
// stream only as a comment, and nothing a test says can look like another line of the protocol.
//
// A line is written as soon as its result is known. Skips at the beginning are held back until
// there is a result that is none: a stream that consists of skips only must be the single plan
// "1..0 # SKIP why", which is how a runner learns that nothing ran.
//
// The plan stands before the results, or after them if their number is not known before. Meson 1.0
// to 1.12 takes both; one that is missing it takes for no mistake if the exit status is 0, so that
// a program must not exit with that before finish().
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class TapWriter {
public:
  // Writes to `fd`, which is not owned. `planned` results will be given; nothing: their number is
  // not known. An object that is never given a result writes the version only.
  TapWriter(int fd, std::optional<std::size_t> planned);

  // Each gives the next result. '#', line ends and control bytes in a name are replaced.
  void ok(std::string_view name);
  // A pass that says more, as "ok 1 NAME # flaky: WHY". Readers of TAP take it for a pass.
  void flaky(std::string_view name, std::string_view why);
  // The same as "ok 1 NAME # HOW": how a person had a hand in it.
  void touched(std::string_view name, std::string_view how);
  void not_ok(std::string_view name);
  // It has failed and may do so: no failure.
  void expected_failure(std::string_view name, std::string_view why);
  void skip(std::string_view name, std::string_view why);
  // "# text" for each line of `text`, escaped; belongs to the result before it.
  void comment(std::string_view text);

  // Instead of finish(): the results are not all that there is to say, and it is no success.
  void bail_out(std::string_view why);
  // Call once, after the last result: writes what is held back, and the plan that comes last.
  // Asserts that the plan was kept.
  void finish();

  std::size_t failures() const noexcept { return m_failures; }

private:
  void begin();
  void result(std::string_view line);
  void write(std::string_view text);

  struct Skip {
    std::string name;
    std::string why;
  };

  int m_fd;
  std::optional<std::size_t> m_planned;
  std::size_t m_given = 0;
  std::size_t m_failures = 0;
  bool m_began = false; // the plan is written
  std::vector<Skip> m_held;
};

} // namespace qt
