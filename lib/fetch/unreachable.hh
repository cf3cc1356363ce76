// Hosts that could not be reached of late, so that one that is down, or a network that is, does not
// cost each file of each program its time-out; and the proxies by which hosts are reached.
//
// Of its own run a program believes it to the end. What others found counts for a minute: a host
// that did not answer is left alone, one that refused or had no name is asked once, briefly, for
// that costs nothing where nobody answers, and it may be back. They leave it in a file beside the
// cache, "unreachable-UID", a line for each find, the last of a host counts:
//
//   1 NETWORK SECONDS down|silent|up HOST WHY
//
// SECONDS since the host started; NETWORK is a number that stands for what this process sees of the
// network: run of the kernel, network namespace, addresses, routes, name servers, proxies. In
// another container, after a cable was plugged in or a proxy set, another number counts, and
// everything is asked anew. A file that is not this user's own regular file, or cannot be written,
// counts as empty. Removing it is always right.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace qt {

// May be used by several threads at once.
class UnreachableHosts {
public:
  // Whether the finds of other runs are believed.
  enum class Others { believed, asked_again };

  // `path`: of the record; empty: neither read nor written.
  explicit UnreachableHosts(std::string path = "", Others others = Others::believed);

  enum class How {
    down,   // somebody says so: no such name, connection refused
    silent, // no answer within the time
  };
  enum class For { this_run, all };
  void add(const std::string& host, const std::string& why, How how, For whom);
  // The host, or proxy, has answered: takes back what others found, also about the network.
  void reached(const std::string& host);

  struct Advice {
    enum class Ask { freely, briefly, no } ask = Ask::freely;
    std::string why; // not, and until when
  };
  Advice advice(const std::string& host) const;
  // How many hosts were silent while none has answered; the more, the less a wait for one more is
  // worth.
  std::size_t silent_hosts() const;

private:
  struct Find {
    How how = How::down;
    std::string why;
    std::chrono::seconds age{};
  };
  std::map<std::string, Find> finds_of_others() const;
  void append(const char* kind, const std::string& host, const std::string& why) const;

  const std::string m_path;
  const Others m_others;
  mutable std::mutex m_mutex; // of what follows
  std::map<std::string, Find> m_own;
  bool m_any_reached = false;
};

// Which proxy libcurl uses for a URL. libcurl decides that by itself (curl(1), ENVIRONMENT); this
// follows its rules, to name the proxy in messages and to know who is down when nobody answers.
//
// "HOST:PORT" or "HOST" as the variable of the URL's scheme says, in lower case, without scheme,
// user and password. Empty if there is none, if no_proxy or a loopback address exempts the URL, or
// if it cannot be told: networks ("10.0.0.0/8") in no_proxy are libcurl's business.
std::string proxy_of(std::string_view url);

} // namespace qt
