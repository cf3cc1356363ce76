#include "extract/unpack_tree.hh"

#include "base/log.hh"
#include "extract/member_path.hh"
#include "extract/member_search.hh"

#include <memory>
#include <optional>

namespace qt {

namespace {

std::string safe_name(const ArchiveMember& member) {
  std::optional<std::string> name = normal_member_name(member.name);
  if (!name) {
    throw member_error(member, "its name leads out of the archive");
  }
  return std::move(*name);
}

std::string safe_target(const ArchiveMember& member) {
  std::optional<std::string> target = normal_member_name(member.target);
  if (!target) {
    throw Error(format("its hard link leads out of the archive: '{}'", member.target),
                ExitCode::failed); // for_member() adds the name
  }
  return std::move(*target);
}

// The name of a member below `folder`; nothing if it is not.
std::optional<std::string> name_below(const std::string& folder, const std::string& name) {
  if (folder.empty() || name == folder) {
    return folder.empty() ? name : "";
  }
  if (name.starts_with(folder) && name[folder.size()] == '/') {
    return name.substr(folder.size() + 1);
  }
  return std::nullopt;
}

void add_to_tree(MemberReader& archive, const ArchiveMember& member, const std::string& name,
                 const std::string& folder, TreeWriter& tree, OutputBudget& budget) {
  const auto write_to = [&](const UniqueFd& fd) {
    SparseWriter writer(fd.get(), member.name);
    write_member(archive, member, writer, budget);
    writer.finish();
    set_exact_time(fd.get());
  };
  switch (member.type) {
  case MemberType::folder:
    tree.make_folder(name, member.permissions);
    break;
  case MemberType::symlink:
    tree.make_symlink(name, member.target);
    break;
  case MemberType::hardlink: {
    const std::optional<std::string> target = name_below(folder, safe_target(member));
    if (!target) {
      throw Error(format("its hard link leads out of the folder: '{}'", member.target),
                  ExitCode::failed);
    }
    tree.make_hardlink(name, *target);
    if (member.size.value_or(0) > 0) {
      write_to(tree.reopen_file(name));
    }
    break;
  }
  default:
    write_to(tree.make_file(name, member.permissions));
  }
}

class TreeUnpacking {
public:
  TreeUnpacking(const std::string& source, const UnpackRule& rule, const std::string& output)
    : m_source(source)
    , m_rule(rule)
    , m_output(output)
    , m_budget(rule.limit, source) {}

  // The tree of what is below `folder`; nothing if there is no such folder.
  std::unique_ptr<TreeWriter> run(const std::string& folder);
  // Where links lead to the folder, after a run that did not find it.
  std::optional<std::string> place_of_folder(const std::string& folder) const {
    return m_places.links().resolve_in_root(folder);
  }
  void tell_what_is_left_out() const;

private:
  void leave_out(const ArchiveMember& member, const std::string& name, TreeWriter& tree);

  const std::string& m_source;
  const UnpackRule& m_rule;
  const std::string& m_output;
  OutputBudget m_budget;
  MemberPlaces m_places;
  std::size_t m_left_out = 0;
  std::string m_first_left_out;
};

std::unique_ptr<TreeWriter> TreeUnpacking::run(const std::string& folder) {
  m_places = {};
  m_left_out = 0;
  const std::unique_ptr<MemberReader> archive = open_archive(m_source, open_options(m_rule));
  auto tree = std::make_unique<TreeWriter>(m_output);
  bool found = folder.empty();
  ArchiveMember member;
  while (archive->next(member)) {
    const std::optional<std::string> name = name_below(folder, safe_name(member));
    m_places.take(member);
    if (!name) {
      continue;
    }
    check_header(member);
    if (is_special(member.type)) {
      leave_out(member, *name, *tree);
      continue;
    }
    if (name->empty() && member.type == MemberType::symlink && !folder.empty()) {
      continue; // where it leads is the folder
    }
    if (name->empty() && member.type != MemberType::folder) {
      throw member_error(member, "it is not a folder");
    }
    found = true;
    for_member(member, [&] { add_to_tree(*archive, member, *name, folder, *tree, m_budget); });
  }
  archive->drain();
  return found ? std::move(tree) : nullptr;
}

void TreeUnpacking::leave_out(const ArchiveMember& member, const std::string& name,
                              TreeWriter& tree) {
  log_info(format("left out '{}': a device, fifo or socket", member.name));
  m_first_left_out = m_left_out++ == 0 ? member.name : m_first_left_out;
  tree.remove(name); // what an earlier member put there
}

void TreeUnpacking::tell_what_is_left_out() const {
  log_info("left out owners and setuid bits");
  if (m_left_out > 0 && m_rule.devices == Devices::leave_out) {
    log_warning(format("left out {} devices, fifos or sockets, the first is '{}'; --skip-devices "
                       "says that this is known",
                       m_left_out, m_first_left_out));
  }
}

} // namespace

void unpack_tree(const std::string& source, const UnpackRule& rule, const std::string& output,
                 const MadeRecord& record) {
  const std::string folder =
      rule.members.empty() ? "" : asked_member_name(rule.members[0]).value_or("");
  TreeUnpacking unpacking(source, rule, output);
  std::unique_ptr<TreeWriter> tree = unpacking.run(folder);
  if (!tree) {
    const std::optional<std::string> place = unpacking.place_of_folder(folder);
    tree = place && *place != folder ? unpacking.run(*place) : nullptr;
  }
  if (!tree) {
    throw Error(format("there is no folder '{}'", rule.members[0]), ExitCode::failed);
  }
  unpacking.tell_what_is_left_out();
  record.put_on(tree->open_root().get());
  tree->publish(rule.existing);
}

} // namespace qt
