// find-image SCREEN [PATTERN]: judges a picture of a screen by its size, by what stands in it, or
// both. A step of a definition runs it on what QEMU's screendump has written; what is wrong is the
// last line of the output, which the step's report shows.
#include "base/error.hh"
#include "cli/cli.hh"
#include "image_search.hh"

#include <optional>

namespace {

using namespace qt;
using picture::Picture;

struct Wanted {
  std::optional<std::string> size;
  bool grey = false;
  double threshold = 0.95;
  int count = 1;
};

double parse_threshold(const std::string& text) {
  try {
    std::size_t end = 0;
    const double value = std::stod(text, &end);
    if (end == text.size() && value > 0 && value <= 1) {
      return value;
    }
  } catch (const std::exception&) { // said below
  }
  throw Error(format("--threshold {}: expected a number above 0, at most 1", text),
              ExitCode::usage);
}

bool has_size(const Picture& screen, const std::string& wanted, const std::string& name) {
  const std::string size = format("{}x{}", screen.width, screen.height);
  if (size != wanted) {
    print_line(format("{}: it measures {}, expected {}", name, size, wanted));
  }
  return size == wanted;
}

bool has_pattern(const Picture& screen, const std::string& screen_name, const std::string& name,
                 const Wanted& wanted) {
  const Picture pattern = picture::read_picture(name);
  const auto prepared = wanted.grey ? picture::in_grey : picture::in_colour;
  const auto places = picture::find_places(prepared(screen), prepared(pattern), wanted.threshold);
  for (const picture::Place& place : places) {
    print_line(format("{} {} {:.3f}", place.x, place.y, place.coefficient));
  }
  const bool is_enough = places.size() >= static_cast<std::size_t>(wanted.count);
  if (!is_enough) {
    print_line(format("{}: {} is there {} times, expected {}; open both to compare", screen_name,
                      name, places.size(), wanted.count));
  }
  return is_enough;
}

int run(const std::vector<std::string>& words) {
  Wanted wanted;
  std::vector<std::string> files;
  CommandLine line("[OPTION…] SCREEN [PATTERN]",
                   "Judges a picture of a screen: prints each place of PATTERN as X Y LIKENESS.");
  line.option("size", "WxH", "the screen measures this", wanted.size)
      .option("count", "PATTERN is there at least this often (default 1)", 1, 1000, wanted.count)
      .option("threshold", "N", "likeness from which on it is PATTERN (default 0.95)",
              [&](const std::string& text) { wanted.threshold = parse_threshold(text); })
      .flag("gray", "compare without colours", wanted.grey)
      .operands(files)
      .exit_codes("0 as wanted · 1 not so · 2 usage, not a picture · 99 cannot read");
  if (!line.parse(words)) {
    return 0;
  }
  if (files.empty() || files.size() > 2 || (files.size() == 1 && !wanted.size)) {
    throw Error("expected SCREEN and PATTERN, or SCREEN and --size", ExitCode::usage);
  }
  const Picture screen = picture::read_picture(files[0]);
  const bool is_size = !wanted.size || has_size(screen, *wanted.size, files[0]);
  const bool is_there = files.size() == 1 || has_pattern(screen, files[0], files[1], wanted);
  return to_int(is_size && is_there ? ExitCode::done : ExitCode::failed);
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("find-image", argc, argv, run); }
