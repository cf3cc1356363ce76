#include "qemu/build.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "os/process.hh"
#include "qemu/idle_emulator.hh"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <vector>

namespace qt {

namespace {

using Evidence = BuildWord::Evidence;

bool holds(const Json& list, std::string_view text) {
  return std::find(list.begin(), list.end(), Json(text)) != list.end();
}

// Whether one of the values or tables of the monitor's schema has both names. A number stands for
// the name of each of them, so another name that goes with it says which is meant.
bool schema_has(const Json& schema, const BuildWord& word) {
  return std::any_of(schema.begin(), schema.end(), [&word](const Json& entry) {
    if (word.evidence == Evidence::value) {
      const Json& values = json_member(entry, "values");
      return holds(values, word.name) && holds(values, word.beside);
    }
    std::vector<std::string> names;
    for (const Json& member : json_member(entry, "members")) {
      names.push_back(json_text(member, "name"));
    }
    return holds(names, word.name) && holds(names, word.beside);
  });
}

// Listing types makes QEMU load all its modules.
bool type_is_listed(IdleEmulator& emulator, std::string_view name) {
  const Json types =
      emulator.need("qom-list-types", {{"implements", "object"}, {"abstract", false}});
  return std::any_of(types.begin(), types.end(),
                     [name](const Json& type) { return json_text(type, "name") == name; });
}

// Of a client, since a server makes large numbers first. A QEMU without GnuTLS knows the type, too.
// The name is not the character device's: since 11.1 both are in one container.
bool can_make_tls(const std::string& program, IdleEmulator& emulator) {
  const Json reply = emulator.ask(
      "object-add", {{"qom-type", "tls-creds-anon"}, {"id", "tls"}, {"endpoint", "client"}});
  const Json* const error = json_at(reply, "/error/desc");
  if (error != nullptr && dump_json(*error).find("GNUTLS") == std::string::npos) {
    throw Error(format("asking {} for TLS: {}", program, dump_json(*error)));
  }
  return error == nullptr;
}

Captured say(const std::string& program, Duration limit, const std::vector<std::string>& arguments,
             SpawnOptions options = {}) {
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const std::string asked = format("asking {} ({})", program, join(arguments, " "));
  auto said = run_captured(argv, std::move(options), Deadline::after(scaled(limit)));
  if (!said) {
    throw Error(format("{}: no answer in {}", asked, scaled_text(limit)), ExitCode::deadline);
  }
  return std::move(*said);
}

Error not_understood(const std::string& program, const std::string& option, const Captured& said) {
  return Error(format("asking {} ({}): it says neither yes nor no: {}", program, option,
                      trim(said.out + said.err).substr(0, 200)));
}

// "OPTION help" lists one name a line after `title`, and what it is after some.
bool help_lists(const std::string& program, Duration limit, const std::string& option,
                std::string_view title, std::string_view name) {
  const Captured said = say(program, limit, {option, "help"});
  if (said.out.find(title) == std::string::npos) {
    throw not_understood(program, option + " help", said);
  }
  const std::vector<std::string> lines = split(said.out, '\n');
  return std::any_of(lines.begin(), lines.end(), [name](const std::string& line) {
    const std::string entry(trim(line));
    return entry.substr(0, entry.find(' ')) == name;
  });
}

bool has_spice(const std::string& program, Duration limit) {
  const Captured said = say(program, limit, {"-spice", "help"});
  const bool has = said.out.find("spice options") != std::string::npos;
  if (!has && said.err.find("no option group") == std::string::npos &&
      said.err.find("invalid option") == std::string::npos) {
    throw not_understood(program, "-spice help", said);
  }
  return has;
}

// Before main() the sanitizer says what the variable may hold, whatever the program does then.
bool has_sanitizer(const std::string& program, Duration limit, const BuildWord& word) {
  SpawnOptions options;
  options.environment = {{std::string(word.name), "help=1:log_path=stderr:detect_leaks=0"}};
  const Captured said = say(program, limit, {"--version"}, std::move(options));
  const bool has = said.err.find(format("flags for {}", word.beside)) != std::string::npos;
  if (!has && said.status.wait_status != 0) {
    throw not_understood(program, "--version", said);
  }
  return has;
}

} // namespace

bool ask_build(const std::string& program, Duration limit, const BuildWord& word) {
  switch (word.evidence) {
  case Evidence::display:
    return help_lists(program, limit, "-display", "display backend types", word.name);
  case Evidence::audio:
    return help_lists(program, limit, "-audiodev", "audio drivers", word.name);
  case Evidence::log_item:
    return help_lists(program, limit, "-d", "Log items", word.name);
  case Evidence::spice:
    return has_spice(program, limit);
  case Evidence::sanitizer:
    return has_sanitizer(program, limit, word);
  case Evidence::command:
  case Evidence::sandbox:
    assert(false); // Probe knows that by itself
    return false;
  case Evidence::type:
  case Evidence::value:
  case Evidence::member:
  case Evidence::tls:
    break;
  }
  IdleEmulator emulator(program, only_machine(), limit);
  if (word.evidence == Evidence::type) {
    return type_is_listed(emulator, word.name);
  }
  return word.evidence == Evidence::tls ? can_make_tls(program, emulator)
                                        : schema_has(emulator.need("query-qmp-schema"), word);
}

} // namespace qt
