// Mirrors, for sites without a way out and for those that spare a server: which URLs are tried in
// place of others. Rules are texts "FROM=TO" with spaces between, as in
//
//   QEMU_TEST_MIRRORS="https://a.example/=https://cache.corp/a/ https://b.example/=file:///srv/b/"
//
// A URL that begins with FROM, up to a slash or its end, is tried with TO in its place.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

struct Mirror {
  std::string from;
  std::string to;
};

// Throws Error(ExitCode::usage) that says which rule is wrong; never shows a rule's text, which may
// hold a password.
std::vector<Mirror> parse_mirrors(std::string_view rules);
// What QEMU_TEST_MIRRORS says; none if it is unset.
std::vector<Mirror> mirrors_of_environment();

struct Candidate {
  std::string url;
  std::size_t original; // index of the URL that it stands for
};
// All mirrors of all the URLs, in the order of the URLs, then of the rules; last the URLs
// themselves.
std::vector<Candidate> with_mirrors(std::span<const std::string> urls,
                                    std::span<const Mirror> mirrors);

} // namespace qt
