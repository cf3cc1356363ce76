#include "fetch/content_kind.hh"

#include "base/text.hh"

namespace qt {

std::string impostor_in(std::string_view first_bytes) {
  if (first_bytes.starts_with("\xef\xbb\xbf")) { // of UTF-8
    first_bytes.remove_prefix(3);
  }
  const std::string start = lower_case(trim(first_bytes));
  if (start.starts_with("version https://git-lfs.github.com/")) {
    return "a pointer of Git LFS, not the file that it points to; use the URL by which the server "
           "gives the content (of GitHub: https://media.githubusercontent.com/media/…)";
  }
  if (start.starts_with("<!doctype html") || start.starts_with("<html") ||
      (start.starts_with("<") && start.find("<html") != std::string::npos)) {
    return "a web page, perhaps to log in at the server or the network; open the URL in a browser";
  }
  if (start.starts_with("<?xml") && start.find("<error") != std::string::npos) {
    return "a server's message about an error, in XML";
  }
  return "";
}

} // namespace qt
