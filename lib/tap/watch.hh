// Files that a run depends on, and whether they have changed (--watch). They are looked at four
// times a second: editors and linkers write them in many ways, to which what the kernel tells of a
// folder (inotify) would have to be fitted, and there are few of them.
#pragma once

#include "tap/scene.hh"
#include "tap/selection.hh"
#include "tap/stage.hh"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

namespace qt {

// The emulators of the subtests' machines.
std::set<std::string> emulators_of(std::span<const Selected> selected, const RunSettings& settings);

class Watch {
public:
  // From now on a change of one of `files` counts; what is watched already counts since it was.
  // They need not be there.
  void add(const std::set<std::string>& files);
  std::size_t count() const noexcept { return m_known.size(); }

  // Waits until a file is another one than before: by its size, its time or, where it was replaced,
  // by its number; and then until all stay as they are for a moment, and those that were there are
  // there. Gives that file, and forgets all of them. Nothing if this program is to end before that.
  std::optional<std::string> wait(const EndRequest& request);

private:
  using Look = std::array<std::int64_t, 4>; // device, number, size, time; 0 if it is not there

  static Look look_at_file(const std::string& path);

  std::map<std::string, Look> m_known;
};

} // namespace qt
