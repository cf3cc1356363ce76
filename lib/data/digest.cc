#include "data/digest.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <openssl/evp.h>
#include <unistd.h>
#include <vector>

namespace qt {

namespace {

constexpr std::size_t k_block_bytes = std::size_t(256) << 10;

void check(int result) {
  if (result != 1) {
    throw Error(
        "computing a digest: the OpenSSL library refused; is this algorithm disabled here?");
  }
}

} // namespace

struct Digester::State {
  State()
    : context(EVP_MD_CTX_new()) {
    if (context == nullptr) {
      throw std::bad_alloc();
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }

  EVP_MD_CTX* context;
  const EVP_MD* algorithm = nullptr;
};

std::optional<std::string> parse_digest(std::string_view text) {
  if (text.size() != 64 && text.size() != 128) {
    return std::nullopt;
  }
  std::string digest(text);
  for (char& digit : digest) {
    if (digit >= 'A' && digit <= 'F') {
      digit = static_cast<char>(digit - 'A' + 'a');
    }
    if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) {
      return std::nullopt;
    }
  }
  return digest;
}

Digester::Digester(DigestKind kind)
  : m_state(std::make_unique<State>()) {
  m_state->algorithm = kind == DigestKind::sha256 ? EVP_sha256() : EVP_sha512();
  restart();
}

Digester::Digester(Digester&& other) noexcept = default;
Digester& Digester::operator=(Digester&& other) noexcept = default;
Digester::~Digester() = default;

void Digester::add(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(m_state->context, bytes.data(), bytes.size()));
}

std::string Digester::hex() const {
  const State copy; // finishing ends a context
  check(EVP_MD_CTX_copy_ex(copy.context, m_state->context));
  std::array<unsigned char, EVP_MAX_MD_SIZE> value;
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(copy.context, value.data(), &size));
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += k_digits[value[i] >> 4];
    text += k_digits[value[i] & 15];
  }
  return text;
}

void Digester::restart() {
  check(EVP_DigestInit_ex(m_state->context, m_state->algorithm, nullptr));
}

std::uint64_t add_file_range(Digester& digester, int fd, std::uint64_t from, std::uint64_t to,
                             std::string_view object) {
  std::vector<std::byte> block(
      static_cast<std::size_t>(std::min<std::uint64_t>(k_block_bytes, to - from)));
  while (from < to) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), to - from));
    const ssize_t count = ::pread(fd, block.data(), wanted, static_cast<off_t>(from));
    if (count == 0) {
      break;
    }
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      throw errno_error(errno, format("reading {}", object));
    }
    digester.add(std::span(block).first(static_cast<std::size_t>(count)));
    from += static_cast<std::uint64_t>(count);
  }
  return from;
}

std::string digest_of_file(const std::string& path, DigestKind kind) {
  const UniqueFd fd = open_regular_file(path);
  Digester digester(kind);
  add_file_range(digester, fd.get(), 0, std::numeric_limits<std::uint64_t>::max(), path);
  return digester.hex();
}

} // namespace qt
