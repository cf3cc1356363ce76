#include "extract/output_name.hh"

#include "base/error.hh"
#include "extract/member_path.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <set>
#include <sys/stat.h>
#include <sys/xattr.h>

namespace qt {

namespace {

// "user.qemu-asset-url", as QEMU's own test framework writes it into its cache.
std::string url_of(const std::string& path) {
  std::array<char, 4096> buffer;
  const ssize_t length =
      ::getxattr(path.c_str(), "user.qemu-asset-url", buffer.data(), buffer.size());
  return length > 0 ? std::string(buffer.data(), static_cast<std::size_t>(length)) : "";
}

std::string name_from_url(std::string url) {
  url.resize(std::min({url.size(), url.find('?'), url.find('#')}));
  const std::size_t authority = url.find("://");
  const std::size_t slash = url.rfind('/');
  if (slash == std::string::npos || (authority != std::string::npos && slash < authority + 3)) {
    return "";
  }
  const std::string name = url.substr(slash + 1);
  return name == "." || name == ".." ? "" : name;
}

bool drop_suffix(std::string& name, std::span<const std::string_view> suffixes) {
  for (const std::string_view suffix : suffixes) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) {
      name.resize(name.size() - suffix.size());
      return true;
    }
  }
  return false;
}

std::string default_file_name(const std::string& source, const UnpackRule& rule) {
  constexpr std::array<std::string_view, 12> k_compressed = {
      ".gz", ".xz", ".zst", ".bz2", ".zstd", ".GZ", ".lzma", ".lz4", ".lz", ".lzo", ".Z", ".lrz"};
  constexpr std::array<std::string_view, 7> k_archived = {".tar", ".zip",  ".cpio", ".iso",
                                                          ".deb", ".udeb", ".ZIP"};
  constexpr std::array<std::string_view, 6> k_both = {".tgz", ".txz", ".tbz2",
                                                      ".tbz", ".tlz", ".tzst"};
  std::string name = base_name(source);
  const std::string from_url = name_from_url(url_of(source));
  if (!from_url.empty()) {
    name = from_url;
  }
  if (rule.directory) {
    drop_suffix(name, k_both) || (drop_suffix(name, k_compressed), drop_suffix(name, k_archived));
    return name;
  }
  if (rule.format != Format::raw &&
      compression_of(sniff_file(FileSource(source))) != Compression::none) {
    if (drop_suffix(name, k_both)) {
      return name + ".tar";
    }
    drop_suffix(name, k_compressed);
  }
  return name;
}

bool is_folder(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

} // namespace

std::vector<std::string> default_names(const std::string& source, const UnpackRule& rule) {
  std::vector<std::string> names;
  for (const std::string& member : rule.members) {
    names.push_back(base_name(asked_member_name(member).value_or("")));
  }
  if (names.empty() || names[0].empty()) {
    names = {default_file_name(source, rule)};
  }
  return names;
}

std::vector<std::string> output_paths(const std::string& source, const UnpackRule& rule,
                                      const std::optional<std::string>& output) {
  const bool several = rule.members.size() > 1;
  const bool in_folder = !output || output->ends_with('/') || is_folder(*output) || several;
  if (output && (rule.directory || !in_folder)) {
    std::string path = absolute_path(*output);
    while (path.size() > 1 && path.ends_with('/')) {
      path.pop_back();
    }
    make_directories(parent_of(path));
    return {path};
  }
  const std::string folder = output.value_or(".");
  make_directories(folder);
  std::vector<std::string> paths;
  std::set<std::string> seen;
  for (const std::string& name : default_names(source, rule)) {
    if (!seen.insert(name).second) {
      throw Error(format("two members have the name '{}'; extract them one by one", name),
                  ExitCode::usage);
    }
    paths.push_back(absolute_path(folder + "/" + name));
  }
  return paths;
}

} // namespace qt
