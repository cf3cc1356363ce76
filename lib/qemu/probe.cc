#include "qemu/probe.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/log.hh"
#include "base/spelling.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "cache/cache.hh"
#include "os/file.hh"
#include "os/process.hh"
#include "qemu/emulator.hh"
#include "qemu/idle_emulator.hh"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fcntl.h>
#include <glob.h>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

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

// Whether the emulator was built with something, and has the module if that is in one. Starts it.
// `limit` bounds that. Throws what Probe throws, also for an answer that is neither yes nor no. Not
// for what Probe knows by itself: a command, the sandbox.
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

// The names of a list of {"name": …}.
std::vector<std::string> names(IdleEmulator& emulator, const std::string& command,
                               const Json& arguments) {
  std::vector<std::string> names;
  const Json list = emulator.need(command, arguments);
  for (const Json& entry : list) {
    for (const char* key : {"name", "alias"}) {
      if (std::string name = json_text(entry, key); !name.empty()) {
        names.push_back(std::move(name));
      }
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What of a file or folder changes with its content; null if it is not there.
Json identity_of_file(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) < 0) {
    return {};
  }
  return {{"path", path},
          {"device", status.st_dev},
          {"inode", status.st_ino},
          {"size", status.st_size},
          {"mtime", nanoseconds(status.st_mtim)},
          {"ctime", nanoseconds(status.st_ctim)}};
}

// The programs that a script names, by an absolute path or, if it is an emulator, by its name on
// PATH; none if the file is no script.
std::vector<std::string> named_in_script(const std::string& path) {
  constexpr std::size_t k_most = 65536;
  constexpr std::string_view k_between = " \t\r\n\"'=;|&()`";
  constexpr std::string_view k_script = "#!";
  std::string text(k_script.size(), '\0');
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (::read(file.get(), text.data(), text.size()) < 0 || text != k_script) {
    return {};
  }
  text.resize(k_most);
  const ssize_t count = ::read(file.get(), text.data(), text.size());
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  std::vector<std::string> found;
  for (std::size_t begin = 0, end = 0; end < text.size(); begin = end + 1) {
    end = std::min(text.find_first_of(k_between, begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    const bool is_emulator = word.starts_with("qemu-") && word.find('/') == std::string::npos;
    if (const auto program =
            word.starts_with('/') || is_emulator ? find_program(word) : std::nullopt) {
      found.push_back(*program);
    }
  }
  return found;
}

// The program and all that it leads to, each by its real path.
std::vector<std::string> files_of(const std::string& program) {
  constexpr std::size_t k_most = 16;
  std::vector<std::string> files = {real_path(program)};
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (const std::string& named : named_in_script(files[i])) {
      const std::string file = real_path(named);
      if (files.size() < k_most && std::find(files.begin(), files.end(), file) == files.end()) {
        files.push_back(file);
      }
    }
  }
  return files;
}

// Where modules of these programs may be: in the folder that the environment names, in the library
// folders beside "bin", and in a build, which has its modules beside the programs.
std::vector<std::string> module_folders(const std::vector<std::string>& files) {
  std::vector<std::string> folders;
  if (const char* const named = std::getenv("QEMU_MODULE_DIR"); named != nullptr) {
    folders.emplace_back(named);
  }
  for (const std::string& file : files) {
    const std::string bin = parent_of(file);
    if (exists(bin + "/qemu-bundle")) {
      folders.push_back(bin);
    }
    // Of the folders of multiarch only: a look into each other one takes time.
    for (const char* const pattern : {"/lib/*-linux-*/qemu", "/lib/qemu", "/lib64/qemu"}) {
      glob_t found = {};
      if (::glob((parent_of(bin) + pattern).c_str(), 0, nullptr, &found) == 0) {
        folders.insert(folders.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
      }
      ::globfree(&found);
    }
  }
  std::sort(folders.begin(), folders.end());
  folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
  return folders;
}

Json identity_of(const std::string& program) {
  const std::vector<std::string> files = files_of(program);
  Json identity = {{"program", program}, {"files", Json::array()}, {"folders", Json::array()}};
  for (const std::string& file : files) {
    identity["files"].push_back(identity_of_file(file));
  }
  for (const std::string& folder : module_folders(files)) {
    identity["folders"].push_back(identity_of_file(folder));
  }
  return identity;
}

// Which emulators this process has asked, so that it does not do so for each subtest that is to be
// skipped.
class Asked {
public:
  void add(const Json& identity) {
    const std::lock_guard lock(m_mutex);
    m_identities.insert(dump_json(identity));
  }
  bool has(const Json& identity) {
    const std::lock_guard lock(m_mutex);
    return m_identities.contains(dump_json(identity));
  }

private:
  std::mutex m_mutex;
  std::set<std::string> m_identities;
};

Asked& asked_here() {
  static Asked asked;
  return asked;
}

std::string record_name(std::string program) {
  constexpr std::size_t k_longest = 200; // of NAME_MAX; the record itself names the whole path
  std::replace(program.begin(), program.end(), '/', '-');
  return program.substr(program.size() > k_longest ? program.size() - k_longest : 0) + ".txt";
}

// The lists of a record, which are long: each is one text, its names between spaces. No name of
// QEMU's has a space; one that had would be no name here.
constexpr std::array<const char*, 4> k_lists = {"machines", "accelerators", "devices", "commands"};

std::string joined(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) {
    return name.find_first_of(" \n") != std::string::npos;
  });
  return join(names, " ");
}

bool has_name(std::string_view list, std::string_view name) {
  if (name.empty() || name.find(' ') != std::string_view::npos) {
    return false;
  }
  for (std::size_t at = 0; (at = list.find(name, at)) != std::string_view::npos;
       at += name.size()) {
    const std::size_t end = at + name.size();
    if ((at == 0 || list[at - 1] == ' ') && (end == list.size() || list[end] == ' ')) {
      return true;
    }
  }
  return false;
}

bool all_are(const Json& value, bool (Json::*kind)() const noexcept) {
  return std::all_of(value.begin(), value.end(),
                     [kind](const Json& element) { return (element.*kind)(); });
}

// Whether a record has all that ask_all() gives: anyone may have written it.
bool is_whole(const Json& record) {
  const auto has = [&record](const char* key, bool (Json::*kind)() const noexcept) {
    return (json_member(record, key).*kind)();
  };
  for (const char* const list : k_lists) {
    if (!has(list, &Json::is_string)) {
      return false;
    }
  }
  return has("version", &Json::is_string) && has("sandbox", &Json::is_boolean) &&
         has("netdevs", &Json::is_object) && all_are(record["netdevs"], &Json::is_boolean) &&
         has("config", &Json::is_object) && all_are(record["config"], &Json::is_boolean) &&
         has("memory", &Json::is_object) && all_are(record["memory"], &Json::is_number_unsigned);
}

// The text of a record.
std::string record_text(Json record) {
  std::string lists;
  for (const char* const list : k_lists) {
    lists += format("{} {}\n", list, record[list].get_ref<const std::string&>());
    record.erase(list);
  }
  return dump_json(record) + "\n" + lists;
}

// The lists are no JSON: to read them as such took longer than all else here.
Json record_of(std::string_view text, const std::string& path) {
  const std::size_t end = text.find('\n');
  Json record = parse_json(text.substr(0, end), path);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  for (const std::string& line : split(text, '\n')) {
    const std::size_t space = line.find(' ');
    if (record.is_object() && space != std::string::npos) {
      record[line.substr(0, space)] = line.substr(space + 1);
    }
  }
  return record;
}

// The remembered answers; null if there are none for exactly this program.
Json recall(const std::string& path, const Json& identity) {
  if (path.empty()) {
    return {};
  }
  try {
    const std::optional<std::string> text = read_small_file(path, Writer::trusted);
    const bool is_all = text && text->ends_with('\n'); // a crash of the host may have cut it
    Json record = is_all ? record_of(*text, path) : Json();
    const bool is_of_it = json_member(record, "identity") == identity;
    return is_of_it && is_whole(record) ? record : Json();
  } catch (const Error&) {
    return {};
  }
}

Json ask_all(const std::string& program, Duration limit) {
  IdleEmulator emulator(program, only_machine(), limit);
  const Json reply = emulator.need("query-version");
  const auto part = [&reply](const char* name) {
    const Json& number = json_member(json_member(reply, "qemu"), name);
    return number.is_number_unsigned() ? number.get<std::uint64_t>() : 0;
  };
  const std::string suffix = "-accel";
  std::vector<std::string> accelerators;
  for (const std::string& type :
       names(emulator, "qom-list-types", {{"implements", "accel"}, {"abstract", false}})) {
    if (type.ends_with(suffix)) {
      accelerators.push_back(type.substr(0, type.size() - suffix.size()));
    }
  }
  // Nothing is listed, or the command refused, where QEMU was built without it.
  const Json sandbox = emulator.ask("query-command-line-options", {{"option", "sandbox"}});
  // Listing types makes QEMU load all its modules: their devices are on the list too.
  return {{"version", format("{}.{}.{}", part("major"), part("minor"), part("micro"))},
          {"machines", joined(names(emulator, "query-machines", Json::object()))},
          {"accelerators", joined(accelerators)},
          {"devices", joined(names(emulator, "qom-list-types",
                                   {{"implements", "device"}, {"abstract", false}}))},
          {"commands", joined(names(emulator, "query-commands", Json::object()))},
          {"netdevs", Json::object()},
          {"config", Json::object()},
          {"sandbox", json_at(sandbox, "/return/0") != nullptr},
          {"memory", Json::object()}};
}

// QEMU has no list of network back ends. One that it knows is refused for the duplicate id, or
// before that for an argument that is missing; so nothing is ever created.
bool ask_netdev(const std::string& program, Duration limit, const std::string& name) {
  IdleEmulator session(program, only_machine(), limit);
  session.ask("netdev_add", {{"type", "hubport"}, {"id", "probe"}, {"hubid", 0}});
  const Json reply = session.ask("netdev_add", {{"type", name}, {"id", "probe"}});
  const Json* const text = json_at(reply, "/error/desc");
  const std::string desc = text != nullptr && text->is_string() ? text->get<std::string>() : "";
  constexpr std::array<std::string_view, 4> k_unknown = {
      "does not accept value", "not compiled", "not a valid", "expects a network backend"};
  return std::none_of(k_unknown.begin(), k_unknown.end(), [&desc](std::string_view refusal) {
    return desc.find(refusal) != std::string::npos;
  });
}

// Not all machines start without firmware or a kernel; most of those have QEMU's usual default.
std::uint64_t ask_memory(const std::string& program, Duration limit, const std::string& machine) {
  constexpr std::uint64_t k_usual = 128 << 20;
  try {
    IdleEmulator emulator(program, only_machine(machine), limit);
    const Json reply = emulator.need("query-memory-size-summary");
    const Json& memory = json_member(reply, "base-memory");
    return memory.is_number_unsigned() ? memory.get<std::uint64_t>() : k_usual;
  } catch (const Error&) {
    return k_usual;
  }
}

// A size as QEMU reads it after -m: "512" (MiB), "2G", "1.5g", "536870912B" (qemu_strtosz()).
std::optional<std::uint64_t> memory_size(std::string_view text) {
  constexpr std::string_view k_units = "BKMGTPE";
  std::size_t unit = k_units.find('M');
  if (!text.empty() && std::isalpha(static_cast<unsigned char>(text.back())) != 0) {
    unit = k_units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(text.back()))));
    text.remove_suffix(1);
  }
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const bool is_whole = unit != std::string_view::npos && read.ec == std::errc() && read.ptr == end;
  const double bytes = is_whole ? std::ldexp(number, static_cast<int>(10 * unit)) : -1;
  return bytes >= 0 && bytes < 0x1p63 ? std::optional(static_cast<std::uint64_t>(bytes))
                                      : std::nullopt;
}

// The value of the last "-m": "512", "size=1G,slots=2"; nothing if none names a size.
std::optional<std::uint64_t> memory_option(const std::vector<std::string>& arguments) {
  std::optional<std::uint64_t> memory;
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i] != "-m" && arguments[i] != "--m") {
      continue;
    }
    for (const std::string& part : split(arguments[i + 1], ',')) {
      const bool named = part.starts_with("size=");
      if (!named && part.find('=') != std::string::npos) {
        continue;
      }
      memory = memory_size(named ? part.substr(5) : part);
    }
  }
  return memory;
}

std::string digits_of(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return c >= '0' && c <= '9'; });
  return digits;
}

} // namespace

Json emulator_identity(const std::string& program) { return identity_of(program); }

std::string probe_folder() {
  try {
    return Cache::open().root() + "/probe";
  } catch (const Error&) {
    return "";
  }
}

Probe::Probe(std::string program, std::string folder, Duration limit)
  : m_program(std::move(program))
  , m_record_path(folder.empty() ? "" : folder + "/" + record_name(m_program))
  , m_limit(limit) {}

const Json& Probe::answers() {
  if (m_answers.is_null()) {
    m_identity = identity_of(m_program);
    m_answers = recall(m_record_path, m_identity);
    m_is_remembered = !m_answers.is_null();
  }
  if (m_answers.is_null()) {
    ask();
  }
  return m_answers;
}

void Probe::ask() {
  m_answers = ask_all(m_program, m_limit);
  m_answers["identity"] = m_identity;
  m_is_remembered = false;
  asked_here().add(m_identity);
  remember();
}

bool Probe::ask_again() {
  answers();
  if (!m_is_remembered || asked_here().has(m_identity)) {
    return false;
  }
  ask();
  return true;
}

void Probe::remember() const noexcept {
  if (m_record_path.empty()) {
    return;
  }
  try {
    make_directories(parent_of(m_record_path));
    AtomicFile file(m_record_path, 0644); // what others may write is not believed
    file.write(record_text(m_answers));
    file.commit();
  } catch (const Error&) {
    // a cache that cannot be written is asked again next time
  }
}

bool Probe::lists(const char* key, std::string_view name) {
  return has_name(answers()[key].get_ref<const std::string&>(), name);
}

std::string Probe::version() { return answers()["version"].get<std::string>(); }
bool Probe::has_machine(std::string_view name) { return lists("machines", name); }
bool Probe::has_accelerator(std::string_view name) { return lists("accelerators", name); }
bool Probe::has_device(std::string_view name) { return lists("devices", name); }

bool Probe::has_command(std::string_view name) { return lists("commands", name); }

bool Probe::has_netdev(const std::string& name) {
  const Json& known = answers()["netdevs"];
  if (!known.contains(name)) {
    const bool has = ask_netdev(m_program, m_limit, name);
    m_answers["netdevs"][name] = has;
    remember();
    return has;
  }
  return known[name].get<bool>();
}

bool Probe::was_built_with(const BuildWord& word) {
  if (word.evidence == BuildWord::Evidence::command) {
    return has_command(word.name);
  }
  if (word.evidence == BuildWord::Evidence::sandbox) {
    return has_sandbox();
  }
  const std::string name(word.word);
  const Json& known = answers()["config"];
  if (!known.contains(name)) {
    const bool has = ask_build(m_program, m_limit, word);
    m_answers["config"][name] = has;
    remember();
    return has;
  }
  return known[name].get<bool>();
}

bool Probe::has_sandbox() { return answers()["sandbox"].get<bool>(); }

std::string Probe::firmware_folder() {
  if (!json_member(answers(), "firmware").is_string()) {
    const auto said = run_captured({m_program, "-L", "help"}, {}, Deadline::after(scaled(m_limit)));
    if (!said) {
      throw Error(format("asking {} for its folders (-L help): no answer in {}", m_program,
                         scaled_text(m_limit)),
                  ExitCode::deadline);
    }
    const std::string first = said->out.substr(0, said->out.find('\n'));
    m_answers["firmware"] = said->status.wait_status == 0 && !first.empty() ? real_path(first) : "";
    remember();
  }
  return m_answers["firmware"].get<std::string>();
}

std::uint64_t Probe::memory(const std::string& machine, const std::vector<std::string>& arguments) {
  if (const std::optional<std::uint64_t> given = memory_option(arguments)) {
    return *given;
  }
  const Json& known = answers()["memory"];
  if (!known.contains(machine)) {
    m_answers["memory"][machine] = ask_memory(m_program, m_limit, machine);
    remember();
  }
  return m_answers["memory"][machine].get<std::uint64_t>();
}

std::string Probe::suggest(Kind kind, std::string_view name) {
  const Json& list = answers()[k_lists[static_cast<std::size_t>(kind)]];
  const std::vector<std::string> names = split(list.get_ref<const std::string&>(), ' ');
  std::vector<std::string_view> candidates;
  for (const std::string& candidate : names) {
    if (digits_of(candidate) == digits_of(name)) {
      candidates.emplace_back(candidate);
    }
  }
  return did_you_mean(name, candidates);
}

void fit_confinement(MachineOptions& machine) {
  const bool restricted =
      machine.network == MachineOptions::Network::restricted && !says_network(machine.arguments);
  const std::string program = choose_emulator(machine.qemu, "", "generic").program;
  if ((machine.sandbox == MachineOptions::Sandbox::off && !restricted) || program.empty()) {
    return; // that there is no emulator is found when it is started
  }
  Probe probe(program, probe_folder());
  if (machine.sandbox == MachineOptions::Sandbox::on && !probe.has_sandbox()) {
    machine.sandbox = MachineOptions::Sandbox::off;
    log_warning(format("option --confine: {} has no -sandbox: it runs without", program));
  }
  if (restricted && machine.machine != "none" && !probe.has_netdev("user")) {
    machine.network = MachineOptions::Network::none;
    log_warning(format("option --confine: {} has no user network: the machine gets no "
                       "card",
                       program));
  }
}

} // namespace qt
