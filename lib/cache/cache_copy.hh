// Files from one cache into another: to take the assets of some definitions along (air gap, image
// for CI) and to bring them in elsewhere. Both have the layout of cache.hh, so that what was taken
// along also serves in place, as a cache or a lower one, for QEMU's framework too.
#pragma once

#include "cache/cache.hh"

#include <string>

namespace qt {

struct CacheCopy {
  enum class Outcome {
    there, // it was there already, and right
    copied,
    absent, // the source does not have it
    wrong,  // what the source has is not what the digest says; the target has nothing of it
  };
  std::string digest;
  Outcome outcome = Outcome::copied;
  std::string path;   // in the target; empty if it is not there
  std::string reason; // one line, where it is not there
};

// Whether what the source says about its files is believed.
enum class Trust { its_records, nothing };

// Gives `to` the file of `from` as publish() does; what it shows is right. Blocks are shared
// (reflink) or the file gets a second name (hard link) where the two are on one file system, else
// it is copied. With Trust::nothing the source is only read, and its file hashed after it was
// copied. Blocks while others work on the asset. Throws Error if the host fails.
CacheCopy copy_asset(const Cache& from, const Cache& to, const std::string& digest, Trust trust);

} // namespace qt
