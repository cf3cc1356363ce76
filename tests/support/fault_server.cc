#include "fault_server.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "os/fd.hh"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace qt::support {

namespace {

std::string header(const std::string& head, std::string_view wanted) {
  for (const std::string& line : split(head, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos &&
        ::strcasecmp(line.substr(0, colon).c_str(), std::string(wanted).c_str()) == 0) {
      return std::string(trim(line.substr(colon + 1)));
    }
  }
  return "";
}

} // namespace

FaultServer::FaultServer(const TestAuthority* authority, int port)
  : m_authority(authority) {
  ::signal(SIGPIPE, SIG_IGN); // a client that has gone; sendfile(2) and OpenSSL know no flag for it
  m_listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = ::htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const int on = 1;
  ::setsockopt(m_listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (m_listener < 0 || ::bind(m_listener, generic, size) < 0 || ::listen(m_listener, 128) < 0 ||
      ::getsockname(m_listener, generic, &size) < 0) {
    throw std::system_error(errno, std::generic_category(), "fault server");
  }
  m_port = ::ntohs(address.sin_port);
  m_acceptor = std::thread([this] { accept_loop(); });
}

FaultServer::~FaultServer() {
  {
    const std::lock_guard guard(m_mutex);
    m_stopping = true;
    for (const int fd : m_open) {
      ::shutdown(fd, SHUT_RDWR);
    }
    m_changed.notify_all();
  }
  ::shutdown(m_listener, SHUT_RDWR);
  m_acceptor.join();
  for (std::thread& thread : m_threads) {
    thread.join();
  }
  ::close(m_listener);
}

std::string FaultServer::url(const std::string& path) const {
  return format("http{}://127.0.0.1:{}{}", m_authority != nullptr ? "s" : "", m_port, path);
}

void FaultServer::set(const std::string& path, Behaviour behaviour) {
  const std::lock_guard guard(m_mutex);
  m_behaviours[path] = std::move(behaviour);
}

std::vector<FaultServer::Request> FaultServer::requests(const std::string& path) const {
  const std::lock_guard guard(m_mutex);
  const auto found = m_requests.find(path);
  return found == m_requests.end() ? std::vector<Request>() : found->second;
}

std::map<std::string, std::size_t> FaultServer::counts() const {
  const std::lock_guard guard(m_mutex);
  std::map<std::string, std::size_t> counts;
  for (const auto& [path, requests] : m_requests) {
    counts[path] = requests.size();
  }
  return counts;
}

std::size_t FaultServer::connections() const {
  const std::lock_guard guard(m_mutex);
  return m_connections;
}

void FaultServer::wait_until_held(const std::string& path) {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [&] { return m_held[path] > 0; });
}

void FaultServer::release() {
  const std::lock_guard guard(m_mutex);
  m_released = true;
  m_changed.notify_all();
}

void FaultServer::accept_loop() {
  for (;;) {
    const int fd = ::accept4(m_listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) {
        continue;
      }
      return;
    }
    const std::lock_guard guard(m_mutex);
    if (m_stopping) {
      ::close(fd);
      return;
    }
    ++m_connections;
    m_open.push_back(fd);
    m_threads.emplace_back([this, fd] { serve(fd); });
  }
}

void FaultServer::serve(int fd) {
  Channel channel(fd, m_authority != nullptr ? m_authority->server() : nullptr);
  std::string input;
  for (;;) {
    std::size_t end;
    while ((end = input.find("\r\n\r\n")) == std::string::npos && channel.read(input)) {
    }
    if (end == std::string::npos || !answer(channel, input.substr(0, end))) {
      break;
    }
    input.erase(0, end + 4);
  }
  const std::lock_guard guard(m_mutex);
  m_open.remove(fd);
}

std::pair<Behaviour, bool> FaultServer::take_behaviour(const std::string& path) {
  const std::lock_guard guard(m_mutex);
  const auto found = m_behaviours.find(path);
  if (found == m_behaviours.end()) {
    return {Behaviour{.status = 404}, false};
  }
  Behaviour behaviour = found->second;
  if (found->second.fail_times > 0) {
    --found->second.fail_times;
    behaviour.status = behaviour.fail_status;
    behaviour.headers = behaviour.fail_headers;
  } else if (behaviour.cut_after && found->second.cut_times > 0) {
    --found->second.cut_times;
    return {behaviour, true};
  }
  return {behaviour, false};
}

bool FaultServer::send_body(Channel& channel, const Body& body, std::uint64_t bytes_per_second) {
  constexpr std::uint64_t k_steps_per_second = 20;
  const std::uint64_t step =
      bytes_per_second == 0 ? body.size : bytes_per_second / k_steps_per_second + 1;
  for (std::uint64_t at = 0; at < body.size; at += step) {
    const std::uint64_t size = std::min(step, body.size - at);
    if (!(body.file >= 0 ? channel.send_file(body.file, body.from + at, size)
                         : channel.write(body.text.substr(body.from + at, size)))) {
      return false;
    }
    std::unique_lock lock(m_mutex);
    if (bytes_per_second != 0 &&
        m_changed.wait_for(lock, std::chrono::milliseconds(1000 / k_steps_per_second),
                           [&] { return m_stopping; })) {
      return false;
    }
  }
  return true;
}

void FaultServer::hold(const std::string& path) {
  std::unique_lock lock(m_mutex);
  ++m_held[path];
  m_changed.notify_all();
  m_changed.wait(lock, [&] { return m_released || m_stopping; });
  --m_held[path];
}

// Answers one request; false if the connection is of no more use.
bool FaultServer::answer(Channel& channel, const std::string& head) {
  const std::vector<std::string> words = split(head.substr(0, head.find('\r')), ' ');
  const std::string path = words.size() > 1 ? words[1] : "";
  Request request;
  request.range = header(head, "Range");
  request.if_range = header(head, "If-Range");
  request.accept_encoding = header(head, "Accept-Encoding");
  request.authorization = header(head, "Authorization");
  request.proxy_authorization = header(head, "Proxy-Authorization");
  auto [behaviour, cut] = take_behaviour(path);
  std::size_t index;
  {
    const std::lock_guard guard(m_mutex);
    m_requests[path].push_back(request);
    index = m_requests[path].size() - 1;
  }
  const UniqueFd file(behaviour.file.empty() ? -1 : ::open(behaviour.file.c_str(), O_RDONLY));
  Body body{behaviour.body, file.get(), 0, behaviour.body.size()};
  if (file) {
    body.size = static_cast<std::uint64_t>(::lseek(file.get(), 0, SEEK_END));
  }

  std::string extra;
  const std::uint64_t whole = body.size;
  const bool condition_holds = request.if_range.empty() || request.if_range == behaviour.etag;
  if (behaviour.status == 200 && request.range.starts_with("bytes=") && condition_holds &&
      behaviour.ranges != Behaviour::Ranges::ignored) {
    const std::uint64_t asked = std::stoull(request.range.substr(6));
    if (behaviour.ranges == Behaviour::Ranges::refused || asked >= whole) {
      behaviour.status = 416;
      extra = format("Content-Range: bytes */{}\r\n", whole);
    } else {
      const bool wrong = behaviour.ranges == Behaviour::Ranges::wrong;
      const std::uint64_t from = wrong ? 0 : asked;
      behaviour.status = 206;
      extra = format("Content-Range: bytes {}-{}/{}\r\n", from, whole - 1, whole);
      body.from = behaviour.ranges == Behaviour::Ranges::mislabelled ? 0 : from;
      body.size = whole - from;
    }
  }
  const bool has_content = behaviour.status == 200 || behaviour.status == 206;
  if (behaviour.status == 204 || behaviour.status == 304) {
    body = {}; // these have none, and what is sent would be taken for the next answer
  } else if (!has_content) {
    body = {};
    body.text = "an error page that must never become an asset\n";
    body.size = body.text.size();
  }
  std::string text = format("HTTP/1.1 {} status\r\n{}", behaviour.status, extra) +
                     (behaviour.length_unknown ? "Connection: close\r\n"
                                               : format("Content-Length: {}\r\n", body.size));
  if (!behaviour.etag.empty()) {
    text += format("ETag: {}\r\n", behaviour.etag);
  }
  for (const std::string& line : behaviour.headers) {
    text += line + "\r\n";
  }
  cut = cut && has_content && *behaviour.cut_after < body.size;
  if (cut) {
    body.size = *behaviour.cut_after;
  }
  {
    const std::lock_guard guard(m_mutex);
    m_requests[path][index].status = behaviour.status;
    m_requests[path][index].body_sent = body.size;
  }
  if (!channel.write(text + "\r\n") || !send_body(channel, body, behaviour.bytes_per_second)) {
    return false;
  }
  if (cut && behaviour.cut == Behaviour::Cut::reset) {
    channel.reset_on_close();
  } else if (cut && behaviour.cut == Behaviour::Cut::hold) {
    hold(path);
  }
  return !cut && !behaviour.length_unknown;
}

} // namespace qt::support
