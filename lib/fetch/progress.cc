#include "fetch/progress.hh"

#include "base/format.hh"
#include "base/log.hh"
#include "base/text.hh"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr Duration k_redraw = std::chrono::milliseconds(200);
constexpr double k_fade_seconds = 3;

double seconds(Clock::duration span) { return std::chrono::duration<double>(span).count(); }

bool can_redraw() {
  const char* const kind = std::getenv("TERM");
  return verbosity() >= Verbosity::normal && ::isatty(STDERR_FILENO) == 1 && kind != nullptr &&
         *kind != '\0' && std::string_view(kind) != "dumb";
}

// "0:07", "12:30", "3:05:00"; "-" if nobody can tell.
std::string remaining_time(double bytes, double rate) {
  if (rate < 1 || bytes / rate > 100 * 3600) {
    return "-";
  }
  const auto left = static_cast<std::uint64_t>(std::ceil(bytes / rate));
  return left < 3600 ? format("{}:{:02}", left / 60, left % 60)
                     : format("{}:{:02}:{:02}", left / 3600, left / 60 % 60, left % 60);
}

std::string rate_text(double rate) { return format_size(static_cast<std::uint64_t>(rate)) + "/s"; }

// The end of a name is what tells it from others.
std::string shorten(const std::string& name, std::size_t columns) {
  if (name.size() <= columns) {
    return name;
  }
  return columns < 4 ? "" : ".." + name.substr(name.size() - (columns - 2));
}

} // namespace

void Rate::sample(std::uint64_t bytes, Clock::time_point now) {
  const double span = seconds(now - m_at);
  if (!m_begun || bytes < m_bytes) {
    m_rate = 0;
  } else if (span <= 0) {
    return;
  } else {
    const double latest = static_cast<double>(bytes - m_bytes) / span;
    const double weight = m_rate > 0 ? 1 - std::exp(-span / k_fade_seconds) : 1;
    m_rate += (latest - m_rate) * weight;
  }
  m_begun = true;
  m_bytes = bytes;
  m_at = now;
}

ProgressBoard::ProgressBoard(std::vector<std::string> names)
  : m_names(std::move(names)) {
  for (std::string& name : m_names) {
    // One column for each byte: what is not ASCII becomes '?'.
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  }
}

void ProgressBoard::moved(std::size_t i, std::uint64_t bytes, std::uint64_t total) {
  const auto [found, is_new] = m_active.try_emplace(i);
  Transfer& transfer = found->second;
  if (is_new || bytes < transfer.first) {
    transfer.first = bytes;
  }
  transfer.bytes = bytes;
  transfer.total = total;
}

void ProgressBoard::finished(std::size_t i) {
  ++m_finished;
  if (const auto found = m_active.find(i); found != m_active.end()) {
    m_finished_bytes += found->second.bytes - found->second.first;
    m_active.erase(found);
  }
}

std::vector<std::string> ProgressBoard::lines(Clock::time_point now, std::size_t rows,
                                              std::size_t columns) {
  std::vector<std::string> lines;
  std::uint64_t came = m_finished_bytes;
  for (auto& [i, transfer] : m_active) {
    transfer.rate.sample(transfer.bytes, now);
    came += transfer.bytes - transfer.first;
    const bool known = transfer.total > 0 && transfer.bytes <= transfer.total;
    const std::string share = known ? format("{}%", transfer.bytes * 100 / transfer.total) : "";
    const double rate = transfer.rate.bytes_per_second();
    const auto left = static_cast<double>(transfer.total - transfer.bytes);
    std::string figures = format("{:>5}{:>11}{:>13}{:>9}", share, format_size(transfer.bytes),
                                 rate_text(rate), known ? remaining_time(left, rate) : "-");
    if (columns < figures.size() + 12) {
      figures = format("{:>5}", share);
    }
    const std::size_t room = columns - std::min(columns, figures.size());
    lines.push_back(
        (format("{:<{}}", shorten(m_names.at(i), room), room) + figures).substr(0, columns));
  }
  m_rate.sample(came, now);
  if (lines.empty() || rows == 0) {
    return {};
  }
  lines.resize(std::min(lines.size(), rows - 1));
  lines.push_back(total_line().substr(0, columns));
  return lines;
}

std::string ProgressBoard::total_line() const {
  std::uint64_t came = m_finished_bytes;
  std::uint64_t left = 0;
  bool all_known = m_finished + m_active.size() == m_names.size();
  for (const auto& [i, transfer] : m_active) {
    came += transfer.bytes - transfer.first;
    left += transfer.total > transfer.bytes ? transfer.total - transfer.bytes : 0;
    all_known = all_known && transfer.total > 0;
  }
  const double rate = m_rate.bytes_per_second();
  return format("{} of {} done, {} downloaded, {}, {}{} left", m_finished, m_names.size(),
                format_size(came), rate_text(rate), all_known ? "" : "more than ",
                remaining_time(static_cast<double>(left), rate));
}

Progress::Progress(std::vector<std::string> names)
  : m_board(std::move(names)) {
  if (can_redraw()) {
    m_thread = std::thread([this] { draw_until_stopped(); });
  }
}

Progress::~Progress() {
  {
    const std::lock_guard guard(m_mutex);
    m_stopping = true;
  }
  m_changed.notify_one();
  if (m_thread.joinable()) {
    m_thread.join();
  }
}

void Progress::moved(std::size_t i, std::uint64_t bytes, std::uint64_t total) {
  const std::lock_guard guard(m_mutex);
  m_board.moved(i, bytes, total);
}

void Progress::finished(std::size_t i) {
  const std::lock_guard guard(m_mutex);
  m_board.finished(i);
}

void Progress::draw_until_stopped() {
  std::unique_lock lock(m_mutex);
  while (!m_changed.wait_for(lock, k_redraw, [&] { return m_stopping; })) {
    winsize size{};
    ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    // Not the last column, where some terminals begin a new line, nor the last row.
    log_status(m_board.lines(Clock::now(), size.ws_row > 1 ? size.ws_row - 1u : 23u,
                             size.ws_col > 1 ? size.ws_col - 1u : 79u));
  }
  log_status({});
}

} // namespace qt
