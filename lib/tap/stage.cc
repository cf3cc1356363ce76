#include "tap/stage.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/event_loop.hh"
#include "os/fd.hh"
#include "os/file.hh"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr Duration k_grace_after_signal(300);
constexpr Duration k_grace_after_deadline(500);
constexpr std::size_t k_longest_line = 4096; // a longer one is handed on in pieces
constexpr std::size_t k_kept_lines = 40;

// The reading end of a pipe, cut into lines.
class LineReader {
public:
  explicit LineReader(UniqueFd fd)
    : m_fd(std::move(fd)) {
    set_nonblocking(m_fd.get());
  }
  int fd() const noexcept { return m_fd.get(); }

  // Reads what is there now, but not without end: who writes without a pause would keep us from
  // deadlines and signals, also as a process that is left of one that has ended.
  template<typename Take>
  void read_available(const Take& take) {
    constexpr std::size_t k_most = 256 << 10; // more than a pipe holds
    std::array<std::byte, 16384> chunk;
    for (std::size_t taken = 0; m_fd && taken < k_most; taken += chunk.size()) {
      const IoCount got = read_some(m_fd.get(), chunk);
      m_rest += text_of(std::span(chunk).first(got.count));
      cut(take);
      if (got.result == IoResult::ended) {
        m_fd.reset();
      } else if (got.result == IoResult::would_block) {
        return;
      }
    }
  }
  // The last line may have no end.
  template<typename Take>
  void finish(const Take& take) {
    if (!m_rest.empty()) {
      take(m_rest);
    }
  }

private:
  template<typename Take>
  void cut(const Take& take) {
    std::size_t begin = 0;
    while (begin < m_rest.size()) {
      const std::size_t end = m_rest.find('\n', begin);
      const std::size_t length = std::min(end, m_rest.size()) - begin;
      if (end == std::string::npos && length < k_longest_line) {
        break;
      }
      const std::size_t piece = std::min(length, k_longest_line);
      const bool line_ends = piece == length && end != std::string::npos;
      if (!(piece == 0 && m_in_line)) { // only the end of a line that was handed on
        take(std::string_view(m_rest).substr(begin, piece));
      }
      m_in_line = !line_ends;
      begin += piece + (line_ends ? 1 : 0);
    }
    m_rest.erase(0, begin);
  }

  UniqueFd m_fd;
  std::string m_rest;
  bool m_in_line = false; // a piece of the line that goes on in m_rest has been handed on
};

// Waits for the end of a child and passes on what it writes.
class StageLoop {
public:
  StageLoop(Process process, UniqueFd out, UniqueFd err, const LineSink& sink)
    : m_process(std::move(process))
    , m_out(std::move(out))
    , m_err(std::move(err))
    , m_sink(sink) {}

  StageEnd run(Deadline deadline, EndRequest& request) {
    EventLoop loop;
    const auto ended = loop.watch(m_process.exit_fd(), {});
    const auto out = watch(loop, m_out, &StageLoop::take);
    const auto err = watch(loop, m_err, &StageLoop::take_error);
    const auto asked_to_end = loop.watch(
        [this, &request] {
          return pollfd{m_end.by == StageEnd::By::signal ? -1 : request.fd(), POLLIN, 0};
        },
        {});
    const auto read_by = loop.watch(
        [&request] {
          return pollfd{request.received() ? -1 : request.results(), 0, 0};
        },
        [&request](const pollfd& found) {
          if ((found.revents & POLLERR) != 0) {
            request.note_reader_gone();
          }
        });
    Deadline limit = deadline;
    while (!m_process.poll()) {
      const bool received = request.received().has_value();
      const bool asked = received && m_end.by == StageEnd::By::itself;
      if (asked || limit.expired()) {
        limit = end_process(asked, limit);
      }
      limit = put_off(limit, loop.turn(limit).stopped);
    }
    m_end.status = *m_process.poll();
    if (request.received()) { // its whole group may have been told to end
      m_end.by = StageEnd::By::signal;
    }
    m_out.read_available([this](std::string_view line) { take(line); });
    m_err.read_available([this](std::string_view line) { take_error(line); });
    m_out.finish([this](std::string_view line) { take(line); });
    m_err.finish([this](std::string_view line) { take_error(line); });
    return std::move(m_end);
  }

private:
  EventLoop::Registration watch(EventLoop& loop, LineReader& reader,
                                void (StageLoop::*take_line)(std::string_view)) {
    return loop.watch(
        [&reader] {
          return pollfd{reader.fd(), POLLIN, 0};
        },
        [this, &reader, take_line](const pollfd&) {
          reader.read_available(
              [this, take_line](std::string_view line) { (this->*take_line)(line); });
        });
  }

  // SIGTERM first, SIGKILL when that did not help in time; the new limit.
  Deadline end_process(bool by_signal, Deadline limit) {
    if (m_end.by != StageEnd::By::itself && limit.expired()) {
      m_process.send_signal(SIGKILL);
      return Deadline::never();
    }
    m_process.send_signal(SIGTERM);
    m_end.by = by_signal ? StageEnd::By::signal : StageEnd::By::deadline;
    return Deadline::after(by_signal ? k_grace_after_signal : k_grace_after_deadline);
  }

  void take(std::string_view line) {
    m_sink(line);
    m_end.last_lines.emplace_back(line);
    if (m_end.last_lines.size() > k_kept_lines) {
      m_end.last_lines.erase(m_end.last_lines.begin());
    }
  }
  void take_error(std::string_view line) {
    take(line);
    if (!trim(line).empty()) {
      m_end.last_error_line = line;
    }
  }

  Process m_process;
  LineReader m_out;
  LineReader m_err;
  const LineSink& m_sink;
  StageEnd m_end;
};

} // namespace

EndRequest::EndRequest() {
  struct stat status;
  const bool is_pipe = ::fstat(STDOUT_FILENO, &status) == 0 && S_ISFIFO(status.st_mode);
  m_results = is_pipe ? STDOUT_FILENO : -1;
}

EndRequest::~EndRequest() {
  while (m_signals.take()) {
  }
}

// The signals are left where they are: another thread may be waiting for them as well.
std::optional<int> EndRequest::received() const {
  sigset_t pending;
  ::sigpending(&pending);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    if (::sigismember(&pending, number) == 1) {
      return number;
    }
  }
  return m_reader_gone ? std::optional(SIGPIPE) : std::nullopt;
}

StageEnd run_stage(const std::vector<std::string>& argv, SpawnOptions options, Deadline deadline,
                   EndRequest& request, const LineSink& sink) {
  FdPair out = make_pipe();
  FdPair err = make_pipe();
  const UniqueFd null = open_file("/dev/null", O_RDONLY);
  if (options.standard_input < 0) {
    options.standard_input = null.get();
  }
  if (options.standard_output < 0) {
    options.standard_output = out.second.get();
  }
  if (options.standard_error < 0) {
    options.standard_error = err.second.get();
  }
  Process process = Process::spawn(argv, options);
  out.second.reset();
  err.second.reset();
  return StageLoop(std::move(process), std::move(out.first), std::move(err.first), sink)
      .run(deadline, request);
}

Verdict verdict_of(Cause cause, const std::string& message) {
  Verdict verdict;
  verdict.cause = cause;
  verdict.message = message;
  return verdict;
}

Verdict ended_by(const EndRequest& request) {
  return verdict_of(Cause::host, "ended by " + signal_name(request.received().value_or(0)));
}

Verdict stage_verdict(const std::string& run_dir, const StageEnd& end, const EndRequest& request) {
  const std::optional<Verdict> found = read_verdict(run_dir);
  const bool tells = found && has_failed(*found);
  if (end.by == StageEnd::By::signal) {
    return tells ? *found : ended_by(request);
  }
  const int code = exit_status_of(end.status.wait_status);
  if (code == to_int(ExitCode::absent)) {
    Verdict skip = found.value_or(Verdict());
    skip.message = skip.cause == Cause::skip ? skip.message : end.last_error_line;
    skip.cause = Cause::skip;
    return skip;
  }
  const bool by_deadline = end.by == StageEnd::By::deadline;
  const bool tells_of_our_signal =
      tells && by_deadline && found->cause == Cause::host && code == 128 + SIGTERM;
  if (tells_of_our_signal) { // its own deadline came too late: the host is slow
    Verdict late = *found;
    late.cause = Cause::timeout;
    late.message = "the deadline passed";
    return late;
  }
  if (tells) {
    return *found;
  }
  if (by_deadline || code == to_int(ExitCode::deadline)) {
    return verdict_of(Cause::timeout, "the deadline passed");
  }
  const std::string& said = end.last_error_line;
  return verdict_of(code == to_int(ExitCode::failed) ? Cause::assertion : Cause::host,
                    said.empty() ? end.status.text() : said);
}

} // namespace qt
