#include "tap/tally.hh"

#include "base/format.hh"

#include <algorithm>
#include <cmath>

namespace qt {

FailureRate failure_rate(std::size_t failed, std::size_t runs) {
  constexpr double k_normal = 1.959964; // the quantile of the normal distribution for 95 %
  const auto n = static_cast<double>(runs);
  const double share = static_cast<double>(failed) / n;
  const double square = k_normal * k_normal / n;
  const double middle = share + square / 2;
  const double half = k_normal * std::sqrt(share * (1 - share) / n + square / (4 * n));
  return {std::max(0.0, (middle - half) / (1 + square)),
          std::min(1.0, (middle + half) / (1 + square))};
}

void Tally::add(const Result& result) {
  const Verdict& verdict = result.outcome.verdict;
  m_took.push_back(result.took);
  if (verdict.cause == Cause::skip) {
    ++m_skipped;
    m_why_skipped = verdict.message;
  } else if (verdict.cause == Cause::flaky) {
    m_why_flaky = verdict.message;
  } else if (is_passed(verdict.cause) && !verdict.touched.empty()) {
    m_how_touched = touched_text(verdict);
  } else if (has_failed(verdict)) {
    Failures& failures = m_failures[verdict.cause];
    if (failures.count++ == 0) {
      failures.first = result;
    }
  }
}

std::size_t Tally::failed() const noexcept {
  std::size_t sum = 0;
  for (const auto& [cause, failures] : m_failures) {
    sum += failures.count;
  }
  return sum;
}

std::vector<std::string> Tally::lines() const {
  const std::size_t judged = runs() - m_skipped;
  std::vector<std::string> lines;
  if (judged > 0) {
    const FailureRate rate = failure_rate(failed(), judged);
    lines.push_back(
        format("failed {} of {} times: {:.2f} %, with 95 % certainty {:.2f} to {:.2f} %", failed(),
               judged, 100.0 * static_cast<double>(failed()) / static_cast<double>(judged),
               100 * rate.low, 100 * rate.high));
  }
  if (m_skipped > 0) {
    lines.push_back(format("skipped {} times: {}", m_skipped, m_why_skipped));
  }
  for (const auto& [cause, failures] : m_failures) {
    const Outcome& first = failures.first.outcome;
    lines.push_back(format("{} of them: {}", failures.count, cause_line(first.verdict)));
    if (!first.run_dir.empty()) {
      lines.push_back("logs of the first: " + first.run_dir);
    }
  }
  if (!m_took.empty()) {
    lines.push_back(times());
  }
  return lines;
}

std::string Tally::times() const {
  std::vector<Duration> took = m_took;
  std::sort(took.begin(), took.end());
  const auto of_share = [&took](std::size_t percent) { // the nearest rank
    const std::size_t rank = (took.size() * percent + 99) / 100;
    return static_cast<double>(took[rank - 1].count()) / 1000;
  };
  return format("seconds: half of them at most {:.3f}, 95 % at most {:.3f}, all at most {:.3f}",
                of_share(50), of_share(95), of_share(100));
}

} // namespace qt
