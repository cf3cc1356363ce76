#include "report/bundle.hh"

#include "base/error.hh"
#include "base/secrets.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "extract/archive.hh"
#include "os/file.hh"
#include "report/summary.hh"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>
#include <vector>

namespace qt {

namespace {

constexpr std::string_view k_suffix = ".tar.zst";
constexpr std::size_t k_most_of_file = 16 << 20;

using Paths =
    std::vector<std::pair<std::string, std::string>>; // of this host, and what they become

bool is_part_of_name(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
         std::string_view("._-+").find(letter) != std::string_view::npos;
}

// A path ends where a name ends: "/home/me" is not in "/home/megan".
void replace_path(std::string& text, const std::string& path, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(path, at)) != std::string::npos;) {
    const std::size_t end = at + path.size();
    const bool is_whole = end == text.size() || !is_part_of_name(text[end]);
    if (is_whole) {
      text.replace(at, path.size(), by);
    }
    at += is_whole ? by.size() : 1;
  }
}

std::string fit_for_strangers(std::string_view text, const Paths& paths) {
  std::string fit = without_secrets(text);
  for (const auto& [path, by] : paths) {
    replace_path(fit, path, by);
  }
  return fit;
}

// The longest first: one may be in another.
Paths paths_in(std::span<const SubtestResult> results) {
  std::map<std::string, std::string> folders = {{parent_of(sibling_program("qt-report")), "TOOLS"},
                                                {home_folder(), "HOME"}};
  for (const SubtestResult& result : results) {
    if (!result.definition.empty()) {
      folders[parent_of(parent_of(absolute_path(result.definition)))] = "DEFINITIONS";
    }
  }
  for (const SubtestResult& result : results) {
    folders[parent_of(parent_of(result.directory))] = "RESULTS";
  }
  Paths paths;
  for (const auto& [folder, name] : folders) {
    if (folder.size() > 1 && folder.starts_with('/')) {
      paths.emplace_back(folder, name);
      if (folder.find('\'') != std::string::npos) { // as it stands in the words of a shell
        const std::string quoted = shell_quote(folder);
        paths.emplace_back(quoted.substr(1, quoted.size() - 2), name);
      }
    }
  }
  std::stable_sort(paths.begin(), paths.end(), [](const auto& one, const auto& other) {
    return one.first.size() > other.first.size();
  });
  return paths;
}

std::string content_of(const std::string& path) {
  try {
    return shortened_log(path, k_most_of_file);
  } catch (const Error& error) { // unreadable, or gone meanwhile
    return format("(cannot be read: {})\n", error.what());
  }
}

std::string name_of_bundle(const std::string& path) {
  const std::string name = base_name(path);
  if (!name.ends_with(k_suffix) || name.size() == k_suffix.size()) {
    throw Error(format("option --bundle: {} is a compressed tar archive: let its name end in {}",
                       path, k_suffix),
                ExitCode::usage);
  }
  return name.substr(0, name.size() - k_suffix.size());
}

} // namespace

void write_bundle(const std::string& path, std::span<const SubtestResult> results) {
  const std::string top = name_of_bundle(path);
  std::map<std::string, std::string> files; // name in the archive → path
  for (const SubtestResult& result : results) {
    if (result.failed() || result.flaky()) {
      const std::string& folder = result.directory;
      for (const std::string& name : run_files(result)) {
        files.emplace(
            format("{}/{}/{}/{}", top, base_name(parent_of(folder)), base_name(folder), name),
            format("{}/{}", folder, name));
      }
    }
  }
  const Paths paths = paths_in(results);
  AtomicFile file(path);
  ArchiveWriter archive([&file](std::string_view bytes) { file.write(bytes); });
  archive.add(top + "/summary.txt",
              fit_for_strangers(join(summary_lines(results), "\n") + "\n", paths));
  for (const auto& [name, source] : files) {
    const std::string content = content_of(source);
    const bool is_picture = name.ends_with(".png") || name.ends_with(".ppm");
    archive.add(name, is_picture ? content : fit_for_strangers(content, paths));
  }
  archive.finish();
  file.commit();
}

} // namespace qt
