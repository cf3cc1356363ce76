// Definitions as texts in a test: writes one into a folder "riscv64" of its own and loads it.
#pragma once

#include "base/error.hh"
#include "base/text.hh"
#include "definition/definition.hh"
#include "os/file.hh"

#include <string>
#include <utility>
#include <vector>

namespace qt {

// Further files, by path relative to the definition.
using OtherFiles = std::vector<std::pair<std::string, std::string>>;

class DefinitionFolder {
public:
  explicit DefinitionFolder(const std::string& text, const OtherFiles& others = {},
                            const std::string& arch = "riscv64")
    : m_folder("definition-test")
    , m_path(m_folder.path() + "/" + arch + "/board.toml") {
    write(m_path, text);
    for (const auto& [name, content] : others) {
      write(parent_of(m_path) + "/" + name, content);
    }
  }

  const std::string& path() const { return m_path; }
  std::string folder() const { return parent_of(m_path); }

  // The lines of the report, the folder left out: "board.toml:1:2: error: …"; none if all is well.
  std::vector<std::string> mistakes() const {
    try {
      load_definition(m_path);
      return {};
    } catch (const Error& error) {
      std::vector<std::string> lines = split(error.what(), '\n');
      for (std::string& line : lines) {
        for (std::string prefix : {folder() + "/", m_folder.path() + "/"}) {
          for (std::size_t at = line.find(prefix); at != std::string::npos;
               at = line.find(prefix)) {
            line.erase(at, prefix.size());
          }
        }
      }
      return lines;
    }
  }

private:
  static void write(const std::string& path, const std::string& text) {
    make_directories(parent_of(path));
    write_file(path, text);
  }

  TempDir m_folder;
  std::string m_path;
};

inline Definition load_text(const std::string& text, const OtherFiles& others = {},
                            const std::string& arch = "riscv64") {
  return load_definition(DefinitionFolder(text, others, arch).path());
}

inline std::vector<std::string> mistakes_of(const std::string& text,
                                            const OtherFiles& others = {}) {
  return DefinitionFolder(text, others).mistakes();
}

} // namespace qt
