#include "extract/member_path.hh"

#include "base/text.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr int k_most_links = 40; // what the kernel follows (path_resolution(7))

std::optional<std::string> without_dots(std::string_view name) {
  std::vector<std::string> parts;
  for (std::string& part : split(name, '/')) {
    if (part == ".." || part.find('\0') != std::string::npos) {
      return std::nullopt;
    }
    if (!part.empty() && part != ".") {
      parts.push_back(std::move(part));
    }
  }
  return join(parts, "/");
}

} // namespace

std::optional<std::string> normal_member_name(std::string_view name) {
  return name.starts_with('/') ? std::nullopt : without_dots(name);
}

std::optional<std::string> asked_member_name(std::string_view name) { return without_dots(name); }

std::optional<std::string> LinkMap::resolve(std::string_view path) const {
  if (path.starts_with('/')) {
    return std::nullopt;
  }
  std::vector<std::string> to_do = split(path, '/'); // the next component is the last element
  std::reverse(to_do.begin(), to_do.end());
  std::vector<std::string> done;
  int links = 0;
  while (!to_do.empty()) {
    std::string part = std::move(to_do.back());
    to_do.pop_back();
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {
      if (done.empty()) {
        return std::nullopt;
      }
      done.pop_back();
      continue;
    }
    done.push_back(std::move(part));
    const auto link = m_links.find(join(done, "/"));
    if (link == m_links.end()) {
      continue;
    }
    if (link->second.starts_with('/') || ++links > k_most_links) {
      return std::nullopt;
    }
    done.pop_back();
    const std::vector<std::string> target = split(link->second, '/');
    to_do.insert(to_do.end(), target.rbegin(), target.rend());
  }
  return join(done, "/");
}

std::optional<std::string> LinkMap::resolve_parent(const std::string& name) const {
  const SplitName split = split_name(name);
  const std::optional<std::string> parent = resolve(split.parent);
  if (!parent) {
    return std::nullopt;
  }
  return parent->empty() ? split.base : *parent + "/" + split.base;
}

std::optional<std::string> LinkMap::resolve_link(const std::string& name,
                                                 std::string_view target) const {
  if (target.empty() || target.starts_with('/')) {
    return std::nullopt;
  }
  const std::string parent = split_name(name).parent;
  return resolve(parent.empty() ? std::string(target) : parent + "/" + std::string(target));
}

SplitName split_name(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) {
    return {"", name};
  }
  return {name.substr(0, slash), name.substr(slash + 1)};
}

} // namespace qt
