#include "schema/failure_sets.hh"

#include "base/error.hh"
#include "base/format.hh"

#include <initializer_list>
#include <map>

namespace qt {

namespace {

Json text(const char* looked_for) { return {{"text", looked_for}}; }
Json regex(const char* looked_for) { return {{"regex", looked_for}}; }
// Also of one: {x} alone would be x.
Json list(std::initializer_list<Json> patterns) { return Json(Json::array_t(patterns)); }

// Each expression begins with a text, so that the search for it costs next to nothing.
const std::map<std::string, Json, std::less<>>& failure_sets() {
  static const std::map<std::string, Json, std::less<>> sets = {
      // Not "BUG: soft lockup" and the like: a slow host is enough for that.
      {"linux",
       list({text("Kernel panic"), text("Unable to handle kernel"),
             // What ends in the number of the Oops: "Internal error: Oops - BUG: 0 [#1] SMP".
             regex(R"(Oops[^\r\n]{0,80}\[#\d+\])"),
             regex(R"(Internal error: [^\r\n]{0,80}\[#\d+\])"), text("kernel BUG at "),
             text("BUG: unable to handle"), text("BUG: kernel NULL pointer"), text("BUG: Bad page"),
             text("BUG: scheduling while atomic"), text("BUG: KASAN:")})},
      {"uboot",
       list({text("### ERROR ###"), text("Unhandled exception"),
             text("\"Synchronous Abort\" handler"), text("\"Error\" handler, esr"),
             regex(R"(undefined instruction\r*\npc : \[<)"),
             regex(R"(prefetch abort\r*\npc : \[<)"), regex(R"(data abort\r*\npc : \[<)")})},
      {"edk2", list({text("ASSERT_EFI_ERROR ("), regex(R"(ASSERT \[[^\r\n]{1,80}\] )"),
                     regex(R"(!!!! \w+ Exception Type)"), text("Synchronous Exception at 0x")})},
      {"zephyr", list({text("ZEPHYR FATAL ERROR")})},
  };
  return sets;
}

} // namespace

std::vector<std::string> failure_set_names() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : failure_sets()) {
    names.push_back(name);
  }
  return names;
}

const Json* find_failure_set(std::string_view name) {
  const auto found = failure_sets().find(name);
  return found == failure_sets().end() ? nullptr : &found->second;
}

Json with_sets_put_in(const Json& patterns) {
  Json all = Json::array();
  for (const Json& pattern : patterns) {
    const auto name = pattern.find("set");
    if (name == pattern.end()) {
      all.push_back(pattern);
      continue;
    }
    const Json* const set = find_failure_set(name->get<std::string>());
    if (set == nullptr) {
      throw Error(format("there is no set '{}' of failure texts", name->get<std::string>()),
                  ExitCode::usage);
    }
    all.insert(all.end(), set->begin(), set->end());
  }
  return all;
}

} // namespace qt
