#include "extract/member_list.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "extract/member_search.hh"

#include <array>
#include <map>
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
    tell_of_surroundings(FileSource(source));
    const std::unique_ptr<MemberReader> archive = open_archive(source, open_options(rule));
    struct Known {
      std::size_t line;
      MemberType type;
    };
    std::map<std::string, Known> known; // by place
    std::vector<std::string> lines;
    MemberPlaces places;
    ArchiveMember member;
    while (archive->next(member)) {
      if (const std::optional<std::string> place = places.take(member)) {
        const Known now = {lines.size(), member.type};
        const auto [before, is_new] = known.try_emplace(*place, now);
        const bool both_folders =
            before->second.type == MemberType::folder && member.type == MemberType::folder;
        if (!is_new && !both_folders) {
          lines[before->second.line] += "\treplaced";
        }
        before->second = now;
      }
      lines.push_back(line_of(member));
    }
    archive->drain();
    return lines;
  } catch (const Error& error) {
    throw error.within(format("listing {}", source));
  }
}

} // namespace qt
