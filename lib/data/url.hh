// What has to be known of a URL without asking anybody: whether it may be fetched, and how to show
// it without the secrets in it. Not a parser of URLs (RFC 3986): libcurl is that.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qt {

// Whether the scheme is one that may be asked for: http, https or file.
bool is_fetchable(std::string_view url);
// The host and, if it stands there, the port, in lower case: "host:8080"; empty if there is none.
std::string host_of(std::string_view url);
// Whether the host is this one, by name or address.
bool is_loopback(std::string_view url);
// "file://…" of an absolute path.
std::string file_url(std::string_view path);
// The path that a URL of a file means; nothing if it is none of a file.
std::optional<std::string> path_of_file_url(std::string_view url);
// What is wrong with a URL that libcurl would refuse, and how to write it; empty if nothing is.
std::string url_mistake(std::string_view url);
// The URL without user name, password and tokens (secrets.hh), fit for messages: what
// no URL can hold is written %XX.
std::string display_url(std::string_view url);

} // namespace qt
