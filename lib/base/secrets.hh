// Secrets in URLs: user name and password, and tokens in the query ("?private_token=…",
// "?X-Amz-Signature=…"). They are for the server only: not for a message, a log, a record or the
// list of processes. A secret that is part of the path cannot be told from a name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Where the URLs in any text hold secrets, in order and apart from each other: "USER:PASSWORD@" as
// a whole, of a query the value alone. A query's value is a secret if its name says so (token, key,
// password, signature, …) or if it is 20 characters or more without a dot.
std::vector<TextRange> secrets_in(std::string_view text);

// The text without them: users are left out, values of a query become "***".
std::string without_secrets(std::string_view text);

// For whatever people read or programs record: without secrets, and escape_for_display().
std::string fit_to_show(std::string_view text);

} // namespace qt
