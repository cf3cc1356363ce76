#include "qemu/idle_emulator.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/event_loop.hh"
#include "os/file.hh"
#include "qemu/machine.hh"

#include <array>
#include <fcntl.h>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace qt {

namespace {

constexpr Duration k_first_pause{50};

} // namespace

std::vector<std::string> only_machine(const std::string& machine) {
  return {"-machine", machine, "-accel", "tcg", "-accel", "qtest"};
}

IdleEmulator::IdleEmulator(const std::string& program, const std::vector<std::string>& arguments,
                           Duration limit)
  : m_program(program)
  , m_arguments(arguments)
  , m_deadline(Deadline::after(limit))
  , m_stderr(::memfd_create("stderr", MFD_CLOEXEC))
  , m_process(start()) {}

Process IdleEmulator::start() {
  FdPair pair = make_socket_pair();
  m_socket = std::move(pair.first);
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  SpawnOptions options;
  options.standard_input = null.get();
  options.standard_output = null.get();
  options.standard_error = m_stderr.get();
  options.keep = {pair.second.get()};
  options.descendants = SpawnOptions::Descendants::end_with_it;
  std::vector<std::string> argv = {m_program, "-nodefaults", "-display", "none", "-S"};
  argv.insert(argv.end(), m_arguments.begin(), m_arguments.end());
  for (const std::string& word :
       {std::string("-chardev"), format("socket,id=probe,fd={}", pair.second.get()),
        std::string("-qmp"), std::string("chardev:probe")}) {
    argv.push_back(word);
  }
  return Process::spawn(argv, options);
}

Json IdleEmulator::ask(const std::string& command, const Json& arguments) {
  for (Duration pause = k_first_pause;; pause *= 2) {
    try {
      return ask_once(command, arguments);
    } catch (const Error&) {
      if (!says_no_locked_memory(said()) || m_deadline.remaining() < pause) {
        throw;
      }
    }
    std::this_thread::sleep_for(pause);
    if (::ftruncate(m_stderr.get(), 0) < 0 || ::lseek(m_stderr.get(), 0, SEEK_SET) < 0) {
      throw errno_error(errno, "emptying what an emulator said");
    }
    m_qmp = Qmp();
    m_process = start();
  }
}

Json IdleEmulator::ask_once(const std::string& command, const Json& arguments) {
  const std::uint64_t id = m_qmp.execute(command, arguments);
  const std::string request = std::exchange(m_qmp.output(), {});
  for (std::string_view rest = request; !rest.empty();) {
    const IoCount sent = write_some(m_socket.get(), bytes_of(rest));
    if (sent.result == IoResult::ended) {
      break; // reading tells why
    }
    rest.remove_prefix(sent.count);
  }
  for (;;) {
    if (std::optional<Json> reply = m_qmp.take_reply(id)) {
      return std::move(*reply);
    }
    read_more();
  }
}

Json IdleEmulator::need(const std::string& command, const Json& arguments) {
  Json reply = ask(command, arguments);
  if (!reply.contains("return")) {
    throw failure(format("{}: {}", command, dump_json(reply)));
  }
  return std::move(reply["return"]);
}

void IdleEmulator::read_more() {
  EventLoop loop; // the time in which we were stopped does not count
  const auto answer = loop.watch(m_socket.get(), {});
  while (look_at(m_socket.get(), POLLIN) == 0) {
    if (m_deadline.expired()) {
      throw Error(format("asking {} what it can do: no answer in time", m_program),
                  ExitCode::deadline);
    }
    m_deadline = put_off(m_deadline, loop.turn(m_deadline).stopped);
  }
  std::array<std::byte, 65536> chunk;
  const IoCount got = read_some(m_socket.get(), chunk);
  if (got.result == IoResult::ended) {
    const std::optional<ExitStatus> status = m_process.wait(m_deadline);
    throw failure(status ? "it " + status->text() : "its monitor is closed");
  }
  try {
    m_qmp.feed(text_of(std::span(chunk).first(got.count)));
  } catch (const Error& error) {
    throw failure(error.what());
  }
}

std::string IdleEmulator::said() const {
  std::string text(4096, '\0');
  const ssize_t count = ::pread(m_stderr.get(), text.data(), text.size(), 0);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

Error IdleEmulator::failure(const std::string& what) const {
  const std::vector<std::string> last = last_lines(said(), 1);
  return Error(format("asking {} what it can do: {}{}{}", m_program, what, last.empty() ? "" : ": ",
                      last.empty() ? "" : last[0]));
}

} // namespace qt
