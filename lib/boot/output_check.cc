#include "boot/output_check.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <algorithm>
#include <optional>

namespace qt {

namespace {

constexpr std::size_t k_tail = 64 * 1024;

} // namespace

OutputCheck::Search::Search(const std::string& searched, Pattern::Kind how)
  : kind(how)
  , text(searched)
  , matcher(searched.empty() ? std::vector<Pattern>() : std::vector<Pattern>{{how, searched}})
  , found(searched.empty()) {}

OutputCheck::OutputCheck(const Json& checks, const std::vector<std::string>& skip_texts) {
  for (const Json& one : checks) {
    const std::string check = one.items().begin().key();
    const auto text = one.begin()->get<std::string>();
    if (check == "equals") {
      m_equals.push_back(text);
    } else {
      const bool is_regex = check == "matches";
      m_checks.emplace_back(check,
                            Search(text, is_regex ? Pattern::Kind::regex : Pattern::Kind::text));
    }
  }
  for (const std::string& text : skip_texts) {
    m_skips.emplace_back(text, Pattern::Kind::text);
  }
}

void OutputCheck::look(Search& search, std::string_view bytes) {
  if (search.found || !m_failure.empty()) {
    return;
  }
  try {
    search.found = search.matcher.feed(bytes).has_value();
  } catch (const Error& error) {
    m_failure = error.what();
  }
}

void OutputCheck::feed(std::string_view bytes) {
  for (auto& [check, search] : m_checks) {
    look(search, bytes);
  }
  for (Search& search : m_skips) {
    look(search, bytes);
  }
  m_size += bytes.size();
  std::size_t of_use = 0;
  for (const std::string& text : m_equals) {
    of_use = std::max(of_use, text.size() + 2);
  }
  m_start += bytes.substr(0, of_use - std::min(of_use, m_start.size()));
  m_tail += bytes;
  if (m_tail.size() > 2 * k_tail) {
    m_tail.erase(0, m_tail.size() - k_tail);
  }
}

// Where something was cut off, the start of what is left is none of the text: \A is not there.
void OutputCheck::look_at_end(Search& search) const {
  if (search.found) {
    return;
  }
  const Regex regex(search.text);
  const std::optional<Regex::Found> found = regex.search(m_tail);
  if (!found) {
    return;
  }
  search.found = m_size == m_tail.size() || found->begin > 0 ||
                 regex.attempt(m_tail, 1, Regex::Rest::none) == Regex::Outcome::match;
  search.needs_all = !search.found;
}

// At its end an expression may match what could have gone on, or nothing at all.
void OutputCheck::end() {
  for (auto& [check, search] : m_checks) {
    if (search.found || search.kind != Pattern::Kind::regex || !m_failure.empty()) {
      continue;
    }
    try {
      search.found = search.matcher.settle().has_value();
      look_at_end(search);
    } catch (const Error& error) {
      m_failure = error.what();
    }
  }
}

std::string OutputCheck::mistake(std::string_view what) const {
  if (!m_failure.empty()) {
    throw Error(m_failure, ExitCode::usage);
  }
  const auto wrong = [what](const std::string& check, const std::string& text) {
    return format("asked of {}: {} '{}'", what, check, text);
  };
  for (const auto& [check, search] : m_checks) {
    if (search.found == (check == "lacks")) {
      return wrong(check, search.text) +
             (search.needs_all
                  ? format(" (it is {} long; of one over {} an expression that begins with its "
                           "start can match the first {} only)",
                           format_size(m_size), format_size(2 * k_tail), format_size(k_tail))
                  : "");
    }
  }
  for (const std::string& text : m_equals) {
    if (m_size != m_start.size() || (m_start != text && m_start != text + "\n")) {
      return wrong("equals", text);
    }
  }
  return "";
}

std::string OutputCheck::skip_text() const {
  const auto found = std::find_if(m_skips.begin(), m_skips.end(),
                                  [](const Search& search) { return search.found; });
  return found == m_skips.end() ? "" : found->text;
}

} // namespace qt
