#include "extract/member_data.hh"

#include <algorithm>
#include <climits>

namespace qt {

OpenOptions open_options(const UnpackRule& rule) { return {rule.format, rule.decompress, {}}; }

bool is_special(MemberType type) {
  return type == MemberType::device || type == MemberType::fifo || type == MemberType::socket;
}

Error member_error(const ArchiveMember& member, std::string_view reason) {
  return Error(format("member '{}': {}", member.name, reason), ExitCode::failed);
}

void check_header(const ArchiveMember& member) {
  if (member.name.size() >= PATH_MAX) { // nobody could open it by that
    throw Error(format("member '{}...': its name has {} bytes, more than a path can have",
                       member.name.substr(0, 100), member.name.size()),
                ExitCode::failed);
  }
  if (!member.trouble.empty()) {
    throw member_error(member, member.trouble);
  }
}

std::optional<std::string> MemberPlaces::take(const ArchiveMember& member) {
  std::optional<std::string> place = place_of(member.name);
  if (!place) {
    return std::nullopt;
  }
  std::optional<std::string> target;
  if (member.type == MemberType::symlink) {
    target = member.target;
  } else if (member.type == MemberType::hardlink) { // which may be one of a link
    const auto link = m_links.all().find(place_of(member.target).value_or(""));
    target = link != m_links.all().end() ? std::optional(link->second) : std::nullopt;
  }
  const bool was_link = m_links.all().contains(*place);
  if (target) {
    m_links.set(*place, *target);
  } else if (was_link) {
    m_links.forget(*place);
  }
  if (target || was_link) {
    m_place_of_folder.reset();
  }
  return place;
}

std::optional<std::string> MemberPlaces::place_of(std::string_view name) {
  std::optional<std::string> normal = asked_member_name(name); // "/a" starts at the root, too
  if (!normal || m_links.all().empty()) {
    return normal;
  }
  const SplitName parts = split_name(*normal);
  if (!m_place_of_folder || m_folder != parts.parent) {
    m_folder = parts.parent;
    m_place_of_folder = m_links.resolve_in_root(parts.parent);
  }
  if (!m_place_of_folder || m_place_of_folder->empty()) {
    return m_place_of_folder ? std::optional(parts.base) : std::nullopt;
  }
  return *m_place_of_folder + "/" + parts.base;
}

void write_member(MemberReader& archive, const ArchiveMember& member, SparseWriter& writer,
                  OutputBudget& budget) {
  const auto grow_to = [&](std::uint64_t size) {
    budget.take(size - std::min(size, writer.size()));
  };
  MemberReader::Piece piece;
  while (archive.data(piece)) {
    if (piece.offset < writer.size()) {
      throw Error("its pieces overlap", ExitCode::failed);
    }
    grow_to(piece.offset + piece.bytes.size());
    writer.skip_to(piece.offset);
    writer.write(piece.bytes);
  }
  const std::uint64_t size = member.size.value_or(0); // a hole at the end has no piece
  grow_to(size);
  writer.skip_to(size);
}

} // namespace qt
