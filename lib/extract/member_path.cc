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

LinkMap::Way LinkMap::follow(std::string_view path, Root root) const {
  if (path.starts_with('/') && root == Root::none) {
    return {Lead::absolute, ""};
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
      if (done.empty() && root == Root::none) {
        return {Lead::outside, ""};
      }
      done.resize(done.empty() ? 0 : done.size() - 1);
      continue;
    }
    done.push_back(std::move(part));
    const auto link = m_links.find(join(done, "/"));
    if (link == m_links.end()) {
      continue;
    }
    if (++links > k_most_links) {
      return {Lead::outside, ""};
    }
    done.pop_back();
    if (link->second.starts_with('/')) {
      if (root == Root::none) {
        return {Lead::absolute, ""};
      }
      done.clear();
    }
    const std::vector<std::string> target = split(link->second, '/');
    to_do.insert(to_do.end(), target.rbegin(), target.rend());
  }
  return {Lead::inside, join(done, "/")};
}

std::optional<std::string> LinkMap::resolve(std::string_view path) const {
  Way way = follow(path, Root::none);
  return way.lead == Lead::inside ? std::optional(std::move(way.name)) : std::nullopt;
}

std::optional<std::string> LinkMap::resolve_in_root(std::string_view path) const {
  Way way = follow(path, Root::of_tree);
  return way.lead == Lead::inside ? std::optional(std::move(way.name)) : std::nullopt;
}

std::optional<std::string> LinkMap::resolve_parent(const std::string& name) const {
  const SplitName split = split_name(name);
  const std::optional<std::string> parent = resolve(split.parent);
  if (!parent) {
    return std::nullopt;
  }
  return parent->empty() ? split.base : *parent + "/" + split.base;
}

LinkMap::Lead LinkMap::lead_of(const std::string& name, std::string_view target) const {
  if (target.empty()) {
    return Lead::outside;
  }
  const std::string parent = split_name(name).parent;
  const bool beside = parent.empty() || target.starts_with('/');
  return follow(beside ? std::string(target) : parent + "/" + std::string(target), Root::none).lead;
}

SplitName split_name(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) {
    return {"", name};
  }
  return {name.substr(0, slash), name.substr(slash + 1)};
}

} // namespace qt
