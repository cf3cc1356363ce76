// Downloads beside QEMU's own framework, which knows nothing of our locks. It downloads to
// DIGEST.download, created exclusively, and renames that to DIGEST. One of its processes that finds
// such a file looks at it once a second: gone and DIGEST there, it is content; unchanged for 90 s,
// it takes it away and downloads itself (QEMU 10, tests/functional/qemu_test/asset.py).
//
// So while we download, DIGEST.download is a second name of our partial: theirs see it grow and
// wait. And while theirs grows, we wait: woken by the kernel (inotify) when it goes, or by a look
// each second where the other process is on another host. One of theirs that was killed is told
// from one that is slow: on this host nobody has its file open for a second; anywhere, it does not
// change for 90 s.
#pragma once

#include "base/duration.hh"
#include "cache/cache.hh"

#include <string>
#include <string_view>

namespace qt {

// Blocks while QEMU's framework downloads the asset, until the deadline; takes away what a killed
// one left. True if it waited: then look whether the file is there now. The caller holds the
// asset's lock.
bool await_qemu_download(const Cache& cache, std::string_view digest, Deadline deadline);

// While it lives, QEMU's framework waits for our download of the asset. Best effort: a file system
// without hard links leaves both to download. The caller holds the asset's lock, and the partial is
// there.
class QemuDownloadMark {
public:
  QemuDownloadMark(const Cache& cache, std::string_view digest) noexcept;
  ~QemuDownloadMark();
  QemuDownloadMark(const QemuDownloadMark&) = delete;
  QemuDownloadMark& operator=(const QemuDownloadMark&) = delete;

private:
  std::string m_path;
  unsigned long m_inode = 0; // of the partial
};

} // namespace qt
