// Any bytes are cpio archives that follow each other, compressed or not, or fail as they should. A
// file that can be jumped in has the same members as one that can only be read.
#include "memory_source.hh"

#include "base/error.hh"
#include "extract/container.hh"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace qt;

// As a pipe would give it.
class Stream final : public ByteSource {
public:
  explicit Stream(std::span<const std::byte> bytes)
    : m_source(bytes) {}
  std::size_t read(std::span<std::byte> into) override { return m_source.read(into); }

private:
  MemorySource m_source;
};

enum class Content { skipped, looked_at };

// Names and sizes, and at the end how it went.
std::vector<std::string> members_of(std::unique_ptr<ByteSource> source, Content content) {
  std::vector<std::string> members;
  DecompressOptions options;
  options.memory_bytes = 64U << 20;
  options.threads = 1;
  try {
    CpioChain chain(std::move(source), options);
    ArchiveMember member;
    while (members.size() < 1000) {
      if (!chain.next(member)) {
        members.emplace_back("end");
        break;
      }
      members.push_back(format("{} {}", member.name, member.size.value_or(0)));
      MemberReader::Piece piece;
      for (int i = 0; content == Content::looked_at && i < 1000 && chain.data(piece); ++i) {
      }
    }
  } catch (const Error& error) {
    if (error.code() != ExitCode::failed) {
      std::abort();
    }
    members.emplace_back("failed");
  }
  return members;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes = std::as_bytes(std::span(data, size));
  const auto jumping = members_of(std::make_unique<MemorySource>(bytes), Content::skipped);
  const auto reading = members_of(std::make_unique<Stream>(bytes), Content::looked_at);
  // Damage inside of a member is seen only by who looks there; up to it all is the same.
  for (std::size_t i = 0; i + 1 < std::min(jumping.size(), reading.size()); ++i) {
    if (jumping[i] != reading[i]) {
      std::abort();
    }
  }
  return 0;
}
