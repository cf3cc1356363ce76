#include "probe_session.hh"

#include "text.hh"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

namespace qt {

ProbeSession::ProbeSession(const std::string& program, const std::string& machine, Duration limit)
  : m_program(program)
  , m_deadline(Deadline::after(limit))
  , m_stderr(::memfd_create("stderr", MFD_CLOEXEC))
  , m_process(start(machine)) {
  const Json greeting = read_line();
  const Json* const version = json_at(greeting, "/QMP/version/qemu");
  if (version == nullptr) {
    throw failure("its monitor greets with something else");
  }
  m_version = format("{}.{}.{}", version->value("major", 0), version->value("minor", 0),
                     version->value("micro", 0));
  ask("qmp_capabilities");
}

Json ProbeSession::ask(const std::string& command, const Json& arguments) {
  write_all(m_socket.get(), dump_json({{"execute", command}, {"arguments", arguments}}) + "\n",
            m_program);
  Json reply;
  do {
    reply = read_line();
  } while (reply.contains("event"));
  return reply;
}

std::vector<std::string> ProbeSession::names(const std::string& command, const Json& arguments) {
  std::vector<std::string> names;
  const Json reply = ask(command, arguments);
  if (!reply.contains("return")) {
    throw failure(format("{}: {}", command, dump_json(reply)));
  }
  for (const Json& entry : reply["return"]) {
    names.push_back(entry.value("name", ""));
    if (entry.contains("alias")) {
      names.push_back(entry["alias"].get<std::string>());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Process ProbeSession::start(const std::string& machine) {
  FdPair pair = make_socket_pair();
  m_socket = std::move(pair.first);
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  SpawnOptions options;
  options.standard_input = null.get();
  options.standard_output = null.get();
  options.standard_error = m_stderr.get();
  options.keep = {pair.second.get()};
  return Process::spawn({m_program, "-machine", machine, "-S", "-nodefaults", "-display", "none",
                         "-chardev", format("socket,id=probe,fd={}", pair.second.get()), "-mon",
                         "chardev=probe,mode=control"},
                        options);
}

Json ProbeSession::read_line() {
  std::size_t end;
  while ((end = m_buffer.find('\n')) == std::string::npos) {
    pollfd entry = {m_socket.get(), POLLIN, 0};
    if (::poll(&entry, 1, m_deadline.poll_timeout()) == 0) {
      throw Error(format("asking {} what it can do: no answer in time", m_program),
                  ExitCode::deadline);
    }
    std::array<std::byte, 65536> chunk;
    const IoCount got = read_some(m_socket.get(), chunk);
    if (got.result == IoResult::ended) {
      const std::optional<ExitStatus> status = m_process.wait(m_deadline);
      throw failure(status ? "it " + status->text() : "its monitor is closed");
    }
    m_buffer += text_of(std::span(chunk).first(got.count));
  }
  const std::string line = m_buffer.substr(0, end);
  m_buffer.erase(0, end + 1);
  return parse_json(line, m_program);
}

Error ProbeSession::failure(const std::string& what) const {
  std::string said(4096, '\0');
  const ssize_t count = ::pread(m_stderr.get(), said.data(), said.size(), 0);
  said.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  const std::vector<std::string> last = last_lines(said, 1);
  return Error(format("asking {} what it can do: {}{}{}", m_program, what, last.empty() ? "" : ": ",
                      last.empty() ? "" : last[0]));
}

} // namespace qt
