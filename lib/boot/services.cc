#include "boot/services.hh"

#include "base/format.hh"

#include <csignal>

namespace qt {

namespace {

constexpr Duration k_before_qemu{500};

// Waits for its end, without which nobody would take what it says.
std::optional<ExitStatus> last_words_of(Service& service, Deadline deadline) {
  while (!service.process.poll() && !deadline.expired()) {
    pollfd polled[] = {service.output->interest(), {service.process.exit_fd(), POLLIN, 0}};
    if (::poll(polled, 2, deadline.poll_timeout()) > 0) {
      service.output->handle(polled[0]);
    }
  }
  return service.process.poll();
}

} // namespace

void Services::add_polls(std::vector<pollfd>& polled) const {
  if (m_failure.empty()) {
    for (const Service& service : m_services) {
      polled.push_back({service.process.exit_fd(), POLLIN, 0});
    }
  }
}

void Services::add_output_polls(std::vector<pollfd>& polled) const {
  for (const Service& service : m_services) {
    polled.push_back(service.output->interest());
  }
}

void Services::handle_output(std::span<const pollfd> polled) {
  for (std::size_t i = 0; i < m_services.size() && i < polled.size(); ++i) {
    m_services[i].output->handle(polled[i]);
  }
}

void Services::check() {
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
