#include "fault_server.hh"

#include "format.hh"
#include "text.hh"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
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

FaultServer::FaultServer() {
  m_listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
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
  return format("http://127.0.0.1:{}{}", m_port, path);
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
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
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
  std::string input;
  for (;;) {
    std::size_t end;
    while ((end = input.find("\r\n\r\n")) == std::string::npos) {
      char buffer[4096];
      const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
      if (count <= 0) {
        break;
      }
      input.append(buffer, static_cast<std::size_t>(count));
    }
    if (end == std::string::npos || !answer(fd, input.substr(0, end))) {
      break;
    }
    input.erase(0, end + 4);
  }
  const std::lock_guard guard(m_mutex);
  m_open.remove(fd);
  ::close(fd);
}

bool FaultServer::send_all(int fd, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// Answers one request; false if the connection is of no more use.
bool FaultServer::answer(int fd, const std::string& head) {
  const std::vector<std::string> words = split(head.substr(0, head.find('\r')), ' ');
  const std::string path = words.size() > 1 ? words[1] : "";
  Request request;
  request.range = header(head, "Range");
  request.if_range = header(head, "If-Range");
  request.accept_encoding = header(head, "Accept-Encoding");
  request.authorization = header(head, "Authorization");

  Behaviour behaviour;
  behaviour.status = 404;
  bool cut = false;
  std::size_t index;
  {
    const std::lock_guard guard(m_mutex);
    if (const auto found = m_behaviours.find(path); found != m_behaviours.end()) {
      behaviour = found->second;
      if (found->second.fail_times > 0) {
        --found->second.fail_times;
        behaviour.status = behaviour.fail_status;
        behaviour.headers = behaviour.fail_headers;
      } else if (behaviour.cut_after && found->second.cut_times > 0) {
        --found->second.cut_times;
        cut = true;
      }
    }
    m_requests[path].push_back(request);
    index = m_requests[path].size() - 1;
  }

  std::string_view body = behaviour.body;
  std::string extra;
  const bool condition_holds = request.if_range.empty() || request.if_range == behaviour.etag;
  if (behaviour.status == 200 && request.range.starts_with("bytes=") && condition_holds &&
      behaviour.ranges != Behaviour::Ranges::ignored) {
    const std::size_t asked = static_cast<std::size_t>(std::stoull(request.range.substr(6)));
    if (behaviour.ranges == Behaviour::Ranges::refused || asked >= body.size()) {
      behaviour.status = 416;
      extra = format("Content-Range: bytes */{}\r\n", body.size());
    } else {
      const bool wrong = behaviour.ranges == Behaviour::Ranges::wrong;
      const std::size_t from = wrong ? 0 : asked;
      behaviour.status = 206;
      extra = format("Content-Range: bytes {}-{}/{}\r\n", from, body.size() - 1, body.size());
      body = behaviour.ranges == Behaviour::Ranges::mislabelled
                 ? body.substr(0, body.size() - asked)
                 : body.substr(from);
    }
  }
  const bool has_content = behaviour.status == 200 || behaviour.status == 206;
  if (behaviour.status == 204 || behaviour.status == 304) {
    body = {}; // these have none, and what is sent would be taken for the next answer
  } else if (!has_content) {
    body = "an error page that must never become an asset\n";
  }
  std::string text = format("HTTP/1.1 {} status\r\nContent-Length: {}\r\n{}", behaviour.status,
                            body.size(), extra);
  if (!behaviour.etag.empty()) {
    text += format("ETag: {}\r\n", behaviour.etag);
  }
  for (const std::string& line : behaviour.headers) {
    text += line + "\r\n";
  }
  cut = cut && has_content && *behaviour.cut_after < body.size();
  if (cut) {
    body = body.substr(0, *behaviour.cut_after);
  }
  {
    const std::lock_guard guard(m_mutex);
    m_requests[path][index].status = behaviour.status;
    m_requests[path][index].body_sent = body.size();
  }
  if (!send_all(fd, text + "\r\n") || !send_all(fd, body)) {
    return false;
  }
  if (!cut) {
    return true;
  }
  if (behaviour.cut == Behaviour::Cut::reset) {
    const linger now{1, 0}; // closing sends RST
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  } else if (behaviour.cut == Behaviour::Cut::hold) {
    std::unique_lock lock(m_mutex);
    ++m_held[path];
    m_changed.notify_all();
    m_changed.wait(lock, [&] { return m_released || m_stopping; });
    --m_held[path];
  }
  return false;
}

} // namespace qt::support
