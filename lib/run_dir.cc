#include "run_dir.hh"

#include "error.hh"
#include "file.hh"
#include "text.hh"

#include <array>

namespace qt {

namespace {

struct CauseName {
  Cause cause;
  std::string_view name;
};

constexpr std::array k_causes = {
    CauseName{Cause::pass, "pass"},
    CauseName{Cause::assertion, "assertion"},
    CauseName{Cause::fail_pattern, "fail-pattern"},
    CauseName{Cause::guest_panic, "guest-panic"},
    CauseName{Cause::guest_reset, "guest-reset"},
    CauseName{Cause::qemu_crash, "qemu-crash"},
    CauseName{Cause::qemu_exit, "qemu-exit"},
    CauseName{Cause::qemu_refused, "qemu-refused"},
    CauseName{Cause::timeout, "timeout"},
    CauseName{Cause::idle_timeout, "idle-timeout"},
    CauseName{Cause::console_eof, "console-eof"},
    CauseName{Cause::skip, "skip"},
    CauseName{Cause::asset, "asset"},
    CauseName{Cause::host, "host"},
};

std::string verdict_path(const std::string& run_dir) { return run_dir + "/verdict.json"; }

int* channel_of(VmChannels& vm, std::string_view name) {
  if (name == "console") {
    return &vm.console;
  }
  if (name == "qmp") {
    return &vm.qmp;
  }
  return name == "exit" ? &vm.exit : nullptr;
}

} // namespace

std::string format_vms(const std::vector<VmChannels>& vms) {
  std::vector<std::string> words;
  for (const VmChannels& vm : vms) {
    std::vector<std::string> channels;
    for (const auto& [name, fd] :
         {std::pair("console", vm.console), std::pair("qmp", vm.qmp), std::pair("exit", vm.exit)}) {
      if (fd >= 0) {
        channels.push_back(format("{}:{}", name, fd));
      }
    }
    words.push_back(vm.name + "=" + join(channels, ","));
  }
  return join(words, " ");
}

std::vector<VmChannels> parse_vms(std::string_view text) {
  std::vector<VmChannels> vms;
  for (const std::string& word : split(text, ' ')) {
    if (word.empty()) {
      continue;
    }
    const std::size_t equals = word.find('=');
    const auto wrong = [&word] {
      return Error(format("{}: '{}' is not NAME=CHANNEL:FD,…", k_vms_variable, word),
                   ExitCode::usage);
    };
    if (equals == std::string::npos || equals == 0) {
      throw wrong();
    }
    VmChannels vm;
    vm.name = word.substr(0, equals);
    const std::string channels = word.substr(equals + 1);
    for (const std::string& channel : split(channels, ',')) {
      if (channels.empty()) {
        break;
      }
      const std::size_t colon = channel.find(':');
      int* const fd = channel_of(vm, std::string_view(channel).substr(0, colon));
      const auto number = colon == std::string::npos
                              ? std::nullopt
                              : parse_integer(std::string_view(channel).substr(colon + 1));
      if (fd == nullptr || !number || *number < 0 || *number > 1 << 20) {
        throw wrong();
      }
      *fd = static_cast<int>(*number);
    }
    vms.push_back(vm);
  }
  return vms;
}

std::string_view cause_name(Cause cause) {
  for (const CauseName& entry : k_causes) {
    if (entry.cause == cause) {
      return entry.name;
    }
  }
  return "host";
}

std::optional<Cause> cause_from(std::string_view name) {
  for (const CauseName& entry : k_causes) {
    if (entry.name == name) {
      return entry.cause;
    }
  }
  return std::nullopt;
}

void write_verdict(const std::string& run_dir, const Verdict& verdict) {
  const Json json = {
      {"cause", cause_name(verdict.cause)},
      {"message", verdict.message},
      {"vm", verdict.vm},
      {"step", verdict.step},
      {"awaited", verdict.awaited},
      {"last-lines", verdict.last_lines},
      {"seconds", verdict.seconds},
      {"judged-exits", verdict.judged_exits},
      {"details", verdict.details},
  };
  AtomicFile file(verdict_path(run_dir));
  file.write(dump_json_indented(json) + "\n");
  file.commit();
}

std::optional<Verdict> read_verdict(const std::string& run_dir) {
  const std::optional<std::string> text = read_file_if_exists(verdict_path(run_dir));
  if (!text) {
    return std::nullopt;
  }
  try {
    const Json json = parse_json(*text, verdict_path(run_dir));
    const std::optional<Cause> cause = cause_from(json.at("cause").get<std::string>());
    if (!cause) {
      return std::nullopt;
    }
    Verdict verdict;
    verdict.cause = *cause;
    verdict.message = json.value("message", "");
    verdict.vm = json.value("vm", "");
    verdict.step = json.value("step", "");
    verdict.awaited = json.value("awaited", "");
    verdict.last_lines = json.value("last-lines", std::vector<std::string>());
    verdict.seconds = json.value("seconds", 0.0);
    verdict.judged_exits = json.value("judged-exits", std::map<std::string, std::string>());
    verdict.details = json.value("details", Json::object());
    return verdict;
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string console_log_path(const std::string& run_dir, std::string_view vm) {
  if (vm == k_default_vm) {
    return run_dir + "/console.log";
  }
  return format("{}/{}.console.log", run_dir, vm);
}

std::string qemu_log_path(const std::string& run_dir, std::string_view vm) {
  return format("{}/{}.log", run_dir, vm);
}

std::string dialogue_log_path(const std::string& run_dir) { return run_dir + "/dialogue.log"; }
std::string base_log_path(const std::string& run_dir) { return run_dir + "/base.log"; }
std::string scratch_path(const std::string& run_dir) { return run_dir + "/scratch"; }

} // namespace qt
