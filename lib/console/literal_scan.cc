#include "console/literal_scan.hh"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <numeric>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace qt {

namespace {

constexpr std::size_t k_block = 32; // positions looked at in one step

bool have_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

} // namespace

LiteralScan::LiteralScan(std::vector<std::string> literals)
  : m_literals(std::move(literals))
  , m_in_blocks(have_avx2()) {
  for (const std::string& literal : m_literals) {
    assert(!literal.empty());
    m_longest = std::max(m_longest, literal.size());
    m_shortest = m_shortest == 0 ? literal.size() : std::min(m_shortest, literal.size());
  }
  m_fingerprint = std::min<std::size_t>(m_shortest, m_halves.size());
  sort_into_buckets();
}

// Neighbours in the alphabet share a bucket: the fewer different bytes it allows at a place, the
// fewer positions pass for it.
void LiteralScan::sort_into_buckets() {
  std::vector<std::size_t> order(m_literals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return m_literals[a] < m_literals[b]; });
  std::vector<Group> groups;
  for (const std::size_t index : order) {
    const std::string& literal = m_literals[index];
    if (groups.empty() ||
        groups.back().shared.compare(0, m_fingerprint, literal, 0, m_fingerprint) != 0) {
      groups.push_back({literal, {}});
    }
    std::string& shared = groups.back().shared;
    shared.erase(std::mismatch(shared.begin(), shared.end(), literal.begin(), literal.end()).first,
                 shared.end());
    groups.back().literals.push_back(index);
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::size_t bucket = i * m_buckets.size() / std::max(groups.size(), m_buckets.size());
    for (std::size_t at = 0; at < m_fingerprint; ++at) {
      const auto byte = static_cast<unsigned char>(groups[i].shared[at]);
      m_halves[at].low[byte & 15U] |= static_cast<std::uint8_t>(1U << bucket);
      m_halves[at].high[byte >> 4U] |= static_cast<std::uint8_t>(1U << bucket);
    }
    m_buckets[bucket].push_back(std::move(groups[i]));
  }
}

void LiteralScan::each(std::string_view block, const Visit& visit) const {
  if (m_literals.empty()) {
    return;
  }
  if (m_in_blocks && block.size() >= k_block + m_fingerprint) {
    each_in_blocks(block, visit);
  } else {
    each_one_by_one(block, visit);
  }
}

void LiteralScan::each_one_by_one(std::string_view block, const Visit& visit) const {
  std::size_t limit = block.size();
  for (std::size_t index = 0; index < m_literals.size(); ++index) {
    const std::string& literal = m_literals[index];
    std::size_t from = 0;
    while (from < limit) {
      const void* const at =
          ::memmem(block.data() + from, limit - from, literal.data(), literal.size());
      if (at == nullptr) {
        break;
      }
      const auto begin = static_cast<std::size_t>(static_cast<const char*>(at) - block.data());
      limit = std::min(limit, visit({index, begin, begin + literal.size()}));
      from = begin + 1;
    }
  }
}

void LiteralScan::verify(std::string_view block, std::size_t begin, unsigned buckets,
                         const Visit& visit, std::size_t& limit) const {
  // Compares the last byte first: most differ there.
  const auto stands_there = [&](const std::string& text) {
    return begin + text.size() <= limit && block[begin + text.size() - 1] == text.back() &&
           std::memcmp(block.data() + begin, text.data(), text.size()) == 0;
  };
  for (; buckets != 0; buckets &= buckets - 1) {
    for (const Group& group : m_buckets[static_cast<std::size_t>(std::countr_zero(buckets))]) {
      if (!stands_there(group.shared)) {
        continue;
      }
      for (const std::size_t index : group.literals) {
        if (stands_there(m_literals[index])) {
          limit = std::min(limit, visit({index, begin, begin + m_literals[index].size()}));
        }
      }
    }
  }
}

#if defined(__x86_64__)
namespace {

#define QT_AVX2 __attribute__((target("avx2"), always_inline)) static inline

QT_AVX2 __m256i load_twice(const std::array<std::uint8_t, 16>& table) {
  return _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
}

// The buckets that a byte allows, at 32 positions.
QT_AVX2 __m256i buckets_of(const char* bytes, __m256i low, __m256i high) {
  const __m256i half = _mm256_set1_epi8(15);
  const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  return _mm256_and_si256(
      _mm256_shuffle_epi8(low, _mm256_and_si256(block, half)),
      _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(block, 4), half)));
}

} // namespace

// Each bucket is one bit. A position keeps the bit of a bucket as long as both halves of each byte
// of the fingerprint occur there in one of the bucket's literals; what is left is compared in full.
// (The method is known as "Teddy", from the Hyperscan library.)
__attribute__((target("avx2"))) void LiteralScan::each_in_blocks(std::string_view block,
                                                                 const Visit& visit) const {
  // With a fingerprint below 3 bytes its last byte is tested again, which changes nothing.
  const std::size_t second = std::min<std::size_t>(1, m_fingerprint - 1);
  const std::size_t third = std::min<std::size_t>(2, m_fingerprint - 1);
  const __m256i low0 = load_twice(m_halves[0].low);
  const __m256i high0 = load_twice(m_halves[0].high);
  const __m256i low1 = load_twice(m_halves[second].low);
  const __m256i high1 = load_twice(m_halves[second].high);
  const __m256i low2 = load_twice(m_halves[third].low);
  const __m256i high2 = load_twice(m_halves[third].high);
  std::size_t limit = block.size();
  const std::size_t last = block.size() - m_fingerprint; // where a literal may still begin
  std::size_t at = 0;
  while (at <= last && at + m_shortest <= limit) {
    // The last step goes back so that it stays inside the block, and may see a little twice.
    const std::size_t from = std::min(at, block.size() - k_block - (m_fingerprint - 1));
    const char* const bytes = block.data() + from;
    const __m256i found = _mm256_and_si256(
        _mm256_and_si256(buckets_of(bytes, low0, high0), buckets_of(bytes + second, low1, high1)),
        buckets_of(bytes + third, low2, high2));
    if (_mm256_testz_si256(found, found) == 0) {
      alignas(k_block) std::array<std::uint8_t, k_block> buckets;
      _mm256_store_si256(reinterpret_cast<__m256i*>(buckets.data()), found);
      const __m256i none = _mm256_cmpeq_epi8(found, _mm256_setzero_si256());
      for (auto some = ~static_cast<unsigned>(_mm256_movemask_epi8(none)); some != 0;
           some &= some - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(some));
        verify(block, from + i, buckets[i], visit, limit);
      }
    }
    at = from + k_block;
  }
}
#undef QT_AVX2
#else
void LiteralScan::each_in_blocks(std::string_view block, const Visit& visit) const {
  each_one_by_one(block, visit);
}
#endif

} // namespace qt
