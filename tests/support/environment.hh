// What the environment says to tests, and environment variables for the length of one.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace qt::support {

// The path of a program under test; the build names its folder in QEMU_TEST_TOOLS_DIR.
inline std::string tool(const std::string& name) {
  const char* const folder = std::getenv("QEMU_TEST_TOOLS_DIR");
  return std::string(folder != nullptr ? folder : ".") + "/" + name;
}

class ScopedVariable {
public:
  // Without a value the variable is unset.
  ScopedVariable(std::string name, std::optional<std::string> value)
    : m_name(std::move(name)) {
    if (const char* old = std::getenv(m_name.c_str())) {
      m_old = old;
    }
    set(value);
  }
  ~ScopedVariable() { set(m_old); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

private:
  void set(const std::optional<std::string>& value) const {
    if (value) {
      ::setenv(m_name.c_str(), value->c_str(), 1);
    } else {
      ::unsetenv(m_name.c_str());
    }
  }

  std::string m_name;
  std::optional<std::string> m_old;
};

} // namespace qt::support
