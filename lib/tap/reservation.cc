#include "tap/reservation.hh"

#include "base/error.hh"

#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <random>
#include <sys/socket.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr int k_first_port = 61000; // ip_local_port_range ends at 60999
constexpr int k_last_port = 65535;
constexpr std::size_t k_longest_folder = 75; // leaves 31 bytes for a socket's own name

sockaddr_in6 any_six(int port) {
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<std::uint16_t>(port));
  address.sin6_addr = in6addr_any;
  return address;
}

sockaddr_in any_four(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  return address;
}

template<typename Address>
bool bind_to(int fd, const Address& address) {
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// A socket (SOCK_STREAM: of TCP, SOCK_DGRAM: of UDP) on all addresses of the host, of IPv4 only
// where there is no IPv6; nothing if someone has the port on any of them.
UniqueFd bind_alone(int type, int port) {
  constexpr int k_no = 0;
  UniqueFd six(::socket(AF_INET6, type | SOCK_CLOEXEC, 0));
  if (six && ::setsockopt(six.get(), IPPROTO_IPV6, IPV6_V6ONLY, &k_no, sizeof k_no) == 0) {
    if (bind_to(six.get(), any_six(port))) {
      return six;
    }
    if (errno != EADDRNOTAVAIL) { // that says that IPv6 is switched off
      return {};
    }
  }
  UniqueFd four(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  return four && bind_to(four.get(), any_four(port)) ? std::move(four) : UniqueFd();
}

// Nothing if someone has the port.
UniqueFd hold(int port) {
  UniqueFd holder = bind_alone(SOCK_STREAM, port);
  constexpr int k_yes = 1;
  const bool is_ours =
      holder && bind_alone(SOCK_DGRAM, port) &&
      ::setsockopt(holder.get(), SOL_SOCKET, SO_REUSEADDR, &k_yes, sizeof k_yes) == 0;
  return is_ours ? std::move(holder) : UniqueFd();
}

} // namespace

int Reservation::port(const std::string& name) {
  const auto known = m_ports.find(name);
  if (known != m_ports.end()) {
    return known->second.number;
  }
  constexpr int k_count = k_last_port - k_first_port + 1;
  const int start = static_cast<int>(std::random_device()() % k_count);
  for (int i = 0; i < k_count; ++i) {
    const int number = k_first_port + (start + i) % k_count;
    if (UniqueFd holder = hold(number)) {
      m_ports.emplace(name, Port{number, std::move(holder)});
      return number;
    }
  }
  throw Error(format("reserving the port '{}': none is free from {} to {}", name, k_first_port,
                     k_last_port));
}

std::string Reservation::socket_folder(const std::string& folder) {
  if (folder.size() <= k_longest_folder && folder.find(',') == std::string::npos) {
    return folder;
  }
  if (!m_socket_folder) {
    m_socket_folder = open_file("/", O_PATH | O_DIRECTORY); // keeps the number
  }
  return format("/proc/{}/fd/{}", ::getpid(), m_socket_folder.get());
}

void Reservation::open_socket_folder(const std::string& folder) {
  const UniqueFd opened = m_socket_folder ? open_file(folder, O_PATH | O_DIRECTORY) : UniqueFd();
  if (opened && ::dup3(opened.get(), m_socket_folder.get(), O_CLOEXEC) < 0) {
    throw errno_error(errno, format("opening {}", folder));
  }
}

int Reservation::descriptor(const std::string& name) {
  const bool first = name.ends_with(".a");
  if (name.size() < 3 || (!first && !name.ends_with(".b"))) {
    throw Error(format("'${{fd.{}}}' does not say which end; expected ${{fd.{}.a}} or ${{fd.{}.b}}",
                       name, name, name),
                ExitCode::usage);
  }
  const auto [pair, is_new] = m_pairs.try_emplace(name.substr(0, name.size() - 2));
  if (is_new) {
    pair->second = make_socket_pair();
  }
  return first ? pair->second.first.get() : pair->second.second.get();
}

std::vector<int> Reservation::descriptors() const {
  std::vector<int> fds;
  for (const auto& [name, pair] : m_pairs) {
    fds.push_back(pair.first.get());
    fds.push_back(pair.second.get());
  }
  return fds;
}

} // namespace qt
