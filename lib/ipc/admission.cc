#include "ipc/admission.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "os/event_loop.hh"
#include "os/file.hh"
#include "os/file_lock.hh"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace qt {

namespace {

constexpr std::string_view k_wait = "wait";
constexpr std::string_view k_run = "run";

// Held while the pool is looked at or changed: for microseconds. One that holds it much longer was
// stopped; a blocking wait for it could not be given up.
UniqueFd lock_folder(const std::string& folder) {
  constexpr useconds_t k_pause_us = 2000;
  const Deadline limit = Deadline::after(std::chrono::seconds(10));
  UniqueFd lock = open_file(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EINTR && errno != EWOULDBLOCK) {
      throw errno_error(errno, "locking " + folder);
    }
    if (limit.expired()) {
      throw Error(format("locking {}: {} holds it and does not let go; end that, or let it go on",
                         folder, holder_of_lock(folder)));
    }
    ::usleep(k_pause_us);
  }
  return lock;
}

// What a pipe's name says; nothing if it is not one of ours.
struct Place {
  bool admitted = false;
  std::uint64_t number = 0;
  Demand demand;
};

std::optional<Place> parse_place(const std::string& name) {
  const std::vector<std::string> parts = split(name, '.');
  std::vector<std::uint64_t> numbers;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::optional<std::int64_t> number = parse_integer(parts[i]);
    if (!number || *number < 0) {
      return std::nullopt;
    }
    numbers.push_back(static_cast<std::uint64_t>(*number));
  }
  if (parts[0] == k_wait && numbers.size() == 1) {
    return Place{false, numbers[0], {}};
  }
  if (parts[0] == k_run && numbers.size() == 3) {
    return Place{true, numbers[0], {numbers[1], numbers[2]}};
  }
  return std::nullopt;
}

UniqueFd make_pipe_at(const std::string& path) {
  if (::mkfifo(path.c_str(), 0600) < 0) {
    throw errno_error(errno, "creating " + path);
  }
  return open_file(path, O_RDONLY | O_NONBLOCK);
}

// True if `folder` is there and is this user's alone.
bool is_safe(const std::string& folder) {
  struct stat status;
  return ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::geteuid() && (status.st_mode & 0022) == 0;
}

} // namespace

std::string AdmissionLimits::refusal(const Demand& demand) const {
  if (vms && demand.vms > *vms) {
    return format("needs {} machines at once; {} allows {}", demand.vms, k_max_vms_variable, *vms);
  }
  if (memory && demand.memory > *memory) {
    return format("needs {} MiB of memory; {} allows {} MiB", demand.memory >> 20,
                  k_max_memory_variable, *memory >> 20);
  }
  return "";
}

AdmissionLimits admission_limits() {
  AdmissionLimits limits;
  if (env::flag(k_admitted_variable)) {
    return limits;
  }
  const std::string vms = env::text(k_max_vms_variable);
  const std::string memory = env::text(k_max_memory_variable);
  if (!vms.empty()) {
    const std::optional<std::int64_t> number = parse_integer(vms);
    if (!number || *number < 1) {
      throw Error(
          format("{}='{}': expected a number of machines, at least 1", k_max_vms_variable, vms),
          ExitCode::usage);
    }
    limits.vms = static_cast<std::uint64_t>(*number);
  }
  if (!memory.empty()) {
    limits.memory = parse_size(memory);
    if (!limits.memory) {
      throw Error(format("{}='{}': expected a size such as 16G", k_max_memory_variable, memory),
                  ExitCode::usage);
    }
  }
  return limits;
}

std::string admission_folder() {
  const std::string user = std::to_string(::geteuid());
  for (const std::string& base : {env::text("XDG_RUNTIME_DIR"), "/run/user/" + user}) {
    if (!base.empty() && is_safe(base)) {
      const std::string folder = base + "/qemu-test-admission";
      ::mkdir(folder.c_str(), 0700);
      if (is_safe(folder)) {
        return folder;
      }
    }
  }
  std::string folder = "/tmp/qemu-test-admission-" + user;
  if (::mkdir(folder.c_str(), 0700) < 0 && errno != EEXIST) {
    throw errno_error(errno, "making " + folder);
  }
  if (!is_safe(folder)) {
    throw Error(format("sharing the limits of this host: {} is not a folder of this user alone; "
                       "remove it or set XDG_RUNTIME_DIR",
                       folder));
  }
  return folder;
}

// Who lives in the pool, and what they use.
struct Admission::Pool {
  Demand used;
  std::vector<UniqueFd> ahead; // writing ends: of those admitted and those before us in the queue
  bool is_first = true;
  std::uint64_t highest = 0;

  // Sweeps up what the dead have left. Those admitted before `number` was given are ahead as well.
  Pool(const std::string& folder, std::uint64_t number) {
    DIR* const stream = ::opendir(folder.c_str());
    if (stream == nullptr) {
      throw errno_error(errno, "reading " + folder);
    }
    while (const dirent* const entry = ::readdir(stream)) {
      const std::optional<Place> place = parse_place(entry->d_name);
      if (!place || (number != 0 && place->number == number)) {
        continue;
      }
      const std::string path = folder + "/" + entry->d_name;
      UniqueFd alive(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
      if (!alive) {
        if (errno == ENXIO) { // nobody reads: its process is dead
          ::unlink(path.c_str());
        }
        continue;
      }
      highest = std::max(highest, place->number);
      if (place->admitted) {
        used.vms += place->demand.vms;
        used.memory += place->demand.memory;
      }
      if (place->admitted || place->number < number) {
        is_first = is_first && place->admitted;
        ahead.push_back(std::move(alive));
      }
    }
    ::closedir(stream);
  }
};

Admission::Admission(const std::string& folder)
  : m_folder(folder) {
  const UniqueFd lock = lock_folder(m_folder);
  m_number = Pool(m_folder, 0).highest + 1;
  m_name = format("{}.{}", k_wait, m_number);
  m_pipe = make_pipe_at(path(m_name));
}

Admission::~Admission() { ::unlink(path(m_name).c_str()); }

void Admission::enter_locked(const Demand& demand) {
  const std::string name = format("{}.{}.{}.{}", k_run, m_number, demand.vms, demand.memory);
  UniqueFd pipe = make_pipe_at(path(name));
  ::unlink(path(m_name).c_str());
  m_name = name;
  m_pipe = std::move(pipe); // closing the former wakes those who stand after us
}

void Admission::enter(const Demand& demand) {
  const UniqueFd lock = lock_folder(m_folder);
  enter_locked(demand);
}

bool Admission::try_enter(const Demand& demand, const AdmissionLimits& limits, Pool& pool) {
  const bool fits = (!limits.vms || pool.used.vms + demand.vms <= *limits.vms) &&
                    (!limits.memory || pool.used.memory + demand.memory <= *limits.memory);
  if (!pool.is_first || !fits) {
    return false;
  }
  enter_locked(demand);
  return true;
}

bool Admission::wait(const Demand& demand, const AdmissionLimits& limits, int interrupt,
                     Deadline deadline) {
  for (;;) {
    UniqueFd lock = lock_folder(m_folder);
    Pool pool(m_folder, m_number);
    if (try_enter(demand, limits, pool)) {
      return true;
    }
    lock.reset();
    bool is_interrupted = false;
    EventLoop loop;
    std::vector<EventLoop::Registration> watched;
    watched.push_back(
        loop.watch(interrupt, [&is_interrupted](const pollfd&) { is_interrupted = true; }));
    for (const UniqueFd& other : pool.ahead) {
      const int fd = other.get();
      watched.push_back(loop.watch(
          [fd] {
            return pollfd{fd, 0, 0};
          },
          {})); // an error comes unasked
    }
    loop.turn(deadline);
    if (deadline.expired() || is_interrupted) {
      return false;
    }
  }
}

} // namespace qt
