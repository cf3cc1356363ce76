#include "fetch/content_kind.hh"

#include "base/text.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

// The content of a pointer file, or the target of a link that became a text file on the way: a path
// alone, into the repository's own folder.
bool is_annex_pointer(std::string_view text) {
  const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
  const std::size_t folder = line.find(".git/annex/objects/");
  const bool is_link =
      folder == 0 || (folder != std::string_view::npos &&
                      (line.starts_with('/') || line.starts_with("./") || line.starts_with("../")));
  return line.starts_with("/annex/objects/") || (is_link && line.size() == text.size());
}

} // namespace

std::string impostor_in(std::string_view first_bytes) {
  if (first_bytes.starts_with("\xef\xbb\xbf")) { // of UTF-8
    first_bytes.remove_prefix(3);
  }
  const std::string start = lower_case(trim(first_bytes));
  if (start.starts_with("version https://git-lfs.github.com/")) {
    return "a pointer of Git LFS, not the file that it points to; use the URL by which the server "
           "gives the content (of GitHub: https://media.githubusercontent.com/media/…)";
  }
  if (is_annex_pointer(start)) {
    return "a pointer of git-annex, not the file that it points to";
  }
  constexpr std::array<std::string_view, 7> k_tags = {
      "<!doctype html", "<html", "<head", "<title", "<body", "<meta ", "<script"};
  const bool is_page = std::any_of(k_tags.begin(), k_tags.end(), [&start](std::string_view tag) {
    return start.starts_with(tag);
  });
  if (is_page || (start.starts_with("<") && start.find("<html") != std::string::npos)) {
    return "a web page, perhaps to log in at the server or the network; open the URL in a browser";
  }
  if (start.starts_with("<?xml") && start.find("<error") != std::string::npos) {
    return "a server's message about an error, in XML";
  }
  if (start.starts_with("{") && (start.find("\"error") != std::string::npos ||
                                 start.find("\"message\"") != std::string::npos)) {
    return "a server's message about an error, in JSON";
  }
  return "";
}

} // namespace qt
