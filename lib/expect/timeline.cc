#include "expect/timeline.hh"

#include "base/format.hh"

#include <ctime>

namespace qt {

namespace {

using Date = std::chrono::system_clock::time_point;

std::string utc_text(Date when) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(since / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                since % 1000);
}

} // namespace

void Timeline::begin_step(std::string step) {
  end_step();
  m_steps.push_back({std::move(step), seconds(), 0});
  m_in_step = true;
}

void Timeline::end_step() {
  if (m_in_step) {
    m_steps.back().seconds = seconds() - m_steps.back().start;
  }
  m_in_step = false;
}

std::string Timeline::mark(const std::string& name, std::optional<Duration> budget) {
  Mark mark;
  mark.name = name;
  mark.at = seconds();
  mark.seconds = mark.at - (m_marks.empty() ? 0 : m_marks.back().at);
  if (budget) {
    mark.budget = std::chrono::duration<double>(*budget).count();
  }
  m_marks.push_back(mark);
  return mark.is_late() ? late_text(mark) : "";
}

void Timeline::put_into(Verdict& verdict) {
  end_step();
  // By the steady clock, whatever happens to the time of day meanwhile.
  const auto length = std::chrono::duration_cast<Date::duration>(Clock::now() - m_start);
  verdict.start = utc_text(m_start_of_day);
  verdict.end = utc_text(m_start_of_day + length);
  verdict.seconds = seconds();
  verdict.steps = m_steps;
  verdict.marks = m_marks;
}

} // namespace qt
