#include "expect/reply_check.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "console/match.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr std::size_t k_value = 300;      // bytes of a value in a message
constexpr std::size_t k_diff_value = 120; // and in a line of a diff
constexpr std::size_t k_most_differences = 8;
constexpr std::size_t k_most_candidates = 200; // elements of a list, to find the nearest

// One place where a value is not as asked.
struct Place {
  std::string pointer;
  std::string asked;
  std::string came;
  std::string note; // "" or what else is to be said
};

std::string member_pointer(const std::string& pointer, std::string name) {
  for (std::size_t at = 0; (at = name.find_first_of("~/", at)) != std::string::npos; at += 2) {
    name.replace(at, 1, name[at] == '~' ? "~0" : "~1"); // RFC 6901
  }
  return pointer + "/" + name;
}

std::string shown(const Json& value) { return cut_json(dump_json(value), k_diff_value); }

std::string names_in(const Json& table) {
  std::vector<std::string> names;
  for (const auto& [name, value] : table.items()) {
    names.push_back(name);
  }
  return names.empty() ? "nothing" : cut_json(join(names, ", "), k_diff_value);
}

void find_places(const std::string& pointer, const Json& value, const Json& wanted,
                 std::vector<Place>& places);

// The element of a list that is least unlike `wanted`, by the number of places; what it lacks is
// added. Only tables and lists can be nearer than others.
void find_nearest(const std::string& pointer, const Json& list, const Json& wanted,
                  std::vector<Place>& places) {
  std::vector<Place> fewest;
  std::size_t nearest = list.size();
  for (std::size_t i = 0; i < std::min(list.size(), k_most_candidates); ++i) {
    if (!list[i].is_structured() || list[i].type() != wanted.type()) {
      continue;
    }
    std::vector<Place> found;
    find_places(format("{}/{}", pointer, i), list[i], wanted, found);
    if (nearest == list.size() || found.size() < fewest.size()) {
      nearest = i;
      fewest = std::move(found);
    }
  }
  std::string note = list.empty() ? "the list is empty" : "";
  if (nearest < list.size()) {
    note = format("the nearest of {} elements is {}/{}:", list.size(), pointer, nearest);
  }
  places.push_back(
      {pointer, "an element with " + shown(wanted), fewest.empty() ? shown(list) : "", note});
  places.insert(places.end(), fewest.begin(), fewest.end());
}

// All places that explain why `value` lacks `wanted`: tables are followed member by member, of a
// list any element may serve.
void find_places(const std::string& pointer, const Json& value, const Json& wanted,
                 std::vector<Place>& places) {
  if (places.size() > k_most_differences || json_contains(value, wanted)) {
    return;
  }
  if (wanted.is_object() && value.is_object()) {
    for (const auto& [name, member] : wanted.items()) {
      const auto found = value.find(name);
      const std::string below = member_pointer(pointer, name);
      if (found == value.end()) {
        places.push_back({below, shown(member), "nothing", "there is " + names_in(value)});
      } else {
        find_places(below, *found, member, places);
      }
    }
  } else if (wanted.is_array() && value.is_array()) {
    const std::size_t before = places.size();
    for (const Json& element : wanted) {
      if (!json_contains(value, Json::array({element}))) {
        find_nearest(pointer, value, element, places);
      }
    }
    if (places.size() == before) { // each is there, but not as often as it is asked for
      const std::size_t missing = json_unmatched(value, wanted).value_or(0);
      places.push_back({pointer, "one more element with " + shown(wanted[missing]), shown(value),
                        "each element that is asked for needs one of its own"});
    }
  } else {
    places.push_back({pointer, shown(wanted), shown(value), ""});
  }
}

ReplyMistake mistake_at(const std::vector<Place>& places) {
  ReplyMistake mistake;
  const Place& first = places.front();
  mistake.text =
      format("{}asked {}, came {}", first.pointer.empty() ? "" : format("at '{}': ", first.pointer),
             first.asked, first.came.empty() ? "none such" : first.came);
  for (std::size_t i = 0; i < std::min(places.size(), k_most_differences); ++i) {
    const Place& place = places[i];
    mistake.diff.push_back(place.pointer.empty() ? "(the whole reply)" : place.pointer);
    mistake.diff.push_back("  - " + place.asked);
    if (!place.came.empty()) {
      mistake.diff.push_back("  + " + place.came);
    }
    if (!place.note.empty()) {
      mistake.diff.push_back("    " + place.note);
    }
  }
  if (places.size() > k_most_differences) {
    mistake.diff.emplace_back("… and more");
  }
  return mistake;
}

// A text as it is, anything else as JSON.
std::string text_of_value(const Json& value) {
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

// A list in which a text cannot be found, whatever it holds.
bool holds_tables(const Json& value) {
  return value.is_array() && std::any_of(value.begin(), value.end(), [](const Json& element) {
           return element.is_structured();
         });
}

bool has_part(const Json& value, const std::string& part) {
  if (value.is_array()) {
    return std::any_of(value.begin(), value.end(),
                       [&](const Json& element) { return text_of_value(element) == part; });
  }
  // A table has what its names and values say.
  return text_of_value(value).find(part) != std::string::npos ||
         (value.is_object() && value.contains(part));
}

// What a check other than "returns" asks for that does not hold, in words; empty if all hold.
std::string unmet(const ReplyChecks& checks, const Json& value) {
  if (checks.equals && !json_equal(value, *checks.equals)) {
    return "exactly " + shorten(*checks.equals);
  }
  if (checks.matches && !Regex(*checks.matches).search(text_of_value(value)).has_value()) {
    return format("a match of '{}'", *checks.matches);
  }
  if (checks.lacks && holds_tables(value)) {
    return format(
        "a text or a list of texts that lacks '{}': no text is equal to a table; name one "
        "of them with at, or use matches = '^(?!.*…)'",
        *checks.lacks);
  }
  if (checks.lacks && has_part(value, *checks.lacks)) {
    return format("that '{}' is not there", *checks.lacks);
  }
  if (checks.length) {
    const bool has_length = value.is_structured() || value.is_string();
    const std::size_t length =
        value.is_string() ? value.get_ref<const std::string&>().size() : value.size();
    if (!has_length || !json_equal(*checks.length, length)) {
      return format("length {} (it has {})", dump_json(*checks.length),
                    has_length ? format("{}", length) : "none");
    }
  }
  if (checks.range) {
    const Json& least = (*checks.range)[0];
    const Json& most = (*checks.range)[1];
    if (!(compare_numbers(value, least) >= 0 && compare_numbers(value, most) <= 0)) {
      return format("{} to {}", dump_json(least), dump_json(most));
    }
  }
  return "";
}

} // namespace

const Json* narrowed(const std::string& pointer, const Json& reply, ReplyMistake& missing) {
  const Json* const value = json_at(reply, pointer);
  if (value != nullptr) {
    return value;
  }
  std::string known = pointer;
  while (json_at(reply, known) == nullptr && !known.empty()) {
    known.erase(std::min(known.rfind('/'), known.size() - 1));
  }
  const Json* const part = json_at(reply, known);
  const std::string there = part != nullptr ? dump_json(*part) : "nothing";
  missing.text =
      format("at '{}': there is only '{}', which is {}", pointer, known, cut_json(there, k_value));
  missing.diff = {pointer, "  - a value", "  + nothing",
                  format("    {} is {}", known.empty() ? "the whole reply" : known,
                         cut_json(there, k_diff_value))};
  return nullptr;
}

ReplyMistake difference(const std::string& pointer, const Json& value, const Json& wanted) {
  std::vector<Place> places;
  find_places(pointer, value, wanted, places);
  return places.empty() ? ReplyMistake() : mistake_at(places);
}

ReplyMistake reply_mistake(const ReplyChecks& checks, const Json& value) {
  if (checks.returns) {
    if (ReplyMistake mistake = difference(checks.at, value, *checks.returns)) {
      return mistake;
    }
  }
  const std::string what = unmet(checks, value);
  if (what.empty()) {
    return {};
  }
  const std::vector<Place> places = {{checks.at, what, shorten(value), ""}};
  return mistake_at(places);
}

std::string shorten(const Json& value) { return cut_json(dump_json(value), k_value); }

} // namespace qt
