#include "ipc/run_dir.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/file.hh"

namespace qt {

namespace {

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
      const std::string_view digits = colon == std::string::npos
                                          ? std::string_view()
                                          : std::string_view(channel).substr(colon + 1);
      const std::int64_t number = parse_integer(digits).value_or(-1);
      if (fd == nullptr || number < 0 || number > 1 << 20) {
        throw wrong();
      }
      *fd = static_cast<int>(number);
    }
    vms.push_back(vm);
  }
  return vms;
}

std::string attach_path(const std::string& run_dir, std::string_view vm) {
  return format("{}/{}.attach", run_dir, vm);
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

std::vector<std::string> repetitions_of(const std::string& run_dir) {
  const std::string begin = base_name(run_dir) + ".";
  std::vector<std::string> paths;
  std::error_code error; // without the folder there are none
  for (const std::string& name : names_in(parent_of(run_dir), error)) {
    if (name.size() > begin.size() && name.starts_with(begin) &&
        name.find_first_not_of("0123456789", begin.size()) == std::string::npos) {
      paths.push_back(parent_of(run_dir) + "/" + name);
    }
  }
  return paths;
}

namespace {

constexpr unsigned k_logs = 8; // as large as the limit of one, are the limit of all

} // namespace

FolderSize size_of_run(const std::string& run_dir, std::uint64_t log_limit) {
  return {run_dir, scratch_of_run(run_dir), log_limit * k_logs};
}

std::string scratch_of_run(const std::string& run_dir) {
  const std::string own = scratch_path(run_dir);
  const std::string shared = scratch_path(parent_of(run_dir));
  return !exists(own) && base_name(run_dir).starts_with("phase") && exists(shared) ? shared : own;
}

} // namespace qt
