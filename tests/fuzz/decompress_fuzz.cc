// Any bytes either decode or fail as they should; the first says with what.
#include "memory_source.hh"

#include "base/error.hh"
#include "extract/decompress.hh"

#include <cstdlib>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace qt;
  if (size == 0) {
    return 0;
  }
  const auto compression = static_cast<Compression>(1 + data[0] % 8);
  DecompressOptions options;
  options.memory_bytes = 64U << 20;
  options.threads = 1;
  try {
    const auto source = decompress(
        compression, std::make_unique<MemorySource>(std::as_bytes(std::span(data + 1, size - 1))),
        options);
    std::vector<std::byte> piece(4099);
    for (int pieces = 0; pieces < 5000 && source->read(piece) > 0; ++pieces) {
    }
  } catch (const Error& error) {
    if (error.code() != ExitCode::failed) {
      std::abort();
    }
  }
  return 0;
}
