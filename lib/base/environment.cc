#include "base/environment.hh"

#include <cstdlib>

namespace qt::env {

std::string text(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool flag(const char* name) {
  const std::string value = text(name);
  return !value.empty() && value != "0";
}

} // namespace qt::env
