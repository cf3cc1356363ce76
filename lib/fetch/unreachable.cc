#include "fetch/unreachable.hh"

#include "base/environment.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "data/url.hh"
#include "os/fd.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <ctime>
#include <fcntl.h>
#include <functional>
#include <ifaddrs.h>
#include <initializer_list>
#include <memory>
#include <net/if.h>
#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace qt {

namespace {

std::string first_set(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = env::text(name); !value.empty()) {
      return value;
    }
  }
  return "";
}

// Upper case does not count for http: a CGI program's caller may set HTTP_PROXY.
std::string variable_for(std::string_view url) {
  if (lower_case(url.substr(0, 8)) == "https://") {
    return first_set({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  }
  return lower_case(url.substr(0, 7)) == "http://"
             ? first_set({"http_proxy", "all_proxy", "ALL_PROXY"})
             : "";
}

bool is_address(std::string_view host) {
  return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// Whether `host` is, or is below, a name of no_proxy; true too where only libcurl can tell.
bool is_exempt(std::string_view host, std::string list) {
  if (list == "*") {
    return true;
  }
  std::replace(list.begin(), list.end(), ',', ' ');
  for (const std::string& entry : split(list, ' ')) {
    std::string_view name = entry;
    if (name.find('/') != std::string_view::npos && is_address(host)) {
      return true;
    }
    name.remove_prefix(name.starts_with('.') ? 1 : 0);
    name.remove_suffix(name.ends_with('.') ? 1 : 0);
    const bool ends = !name.empty() && host.ends_with(lower_case(name));
    if (ends && (host.size() == name.size() ||
                 (!is_address(host) && host[host.size() - name.size() - 1] == '.'))) {
      return true;
    }
  }
  return false;
}

constexpr std::string_view k_version = "1";
constexpr std::chrono::seconds k_remembered{60};
constexpr off_t k_largest_record = 64 << 10;
constexpr std::size_t k_longest_why = 300;

std::chrono::seconds since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec);
}

std::string addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) < 0) {
    return "";
  }
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::vector<std::string> lines;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const int family = entry->ifa_addr != nullptr ? entry->ifa_addr->sa_family : AF_UNSPEC;
    if ((family != AF_INET && family != AF_INET6) || (entry->ifa_flags & IFF_UP) == 0) {
      continue;
    }
    std::array<char, NI_MAXHOST> text{};
    const auto size =
        static_cast<socklen_t>(family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    ::getnameinfo(entry->ifa_addr, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
    lines.push_back(format("{} {}", entry->ifa_name, text.data()));
  }
  std::sort(lines.begin(), lines.end());
  return join(lines, "\n");
}

// What the network looks like from here. Never shown: proxies may have passwords.
std::string network_marks() {
  std::string marks = addresses();
  for (const char* path : {"/proc/sys/kernel/random/boot_id", "/proc/net/route"}) {
    marks += read_small_file(path, Writer::trusted).value_or("") + "\n";
  }
  marks += read_file_if_exists("/etc/resolv.conf").value_or("") + "\n";
  std::array<char, 64> name_space{};
  static_cast<void>(::readlink("/proc/self/ns/net", name_space.data(), name_space.size() - 1));
  marks += name_space.data();
  for (const char* variable : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                               "no_proxy", "NO_PROXY"}) {
    marks += "\n" + env::text(variable);
  }
  return marks;
}

const std::string& network() {
  static const std::string number =
      format("{:016x}", static_cast<std::uint64_t>(std::hash<std::string>()(network_marks())));
  return number;
}

bool is_ours(int fd) {
  struct stat status;
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
         status.st_nlink == 1;
}

} // namespace

UnreachableHosts::UnreachableHosts(std::string path, Others others)
  : m_path(std::move(path))
  , m_others(others) {}

void UnreachableHosts::add(const std::string& host, const std::string& why, How how, For whom) {
  {
    const std::lock_guard guard(m_mutex);
    if (!m_own.emplace(host, Find{how, why, {}}).second || whom == For::this_run) {
      return;
    }
  }
  append(how == How::silent ? "silent" : "down", host, why);
}

void UnreachableHosts::reached(const std::string& host) {
  {
    const std::lock_guard guard(m_mutex);
    m_any_reached = true;
  }
  const std::map<std::string, Find> finds = finds_of_others();
  const bool silence = std::any_of(finds.begin(), finds.end(),
                                   [](const auto& find) { return find.second.how == How::silent; });
  if (silence || finds.contains(host)) {
    append("up", host, "");
  }
}

UnreachableHosts::Advice UnreachableHosts::advice(const std::string& host) const {
  {
    const std::lock_guard guard(m_mutex);
    if (const auto own = m_own.find(host); own != m_own.end()) {
      return {Advice::Ask::no, format("{} could not be reached before: {}", host, own->second.why)};
    }
  }
  const std::map<std::string, Find> finds =
      m_others == Others::believed ? finds_of_others() : std::map<std::string, Find>();
  const auto find = finds.find(host);
  if (find == finds.end()) {
    return {};
  }
  const Find& known = find->second;
  if (known.how == How::down) {
    return {Advice::Ask::briefly, format("{} was asked once and briefly, for it could not be "
                                         "reached {}s ago",
                                         host, known.age.count())};
  }
  return {Advice::Ask::no,
          format("{} could not be reached {}s ago: {}; it is asked again in {}s, or at once if you "
                 "remove {}",
                 host, known.age.count(), known.why, (k_remembered - known.age).count(), m_path)};
}

std::size_t UnreachableHosts::silent_hosts() const {
  std::map<std::string, Find> finds;
  if (m_others == Others::believed) {
    finds = finds_of_others();
  }
  const std::lock_guard guard(m_mutex);
  finds.insert(m_own.begin(), m_own.end());
  const auto silent = std::count_if(
      finds.begin(), finds.end(), [](const auto& find) { return find.second.how == How::silent; });
  return m_any_reached ? 0 : static_cast<std::size_t>(silent);
}

// An answer of any host is news of the network: what was silent before it does not count as that.
std::map<std::string, UnreachableHosts::Find> UnreachableHosts::finds_of_others() const {
  std::map<std::string, Find> finds;
  if (m_path.empty()) {
    return finds;
  }
  const std::chrono::seconds now = since_boot();
  for (const std::string& line :
       split(read_small_file(m_path, Writer::trusted).value_or(""), '\n')) {
    const std::vector<std::string> words = split(line, ' ');
    if (words.size() < 6 || words[0] != k_version || words[1] != network()) {
      continue;
    }
    const std::chrono::seconds age =
        now - std::chrono::seconds(parse_integer(words[2]).value_or(0));
    if (age.count() < 0 || age >= k_remembered) {
      continue;
    }
    if (words[3] == "up") {
      finds.erase(words[4]);
      for (auto& [host, find] : finds) {
        find.how = How::down;
      }
    } else {
      const std::size_t start = words[0].size() + words[1].size() + words[2].size() +
                                words[3].size() + words[4].size() + 5;
      finds[words[4]] = {words[3] == "silent" ? How::silent : How::down, line.substr(start), age};
    }
  }
  return finds;
}

// One write to the end of the file: neighbours do not mix. Best effort.
void UnreachableHosts::append(const char* kind, const std::string& host,
                              const std::string& why) const {
  if (m_path.empty() || host.empty() || host.find_first_of(" \n") != std::string::npos) {
    return;
  }
  const UniqueFd fd(::open(
      m_path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  struct stat status;
  if (!fd || !is_ours(fd.get()) || ::fstat(fd.get(), &status) < 0) {
    return;
  }
  const bool others_may_write = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  if ((others_may_write || status.st_size > k_largest_record / 2) &&
      (::ftruncate(fd.get(), 0) < 0 || ::fchmod(fd.get(), 0600) < 0)) {
    return;
  }
  const std::string line = format("{} {} {} {} {} {}\n", k_version, network(), since_boot().count(),
                                  kind, host, escape_for_display(why.substr(0, k_longest_why)));
  static_cast<void>(!::write(fd.get(), line.data(), line.size()));
}

std::string proxy_of(std::string_view url) {
  const std::string value = variable_for(url);
  if (value.empty() || is_loopback(url)) {
    return "";
  }
  std::string host = host_of(url);
  const std::size_t port = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  host = host.substr(0, port);
  if (is_exempt(host, first_set({"no_proxy", "NO_PROXY"}))) {
    return "";
  }
  return host_of(value.find("://") == std::string::npos ? "http://" + value : value);
}

} // namespace qt
