#include "extract/unpack.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "extract/made_record.hh"
#include "extract/member_path.hh"
#include "extract/member_search.hh"
#include "os/file.hh"
#include "os/sparse_file.hh"

#include <array>
#include <cassert>
#include <memory>
#include <new>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

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

void decompress_file(const std::string& source, Compression compression, const UnpackRule& rule,
                     const std::string& output, const MadeRecord& record) {
  const std::unique_ptr<ReadAhead> input =
      open_decompressed(source, compression, {rule.format, rule.decompress, {}});
  OutputBudget budget(rule.limit, source);
  AtomicFile file(output, 0644);
  SparseWriter writer(file.fd(), output);
  for (;;) {
    const std::span<const std::byte> piece = input->next();
    if (piece.empty()) {
      break;
    }
    budget.take(piece.size());
    writer.write(piece);
  }
  finish_file(writer, rule);
  record.put_on(file.fd());
  file.commit();
}

void link_file(const std::string& real_source, const std::string& output) {
  std::array<char, 4096> there;
  const ssize_t length = ::readlink(output.c_str(), there.data(), there.size());
  if (length > 0 &&
      std::string_view(there.data(), static_cast<std::size_t>(length)) == real_source) {
    return;
  }
  // Beside its place first, then renamed: what stands there is replaced in one step.
  const std::string temporary = format("{}.{}", output, ::getpid());
  if (::symlink(real_source.c_str(), temporary.c_str()) < 0) {
    throw errno_error(errno, format("creating {}", temporary));
  }
  if (::rename(temporary.c_str(), output.c_str()) < 0) {
    const int number = errno;
    ::unlink(temporary.c_str());
    throw errno_error(number, format("publishing {}", output));
  }
}

void hand_on(const std::string& source, const FileSource& input, const UnpackRule& rule,
             const std::string& output, const MadeRecord& record) {
  const bool resized = needs_resizing(input.fd(), input.size(), rule, source);
  if (!rule.writable && !resized) {
    link_file(real_path(source), output);
    return;
  }
  struct stat status;
  if (::fstat(input.fd(), &status) < 0) {
    throw errno_error(errno, format("looking at {}", source));
  }
  AtomicFile file(output, (status.st_mode & 0111) | 0644);
  copy_contents(input.fd(), file.fd(), input.size(), output);
  SparseWriter writer(file.fd(), output);
  writer.skip_to(input.size());
  finish_file(writer, rule);
  record.put_on(file.fd());
  file.commit();
}

// Replacing a file by a link to itself would lose it.
void check_not_itself(const std::string& source, const std::string& output) {
  const std::string place = real_path(parent_of(output)) + "/" + base_name(output);
  if (place == real_path(source)) {
    throw Error(
        format("{} would be replaced by what is made from it; give another --output", output),
        ExitCode::usage);
  }
}

// Says so where a result needs nothing: without that a person would wonder why nothing is written.
bool is_there(const MadeRecord& record, const UnpackRule& rule, const std::string& output) {
  struct stat status;
  const bool right = ::lstat(output.c_str(), &status) == 0 &&
                     (S_ISDIR(status.st_mode) ? rule.directory : !rule.directory) &&
                     record.is_right(output);
  if (right) {
    log_info(format("{} is there already and right", output));
  }
  return right;
}

void make_members(const std::string& source, const FileSource& input, const UnpackRule& rule,
                  const std::vector<std::string>& outputs) {
  std::vector<MemberOutput> wanted;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    MemberOutput output = {rule.members[i], outputs[i], MadeRecord(input, rule, rule.members[i])};
    if (!is_there(output.record, rule, output.path)) {
      wanted.push_back(std::move(output));
    }
  }
  if (!wanted.empty()) {
    unpack_members(source, rule, wanted);
  }
}

void make_file(const std::string& source, const FileSource& input, const UnpackRule& rule,
               const std::string& output, const MadeRecord& record) {
  const Format found = sniff_file(input);
  const Format asked = rule.format.value_or(found);
  const Compression compression = compression_of(asked);
  if (compression != Compression::none) {
    decompress_file(source, compression, rule, output, record);
    return;
  }
  if (asked != Format::raw && asked != found) {
    throw Error(format("it is {}, not {}", format_name(found), format_name(asked)),
                ExitCode::failed);
  }
  hand_on(source, input, rule, output, record);
}

// An archive as a folder: all of it, or what is below one of its folders.
// Makes the folder `output`, marked with `record`. Errors as unpack(), without the source's name.
// Devices, fifos and sockets are left out with a warning; owners and setuid bits are not kept, also
// not for root: what a test finds does not depend on who runs it.
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
  try {
    tree->publish(rule.existing);
  } catch (const Error&) {
    if (!is_there(record, rule, output)) { // else another program was faster with the same
      throw;
    }
  }
}

} // namespace

void unpack(const std::string& source, const UnpackRule& rule,
            const std::vector<std::string>& outputs) {
  check_rule(rule);
  assert(outputs.size() == (rule.directory || rule.members.empty() ? 1 : rule.members.size()));
  const FileSource input(source);
  for (const std::string& output : outputs) {
    check_not_itself(source, output);
  }
  try {
    if (rule.directory || !rule.members.empty()) {
      tell_of_surroundings(input);
    }
    if (!rule.directory && !rule.members.empty()) {
      make_members(source, input, rule, outputs);
      return;
    }
    const MadeRecord record(input, rule, "");
    if (is_there(record, rule, outputs[0])) {
      return;
    }
    if (rule.directory) {
      unpack_tree(source, rule, outputs[0], record);
    } else {
      make_file(source, input, rule, outputs[0], record);
    }
  } catch (const Error& error) {
    throw error.within(format("unpacking {}", source));
  } catch (const std::bad_alloc&) {
    throw Error(format("unpacking {}: it asks for more memory than this process may have", source),
                ExitCode::failed);
  }
}

} // namespace qt
