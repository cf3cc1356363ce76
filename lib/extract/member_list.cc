#include "extract/member_list.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "extract/member_data.hh"

#include <array>
#include <memory>

namespace qt {

namespace {

std::string_view type_name(MemberType type) {
  constexpr std::array<std::string_view, 7> k_kinds = {"file",   "folder", "symlink", "hardlink",
                                                       "device", "fifo",   "socket"};
  return k_kinds.at(static_cast<std::size_t>(type));
}

std::string line_of(const ArchiveMember& member) {
  const bool has_size = member.type == MemberType::file || member.size.value_or(0) > 0;
  std::string size = member.type == MemberType::file ? "-" : "0";
  if (has_size && member.size) {
    size = std::to_string(*member.size);
  }
  std::string name = member.name;
  if (member.type == MemberType::folder && !name.ends_with('/')) {
    name += '/';
  }
  if (!member.target.empty()) {
    name += " -> " + member.target;
  }
  return format("{}\t{}\t{}", type_name(member.type), size, format_escapes(name));
}

} // namespace

std::vector<std::string> list_members(const std::string& source, const UnpackRule& rule) {
  try {
    const std::unique_ptr<ArchiveReader> archive = open_archive(source, open_options(rule));
    std::vector<std::string> lines;
    ArchiveMember member;
    while (archive->next(member)) {
      lines.push_back(line_of(member));
    }
    return lines;
  } catch (const Error& error) {
    throw error.within(format("listing {}", source));
  }
}

} // namespace qt
