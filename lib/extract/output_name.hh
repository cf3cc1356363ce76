// What results are called where the user does not say it.
#pragma once

#include "extract/unpack_rule.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

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
