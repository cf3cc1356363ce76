#include "report/page.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "report/page_text.hh"
#include "report/shortened_log.hh"
#include "report/summary.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr std::size_t k_of_a_pass = 16 << 10;
constexpr std::size_t k_of_a_failure = 128 << 10;

// Those in `part` of the run directory, "" or "try1/".
void add_logs(const SubtestResult& result, const std::string& part, std::size_t limit, Json& logs) {
  std::error_code error;
  const std::string folder = result.directory + "/" + part;
  std::vector<std::string> names = names_in(folder, error);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (name.ends_with(".log")) {
      try {
        logs[part + name] = shortened_log(folder + name, limit);
      } catch (const std::exception& failure) { // unreadable, or gone meanwhile
        logs[part + name] = format("(cannot be read: {})", failure.what());
      }
    }
  }
}

Json logs_of(const SubtestResult& result) {
  Json logs = Json::object();
  add_logs(result, "", result.failed() ? k_of_a_failure : k_of_a_pass, logs);
  if (!result.verdict.tries.empty()) { // of the last that failed before
    const std::string& folder = result.verdict.tries.back().directory;
    if (folder.find('/') == std::string::npos && folder != "..") {
      add_logs(result, folder + "/", k_of_a_failure, logs);
    }
  }
  return logs;
}

// JSON inside of a script element: "</script" and "<!--" must not stand in it.
std::string fit_for_script(const std::string& json) {
  std::string fit;
  for (const char letter : json) {
    fit += letter == '<' ? "\\u003c" : std::string(1, letter);
  }
  return fit;
}

std::string fit_for_markup(std::string_view text) {
  std::string fit;
  for (const char letter : text) {
    fit += letter == '<' ? "&lt;" : letter == '&' ? "&amp;" : std::string(1, letter);
  }
  return fit;
}

} // namespace

std::string html_page(std::span<const SubtestResult> results, const std::string& title) {
  std::string page = k_page_start;
  const std::string heading = fit_for_markup(escape_for_display(title));
  for (std::size_t at = 0; (at = page.find(k_page_title, at)) != std::string::npos;
       at += heading.size()) {
    page.replace(at, k_page_title.size(), heading);
  }
  const char* separator = "\n";
  for (const SubtestResult& result : results) {
    Json entry = result_json(result);
    entry["command"] = result.command;
    entry["kind"] =
        result.skipped() ? kind_of_skip(result) : std::string(cause_name(result.verdict.cause));
    entry["logs"] = result.skipped() ? Json::object() : logs_of(result);
    page += separator + fit_for_script(dump_json(entry));
    separator = ",\n";
  }
  return page + k_page_end;
}

} // namespace qt
