#include "monitor.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "ipc/run_dir.hh"
#include "os/fd.hh"

#include <array>
#include <cstdlib>
#include <poll.h>
#include <utility>

namespace qt::support {

Monitor::Monitor(const std::string& vm)
  : m_vm(vm) {
  const char* const named = std::getenv(k_vms_variable);
  const std::vector<VmChannels> vms = parse_vms(named != nullptr ? named : "");
  for (const VmChannels& candidate : vms) {
    if (candidate.name == vm || (vm.empty() && vms.size() == 1)) {
      m_vm = candidate.name;
      m_fd = candidate.qmp;
    }
  }
  if (m_fd < 0) {
    throw Error(format("{} names no monitor of {}; run this as a step", k_vms_variable,
                       vm.empty() ? "one machine" : format("the machine '{}'", vm)),
                ExitCode::usage);
  }
}

Json Monitor::ask(const std::string& command, const Json& arguments) {
  const std::uint64_t id = m_qmp.execute(command, arguments);
  write_all(m_fd, std::exchange(m_qmp.output(), {}), "the monitor");
  for (;;) {
    if (std::optional<Json> reply = m_qmp.take_reply(id)) {
      if (!reply->contains("return")) {
        throw Error(format("asking '{}' of {}: {}", command, m_vm, dump_json(reply->at("error"))));
      }
      return std::move((*reply)["return"]);
    }
    pollfd readable = {m_fd, POLLIN, 0}; // the descriptor may be in non-blocking mode
    ::poll(&readable, 1, -1);
    std::array<std::byte, 65536> chunk;
    const IoCount got = read_some(m_fd, chunk);
    if (got.result == IoResult::ended) {
      throw Error(format("asking '{}': the monitor of {} is closed", command, m_vm));
    }
    m_qmp.feed(text_of(std::span(chunk).first(got.count)));
  }
}

} // namespace qt::support
