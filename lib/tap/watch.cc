#include "tap/watch.hh"

#include "os/event_loop.hh"
#include "os/file.hh"

#include <sys/stat.h>

namespace qt {

namespace {

constexpr Duration k_between_looks(250);

} // namespace

std::set<std::string> emulators_of(std::span<const Selected> selected,
                                   const RunSettings& settings) {
  std::set<std::string> files;
  const auto add = [&files](const Emulator& emulator) {
    const bool is_path = emulator.wanted.find('/') != std::string::npos;
    if (!emulator.program.empty() || is_path) { // it may come later
      files.insert(emulator.program.empty() ? emulator.wanted : emulator.program);
    }
  };
  for (const Selected& test : selected) {
    for (const Phase& phase : test.subtest->phases) {
      for (const Vm& vm : phase.vms) {
        add(emulator_of(*test.definition, &vm, settings));
      }
    }
  }
  return files;
}

Watch::Look Watch::look_at_file(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) < 0) {
    return {};
  }
  return {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
          static_cast<std::int64_t>(status.st_size), nanoseconds(status.st_mtim)};
}

void Watch::add(const std::set<std::string>& files) {
  for (const std::string& file : files) {
    m_known.try_emplace(file, look_at_file(file));
  }
}

std::optional<std::string> Watch::wait(const EndRequest& request) {
  std::map<std::string, Look> last = m_known;
  std::string changed;
  while (!request.received()) {
    wait_for(request.fd(), POLLIN, Deadline::after(k_between_looks));
    bool is_settled = true;
    for (auto& [file, look] : last) {
      const Look now = look_at_file(file);
      const Look& known = m_known.at(file);
      is_settled = is_settled && now == look && (now != Look() || known == Look());
      changed = changed.empty() && now != known ? file : changed;
      look = now;
    }
    if (!changed.empty() && is_settled) {
      m_known.clear();
      return changed;
    }
  }
  return std::nullopt;
}

} // namespace qt
