// Which proxy libcurl uses for a URL. libcurl decides that by itself (curl(1), ENVIRONMENT); this
// follows its rules, to name the proxy in messages and to know who is down when nobody answers.
#pragma once

#include <string>
#include <string_view>

namespace qt {

// "HOST:PORT" or "HOST" as the variable of the URL's scheme says, in lower case, without scheme,
// user and password. Empty if there is none, if no_proxy or a loopback address exempts the URL, or
// if it cannot be told: networks ("10.0.0.0/8") in no_proxy are libcurl's business.
std::string proxy_of(std::string_view url);

} // namespace qt
