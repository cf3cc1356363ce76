#include "tap/values.hh"

#include "base/error.hh"
#include "base/substitute.hh"
#include "os/file.hh"
#include "qemu/probe.hh"

#include <array>
#include <ctime>

namespace qt {

namespace {

// "%Y" → "2026", in UTC as guests see it.
std::string date_text(const std::string& pattern) {
  const std::time_t now = std::time(nullptr);
  std::tm utc;
  ::gmtime_r(&now, &utc);
  std::array<char, 256> text;
  return {text.data(), std::strftime(text.data(), text.size(), pattern.c_str(), &utc)};
}

// A plugin of QEMU's build: "libinsn" or "insn".
std::string find_plugin(const std::string& build, const std::string& name) {
  for (const char* folder : {"tests/tcg/plugins", "contrib/plugins"}) {
    for (const char* prefix : {"", "lib"}) {
      std::string path = format("{}/{}/{}{}.so", build, folder, prefix, name);
      if (exists(path)) {
        return path;
      }
    }
  }
  return "";
}

int port_number(std::string_view text, Reservation& reservation) {
  const std::optional<PortReference> reference = parse_port_reference(text);
  if (!reference) {
    throw Error(format("'${{port.{}}}' is not a port; expected ${{port.NAME}} or "
                       "${{port.NAME-5900}}",
                       text),
                ExitCode::usage);
  }
  return reservation.port(reference->name) + static_cast<int>(reference->offset);
}

} // namespace

Values values_of(const std::vector<std::string>& variables, const ValueSources& sources,
                 Reservation& reservation) {
  Values result;
  result.values = sources.payloads;
  const auto need = [&result](const std::string& value, const std::string& why) {
    if (value.empty() && result.missing.empty()) {
      result.missing = why;
    }
    return value;
  };
  const std::map<std::string_view, std::string> plain = {
      {"scratch", sources.scratch},       {"data", sources.data},
      {"build", sources.build},           {"arch", sources.emulator.arch},
      {"qemu", sources.emulator.program},
  };
  for (const std::string& name : variables) {
    std::string& value = result.values[name];
    const std::string behind = name.substr(name.find_first_of(".:") + 1);
    if (const auto known = plain.find(name); known != plain.end()) {
      value = known->second;
    } else if (name == "socket") {
      value = reservation.socket_folder(sources.scratch);
    } else if (name == "qemu-img") {
      value = need(choose_qemu_img(sources.emulator.program).program,
                   format("needs qemu-img; install it or set {}", k_qemu_img_variable));
    } else if (name == "firmware" && !sources.emulator.program.empty()) {
      value = need(Probe(sources.emulator.program, probe_folder()).firmware_folder(),
                   format("{} -L help names no folder", sources.emulator.program));
    } else if (name.starts_with("port.")) {
      value = std::to_string(port_number(behind, reservation));
    } else if (name.starts_with("plugin.")) {
      value = need(find_plugin(sources.build, behind),
                   format("needs the plugin {} in {}", behind, sources.build));
    } else if (name.starts_with("support.")) {
      const std::string path = format("{}/{}", sources.support, behind);
      value = need(exists(path) ? path : "", format("needs the program {}; compile it", path));
    } else if (name.starts_with("date:")) {
      value = date_text(behind);
    } else if (name.starts_with("fd.")) {
      value = std::to_string(reservation.descriptor(behind));
    }
  }
  result.values.erase("log"); // each phase has its own
  return result;
}

} // namespace qt
