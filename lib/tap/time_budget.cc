#include "tap/time_budget.hh"

#include "base/format.hh"
#include "base/timeout_multiplier.hh"
#include "os/event_loop.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr Duration k_least_margin(50);
constexpr Duration k_most_margin(3000);
constexpr std::size_t k_most_named = 5;
constexpr Duration k_start(500); // until the first dialogue of a subtest begins

// What the time for a dialogue is less than what is left: for evidence and an orderly end.
Duration margin_within(Duration left) {
  return std::clamp(left / 10, k_least_margin, k_most_margin);
}
// The same for what has to be left so that the dialogue has this long.
Duration margin_around(Duration dialogue) {
  return std::clamp(dialogue / 9, k_least_margin, k_most_margin);
}

// How long a subtest may take of which `left` is left for all and `own` is its own, as named.
std::optional<Duration> span_of(std::optional<Duration> left, std::optional<Duration> own) {
  if (const std::optional<Duration> actual = scaled(own)) {
    const Duration whole = *actual + margin_around(*actual) + k_start;
    return left ? std::min(*left, whole) : whole;
  }
  return left;
}

// What a dialogue gets, as named, of what is left of a subtest's time.
Duration dialogue_time(Duration left, std::optional<Duration> own) {
  const Duration inner = unscaled(std::max(left - margin_within(left), Duration(1)));
  return own ? std::min(*own, inner) : inner;
}

} // namespace

TimeBudget::TimeBudget(std::optional<Duration> total)
  : m_total(total)
  , m_left(scaled(total)) {}

std::optional<Duration> TimeBudget::left_locked() const {
  return m_left && m_running > 0
             ? *m_left - std::chrono::duration_cast<Duration>(Clock::now() - m_since)
             : m_left;
}

std::optional<Duration> TimeBudget::left() const {
  const std::lock_guard lock(m_mutex);
  return left_locked();
}

std::optional<Duration> TimeBudget::whole() const { return scaled(m_total); }

bool TimeBudget::is_used_up() const {
  const std::optional<Duration> now = left();
  return now && *now <= Duration::zero();
}

void TimeBudget::begin() {
  const std::lock_guard lock(m_mutex);
  if (m_running++ == 0) {
    m_since = Clock::now();
  }
}

void TimeBudget::end() {
  const std::lock_guard lock(m_mutex);
  m_left = left_locked();
  m_since = Clock::now();
  --m_running;
}

void TimeBudget::give_back(Duration span) {
  const std::lock_guard lock(m_mutex);
  if (m_left) {
    *m_left += span;
  }
}

void TimeBudget::note(const std::string& subtest, double seconds) {
  const std::lock_guard lock(m_mutex);
  m_spent.emplace_back(seconds, subtest);
}

std::string TimeBudget::spent() const {
  const std::lock_guard lock(m_mutex);
  if (m_spent.empty() || !m_total) {
    return "";
  }
  std::vector<std::pair<double, std::string>> longest = m_spent;
  std::sort(longest.rbegin(), longest.rend());
  std::string text = format("{} for all: ", scaled_text(*m_total));
  for (std::size_t i = 0; i < std::min(longest.size(), k_most_named); ++i) {
    text += format("{}{} {}{:.1f} s", i > 0 ? ", " : "", longest[i].second, i > 0 ? "" : "took ",
                   longest[i].first);
  }
  return text + (longest.size() > k_most_named
                     ? format(", {} others less", longest.size() - k_most_named)
                     : "");
}

SubtestTime::SubtestTime(TimeBudget& budget, std::optional<Duration> own)
  : m_budget(budget)
  , m_own(own) {
  budget.begin();
  if (const std::optional<Duration> span = span_of(budget.left(), own)) {
    m_deadline = Deadline::after(*span);
  }
}

SubtestTime::~SubtestTime() { m_budget.end(); }

void SubtestTime::give_back(Duration span) {
  m_budget.give_back(span);
  m_deadline = put_off(m_deadline, span);
}

std::optional<Duration> SubtestTime::for_dialogue() const {
  if (m_deadline.is_never()) {
    return std::nullopt;
  }
  return dialogue_time(m_deadline.remaining(), m_own);
}

std::optional<Duration> whole_dialogue_time(std::optional<Duration> total,
                                            std::optional<Duration> own) {
  const std::optional<Duration> span = span_of(scaled(total), own);
  return span ? std::optional(dialogue_time(*span, own)) : std::nullopt;
}

} // namespace qt
