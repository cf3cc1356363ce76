#include "unpack_members.hh"

#include "error.hh"
#include "file.hh"
#include "log.hh"
#include "member_path.hh"
#include "text.hh"

#include <algorithm>
#include <memory>
#include <strings.h>

namespace qt {

namespace {

constexpr int k_most_links = 40;
constexpr std::size_t k_most_known_names = 20000;

OpenOptions open_options(const UnpackRule& rule) { return {rule.format, rule.decompress, {}}; }

bool is_special(MemberType type) {
  return type == MemberType::device || type == MemberType::fifo || type == MemberType::socket;
}

Error member_error(const ArchiveMember& member, std::string_view reason) {
  return Error(format("member '{}': {}", member.name, reason), ExitCode::failed);
}

// Adds the member's name to whatever fails with it.
template<typename Body>
void for_member(const ArchiveMember& member, Body body) {
  try {
    body();
  } catch (const Error& error) {
    throw error.within(format("member '{}'", member.name));
  }
}

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

void check_header(const ArchiveMember& member) {
  if (!member.trouble.empty()) {
    throw member_error(member, member.trouble);
  }
}

void write_data(ArchiveReader& archive, const ArchiveMember& member, SparseWriter& writer,
                OutputBudget& budget) {
  const auto grow_to = [&](std::uint64_t size) {
    budget.take(size - std::min(size, writer.size()));
  };
  ArchiveReader::Piece piece;
  while (archive.data(piece)) {
    if (piece.offset < writer.size()) {
      throw Error("its pieces overlap", ExitCode::failed);
    }
    grow_to(piece.offset + piece.bytes.size());
    writer.skip_to(piece.offset);
    writer.write(piece.bytes);
  }
  grow_to(member.size); // a hole at the end has no piece
  writer.skip_to(member.size);
}

// One member that is wanted, on its way to its file.
struct Wanted {
  std::string asked; // as the user says it
  std::string name;  // the member to look for now, after links
  std::string output;
  int links = 0;
  bool may_come_later = false; // an empty cpio file whose content may stand with another name
  std::unique_ptr<AtomicFile> file;
};

class MemberSearch {
public:
  MemberSearch(const std::string& source, const UnpackRule& rule,
               const std::vector<std::string>& outputs)
    : m_source(source)
    , m_rule(rule)
    , m_budget(rule.limit, source) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      m_wanted.push_back({rule.members[i], asked_member_name(rule.members[i]).value_or(""),
                          outputs[i], 0, false, nullptr});
    }
  }

  void run() {
    // A link may lead to a member that stands before it: each pass follows one link of each.
    while (!all_found()) {
      if (!pass()) {
        fail_missing();
      }
    }
    for (const Wanted& wanted : m_wanted) {
      wanted.file->commit();
    }
  }

private:
  bool all_found() const {
    return std::all_of(m_wanted.begin(), m_wanted.end(),
                       [](const Wanted& wanted) { return wanted.file && !wanted.may_come_later; });
  }

  // True if it brought a file or followed a link.
  bool pass() {
    bool progress = false;
    m_names.clear();
    OpenOptions options = open_options(m_rule);
    for (const Wanted& wanted : m_wanted) {
      if (!wanted.file) {
        options.only.push_back(wanted.name);
      }
    }
    const std::unique_ptr<ArchiveReader> archive = open_archive(m_source, options);
    ArchiveMember member;
    while (!all_found() && archive->next(member)) {
      const std::optional<std::string> name = normal_member_name(member.name);
      if (m_names.size() < k_most_known_names) {
        m_names.push_back(name.value_or(member.name));
      }
      Wanted* wanted = find(name, member);
      if (wanted != nullptr) {
        for_member(member, [&] { take(*archive, member, *wanted); });
        progress = true;
      }
    }
    for (Wanted& wanted : m_wanted) {
      wanted.may_come_later = false; // it did not: the file is really empty
    }
    return progress || all_found();
  }

  Wanted* find(const std::optional<std::string>& name, const ArchiveMember& member) {
    const bool carries_content = member.type == MemberType::hardlink && member.size > 0;
    const std::optional<std::string> target =
        carries_content ? normal_member_name(member.target) : std::nullopt;
    // Content that is waited for goes first: another pass finds it again under this name.
    for (Wanted& wanted : m_wanted) {
      if (target && *target == wanted.name && wanted.may_come_later) {
        return &wanted;
      }
    }
    for (Wanted& wanted : m_wanted) {
      if (name && *name == wanted.name && !wanted.file) {
        return &wanted;
      }
    }
    return nullptr;
  }

  void take(ArchiveReader& archive, const ArchiveMember& member, Wanted& wanted) {
    check_header(member);
    if (is_special(member.type)) {
      throw Error("it is a device, fifo or socket", ExitCode::failed);
    }
    if (member.type == MemberType::folder) {
      throw Error("it is a folder; ask for it with directory", ExitCode::failed);
    }
    if (member.type == MemberType::symlink ||
        (member.type == MemberType::hardlink && member.size == 0)) {
      follow(member, wanted);
      return;
    }
    wanted.file = std::make_unique<AtomicFile>(wanted.output, member.permissions | 0600);
    SparseWriter writer(wanted.file->fd(), wanted.output);
    write_data(archive, member, writer, m_budget);
    wanted.may_come_later = writer.size() == 0 && member.names > 1;
    finish_file(writer, m_rule);
  }

  static void follow(const ArchiveMember& member, Wanted& wanted) {
    LinkMap none;
    const std::optional<std::string> target = member.type == MemberType::hardlink
                                                  ? normal_member_name(member.target)
                                                  : none.resolve_link(wanted.name, member.target);
    if (!target || ++wanted.links > k_most_links) {
      throw Error(format("its link to '{}' leads out of the archive or in a circle", member.target),
                  ExitCode::failed);
    }
    wanted.name = *target;
  }

  [[noreturn]] void fail_missing() const {
    const auto missing = std::find_if(m_wanted.begin(), m_wanted.end(),
                                      [](const Wanted& wanted) { return !wanted.file; });
    const std::string& name = missing->name;
    std::vector<std::string_view> near;
    for (const std::string& known : m_names) {
      // Also where only the case differs: without extensions ISO images have upper-case names.
      if (::strcasecmp(base_name(known).c_str(), base_name(name).c_str()) == 0) {
        near.emplace_back(known);
      }
    }
    std::string hint;
    if (near.empty()) {
      hint = did_you_mean(name, std::vector<std::string_view>(m_names.begin(), m_names.end()));
    } else {
      hint = format("; did you mean '{}'?", near[0]);
    }
    throw Error(format("there is no member '{}'{}{}", missing->asked,
                       missing->links > 0 ? format(" ('{}', where its link leads)", name) : "",
                       hint),
                ExitCode::failed);
  }

  const std::string& m_source;
  const UnpackRule& m_rule;
  OutputBudget m_budget;
  std::vector<Wanted> m_wanted;
  std::vector<std::string> m_names;
};

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
    write_data(archive, member, writer, budget);
    writer.finish();
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
    if (member.size > 0) {
      write_to(tree.reopen_file(name));
    }
    break;
  }
  default:
    write_to(tree.make_file(name, member.permissions));
  }
}

} // namespace

void unpack_members(const std::string& source, const UnpackRule& rule,
                    const std::vector<std::string>& outputs) {
  MemberSearch(source, rule, outputs).run();
}

void unpack_tree(const std::string& source, const UnpackRule& rule, const std::string& output) {
  const std::string folder =
      rule.members.empty() ? "" : asked_member_name(rule.members[0]).value_or("");
  OutputBudget budget(rule.limit, source);
  const std::unique_ptr<ArchiveReader> archive = open_archive(source, open_options(rule));
  TreeWriter tree(output);
  bool found = folder.empty();
  std::size_t left_out = 0;
  ArchiveMember member;
  while (archive->next(member)) {
    const std::optional<std::string> name = name_below(folder, safe_name(member));
    if (!name) {
      continue;
    }
    check_header(member);
    if (is_special(member.type)) {
      if (rule.devices == Devices::refuse) {
        throw member_error(member, "it is a device, fifo or socket; leave such members out with "
                                   "--skip-devices");
      }
      log_info(format("left out '{}': a device, fifo or socket", member.name));
      ++left_out;
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
  if (left_out > 0) {
    log_warning(format("left out {} devices, fifos or sockets", left_out));
  }
  tree.publish(rule.existing);
}

std::vector<std::string> list_members(const std::string& source, const UnpackRule& rule) {
  try {
    const std::unique_ptr<ArchiveReader> archive = open_archive(source, open_options(rule));
    std::vector<std::string> names;
    ArchiveMember member;
    while (archive->next(member)) {
      const bool bare_folder = member.type == MemberType::folder && !member.name.ends_with('/');
      names.push_back(member.name + (bare_folder ? "/" : ""));
    }
    return names;
  } catch (const Error& error) {
    throw error.within(format("listing {}", source));
  }
}

} // namespace qt
