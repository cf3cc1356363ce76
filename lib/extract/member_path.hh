// Names inside archives: what they mean, and whether they stay inside. Nothing here touches the
// file system: the links of a tree are known from its archive, so what they lead to is reckoned,
// not tried out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// A member's name in normal form: "./a//b/" → "a/b"; the archive's root is "". Nothing if the name
// is absolute, has a "..", or holds a NUL.
std::optional<std::string> normal_member_name(std::string_view name);

// As a person may say it: also "/a/b" is "a/b". Nothing if there is a "..".
std::optional<std::string> asked_member_name(std::string_view name);

// The symbolic links of a tree, by the normal names of their members.
class LinkMap {
public:
  void set(const std::string& name, std::string target) { m_links[name] = std::move(target); }
  void forget(const std::string& name) { m_links.erase(name); }
  const std::map<std::string, std::string>& all() const noexcept { return m_links; }

  // Where a path inside the tree leads when every link on the way is followed, also the last:
  // a normal name without links, whether or not something is there. Nothing if it leads out of the
  // tree (also for a moment), over an absolute link, or in a circle. `path` may have "..", but not
  // be absolute.
  std::optional<std::string> resolve(std::string_view path) const;
  // The same for the folder that a member stands in, with the member's own name added: where a
  // member of that name is to be made.
  std::optional<std::string> resolve_parent(const std::string& name) const;
  // Where a system whose root is the tree finds `path`: absolute paths and links start at the
  // tree's root, which is also its own "..". Nothing if it leads in a circle.
  std::optional<std::string> resolve_in_root(std::string_view path) const;

  // Where a link called `name` with this target leads.
  enum class Lead {
    inside,
    outside,  // out of the tree by "..", also for a moment; in a circle; or nowhere
    absolute, // from the root of whatever system follows it, or over a link that does so
  };
  Lead lead_of(const std::string& name, std::string_view target) const;

private:
  enum class Root { none, of_tree };
  struct Way {
    Lead lead;
    std::string name; // if inside
  };
  Way follow(std::string_view path, Root root) const;

  std::map<std::string, std::string> m_links;
};

// "a/b/c" → "a/b" and "c"; the parent is "" at the root.
struct SplitName {
  std::string parent;
  std::string base;
};
SplitName split_name(const std::string& name);

} // namespace qt
