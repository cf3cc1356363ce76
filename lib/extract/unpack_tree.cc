#include "extract/unpack_tree.hh"

#include "base/log.hh"
#include "extract/member_data.hh"
#include "extract/member_path.hh"

#include <memory>

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
    throw member_error(member,
                       format("its hard link leads out of the archive: '{}'", member.target));
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

void add_to_tree(ArchiveReader& archive, const ArchiveMember& member, const std::string& name,
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

} // namespace

void unpack_tree(const std::string& source, const UnpackRule& rule, const std::string& output,
                 const MadeRecord& record) {
  const std::string folder =
      rule.members.empty() ? "" : asked_member_name(rule.members[0]).value_or("");
  OutputBudget budget(rule.limit, source);
  const std::unique_ptr<ArchiveReader> archive = open_archive(source, open_options(rule));
  TreeWriter tree(output);
  bool found = folder.empty();
  std::size_t left_out = 0;
  std::string first_left_out;
  ArchiveMember member;
  while (archive->next(member)) {
    const std::optional<std::string> name = name_below(folder, safe_name(member));
    if (!name) {
      continue;
    }
    check_header(member);
    if (is_special(member.type)) {
      log_info(format("left out '{}': a device, fifo or socket", member.name));
      first_left_out = left_out++ == 0 ? member.name : first_left_out;
      continue;
    }
    if (name->empty() && member.type != MemberType::folder) {
      throw member_error(member, "it is not a folder");
    }
    found = true;
    for_member(member, [&] { add_to_tree(*archive, member, *name, folder, tree, budget); });
  }
  archive->drain();
  if (!found) {
    throw Error(format("there is no folder '{}'", rule.members[0]), ExitCode::failed);
  }
  log_info("left out owners and setuid bits");
  if (left_out > 0 && rule.devices == Devices::leave_out) {
    log_warning(format("left out {} devices, fifos or sockets, the first is '{}'; --skip-devices "
                       "says that this is known",
                       left_out, first_left_out));
  }
  record.put_on(tree.open_root().get());
  tree.publish(rule.existing);
}

} // namespace qt
