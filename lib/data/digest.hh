// Digests of bytes as they come. SHA-256 and SHA-512, told apart by the length of their hex form.
// The only includer of OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace qt {

enum class DigestKind { sha256, sha512 };

// The digest in lower case; nothing if `text` is not 64 (SHA-256) or 128 (SHA-512) hex digits.
std::optional<std::string> parse_digest(std::string_view text);
// `digest` is what parse_digest() gave.
inline DigestKind digest_kind(std::string_view digest) {
  return digest.size() == 64 ? DigestKind::sha256 : DigestKind::sha512;
}

class Digester {
public:
  explicit Digester(DigestKind kind);
  Digester(Digester&& other) noexcept;
  Digester& operator=(Digester&& other) noexcept;
  ~Digester();

  void add(std::span<const std::byte> bytes);
  // The digest of all bytes added so far, as lower-case hex; more may be added afterwards.
  std::string hex() const;
  // Forgets all bytes.
  void restart();

private:
  struct State; // OpenSSL's context
  std::unique_ptr<State> m_state;
};

// Adds the file's bytes [from, to) to `digester`, reading at explicit positions. Stops early at the
// end of the file; gives the position reached. Throws Error ("reading OBJECT: …").
std::uint64_t add_file_range(Digester& digester, int fd, std::uint64_t from, std::uint64_t to,
                             std::string_view object);
// The digest of a whole file, as lower-case hex. Throws Error ("opening PATH: …").
std::string digest_of_file(const std::string& path, DigestKind kind);

} // namespace qt
