// qt-boot: starts QEMU with its console and monitors, runs a program against it, supervises both
// and ends them. Everything happens in lib/boot.
#include "base/error.hh"
#include "boot/attach.hh"
#include "boot/boot.hh"
#include "boot/boot_options.hh"
#include "cli/cli.hh"
#include "os/file.hh"
#include "qemu/probe.hh"
#include "record/record.hh"
#include "schema/argument_check.hh"
#include "schema/key_option.hh"
#include "schema/tables.hh"

#include <memory>
#include <string>
#include <vector>

namespace {

struct Options {
  qt::BootRequest request;
  std::optional<std::string> attach; // a run directory
  bool typing = false;
  std::optional<std::string> record; // a definition to be
};

qt::Error usage(const std::string& message) { return qt::Error(message, qt::ExitCode::usage); }

qt::CommandLine command_line(Options& options) {
  qt::CommandLine line("[OPTION]… [-- QEMU-ARGUMENT…] [-- PROGRAM [ARGUMENT]…]",
                       "Starts QEMU and runs PROGRAM against its console and monitor; without "
                       "PROGRAM,\nstandard input and output are the console.");
  line.group("The machine");
  for (const qt::Key& key : qt::vm_keys()) {
    if (key.name == "args") { // QEMU's own arguments stand after "--"
      continue;
    }
    for (const qt::OptionForm& form : qt::option_forms(key)) {
      line.option(form.name, form.argument, form.help,
                  [&options, &key, name = form.name](const std::string& value) {
                    try {
                      qt::set_from_option(key, name, value, options.request.machine);
                    } catch (const qt::Error& error) {
                      throw error.within("option --" + name);
                    }
                  });
    }
  }
  line.group("The run")
      .option("name", "NAME", "the machine's name, if there are several", options.request.name)
      .option("run-dir", "DIR", "where the logs go (default: a new folder)",
              options.request.run_dir)
      .option("timeout", "deadline of the whole run", options.request.timeout)
      .option("log-limit", "SIZE",
              "largest size of a log; the middle of a longer one is left out (default 256M)",
              options.request.log_limit)
      .option("fd", "N", "a descriptor that QEMU inherits; may be repeated",
              options.request.descriptors)
      .option(
          "on-fail", "end|keep|shell",
          "what to do with a machine whose test failed: end it (default), keep it stopped, or "
          "give you its console",
          [&options](const std::string& word) { options.request.on_fail = qt::on_fail_from(word); })
      .flag("gdb", "run QEMU under gdb at the terminal", options.request.gdb)
      .flag("gdbstub", "let the machine wait for gdb on a port of this host, and print the port",
            options.request.gdb_stub)
      .group("Instead of a run")
      .option("attach", "RUN_DIR", "view the console and monitor of the machine that runs there",
              options.attach)
      .flag("type", "with --attach: what you type goes to the machine", options.typing)
      .option("record", "FILE", "make a definition of what you do with the machine here",
              options.record)
      .after_dashes("QEMU's arguments stand after '--', a program after a second one")
      .example("qt-boot --qemu qemu-system-riscv64 --machine virt | qt-expect --wait OpenSBI")
      .example("qt-boot --qemu qemu-system-arm --machine virt -- -bios u-boot.bin -- \\\n"
               "    qt-expect --interrupt ' ' --until '=> ' --line version --wait U-Boot")
      .exit_codes("0 passed · 1 failed · 2 usage · 77 no such machine, none to\n"
                  "attach to, or skip-if-output · 99 could not judge · 124 deadline ·\n"
                  "126/127 cannot execute · 128+n signal; else what PROGRAM ended with");
  return line;
}

// QEMU starts without any argument, too, and its machine then waits for a disk: silence for ever.
void check_for_machine(const qt::BootOptions& boot, const qt::BootRequest& request) {
  if (request.machine.empty() && boot.machine.arguments.empty() && boot.program.empty()) {
    throw usage("which machine? Give --machine NAME ('qemu-system-ARCH -machine help' lists them), "
                "with --qemu the emulator, and after '--' what it boots; qt-boot --help has "
                "examples");
  }
}

// QEMU takes a disk image as a word without a dash; a program there lacks its "--".
void check_for_program(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && !arguments[0].starts_with('-') && !qt::exists(arguments[0]) &&
      qt::find_program(arguments[0])) {
    throw usage(qt::format("'{}' stands where QEMU's arguments do; a program stands after a "
                           "second '--'",
                           arguments[0]));
  }
}

int record(const Options& options, const qt::BootOptions& boot) {
  const qt::BootRequest& given = options.request;
  if (!boot.program.empty()) {
    throw usage("option --record: you use the machine, not a PROGRAM");
  }
  if (boot.gdb || boot.gdb_stub || given.name || !given.descriptors.empty() ||
      boot.on_fail != qt::OnFail::end || boot.machine.console == qt::Json(false)) {
    throw usage("option --record: --gdb, --gdbstub, --name, --fd, --on-fail and --console false "
                "have no place beside it");
  }
  qt::RecordRequest request;
  request.file = *options.record;
  request.machine = given.machine;
  request.arguments = boot.machine.arguments;
  request.run_dir = boot.run_dir;
  if (given.timeout) {
    request.run = {"--timeout", qt::format_duration(*given.timeout)};
  }
  if (given.log_limit) {
    request.run.insert(request.run.end(), {"--log-limit", *given.log_limit});
  }
  return qt::record(request);
}

int run(const std::vector<std::string>& words) {
  std::vector<std::vector<std::string>> parts = qt::cut_at_dashes(words, 3);
  Options options;
  if (!command_line(options).parse(parts[0])) {
    return qt::to_int(qt::ExitCode::done);
  }
  if (options.attach) {
    if (parts.size() > 1) {
      throw usage("option --attach: it starts nothing; leave '--' and what follows out");
    }
    return qt::attach({qt::absolute_path(*options.attach), options.request.name, options.typing});
  }
  qt::BootOptions boot = qt::boot_options(options.request);
  if (parts.size() == 2) {
    check_for_program(parts[1]);
  }
  if (parts.size() > 1) {
    boot.machine.arguments = parts[1];
  }
  if (parts.size() > 2) {
    if (parts[2].empty()) {
      throw usage("there is no PROGRAM after the second '--'");
    }
    boot.program = parts[2];
  }
  check_for_machine(boot, options.request);
  if (const std::string mistake = qt::argument_mistake(boot.machine.arguments); !mistake.empty()) {
    throw usage(mistake);
  }
  if (const std::string mistake = qt::unheard_panic_mistake(boot.machine.arguments);
      !mistake.empty() && !boot.monitors) {
    throw usage(mistake);
  }
  if (options.record) {
    return record(options, boot);
  }
  qt::fit_confinement(boot.machine);
  const std::unique_ptr<qt::Admission> place = qt::admit(boot);
  return qt::boot(boot);
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("qt-boot", argc, argv, run); }
