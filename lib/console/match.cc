#include "console/match.hh"

#include "base/error.hh"
#include "console/regex_stream.hh"

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

namespace {

bool is_better(const Match& match, const std::optional<Match>& best) {
  return !best || comes_before(match, *best) ||
         (!comes_before(*best, match) && match.pattern < best->pattern);
}

} // namespace

Matcher::Matcher(const std::vector<Pattern>& patterns, std::uint64_t start)
  : m_position(start) {
  std::vector<std::string> literals;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const Pattern& pattern = patterns[i];
    if (pattern.text.empty()) {
      throw Error("an empty text is always there; say what to look for", ExitCode::usage);
    }
    if (pattern.kind == Pattern::Kind::regex) {
      m_expressions.push_back(std::make_unique<RegexStream>(pattern.text, i, start));
    } else {
      m_literal_patterns.push_back(i);
      literals.push_back(pattern.text);
    }
  }
  for (std::size_t i = 0; i < m_expressions.size(); ++i) {
    if (const std::string_view prefix = m_expressions[i]->prefix(); !prefix.empty()) {
      m_prefixed.push_back(i);
      literals.emplace_back(prefix);
    }
  }
  m_first.resize(m_expressions.size());
  m_literals = LiteralScan(std::move(literals));
}

Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&& other) noexcept = default;
Matcher& Matcher::operator=(Matcher&& other) noexcept = default;

// Finds the first literal and, before its end, where each prefix first occurs. What lies wholly in
// the tail has been seen before.
std::optional<Match> Matcher::scan(std::string_view bytes) {
  for (const std::size_t expression : m_prefixed) {
    m_first[expression] = RegexStream::k_nowhere;
  }
  if (m_literals.longest() == 0) {
    return std::nullopt;
  }
  std::optional<Match> best;
  const auto look = [&](std::string_view block, std::uint64_t base) {
    m_literals.each(block, [&](const LiteralScan::Hit& hit) {
      const std::uint64_t begin = base + hit.begin;
      const std::uint64_t end = base + hit.end;
      if (end <= m_position) {
        return block.size();
      }
      if (hit.index >= m_literal_patterns.size()) {
        std::uint64_t& first = m_first[m_prefixed[hit.index - m_literal_patterns.size()]];
        first = std::min(first, begin);
        return block.size();
      }
      const Match match = {m_literal_patterns[hit.index], begin, end, end, {}, {}};
      if (is_better(match, best)) {
        best = match;
        best->text = m_literals.literal(hit.index);
      }
      return hit.end;
    });
  };
  if (!m_tail.empty()) {
    const std::size_t tail = m_tail.size();
    m_tail += bytes.substr(0, m_literals.longest() - 1);
    look(m_tail, m_position - tail);
    m_tail.resize(tail);
  }
  if (!best) {
    look(bytes, m_position);
  }
  keep_tail(bytes);
  return best;
}

void Matcher::keep_tail(std::string_view bytes) {
  const std::size_t limit = m_literals.longest() - 1;
  if (bytes.size() >= limit) {
    m_tail = bytes.substr(bytes.size() - limit);
  } else {
    m_tail += bytes;
    m_tail.erase(0, m_tail.size() - std::min(m_tail.size(), limit));
  }
}

std::optional<Match> Matcher::feed(std::string_view bytes) {
  std::optional<Match> best = scan(bytes);
  for (std::size_t i = 0; i < m_expressions.size(); ++i) {
    // What is complete only after the best so far cannot win.
    const auto limit = static_cast<std::size_t>(best ? best->decided - m_position : bytes.size());
    if (std::optional<Match> match = m_expressions[i]->feed(bytes.substr(0, limit), m_first[i]);
        match && is_better(*match, best)) {
      best = std::move(match);
    }
  }
  m_position += bytes.size();
  return best;
}

std::optional<Match> Matcher::settle() {
  std::optional<Match> best;
  for (const std::unique_ptr<RegexStream>& expression : m_expressions) {
    if (std::optional<Match> match = expression->settle(); match && is_better(*match, best)) {
      best = std::move(match);
    }
  }
  return best;
}

bool Matcher::undecided() const {
  return std::any_of(m_expressions.begin(), m_expressions.end(),
                     [](const auto& expression) { return expression->undecided(); });
}

std::optional<std::uint64_t> Matcher::open_since(std::size_t pattern) const {
  for (const std::unique_ptr<RegexStream>& expression : m_expressions) {
    if (expression->pattern() == pattern) {
      return expression->open_since();
    }
  }
  return std::nullopt;
}

std::uint64_t Matcher::keep_from() const {
  std::uint64_t from = m_position;
  for (const std::unique_ptr<RegexStream>& expression : m_expressions) {
    from = std::min(from, expression->keep_from());
  }
  return from;
}

} // namespace qt
