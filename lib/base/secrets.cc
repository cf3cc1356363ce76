#include "base/secrets.hh"

#include "base/text.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

constexpr std::size_t k_token_length = 20;
constexpr std::size_t k_longest_user = 512; // with the password, where that holds a "/"
// What a URL may not contain; where one ends that stands in a text.
constexpr std::string_view k_ends = " \t\r\n\"'<>`";

bool tells_of_secret(std::string_view name) {
  constexpr std::array<std::string_view, 12> k_words = {"token",   "secret", "pass",    "pwd",
                                                        "key",     "sig",    "auth",    "code",
                                                        "credent", "jwt",    "session", "ticket"};
  const std::string lower = lower_case(percent_decoded(name)); // "%74oken" is "token"
  return std::any_of(k_words.begin(), k_words.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

bool looks_like_token(std::string_view value) {
  return value.size() >= k_token_length && (value.find('.') == std::string_view::npos ||
                                            value.starts_with("eyJ")); // a JSON web token
}

bool is_host_and_port(std::string_view authority) {
  const std::size_t host = authority.starts_with('[') ? authority.find(']') : 0;
  const std::size_t colon = authority.find(':', host);
  return colon == std::string_view::npos ||
         authority.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
}

// How long "USER:PASSWORD@" is, with which `rest` begins after "://"; 0 if it does not. People
// write passwords as they are, also where a URL must have %20 or %2F.
std::size_t user_length(std::string_view rest) {
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#\n"));
  const std::string_view proper = authority.substr(0, authority.find_first_of(k_ends));
  const std::size_t at = authority.rfind('@');
  const bool has_user =
      proper.find('@') != std::string_view::npos ||
      authority.substr(0, std::min(at, authority.size())).find(':') != std::string_view::npos;
  if (at != std::string_view::npos && has_user) {
    return at + 1;
  }
  if (is_host_and_port(proper)) {
    return 0;
  }
  return rest.substr(0, k_longest_user).rfind('@') + 1; // npos + 1 is 0
}

// Where the URL ends whose "://" ends at `start`: at what none may contain, or at the quote before
// it, but not where a shell's word goes on after it.
std::size_t end_of_url(std::string_view text, std::size_t start) {
  constexpr std::string_view k_scheme = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+.-";
  constexpr std::string_view k_quote_in_word = "'\\''";
  const std::size_t before = text.substr(0, start - 3).find_last_not_of(k_scheme);
  const char quote = before == std::string_view::npos ? '\0' : text[before];
  for (std::size_t at = start; at < text.size(); ++at) {
    const char letter = text[at];
    if (letter == '\'' && quote == '\'' && text.substr(at).starts_with(k_quote_in_word)) {
      at += k_quote_in_word.size() - 1;
    } else if (k_ends.find(letter) != std::string_view::npos && (letter != '\'' || quote == '\'')) {
      return at;
    }
  }
  return text.size();
}

// `url` begins at `start` of the text.
void find_in_query(std::string_view url, std::size_t start, std::vector<TextRange>& found) {
  std::size_t at = url.find_first_of("?#;"); // a path may have parameters after a ";", too
  while (at != std::string_view::npos && at < url.size()) {
    const std::size_t end = std::min(url.find_first_of("?&;#", at + 1), url.size());
    const std::string_view pair = url.substr(at + 1, end - at - 1);
    const std::size_t equals = pair.find('=');
    const bool named = equals != std::string_view::npos;
    const std::string_view value = named ? pair.substr(equals + 1) : pair;
    if (!value.empty() &&
        (looks_like_token(value) || (named && tells_of_secret(pair.substr(0, equals))))) {
      found.push_back({start + end - value.size(), start + end});
    }
    at = end;
  }
}

} // namespace

std::vector<TextRange> secrets_in(std::string_view text) {
  std::vector<TextRange> found;
  for (std::size_t at = text.find("://"); at != std::string_view::npos;
       at = text.find("://", at + 3)) {
    const std::size_t start = at + 3;
    const std::string_view url = text.substr(start, end_of_url(text, start) - start);
    const std::string_view rest = text.substr(start, text.find("://", start) - start);
    if (const std::size_t length = user_length(rest); length > 0) {
      found.push_back({start, start + length});
    }
    find_in_query(url, start, found);
  }
  // A URL may stand in the query of another.
  std::sort(found.begin(), found.end(),
            [](const TextRange& a, const TextRange& b) { return a.begin < b.begin; });
  std::vector<TextRange> apart;
  for (const TextRange& range : found) {
    if (!apart.empty() && range.begin < apart.back().end) {
      apart.back().end = std::max(apart.back().end, range.end);
    } else {
      apart.push_back(range);
    }
  }
  return apart;
}

std::string without_secrets(std::string_view text) {
  std::string shown;
  std::size_t at = 0;
  for (const TextRange& range : secrets_in(text)) {
    shown += text.substr(at, range.begin - at);
    shown += text[range.end - 1] == '@' ? "" : "***";
    at = range.end;
  }
  return shown += text.substr(at);
}

std::string fit_to_show(std::string_view text) {
  return escape_for_display(text.find("://") == std::string_view::npos ? std::string(text)
                                                                       : without_secrets(text));
}

} // namespace qt
