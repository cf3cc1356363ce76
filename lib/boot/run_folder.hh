// Where the files of one run of qt-boot go: the folder that the user names, that of the chain, or a
// new one, which is kept only if there is something to see in it.
#pragma once

#include <string>

namespace qt {

class RunFolder {
public:
  // `wanted`: empty for that of the chain ($QEMU_TEST_RUN_DIR), else a new one under $TMPDIR. The
  // outermost qt-boot of a chain clears away what an earlier run has judged. Throws Error.
  explicit RunFolder(const std::string& wanted);

  const std::string& path() const { return m_path; } // absolute

  // Whether the run's files tell anything.
  enum class Interest { none, some };
  // Removes a folder of our own without interest, unless people want to see it; names it otherwise.
  void finish(Interest interest) const;

private:
  std::string m_path;
  bool m_own = false;
};

} // namespace qt
