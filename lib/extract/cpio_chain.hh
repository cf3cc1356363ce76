// cpio archives that follow each other in one file, as the kernel takes an initramfs
// (Documentation/driver-api/early-userspace/buffer-format.rst): microcode in front, the system
// after it. Each is there as it is or compressed, in any way of its own; between them, and inside
// of what is compressed, may be zeros. Anything else that follows an archive is an error.
//
// The members of all of them come one after the other. Where a name comes again, the later one
// counts, as everywhere (member_search.hh).
#pragma once

#include "extract/archive.hh"
#include "extract/decompress.hh"

#include <memory>

namespace qt {

class CpioChain final : public MemberReader {
public:
  // `input` starts with an archive, or with a compressed one. Errors as decompress().
  CpioChain(std::unique_ptr<ByteSource> input, const DecompressOptions& options);
  ~CpioChain() override;

  bool next(ArchiveMember& member) override;
  bool data(Piece& piece) override;
  void drain() override;

private:
  class Tape;

  bool open_next();
  bool open_next_on(Tape& tape);

  DecompressOptions m_options;
  // Each reads from the one before it.
  std::unique_ptr<Tape> m_input;
  Compression m_compression = Compression::none; // of what m_decoded decodes
  std::unique_ptr<Tape> m_decoded;
  std::unique_ptr<ArchiveReader> m_archive;
};

// Whether a cpio archive starts so.
bool starts_cpio(std::string_view head);

} // namespace qt
