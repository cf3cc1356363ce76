#include "report/compare.hh"

#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>
#include <array>
#include <map>

namespace qt {

namespace {

struct KindName {
  Change::Kind kind;
  std::string_view name;
};

constexpr std::array k_names = {
    KindName{Change::Kind::newly_failed, "newly failed"},
    KindName{Change::Kind::newly_skipped, "newly skipped"},
    KindName{Change::Kind::gone, "gone"},
    KindName{Change::Kind::newly_flaky, "newly flaky"},
    KindName{Change::Kind::fixed, "fixed"},
    KindName{Change::Kind::no_longer_skipped, "no longer skipped"},
    KindName{Change::Kind::no_longer_flaky, "no longer flaky"},
    KindName{Change::Kind::appeared, "appeared"},
    KindName{Change::Kind::slower, "slower"},
    KindName{Change::Kind::faster, "faster"},
};

struct Range {
  double least = 0;
  double most = 0;
  std::size_t count = 0;

  void add(double seconds) {
    least = count == 0 ? seconds : std::min(least, seconds);
    most = std::max(most, seconds);
    ++count;
  }
  std::string text() const {
    return count == 1 ? seconds_text(most)
                      : format("{} to {}", seconds_text(least), seconds_text(most));
  }
};

using Times = std::map<std::string, Range>; // of the subtest (""), and of each of its marks

using BySubject = std::map<std::string, const SubtestResult*>;

// Of all repetitions of a subtest the worst.
BySubject worst_of_each(std::span<const SubtestResult> results) {
  BySubject worst;
  for (const SubtestResult& result : results) {
    const auto known = worst.emplace(result.subject(), &result).first;
    known->second = is_worse(result, *known->second) ? &result : known->second;
  }
  return worst;
}

std::map<std::string, Times> times_of_passes(std::span<const SubtestResult> results) {
  std::map<std::string, Times> times;
  for (const SubtestResult& result : results) {
    if (!result.passed()) {
      continue;
    }
    Times& of_subtest = times[result.subject()];
    of_subtest[""].add(result.verdict.seconds);
    for (const Mark& mark : result.verdict.marks) {
      of_subtest[mark.name].add(mark.seconds);
    }
  }
  return times;
}

// Whether all of `more` is above all of `less` by more than both vary.
bool is_apart(const Range& less, const Range& more) {
  const double gap = more.least - less.most;
  if (less.count > 1 || more.count > 1) {
    return gap > (less.most - less.least) + (more.most - more.least) && gap > 0.05;
  }
  return gap > 1 && gap > less.most / 2;
}

void compare_times(std::span<const SubtestResult> before, std::span<const SubtestResult> after,
                   std::vector<Change>& changes) {
  const std::map<std::string, Times> old_times = times_of_passes(before);
  for (const auto& [name, times] : times_of_passes(after)) {
    const auto old = old_times.find(name);
    if (old == old_times.end()) {
      continue;
    }
    for (const auto& [mark, range] : times) {
      const auto known = old->second.find(mark);
      if (known == old->second.end()) {
        continue;
      }
      const bool slower = is_apart(known->second, range);
      if (slower || is_apart(range, known->second)) {
        changes.push_back(
            {slower ? Change::Kind::slower : Change::Kind::faster, name,
             format("{}{} → {}", mark.empty() ? "" : "mark " + escape_for_display(mark) + ": ",
                    known->second.text(), range.text())});
      }
    }
  }
}

std::string outcome_text(const SubtestResult& result) {
  return result.passed() && !result.flaky()
             ? "passed"
             : format("{}: {}", outcome_name(result), escape_for_display(reason_of(result)));
}

} // namespace

std::string_view change_name(Change::Kind kind) {
  return std::find_if(k_names.begin(), k_names.end(),
                      [kind](const KindName& entry) { return entry.kind == kind; })
      ->name;
}

std::vector<Change> compare(std::span<const SubtestResult> before,
                            std::span<const SubtestResult> after) {
  using Kind = Change::Kind;
  const BySubject old_results = worst_of_each(before);
  const BySubject new_results = worst_of_each(after);
  std::vector<Change> changes;
  for (const auto& [name, result] : new_results) {
    const auto known = old_results.find(name);
    if (known == old_results.end()) {
      const Kind kind = result->failed()  ? Kind::newly_failed
                        : result->flaky() ? Kind::newly_flaky
                                          : Kind::appeared;
      changes.push_back({kind, name, "not there → " + outcome_text(*result)});
      continue;
    }
    const SubtestResult& old = *known->second;
    if (outcome_name(old) == outcome_name(*result)) {
      continue;
    }
    const Kind kind = result->failed()    ? Kind::newly_failed
                      : result->skipped() ? Kind::newly_skipped
                      : result->flaky()   ? Kind::newly_flaky
                      : old.failed()      ? Kind::fixed
                      : old.flaky()       ? Kind::no_longer_flaky
                                          : Kind::no_longer_skipped;
    changes.push_back({kind, name, outcome_text(old) + " → " + outcome_text(*result)});
  }
  for (const auto& [name, result] : old_results) {
    if (!new_results.contains(name)) {
      changes.push_back({Kind::gone, name, outcome_text(*result) + " → not there"});
    }
  }
  compare_times(before, after, changes);
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& one, const Change& other) { return one.kind < other.kind; });
  return changes;
}

std::vector<std::string> change_lines(std::span<const Change> changes) {
  std::vector<std::string> lines;
  for (const KindName& entry : k_names) {
    const auto is_of_kind = [&entry](const Change& change) { return change.kind == entry.kind; };
    const auto count = std::count_if(changes.begin(), changes.end(), is_of_kind);
    if (count == 0) {
      continue;
    }
    lines.push_back(format("{}: {}", entry.name, count));
    for (const Change& change : changes) {
      if (is_of_kind(change)) {
        lines.push_back(format("  {}: {}", change.name, change.what));
      }
    }
  }
  return lines.empty() ? std::vector<std::string>{"nothing has changed"} : lines;
}

std::string change_json(const Change& change) {
  std::string name(change_name(change.kind));
  std::replace(name.begin(), name.end(), ' ', '-');
  return dump_json(
      {{"version", 1}, {"change", name}, {"name", change.name}, {"what", change.what}});
}

} // namespace qt
