// The payloads of a definition: [asset.NAME], what is fetched or found, and [file.NAME], what is
// made of it. Only read and checked here.
#pragma once

#include "definition/schema.hh"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qt {

// Exactly one of: urls (with digest), env, path; env may have a digest too.
struct Asset {
  std::string name;
  std::vector<std::string> urls; // tried in order
  std::string digest;            // 64 (SHA-256) or 128 (SHA-512) lower-case hex digits, or empty
  std::string env;               // the variable that names the user's own file
  std::string path;              // a host file; may have * and ? (the last in order is taken)
  std::optional<std::uint64_t> size = {}; // bytes, if that is said
};

// How a file is made: from an asset or from another file, of a text, or by a command.
struct FileRule {
  std::string name;        // as in [file.NAME]
  std::string from;        // name of an asset or file; empty if `has_text`
  bool from_asset = false; // `from` names an asset; a file may have the name of its own asset
  std::string file_name;   // the name it gets on disk: the key "name", else `name`
  bool has_text = false;
  std::string text; // content, to be substituted
  // The words of a command, with "${out}", "${asset.N}" and "${file.N}" still in them; or empty.
  std::vector<std::string> make;
  // What that reads, each once: "asset.N", "file.N" or the path of a file of the host.
  std::vector<std::string> inputs;
  std::string timeout; // of the command, or empty
  std::string member;
  std::string format;
  std::string resize;
  bool directory = false;
  bool first = false;
  bool skip_devices = false;
  bool writable = false; // made anew for each subtest, in its scratch folder
};

// What a file is made from directly: "asset.N", "file.N" or the path of a file of the host.
std::vector<std::string> sources_of(const FileRule& rule);
// The name in "asset.N" or "file.N"; empty if it is something else.
std::string asset_in(const std::string& source);
std::string file_in(const std::string& source);

// What a command takes, with the paths of "asset.N" and "file.N" put in; "${out}" stays.
struct MakeArguments {
  std::vector<std::string> words;
  std::vector<std::string> inputs;
};
MakeArguments make_arguments(const FileRule& rule, const std::map<std::string, std::string>& paths);

// What every subtest of a definition shares.
struct Payloads {
  std::map<std::string, Asset> assets;
  std::map<std::string, FileRule> files;
};

// Reads the tables "asset" and "file" of `root`. "${arch}" and "${data}" are replaced by `arch` and
// `folder` (except in a file's text); an empty `arch` is not known yet, and using it is a mistake.
Payloads read_payloads(const Value& root, const std::string& arch, const std::string& folder,
                       Mistakes& mistakes);

} // namespace qt
