#include "fake_guest.hh"

#include "base/error.hh"

#include <array>
#include <csignal>
#include <poll.h>

namespace qt::support {

namespace {

constexpr Duration k_limit{20000};

// The dialogue is over: ends the script quietly.
class DialogueGone : public Error {
public:
  using Error::Error;
};

// Reads until `heard` holds `text`, and takes it off with what stands before it.
std::string hear_until(int fd, std::string& heard, std::string_view text) {
  const Deadline deadline = Deadline::after(k_limit);
  for (;;) {
    const std::size_t found = heard.find(text);
    if (found != std::string::npos) {
      std::string taken = heard.substr(0, found + text.size());
      heard.erase(0, found + text.size());
      return taken;
    }
    pollfd entry = {fd, POLLIN, 0};
    if (::poll(&entry, 1, deadline.poll_timeout()) == 0) {
      throw Error(format("the fake guest did not hear '{}', only '{}'", text, heard));
    }
    std::array<std::byte, 4096> buffer;
    const IoCount got = read_some(fd, buffer);
    if (got.result != IoResult::done) {
      throw DialogueGone(
          format("the fake guest did not hear '{}' before the end, only '{}'", text, heard));
    }
    heard += text_of(std::span(buffer).first(got.count));
  }
}

void say_in_pieces(int fd, std::string_view bytes, std::size_t piece, Duration pause) {
  while (!bytes.empty()) {
    const IoCount said = write_some(fd, bytes_of(bytes.substr(0, piece)));
    if (said.result != IoResult::done) {
      throw DialogueGone("nobody listens to the fake guest any more");
    }
    bytes.remove_prefix(said.count);
    if (pause.count() > 0) {
      std::this_thread::sleep_for(pause);
    }
  }
}

} // namespace

FakeGuest::FakeGuest(Script script, std::string name, ExitChannel exit) {
  std::signal(SIGPIPE, SIG_IGN);
  FdPair console = make_socket_pair();
  FdPair monitor = make_socket_pair();
  FdPair ends = make_socket_pair();
  m_channels = {std::move(name), console.second.get(), monitor.second.get(), -1};
  m_console = std::move(console.first);
  m_their_console = std::move(console.second);
  m_monitor = std::move(monitor.first);
  m_their_monitor = std::move(monitor.second);
  if (exit == ExitChannel::yes) {
    m_channels.exit = ends.second.get();
    m_exit = std::move(ends.first);
    tell("settled");
    m_their_exit = std::move(ends.second);
  }
  m_thread = std::thread([this, script = std::move(script)] {
    try {
      script(*this);
    } catch (const DialogueGone&) {
    } catch (...) {
      m_failure = std::current_exception();
    }
    m_console.reset();
    m_monitor.reset();
    m_exit.reset();
  });
}

FakeGuest::~FakeGuest() {
  if (m_thread.joinable()) {
    give_away();
    m_thread.join();
  }
}

void FakeGuest::give_away() {
  m_their_console.reset();
  m_their_monitor.reset();
  m_their_exit.reset();
}

void FakeGuest::finish() {
  give_away();
  m_thread.join();
  if (m_failure) {
    std::rethrow_exception(m_failure);
  }
}

void FakeGuest::say(std::string_view bytes, std::size_t piece, Duration pause) {
  say_in_pieces(m_console.get(), bytes, piece, pause);
}

std::string FakeGuest::hear(std::string_view text) {
  return hear_until(m_console.get(), m_heard, text);
}

std::string FakeGuest::echo_line() {
  std::string line = hear("\r");
  line.pop_back();
  say(line + "\r\n");
  return line;
}

void FakeGuest::connect(int fd) {
  std::array<std::byte, 4096> buffer;
  for (;;) {
    pollfd ends[] = {{m_console.get(), POLLIN, 0}, {fd, POLLIN, 0}};
    if (::poll(ends, std::size(ends), Deadline::after(k_limit).poll_timeout()) <= 0) {
      throw Error("nobody says anything on the wire of the fake guest");
    }
    for (const bool typed : {true, false}) {
      if (ends[typed ? 0 : 1].revents == 0) {
        continue;
      }
      const IoCount got = read_some(typed ? m_console.get() : fd, buffer);
      if (got.result != IoResult::done) {
        return;
      }
      say_in_pieces(typed ? fd : m_console.get(), text_of(std::span(buffer).first(got.count)),
                    std::string_view::npos, Duration(0));
    }
  }
}

Json FakeGuest::hear_command() {
  if (!m_greeted) {
    m_greeted = true;
    monitor_say(R"({"QMP": {"version": {}, "capabilities": []}})"
                "\r\n");
  }
  for (;;) {
    Json command = parse_json(hear_until(m_monitor.get(), m_commands, "\n"), "the fake monitor");
    if (command.at("execute") != "qmp_capabilities") {
      return command;
    }
    answer(command, Json::object());
  }
}

void FakeGuest::answer(const Json& command, const Json& result) {
  monitor_say(dump_json({{"return", result}, {"id", command.at("id")}}) + "\r\n");
}

void FakeGuest::monitor_say(std::string_view bytes, std::size_t piece) {
  say_in_pieces(m_monitor.get(), bytes, piece, Duration(0));
}

std::string FakeGuest::hear_request() {
  std::string line;
  do {
    line = hear_until(m_exit.get(), m_requests, "\n");
    line.pop_back();
  } while (line == "events"); // what happens to it is for the script to tell
  return line;
}

void FakeGuest::tell(std::string_view line) {
  say_in_pieces(m_exit.get(), std::string(line) + "\n", std::string_view::npos, Duration(0));
}

void FakeGuest::tell_event(const std::string& name, const Json& data) {
  tell("event " + dump_json({{"event", name}, {"data", data}, {"seconds", 0.5}}));
}

void FakeGuest::end(std::string_view how) {
  m_monitor.reset();
  m_console.reset();
  tell(how);
}

} // namespace qt::support
