#include "boot/services.hh"

#include "base/format.hh"

#include <csignal>

namespace qt {

namespace {

constexpr Duration k_before_qemu{500};

// Waits for its end, without which nobody would take what it says.
std::optional<ExitStatus> last_words_of(Service& service, Deadline deadline) {
  EventLoop loop;
  const auto output = loop.watch(*service.output);
  const auto ended = loop.watch(service.process.exit_fd(), {});
  while (!service.process.poll() && !deadline.expired()) {
    loop.turn(deadline);
  }
  return service.process.poll();
}

} // namespace

void Services::register_with(EventLoop& loop, std::function<bool()> needed) {
  m_needed = std::move(needed);
  for (Service& service : m_services) {
    m_watched.push_back(loop.watch(*service.output));
    m_watched.push_back(loop.watch(
        [this, fd = service.process.exit_fd()] {
          return pollfd{m_failure.empty() && m_needed() ? fd : -1, POLLIN, 0};
        },
        [this](const pollfd&) { check(); }));
  }
}

// QEMU may have been asked to end in the same turn.
void Services::check() {
  if (!m_needed()) {
    return;
  }
  for (Service& service : m_services) {
    const std::optional<ExitStatus> status = service.process.poll();
    if (status && m_failure.empty()) {
      m_failure = format("{} {} while QEMU was running", service.name, status->text());
      m_log.write(m_failure);
      m_deadline = Deadline::after(k_before_qemu);
    }
  }
}

void Services::qemu_ended() {
  if (!m_deadline.is_never()) {
    m_deadline = Deadline::never();
    m_failure.clear();
  }
}

bool Services::take_failed() {
  const bool failed = m_deadline.expired();
  if (failed) {
    m_deadline = Deadline::never();
  }
  return failed;
}

void Services::end(Deadline deadline) {
  m_watched.clear();
  for (Service& service : m_services) {
    service.process.send_signal(SIGTERM);
  }
  for (Service& service : m_services) {
    const std::optional<ExitStatus> status = last_words_of(service, deadline);
    m_log.write(
        format("{} {}", service.name, status ? status->text() : "does not end; killing it"));
    service.process.send_signal(SIGKILL);
    last_words_of(service, Deadline::never());
    service.output->finish();
  }
  m_services.clear();
}

} // namespace qt
