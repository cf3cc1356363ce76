#include "cli/cli.hh"

#include "base/error.hh"
#include "base/secrets.hh"
#include "base/spelling.hh"
#include "base/text.hh"
#include "os/fd.hh"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <map>
#include <sstream>
#include <unistd.h>

#ifndef QT_VERSION
#error "QT_VERSION is set by meson.build"
#endif

namespace qt {

namespace po = boost::program_options;

namespace {

std::string_view long_name(std::string_view name) { return name.substr(0, name.find(',')); }

// Puts what `parse` makes of a value in `target`; `expected` says what has no such meaning is not.
template<typename Parse, typename Target>
CommandLine::Handler into(Target& target, std::string_view name, std::string expected,
                          Parse parse) {
  return [&target, name = std::string(long_name(name)), expected = std::move(expected),
          parse = std::move(parse)](const std::string& value) {
    auto parsed = parse(value);
    if (!parsed) {
      throw Error(format("option --{}: '{}' is not {}", name, value, expected), ExitCode::usage);
    }
    target = std::move(*parsed);
  };
}

constexpr const char* k_a_time = "a time such as 500ms, 30s or 2m";

constexpr unsigned k_width = 80;
constexpr unsigned k_help_width = 54; // at least, for what stands beside the options

// Options as Boost knows them, and says them in --help.
template<typename Group>
po::options_description described(const Group& group) {
  po::options_description description(group.title, k_width, k_help_width);
  for (const auto& option : group.options) {
    if (option.argument.empty()) {
      description.add_options()(option.name.c_str(), option.help.c_str());
    } else {
      description.add_options()(option.name.c_str(),
                                po::value<std::string>()->value_name(option.argument.c_str()),
                                option.help.c_str());
    }
  }
  return description;
}

// Descriptors 0 to 2 that the caller closed would be taken by the next open() and receive messages.
// What is written to standard output must not vanish: there it is an error.
void open_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    const int flags = fd == STDOUT_FILENO ? O_RDONLY : O_RDWR;
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", flags) < 0) {
      throw errno_error(errno, "opening /dev/null");
    }
  }
}

// A program may be started by anyone, with any signal ignored or blocked. What ours depend on is
// set here: children that end can be waited for, whoever asks us to end is heard, a reader that
// goes away or a limit of a file's size is an error of that write. Stopping by a terminal stays as
// it is, and so do SIGINT and SIGHUP that are ignored, which is how "nohup" and a shell's "&"
// protect a program.
void reset_signals() {
  for (const int number : {SIGCHLD, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2}) {
    std::signal(number, SIG_DFL);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::string see_help() { return format("; see {} --help", program_name()); }

void print(std::string_view text) { write_all(STDOUT_FILENO, text, "standard output"); }

} // namespace

CommandLine::CommandLine(std::string synopsis, std::string purpose)
  : m_synopsis(std::move(synopsis))
  , m_purpose(std::move(purpose)) {}

CommandLine& CommandLine::group(std::string title) {
  m_groups.push_back({std::move(title), {}});
  return *this;
}

CommandLine& CommandLine::option(std::string name, std::string argument, std::string help,
                                 Handler handler) {
  if (m_groups.empty()) {
    group("Options");
  }
  m_groups.back().options.push_back(
      {std::move(name), std::move(argument), std::move(help), std::move(handler)});
  return *this;
}

CommandLine& CommandLine::option(std::string name, std::string argument, std::string help,
                                 std::optional<std::string>& target) {
  return option(std::move(name), std::move(argument), std::move(help),
                [&target](const std::string& value) { target = value; });
}

CommandLine& CommandLine::option(std::string name, std::string argument, std::string help,
                                 std::vector<std::string>& target) {
  return option(std::move(name), std::move(argument), std::move(help),
                [&target](const std::string& value) { target.push_back(value); });
}

CommandLine& CommandLine::option(std::string name, std::string argument, std::string help,
                                 std::string& target) {
  return option(std::move(name), std::move(argument), std::move(help),
                [&target](const std::string& value) { target = value; });
}

CommandLine& CommandLine::option(std::string name, std::string help,
                                 std::optional<Duration>& target) {
  return option(name, "TIME", std::move(help), into(target, name, k_a_time, parse_duration));
}

CommandLine& CommandLine::option(std::string name, std::string help, Duration& target) {
  return option(name, "TIME", std::move(help), into(target, name, k_a_time, parse_duration));
}

CommandLine& CommandLine::option(std::string name, std::string help,
                                 std::optional<std::uint64_t>& target) {
  return option(name, "SIZE", std::move(help),
                into(target, name, "a size such as 64M or 20G", parse_size));
}

CommandLine& CommandLine::option(std::string name, std::string help, int least, int most,
                                 int& target) {
  const auto parse = [least, most](std::string_view value) -> std::optional<int> {
    const std::optional<std::int64_t> number = parse_integer(value);
    return number && *number >= least && *number <= most ? std::optional(static_cast<int>(*number))
                                                         : std::nullopt;
  };
  return option(name, "N", std::move(help),
                into(target, name, format("a number from {} to {}", least, most), parse));
}

CommandLine& CommandLine::choice(std::string name, std::vector<std::string> words, std::string help,
                                 std::string& target) {
  const std::string argument = join(words, "|");
  const auto parse = [words = std::move(words)](const std::string& value) {
    const bool known = std::find(words.begin(), words.end(), value) != words.end();
    return known ? std::optional(value) : std::nullopt;
  };
  return option(name, argument, std::move(help), into(target, name, "one of " + argument, parse));
}

CommandLine& CommandLine::flag(std::string name, std::string help, bool& target) {
  return option(std::move(name), "", std::move(help),
                [&target](const std::string&) { target = true; });
}

CommandLine& CommandLine::flag(std::string name, std::string help, std::function<void()> handler) {
  return option(std::move(name), "", std::move(help),
                [handler = std::move(handler)](const std::string&) { handler(); });
}

CommandLine& CommandLine::operands(std::vector<std::string>& target) {
  m_operands = &target;
  return *this;
}

CommandLine& CommandLine::after_dashes(std::string text) {
  m_after_dashes = "; " + std::move(text);
  return *this;
}

std::string CommandLine::unknown_hint(std::string_view word,
                                      std::span<const std::string_view> names) const {
  const bool one_dash = !word.starts_with("--");
  const std::string_view name = word.substr(word.find_first_not_of('-'));
  const std::string meant = one_dash && !m_after_dashes.empty()
                                ? m_after_dashes
                                : did_you_mean(name.substr(0, name.find('=')), names);
  return meant + see_help();
}

CommandLine& CommandLine::example(std::string text) {
  m_examples += "  " + text + "\n";
  return *this;
}

CommandLine& CommandLine::exit_codes(std::string text) {
  m_exit_codes = std::move(text);
  return *this;
}

CommandLine CommandLine::with_general(General& asked) const {
  CommandLine all = *this;
  all.group("General")
      .flag("help,h", "this text", asked.help)
      .flag("version", "name and version", asked.version)
      .flag("options", "a line for each option, for other programs", asked.options)
      .flag("verbose,v", "say more", [&asked] { asked.verbosity = Verbosity::verbose; })
      .flag("quiet,q", "only errors", [&asked] { asked.verbosity = Verbosity::quiet; });
  return all;
}

std::string CommandLine::help() const {
  General unused;
  std::ostringstream out;
  out << "Usage: " << program_name() << ' ' << m_synopsis << "\n" << m_purpose << "\n";
  po::options_description all(k_width, k_help_width); // one column for all groups
  for (const Group& group : with_general(unused).m_groups) {
    all.add(described(group));
  }
  std::ostringstream options;
  options << all;
  for (const std::string& line : split(options.str(), '\n')) {
    out << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
  }
  if (!m_examples.empty()) {
    out << "Example:\n" << m_examples;
  }
  if (!m_exit_codes.empty()) {
    out << "\nExit codes: " << m_exit_codes << "\n";
  }
  return out.str();
}

std::string CommandLine::options_text() const {
  General unused;
  std::string text;
  for (const Group& group : with_general(unused).m_groups) {
    for (const Option& option : group.options) {
      const std::size_t comma = option.name.find(',');
      text += format("--{}", long_name(option.name));
      if (comma != std::string::npos) {
        text += " -" + option.name.substr(comma + 1);
      }
      text += format("\t{}\t{}\n", option.argument, join(split(option.help, '\n'), " "));
    }
  }
  return text;
}

bool CommandLine::parse(const std::vector<std::string>& words) {
  General asked;
  const CommandLine all = with_general(asked);
  po::options_description description;
  std::vector<std::string_view> names;
  std::map<std::string_view, const Handler*> handlers;
  for (const Group& group : all.m_groups) {
    description.add(described(group));
    for (const Option& option : group.options) {
      names.push_back(long_name(option.name));
      handlers.emplace(names.back(), &option.handler);
    }
  }
  constexpr int k_style =
      po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::positional_options_description everything;
  everything.add("\x01operand", -1); // a name that nobody can type
  try {
    const po::parsed_options parsed = po::command_line_parser(words)
                                          .options(description)
                                          .style(k_style)
                                          .positional(everything)
                                          .allow_unregistered()
                                          .run();
    for (const po::option& option : parsed.options) {
      if (option.unregistered) {
        throw Error(format("unknown option '{}'{}", option.original_tokens.at(0),
                           unknown_hint(option.original_tokens.at(0), names)),
                    ExitCode::usage);
      }
      const auto known = handlers.find(option.string_key);
      if (known != handlers.end()) {
        (*known->second)(option.value.empty() ? std::string() : option.value[0]);
      } else if (m_operands != nullptr) {
        m_operands->push_back(option.value.at(0));
      } else {
        throw Error(
            format("unexpected operand '{}'{}{}", option.value.at(0), m_after_dashes, see_help()),
            ExitCode::usage);
      }
    }
  } catch (const po::error& error) {
    throw Error(error.what() + see_help(), ExitCode::usage);
  }
  set_verbosity(asked.verbosity);
  if (asked.help) {
    print(help());
  } else if (asked.version) {
    print(format("{} ({}) {}\n", program_name(), "qemu-test-toolkit", QT_VERSION));
  } else if (asked.options) {
    print(options_text());
  }
  return !asked.help && !asked.version && !asked.options;
}

void print_line(const std::string& text) { print(text + "\n"); }

std::vector<std::vector<std::string>> cut_at_dashes(const std::vector<std::string>& words,
                                                    std::size_t parts) {
  std::vector<std::vector<std::string>> cut(1);
  for (const std::string& word : words) {
    if (word == "--" && cut.size() < parts) {
      cut.emplace_back();
    } else {
      cut.back().push_back(word);
    }
  }
  return cut;
}

namespace {

// What a program was started with is there for everybody to read (/proc/PID/cmdline); the secrets
// in it are for this program only.
void hide_secrets(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    for (const TextRange& range : secrets_in(argv[i])) {
      std::fill(argv[i] + range.begin, argv[i] + range.end, '*');
    }
  }
}

} // namespace

int run_tool(const char* name, int argc, char** argv,
             const std::function<int(const std::vector<std::string>& words)>& body) noexcept {
  set_program_name(name);
  try {
    open_standard_descriptors();
    reset_signals();
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    hide_secrets(argc, argv);
    return body(words);
  } catch (const Error& error) {
    if (error.form() == Error::Form::report) {
      for (const std::string& line : split(error.what(), '\n')) {
        log_plain(line);
      }
    } else {
      log_error(error.what());
    }
    return to_int(error.code());
  } catch (const std::exception& error) {
    log_error(error.what());
    return to_int(ExitCode::internal);
  }
}

} // namespace qt
