#include "tap/selection.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "ipc/run_dir.hh"
#include "ipc/verdict.hh"
#include "os/file.hh"

#include <algorithm>
#include <fnmatch.h>
#include <iterator>
#include <map>
#include <optional>
#include <set>

namespace qt {

std::string full_name(const Definition& definition, const Subtest& subtest) {
  return format("{}/{}:{}", definition.arch, definition.stem, subtest.name);
}

std::vector<NamedCheck> checks_named(const Subtest& subtest,
                                     const std::vector<std::string>& names) {
  std::vector<NamedCheck> checks;
  const std::vector<NamedCheck>& all = subtest.phases.front().checks;
  std::copy_if(all.begin(), all.end(), std::back_inserter(checks),
               [&names](const NamedCheck& check) {
                 return std::find(names.begin(), names.end(), check.name) != names.end();
               });
  return checks;
}

ExitCode load_definitions(const std::vector<std::string>& files, Warnings warnings,
                          std::vector<Definition>& definitions) {
  ExitCode worst = ExitCode::done;
  for (const std::string& file : files) {
    try {
      Definition definition = load_definition(file);
      if (definition.subtests.empty()) {
        throw Error(
            format("{}:1:1: error: there is no test in this file; expected tables [test.NAME], "
                   "or name a file that includes this one",
                   file),
            ExitCode::usage);
      }
      if (warnings == Warnings::show) {
        for (const std::string& warning : definition.warnings) {
          log_note(warning);
        }
      }
      definitions.push_back(std::move(definition));
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
  std::set<std::string> idle(filters.begin(), filters.end()); // have selected nothing
  std::map<std::string, const Definition*> names;
  for (const Definition& definition : definitions) {
    for (const Subtest& subtest : definition.subtests) {
      const std::string whole_name = full_name(definition, subtest);
      const auto is_named = [&](const std::string& check) {
        bool found = filters.empty();
        for (const std::string& filter : filters) {
          for (const std::string& name : {subtest.name + check, whole_name + check}) {
            if (name == filter || ::fnmatch(filter.c_str(), name.c_str(), 0) == 0) {
              found = true;
              idle.erase(filter);
            }
          }
        }
        return found;
      };
      const bool is_whole = is_named("");
      std::vector<std::string> checks;
      for (const NamedCheck& check : subtest.phases.front().checks) {
        if (is_named("/" + check.name) || is_whole) {
          checks.push_back(check.name);
        }
      }
      if (!is_whole && checks.empty()) {
        continue;
      }
      if (const auto other = names.emplace(whole_name, &definition); !other.second) {
        throw Error(
            format("{} and {} both have a subtest {}, and would run in one folder; name one "
                   "of them, or rename it",
                   other.first->second->path, definition.path, whole_name),
            ExitCode::usage);
      }
      selected.push_back({&definition, &subtest, std::move(checks)});
    }
  }
  if (!idle.empty()) {
    throw Error(format("no subtest is called '{}'; see qt-tap --list",
                       join(std::vector<std::string>(idle.begin(), idle.end()), "' or '")),
                ExitCode::usage);
  }
  return selected;
}

std::vector<Selected> select_slice(const std::vector<Selected>& selected,
                                   std::span<const Definition> definitions, Slice slice,
                                   const Durations& durations) {
  std::set<const Definition*> in_slice;
  for (const std::size_t place : slice_of(definitions, slice, durations)) {
    in_slice.insert(&definitions[place]);
  }
  std::vector<Selected> chosen;
  std::copy_if(selected.begin(), selected.end(), std::back_inserter(chosen),
               [&in_slice](const Selected& one) { return in_slice.contains(one.definition); });
  return chosen;
}

void check_run_directories(const std::vector<Selected>& selected, const RunSettings& settings) {
  std::map<std::string, const Selected*> folders;
  for (const Selected& test : selected) {
    const std::string folder = run_dir_of(*test.definition, *test.subtest, settings);
    if (const auto other = folders.emplace(folder, &test); !other.second) {
      const Selected& before = *other.first->second;
      throw Error(format("{} of {} and {} of {} would both run in {}; run them with one --output "
                         "each, or rename one",
                         full_name(*before.definition, *before.subtest), before.definition->path,
                         full_name(*test.definition, *test.subtest), test.definition->path, folder),
                  ExitCode::usage);
    }
  }
}

namespace {

bool has_passed_by_itself(const std::string& run_dir, const std::vector<std::string>& checks) {
  const auto passed = [](Cause cause) { return cause == Cause::pass || cause == Cause::flaky; };
  const std::optional<Verdict> verdict = read_verdict(run_dir);
  return verdict && passed(verdict->cause) && verdict->touched.empty() &&
         std::all_of(checks.begin(), checks.end(), [&](const std::string& name) {
           const CheckResult* const check = find_check(*verdict, name);
           return check != nullptr && passed(check->cause);
         });
}

} // namespace

std::vector<Selected> not_passed(const std::vector<Selected>& selected, RunSettings settings,
                                 const std::string& results) {
  if (!exists(results)) {
    throw Error(format("option --rerun: there is no folder {}", results), ExitCode::usage);
  }
  settings.results = absolute_path(results);
  settings.iteration = 1;
  std::vector<Selected> left;
  for (const Selected& test : selected) {
    const std::string run_dir = run_dir_of(*test.definition, *test.subtest, settings);
    std::vector<std::string> folders = repetitions_of(run_dir);
    folders.push_back(run_dir);
    if (!std::all_of(folders.begin(), folders.end(), [&test](const std::string& folder) {
          return has_passed_by_itself(folder, test.checks);
        })) {
      left.push_back(test);
    }
  }
  return left;
}

} // namespace qt
