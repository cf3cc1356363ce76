// Any bytes as a definition: it is loaded, or its mistakes are told with a place each.
#include "base/error.hh"
#include "base/text.hh"
#include "definition/definition.hh"
#include "os/file.hh"

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const qt::TempDir folder("definition-fuzz");
  static const std::string path = folder.path() + "/board.toml";
  const std::string text(data, data + size);
  if (text.find("include") != std::string::npos) {
    return 0; // would read whatever file of the host it names
  }
  qt::write_file(path, text);
  try {
    for (const qt::Subtest& subtest : qt::load_definition(path).subtests) {
      if (subtest.phases.empty()) {
        std::abort();
      }
      for (const qt::Phase& phase : subtest.phases) {
        for (const qt::Step& step : phase.steps) {
          qt::step_words(step);
        }
      }
    }
  } catch (const qt::Error& error) {
    for (const std::string& line : qt::split(error.what(), '\n')) {
      if (error.form() != qt::Error::Form::report || !line.starts_with(path + ":") ||
          line.find(": error: ") == std::string::npos) {
        std::abort();
      }
    }
  }
  return 0;
}
