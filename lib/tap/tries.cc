#include "tap/tries.hh"

#include "base/format.hh"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>

namespace qt {

namespace {

bool can_be_hosts(Cause cause) {
  return cause == Cause::timeout || cause == Cause::idle_timeout || cause == Cause::host ||
         cause == Cause::asset;
}

// What a check came to in one try: where it has no result, it was not reached.
Verdict verdict_in(const Verdict& tried, const std::string& check) {
  for (const CheckResult& result : tried.checks) {
    if (result.name == check) {
      return verdict_of_check(tried, result);
    }
  }
  return tried;
}

// Changes cause and message of the last of `tries`, which are of the whole or of one check.
void judge(std::span<const Verdict> tries, Cause& cause, std::string& message) {
  const std::size_t number = tries.size();
  const auto failed =
      static_cast<std::size_t>(std::count_if(tries.begin(), tries.end(), has_failed));
  if (cause == Cause::pass && failed > 0) {
    std::size_t last = number; // counted from 1
    while (!has_failed(tries[last - 1])) {
      --last;
    }
    cause = Cause::flaky;
    message = format("passed in try {}; try {}: {}", number, last, cause_line(tries[last - 1]));
  } else if (cause != Cause::check && has_failed(tries.back())) {
    message += failed == number ? format("; failed in each of {} tries", number)
                                : format("; failed in {} of {} tries", failed, number);
  }
}

// The failure of the try before stays, whatever keeps it from being run now.
void keep_failure(Verdict& verdict, const Verdict& before) {
  const std::string reason = verdict.message;
  verdict = before;
  verdict.message += format("; when it was to run again, it was skipped: {}", reason);
}

} // namespace

bool asks_for_retry(const Verdict& verdict, Retried retried) {
  if (!has_failed(verdict) || retried == Retried::all) {
    return has_failed(verdict);
  }
  return (verdict.cause == Cause::check || can_be_hosts(verdict.cause)) &&
         std::all_of(verdict.checks.begin(), verdict.checks.end(), [](const CheckResult& check) {
           return !is_failure(check.cause) || can_be_hosts(check.cause);
         });
}

void note_tries(Verdict& verdict, std::span<const Verdict> tries) {
  const std::size_t number = tries.size();
  if (number < 2) {
    return;
  }
  if (verdict.cause == Cause::skip) {
    keep_failure(verdict, tries[number - 2]);
  } else {
    judge(tries, verdict.cause, verdict.message);
    for (CheckResult& check : verdict.checks) {
      std::vector<Verdict> own;
      std::transform(tries.begin(), tries.end(), std::back_inserter(own),
                     [&check](const Verdict& tried) { return verdict_in(tried, check.name); });
      judge(own, check.cause, check.message);
    }
  }
  for (std::size_t i = 0; i + 1 < number; ++i) {
    const Verdict& tried = tries[i];
    verdict.tries.push_back({try_folder(i + 1), tried.cause, tried.message, tried.seconds});
  }
}

} // namespace qt
