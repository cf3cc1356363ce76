#include "tap/selection.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"

#include <fnmatch.h>

namespace qt {

std::string full_name(const Definition& definition, const Subtest& subtest) {
  return format("{}/{}:{}", definition.arch, definition.stem, subtest.name);
}

ExitCode load_definitions(const std::vector<std::string>& files,
                          std::vector<Definition>& definitions) {
  ExitCode worst = ExitCode::done;
  for (const std::string& file : files) {
    try {
      definitions.push_back(load_definition(file));
      log_info(format("{}: ok", file));
    } catch (const Error& error) {
      const bool is_mistake = error.code() == ExitCode::usage;
      for (const std::string& line : split(error.what(), '\n')) {
        is_mistake ? log_plain(line) : log_error(line);
      }
      worst = is_mistake && worst == ExitCode::done ? ExitCode::usage
              : is_mistake                          ? worst
                                                    : error.code();
    }
  }
  return worst;
}

std::vector<Selected> select_subtests(std::span<const Definition> definitions,
                                      const std::vector<std::string>& filters) {
  std::vector<Selected> selected;
  for (const Definition& definition : definitions) {
    for (const Subtest& subtest : definition.subtests) {
      bool wanted = filters.empty();
      for (const std::string& filter : filters) {
        for (const std::string& name : {subtest.name, full_name(definition, subtest)}) {
          wanted = wanted || name == filter || ::fnmatch(filter.c_str(), name.c_str(), 0) == 0;
        }
      }
      if (wanted) {
        selected.push_back({&definition, &subtest});
      }
    }
  }
  if (selected.empty() && !filters.empty()) {
    throw Error(format("no subtest is called '{}'; see qt-tap --list", join(filters, "' or '")),
                ExitCode::usage);
  }
  return selected;
}

} // namespace qt
