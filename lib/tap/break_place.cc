#include "tap/break_place.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "schema/break_point.hh"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace qt {

namespace {

// The steps of a phase's dialogue, as its programs count them.
std::vector<Step> dialogue_steps(const Phase& phase, const std::vector<std::string>& checks) {
  std::vector<Step> steps = phase.steps;
  for (const NamedCheck& check : chosen_checks(phase, checks)) {
    steps.insert(steps.end(), check.steps.begin(), check.steps.end());
  }
  return steps;
}

struct Place {
  std::size_t phase; // index
  std::size_t step;  // number
};

// Looks for the places of one subtest.
class Places {
public:
  Places(const Subtest& subtest, const std::vector<std::string>& checks)
    : m_subtest(subtest) {
    for (std::size_t i = 0; i < subtest.phases.size(); ++i) {
      if (!subtest.phases[i].vms.empty()) {
        m_steps.push_back({i, dialogue_steps(subtest.phases[i], checks)});
      }
    }
  }

  std::optional<Place> find(const std::string& word) const {
    const std::size_t colon = word.find(':');
    const auto phase = parse_integer(word.substr(0, std::min(colon, word.size())));
    for (const Steps& one : m_steps) {
      const bool is_named = colon != std::string::npos && phase &&
                            static_cast<std::uint64_t>(*phase) == one.phase + 1;
      // A number alone would be of any of several; a mark is of the first that sets it.
      const bool is_clear = m_steps.size() == 1 || !parse_integer(word);
      const auto number = is_named   ? step_number(one.steps, word.substr(colon + 1))
                          : is_clear ? step_number(one.steps, word)
                                     : std::nullopt;
      if (number) {
        return Place{one.phase, *number};
      }
    }
    return std::nullopt;
  }

  Error mistake(const std::string& word) const {
    std::vector<std::string> lines;
    for (const Steps& one : m_steps) {
      if (m_steps.size() > 1) {
        lines.push_back(format("phase {}:", one.phase + 1));
      }
      for (const std::string& line : numbered_steps(one.steps)) {
        lines.push_back(line);
      }
    }
    return no_such_step(m_steps.empty()
                            ? format("'{}' has no machine to look at", m_subtest.name)
                            : format("'{}' has no step '{}'; {}", m_subtest.name, word,
                                     m_steps.size() > 1 ? "say PHASE:STEP, of" : "the steps are"),
                        lines);
  }

private:
  struct Steps {
    std::size_t phase;
    std::vector<Step> steps;
  };

  const Subtest& m_subtest;
  std::vector<Steps> m_steps; // of the phases that have machines
};

} // namespace

std::vector<NamedCheck> chosen_checks(const Phase& phase, const std::vector<std::string>& names) {
  std::vector<NamedCheck> checks = phase.checks;
  std::erase_if(checks, [&names](const NamedCheck& check) {
    return !names.empty() && std::find(names.begin(), names.end(), check.name) == names.end();
  });
  return checks;
}

std::vector<std::string> breaks_of_phase(const Subtest& subtest, std::size_t phase,
                                         const std::vector<std::string>& checks,
                                         const std::vector<std::string>& words) {
  std::vector<std::string> breaks;
  const Places places(subtest, checks);
  for (const std::string& word : words) {
    if (word == k_break_at_failure) {
      if (!subtest.phases[phase].vms.empty()) {
        breaks.push_back(word);
      }
      continue;
    }
    const std::optional<Place> place = places.find(word);
    if (!place) {
      throw places.mistake(word);
    }
    if (place->phase == phase) {
      breaks.push_back(std::to_string(place->step));
    }
  }
  return breaks;
}

} // namespace qt
