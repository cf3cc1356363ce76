// Searches a block of bytes for several literal texts at once, at the speed of memory: on x86 with
// AVX2 all texts share one pass that compares the first bytes of 32 positions at a time; elsewhere
// each text is searched by memmem(3). It knows one block only: what lies across two reads is the
// matcher's business (match.hh).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class LiteralScan {
public:
  struct Hit {
    std::size_t index; // of the literal
    std::size_t begin; // offsets in the block
    std::size_t end;
  };

  LiteralScan() = default;
  // None of the literals is empty.
  explicit LiteralScan(std::vector<std::string> literals);

  // Tells each occurrence, in any order, some twice. What `visit` returns bounds the rest: only
  // occurrences that end at that offset or before are still of interest.
  using Visit = std::function<std::size_t(const Hit& hit)>;
  void each(std::string_view block, const Visit& visit) const;

  // Length of the longest literal; 0 if there are none.
  std::size_t longest() const noexcept { return m_longest; }
  const std::string& literal(std::size_t index) const { return m_literals[index]; }

private:
  // For one byte of the fingerprint: which buckets have a literal whose byte there has this low or
  // high half.
  struct Halves {
    std::array<std::uint8_t, 16> low{};
    std::array<std::uint8_t, 16> high{};
  };

  // Literals that begin with the same bytes, and so have one fingerprint.
  struct Group {
    std::string shared; // what all of them begin with
    std::vector<std::size_t> literals;
  };

  void sort_into_buckets();
  void each_one_by_one(std::string_view block, const Visit& visit) const;
  void each_in_blocks(std::string_view block, const Visit& visit) const;
  void verify(std::string_view block, std::size_t begin, unsigned buckets, const Visit& visit,
              std::size_t& limit) const;

  std::vector<std::string> m_literals;
  std::size_t m_longest = 0;
  std::size_t m_shortest = 0;
  std::size_t m_fingerprint = 0; // bytes compared by each_in_blocks(): 1 to 3
  std::array<Halves, 3> m_halves{};
  std::array<std::vector<Group>, 8> m_buckets;
  bool m_in_blocks = false;
};

} // namespace qt
