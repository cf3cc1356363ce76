// A real HTTP/1.1 server on 127.0.0.1, on a port of its own, that misbehaves on request: one thread
// per connection, keep-alive, ranges. What happens is set per path and can be changed while it
// runs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace qt::support {

struct Behaviour {
  std::string body = {};
  int status = 200;
  std::string etag = {};                 // with its quotes
  std::vector<std::string> headers = {}; // further lines, without line end
  enum class Ranges {
    ignored,     // always the whole, status 200
    right,       // 206, If-Range honoured
    wrong,       // 206 with the start of the file, labelled as such
    mislabelled, // 206 labelled as asked, with bytes of another place
    refused,     // 416
  };
  Ranges ranges = Ranges::right;

  // The first `fail_times` requests for the path get this instead.
  int fail_times = 0;
  int fail_status = 500;
  std::vector<std::string> fail_headers = {};

  // The first `cut_times` answers break off after this many body bytes.
  std::optional<std::size_t> cut_after = {};
  int cut_times = 1 << 30;
  enum class Cut { close, reset, hold };
  // hold: stay silent with the connection open until release() or the other side leaves
  Cut cut = Cut::close;
};

class FaultServer {
public:
  // Listens at once. Throws std::system_error.
  FaultServer();
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  int port() const { return m_port; }
  // "http://127.0.0.1:PORT" + path
  std::string url(const std::string& path) const;

  // Paths that nobody set give 404.
  void set(const std::string& path, Behaviour behaviour);

  struct Request {
    std::string range; // of the header; empty if there was none
    std::string if_range;
    std::string accept_encoding;
    std::string authorization;
    int status = 0;              // what was answered
    std::uint64_t body_sent = 0; // bytes given to the kernel
  };
  std::vector<Request> requests(const std::string& path) const;
  std::size_t connections() const;
  // Blocks until an answer for `path` is being held.
  void wait_until_held(const std::string& path);
  // Lets held answers end (their connections are closed).
  void release();

private:
  struct Connection;
  void accept_loop();
  void serve(int fd);
  bool answer(int fd, const std::string& head);
  bool send_all(int fd, std::string_view bytes) const;

  int m_listener = -1;
  int m_port = 0;
  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::map<std::string, Behaviour> m_behaviours;
  std::map<std::string, std::vector<Request>> m_requests;
  std::map<std::string, int> m_held;
  std::list<int> m_open; // sockets of running connections
  std::size_t m_connections = 0;
  bool m_released = false;
  bool m_stopping = false;
  std::thread m_acceptor;
  std::vector<std::thread> m_threads;
};

} // namespace qt::support
