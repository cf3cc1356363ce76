// qt-extract: from a file to what a test needs of it. Prints where that is.
#include "base/error.hh"
#include "base/log.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "cache/cache.hh"
#include "cli/cli.hh"
#include "extract/command_file.hh"
#include "extract/member_search.hh"
#include "extract/prepared_files.hh"
#include "extract/unpack.hh"
#include "extract/unpack_rule.hh"
#include "os/file.hh"
#include "os/file_lock.hh"

#include <unistd.h>

namespace {

using namespace qt;

struct Options {
  UnpackRule rule;
  std::optional<std::string> output;
  bool list = false;
  CommandRule command;
  std::optional<std::string> definition;
  std::optional<std::string> prepared;
  std::optional<std::string> stamp;
  std::vector<std::string> operands;
};

CommandLine command_line(Options& options) {
  CommandLine line(
      "[OPTION]... [FILE]",
      "Make from FILE, or the file whose path is on standard input, what a test needs\n"
      "of it, and print the path of the result. The content of FILE, not its name, says\n"
      "what it is. A result that is there already is left alone. Owners and setuid bits\n"
      "are not kept.");
  UnpackRule& rule = options.rule;
  const auto size = [](const std::string& text) {
    const std::optional<std::uint64_t> bytes = parse_size(text);
    if (!bytes) {
      throw Error(format("'{}' is not a size such as 64M", text), ExitCode::usage);
    }
    return *bytes;
  };
  line.group("What (without any: the decompressed file, or a link to it)")
      .option("member", "PATH", "take this file out of an archive; may be repeated", rule.members)
      .flag("directory", "unpack everything into a folder; with --member: only that folder",
            rule.directory)
      .flag("list", "print type, size, name of all members instead", options.list)
      .flag("first", "take the first member of that name, not the last, and stop reading there",
            rule.first)
      .option(
          "format", "FORMAT",
          "what FILE is, where its content does not say: raw gz xz zst bz2 lzma lzip lz4 tar zip "
          "cpio iso9660 deb",
          [&rule](const std::string& text) { rule.format = parse_format(text); })
      .flag("skip-devices", "do not warn of devices, fifos, sockets left out",
            [&rule] { rule.devices = Devices::leave_out_quietly; })
      .group("How")
      .option("resize", "pow2|SIZE", "grow the result to the next power of two or to SIZE",
              [&rule](const std::string& text) { rule.resize = parse_resize(text); })
      .flag("writable", "make a private copy, never a link", rule.writable)
      .option("output,o", "PATH", "the file to make, or the folder to make it in", options.output)
      .option("max-size", "SIZE",
              "refuse to write more (default: 16G, and beyond 1G no more than 1000 times the size "
              "of FILE)",
              [&rule, size](const std::string& text) { rule.limit.bytes = size(text); })
      .option("memory", "SIZE", "memory for decompressing xz in threads (default 1G)",
              [&rule, size](const std::string& text) { rule.decompress.memory_bytes = size(text); })
      .group("By a command")
      .option("make", "COMMAND", "make by this command the file ${out}, which --output names",
              [&options](const std::string& text) {
                options.command.words = split_words(text).value_or(std::vector<std::string>());
                if (options.command.words.empty()) {
                  throw Error("expected a command line with balanced quotes", ExitCode::usage);
                }
              })
      .option("inputs", "PATH", "what it reads: made anew if it changes; may be repeated",
              options.command.inputs)
      .option("timeout", "the longest that it may take (default 5m)", options.command.timeout)
      .group("A whole definition")
      .option("definition", "FILE",
              "make all files of the definition FILE whose assets are in the cache",
              options.definition)
      .option("prepared", "DIR", "with --definition: where to make them", options.prepared)
      .option("stamp", "FILE",
              "with --definition: write FILE if all are there; else only warn: no FILE, exit 0",
              options.stamp)
      .operands(options.operands)
      .example("qt-fetch URL SHA256 | qt-extract --member boot/vmlinuz")
      .example("qt-extract --member inner.tar outer.zip | qt-extract --member file")
      .exit_codes("0 done · 1 damaged, hostile, no such member, or the command failed · 2 usage ·\n"
                  "77 FILE or qemu-img is not there · 99 the disk is full or another failure ·\n"
                  "124 the command took too long · 126/127 it could not be executed");
  return line;
}

void print_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  write_all(STDOUT_FILENO, text, "standard output");
}

bool is_plain(const UnpackRule& rule) {
  return rule.members.empty() && !rule.format && !rule.resize && !rule.directory && !rule.first &&
         !rule.writable;
}

int make(const Options& options) {
  if (!options.output || !options.operands.empty() || options.list || !is_plain(options.rule)) {
    throw Error("--make needs --output PATH, and goes with no FILE and nothing that is made of one",
                ExitCode::usage);
  }
  check_command(options.command);
  make_by_command(options.command, *options.output);
  print_lines({*options.output});
  return to_int(ExitCode::done);
}

std::string source_path(const Options& options) {
  if (options.operands.size() > 1) {
    throw Error(format("one FILE only, not also '{}'", options.operands[1]), ExitCode::usage);
  }
  if (options.operands.size() == 1) {
    return options.operands[0];
  }
  if (::isatty(STDIN_FILENO) != 0) {
    throw Error("no FILE given; see qt-extract --help", ExitCode::usage);
  }
  const std::string text = read_to_end(STDIN_FILENO, "standard input");
  const std::vector<std::string> lines = last_lines(text, 2);
  if (lines.empty()) {
    throw Error("no FILE given, and standard input has no path, which the program before this one "
                "would print; see qt-extract --help",
                ExitCode::usage);
  }
  if (lines.size() > 1) {
    throw Error("standard input has more than one line: it must be one path", ExitCode::usage);
  }
  return lines[0];
}

int prepare_definition(const Options& options) {
  if (!options.definition || !options.prepared || !options.operands.empty()) {
    throw Error("--definition FILE and --prepared DIR belong together, without another FILE",
                ExitCode::usage);
  }
  if (options.stamp) {
    clear_stamp(*options.stamp);
  }
  const PreparedFiles files =
      make_prepared_files(load_definition(*options.definition), Cache::open(), *options.prepared);
  for (const std::string& reason : files.failed) {
    log_error(reason);
  }
  for (const std::string& reason : files.missing) {
    options.stamp ? log_warning(reason) : log_error(reason);
  }
  const bool all_there = files.missing.empty() && files.worst == ExitCode::done;
  if (files.worst != ExitCode::done) {
    return to_int(files.worst);
  }
  if (options.stamp) {
    if (all_there) {
      write_stamp(*options.stamp);
    }
    return to_int(ExitCode::done);
  }
  print_lines(files.made);
  return to_int(files.missing.empty() ? ExitCode::done : ExitCode::absent);
}

int run(const std::vector<std::string>& words) {
  Options options;
  CommandLine line = command_line(options);
  if (!line.parse(words)) {
    return to_int(ExitCode::done);
  }
  if (options.definition || options.prepared || options.stamp) {
    return prepare_definition(options);
  }
  if (!options.command.words.empty()) {
    return make(options);
  }
  if (!options.command.inputs.empty()) {
    throw Error("--inputs needs --make COMMAND", ExitCode::usage);
  }
  check_rule(options.rule);
  const std::string source = source_path(options);
  const std::optional<FileLock> hold = Cache::hold_path(source);
  std::vector<std::string> results;
  if (options.list) {
    results = list_members(source, options.rule);
  } else {
    results = output_paths(source, options.rule, options.output);
    unpack(source, options.rule, results);
  }
  print_lines(results);
  return to_int(ExitCode::done);
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("qt-extract", argc, argv, run); }
