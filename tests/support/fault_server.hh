// A real HTTP/1.1 server on 127.0.0.1, on a port of its own, that misbehaves on request: one thread
// per connection, keep-alive, ranges, TLS if wanted. What happens is set per path and can be
// changed while it runs. fault_server_main.cc makes a program of it.
#pragma once

#include "channel.hh"
#include "test_authority.hh"

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace qt::support {

struct Behaviour {
  std::string body = {};
  std::string file = {}; // a path: its content is the body, sent without copying
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

  bool length_unknown = false;        // no Content-Length: the end of the connection is the end
  std::uint64_t bytes_per_second = 0; // about; 0: as fast as it goes

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
  // Listens at once. Speaks TLS with a certificate of `authority`, which outlives the server, if
  // there is one. `port`: 0 for any. Throws std::system_error.
  explicit FaultServer(const TestAuthority* authority = nullptr, int port = 0);
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  int port() const { return m_port; }
  // "http://127.0.0.1:PORT" + path, or "https://…"
  std::string url(const std::string& path) const;

  // Paths that nobody set give 404.
  void set(const std::string& path, Behaviour behaviour);

  struct Request {
    std::string range; // of the header; empty if there was none
    std::string if_range;
    std::string accept_encoding;
    std::string authorization;
    std::string proxy_authorization;
    int status = 0;              // what was answered
    std::uint64_t body_sent = 0; // bytes given to the kernel
  };
  std::vector<Request> requests(const std::string& path) const;
  // How many requests there were for each path.
  std::map<std::string, std::size_t> counts() const;
  std::size_t connections() const;
  // Blocks until an answer for `path` is being held.
  void wait_until_held(const std::string& path);
  // Lets held answers end (their connections are closed).
  void release();

private:
  struct Body { // of one answer: text, or a part of a file
    std::string_view text;
    int file = -1;
    std::uint64_t from = 0;
    std::uint64_t size = 0;
  };
  void accept_loop();
  void serve(int fd);
  bool answer(Channel& channel, const std::string& head);
  // What is to happen now, and whether the answer is to be cut.
  std::pair<Behaviour, bool> take_behaviour(const std::string& path);
  bool send_body(Channel& channel, const Body& body, std::uint64_t bytes_per_second);
  void hold(const std::string& path);

  const TestAuthority* m_authority;
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
