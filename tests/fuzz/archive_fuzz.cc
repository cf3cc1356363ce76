// Any bytes are an archive or fail as they should; the first says of which format. What members
// are called and lead to never leaves the archive.
#include "memory_source.hh"

#include "base/error.hh"
#include "extract/archive.hh"
#include "extract/member_path.hh"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace qt;
  if (size == 0) {
    return 0;
  }
  const auto kind = static_cast<ArchiveFormat>(data[0] % 5);
  try {
    ArchiveReader archive(std::make_unique<ReadAhead>(std::make_unique<MemorySource>(std::as_bytes(
                                                          std::span(data + 1, size - 1))),
                                                      Overlap::no),
                          kind);
    LinkMap links;
    ArchiveMember member;
    for (int members = 0; members < 1000 && archive.next(member); ++members) {
      const auto name = normal_member_name(member.name);
      if (name && member.type == MemberType::symlink) {
        links.set(*name, member.target);
      }
      if (name) {
        const auto place = links.resolve_parent(*name);
        if (place && (place->starts_with('/') || normal_member_name(*place) != place)) {
          std::abort();
        }
      }
      ArchiveReader::Piece piece;
      for (int pieces = 0; pieces < 1000 && archive.data(piece); ++pieces) {
      }
    }
  } catch (const Error& error) {
    if (error.code() != ExitCode::failed) {
      std::abort();
    }
  }
  return 0;
}
