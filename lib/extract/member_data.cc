#include "extract/member_data.hh"

#include <algorithm>

namespace qt {

OpenOptions open_options(const UnpackRule& rule) { return {rule.format, rule.decompress, {}}; }

bool is_special(MemberType type) {
  return type == MemberType::device || type == MemberType::fifo || type == MemberType::socket;
}

Error member_error(const ArchiveMember& member, std::string_view reason) {
  return Error(format("member '{}': {}", member.name, reason), ExitCode::failed);
}

void check_header(const ArchiveMember& member) {
  if (!member.trouble.empty()) {
    throw member_error(member, member.trouble);
  }
}

void write_member(ArchiveReader& archive, const ArchiveMember& member, SparseWriter& writer,
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
  const std::uint64_t size = member.size.value_or(0); // a hole at the end has no piece
  grow_to(size);
  writer.skip_to(size);
}

} // namespace qt
