#include "reservation.hh"

#include "error.hh"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <netinet/in.h>
#include <random>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr int k_first_port = 61000; // ip_local_port_range ends at 60999
constexpr int k_last_port = 65535;

// One folder for all users: anyone may add a lock file and lock those that are there.
std::string lock_folder() {
  const char* const temporary = std::getenv("TMPDIR");
  std::string folder =
      std::string(temporary != nullptr && *temporary != '\0' ? temporary : "/tmp") +
      "/qemu-test-ports";
  if (::mkdir(folder.c_str(), 01777) == 0) {
    ::chmod(folder.c_str(), 01777); // whatever the umask
  } else if (errno != EEXIST) {
    throw errno_error(errno, "making " + folder);
  }
  return folder;
}

// Whether nobody listens on the port now, on any address.
bool is_free(int port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Nothing if another process has the port, or another user its file.
std::optional<FileLock> lock_port(const std::string& folder, int port) {
  const std::string path = format("{}/{}", folder, port);
  try {
    std::optional<FileLock> lock = FileLock::acquire(path, FileLock::Wait::no);
    ::chmod(path.c_str(), 0666);
    return lock;
  } catch (const Error&) {
    return std::nullopt;
  }
}

} // namespace

Reservation::~Reservation() {
  try {
    if (!m_socket_folder.empty()) {
      remove_tree(m_socket_folder);
    }
  } catch (const Error&) {
    // it is the temporary folder's to keep
  }
}

int Reservation::port(const std::string& name) {
  const auto known = m_ports.find(name);
  if (known != m_ports.end()) {
    return known->second.number;
  }
  const std::string folder = lock_folder();
  constexpr int k_count = k_last_port - k_first_port + 1;
  const int start = static_cast<int>(std::random_device()() % k_count);
  for (int i = 0; i < k_count; ++i) {
    const int number = k_first_port + (start + i) % k_count;
    std::optional<FileLock> lock = lock_port(folder, number);
    if (lock && is_free(number)) {
      m_ports.emplace(name, Port{number, std::move(*lock)});
      return number;
    }
  }
  throw Error(format("reserving the port '{}': none is free from {} to {}", name, k_first_port,
                     k_last_port));
}

const std::string& Reservation::socket_folder() {
  if (m_socket_folder.empty()) {
    // Not $TMPDIR: a socket's path must be shorter than 108 bytes.
    std::string folder = "/tmp/qt-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) {
      throw errno_error(errno, "making a folder for sockets in /tmp");
    }
    m_socket_folder = folder;
  }
  return m_socket_folder;
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
