// What is to be made of a file: the results, what they are called where the user does not say it,
// how large they become, and the bounds that they are made in.
#pragma once

#include "extract/container.hh"
#include "extract/tree_writer.hh"
#include "os/sparse_file.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// What size a result is made.
struct Resize {
  bool power_of_two = false; // the next power of two, as SD cards need it
  std::uint64_t bytes = 0;   // otherwise exactly this
};

// "pow2" or a size such as "16M". Throws Error(ExitCode::usage).
Resize parse_resize(std::string_view text);

// Also fifos and sockets: they are left out of a tree, with a warning or without.
enum class Devices { leave_out, leave_out_quietly };

// When a result is too large to be honest: past `bytes` in all, or, if `bytes` is not set, past
// 16 GiB, or past 1 GiB with more than a thousand times the size of the file.
struct OutputLimit {
  std::optional<std::uint64_t> bytes;
};

struct UnpackRule {
  // A member's name may start with "./" or "/"; links inside the archive are followed. With
  // `directory`, at most one: the folder that is meant instead of the root.
  std::vector<std::string> members;
  std::optional<Format> format; // only where the content does not tell; Format::raw: as it is
  bool directory = false;       // all files, as a folder
  bool first = false; // of members of one name the first, not the last; reading stops there
  std::optional<Resize> resize; // of each file
  bool writable = false;        // a private copy, never a link
  Devices devices = Devices::leave_out;
  Existing existing = Existing::refuse; // with `directory`: what if a full folder is there
  OutputLimit limit;
  DecompressOptions decompress;
};

// Throws Error(ExitCode::usage) if the parts of the rule do not go together.
void check_rule(const UnpackRule& rule);

// Counts what is written against the limit.
class OutputBudget {
public:
  // `source`: the file whose size the ratio is about.
  OutputBudget(const OutputLimit& limit, const std::string& source);
  // Throws Error(ExitCode::failed) when the limit is passed.
  void take(std::uint64_t bytes);

private:
  std::uint64_t m_limit;
  std::uint64_t m_used = 0;
};

// The size that a file of `size` bytes is to have. Throws Error(ExitCode::failed), naming both, if
// something would be cut off.
std::uint64_t size_after_resize(const Resize& resize, std::uint64_t size);
// Whether the rule wants another size of a file, or of the disk that it is an image of. Throws
// Error(ExitCode::failed), with what to do, for an image that cannot be resized.
bool needs_resizing(int fd, std::uint64_t size, const UnpackRule& rule, const std::string& name);
// Gives a written file its length, and it, or the disk that it is an image of, the size that the
// rule wants. Throws Error.
void finish_file(SparseWriter& writer, const UnpackRule& rule);

// The base names that results get without --output: of the member; of the file, without the suffix
// of its compression or archive. A file of the download cache is named by the URL that it came from
// (xattr user.qemu-asset-url) where that is known, else by its digest.
std::vector<std::string> default_names(const std::string& source, const UnpackRule& rule);

// Where the results go, one path for each. `output` is the file to make, or the folder to make them
// in if it is one, ends with "/", or there are several; a tree is made at `output` itself. Without
// it they go to the current folder. Folders that are missing are made. Throws Error, with
// ExitCode::usage if two results would have one name.
std::vector<std::string> output_paths(const std::string& source, const UnpackRule& rule,
                                      const std::optional<std::string>& output);

} // namespace qt
