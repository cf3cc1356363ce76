#include "boot/last_bytes.hh"

namespace qt {

namespace {

constexpr Duration k_stuck{1000}; // takes nothing for that long

} // namespace

void LastBytes::begin(const ConsoleRelay& console) {
  m_forwarded = console.forwarded();
  m_deadline = Deadline::after(k_stuck);
}

LastBytes::Reader LastBytes::look(const ConsoleRelay& console) {
  if (console.all_forwarded()) {
    return Reader::satisfied;
  }
  if (!m_deadline.expired()) {
    return Reader::still_reading;
  }
  if (console.forwarded() == m_forwarded) {
    return Reader::stuck;
  }
  begin(console);
  return Reader::still_reading;
}

} // namespace qt
