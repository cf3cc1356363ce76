#include "cli.hh"

#include "error.hh"
#include "log.hh"
#include "spelling.hh"
#include "text.hh"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sstream>

#ifndef QT_VERSION
#error "QT_VERSION is set by meson.build"
#endif

namespace qt {

namespace po = boost::program_options;

namespace {

std::string long_name(std::string_view name) { return std::string(name.substr(0, name.find(','))); }

template<typename Value>
Value required(const std::optional<Value>& parsed, std::string_view name, std::string_view text,
               std::string_view expected) {
  if (!parsed) {
    throw Error(format("option --{}: '{}' is not {}", long_name(name), text, expected),
                ExitCode::usage);
  }
  return *parsed;
}

// Descriptors 0 to 2 that the caller closed would be taken by the next open() and receive messages.
void open_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", O_RDWR) < 0) {
      throw errno_error(errno, "opening /dev/null");
    }
  }
}

void write_stdout(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0) {
    throw errno_error(errno, "writing standard output");
  }
}

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

CommandLine& CommandLine::option(std::string name, std::string help,
                                 std::optional<Duration>& target) {
  return option(name, "TIME", std::move(help), [&target, name](const std::string& value) {
    target = required(parse_duration(value), name, value, "a time such as 500ms, 30s or 2m");
  });
}

CommandLine& CommandLine::option(std::string name, std::string help, Duration& target) {
  return option(name, "TIME", std::move(help), [&target, name](const std::string& value) {
    target = required(parse_duration(value), name, value, "a time such as 500ms, 30s or 2m");
  });
}

CommandLine& CommandLine::option(std::string name, std::string argument, std::string help,
                                 std::string& target) {
  return option(std::move(name), std::move(argument), std::move(help),
                [&target](const std::string& value) { target = value; });
}

CommandLine& CommandLine::choice(std::string name, std::vector<std::string> words, std::string help,
                                 std::string& target) {
  std::string argument = join(words, "|");
  return option(name, argument, std::move(help),
                [words = std::move(words), name, argument, &target](const std::string& value) {
                  const auto word = std::find(words.begin(), words.end(), value);
                  const bool known = word != words.end();
                  target = required(known ? std::optional(*word) : std::nullopt, name, value,
                                    "one of " + argument);
                });
}

CommandLine& CommandLine::option(std::string name, std::string help, int least, int most,
                                 int& target) {
  return option(name, "N", std::move(help), [=, &target](const std::string& value) {
    std::optional<std::int64_t> parsed = parse_integer(value);
    if (parsed && (*parsed < least || *parsed > most)) {
      parsed.reset();
    }
    target = static_cast<int>(
        required(parsed, name, value, format("a number from {} to {}", least, most)));
  });
}

CommandLine& CommandLine::option(std::string name, std::string help,
                                 std::optional<std::uint64_t>& target) {
  return option(name, "SIZE", std::move(help), [&target, name](const std::string& value) {
    target = required(parse_size(value), name, value, "a size such as 64M or 20G");
  });
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

CommandLine& CommandLine::example(std::string text) {
  m_examples += "  " + text + "\n";
  return *this;
}

CommandLine& CommandLine::exit_codes(std::string text) {
  m_exit_codes = std::move(text);
  return *this;
}

std::string CommandLine::help() const {
  constexpr unsigned k_width = 80;
  std::ostringstream out;
  out << "Usage: " << program_name() << ' ' << m_synopsis << "\n" << m_purpose << "\n";
  std::vector<po::options_description> parts;
  for (const Group& group : m_groups) {
    po::options_description part(group.title, k_width, 46);
    for (const Option& option : group.options) {
      if (option.argument.empty()) {
        part.add_options()(option.name.c_str(), option.help.c_str());
      } else {
        part.add_options()(option.name.c_str(),
                           po::value<std::string>()->value_name(option.argument.c_str()),
                           option.help.c_str());
      }
    }
    out << "\n" << part;
  }
  out << "\nGeneral:\n  -h [ --help ]       this text\n  --version           name and version\n"
         "  -v [ --verbose ]    say more; twice: everything\n"
         "  -q [ --quiet ]      only errors\n";
  if (!m_examples.empty()) {
    out << "\nExample:\n" << m_examples;
  }
  if (!m_exit_codes.empty()) {
    out << "\nExit codes: " << m_exit_codes << "\n";
  }
  return out.str();
}

const CommandLine::Option* CommandLine::find(std::string_view wanted) const {
  for (const Group& group : m_groups) {
    for (const Option& option : group.options) {
      if (long_name(option.name) == wanted) {
        return &option;
      }
    }
  }
  return nullptr;
}

bool CommandLine::parse(const std::vector<std::string>& words) {
  Verbosity verbosity = Verbosity::normal;
  bool wants_help = false;
  bool wants_version = false;
  CommandLine all = *this;
  all.group("General")
      .flag("help,h", "this text", wants_help)
      .flag("version", "name and version", wants_version)
      .flag("verbose,v", "say more",
            [&] {
              verbosity = verbosity == Verbosity::verbose ? Verbosity::debug : Verbosity::verbose;
            })
      .flag("quiet,q", "only errors", [&] { verbosity = Verbosity::quiet; });

  po::options_description description;
  for (const Group& group : all.m_groups) {
    for (const Option& option : group.options) {
      if (option.argument.empty()) {
        description.add_options()(option.name.c_str(), "");
      } else {
        description.add_options()(option.name.c_str(), po::value<std::vector<std::string>>(), "");
      }
    }
  }
  namespace style = po::command_line_style;
  constexpr int k_style = style::allow_long | style::long_allow_adjacent | style::long_allow_next |
                          style::allow_short | style::allow_dash_for_short |
                          style::short_allow_adjacent | style::short_allow_next |
                          style::allow_sticky;
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
        const std::string_view name =
            std::string_view(option.string_key).substr(option.string_key.find_first_not_of('-'));
        std::vector<std::string> names;
        for (const Group& group : all.m_groups) {
          for (const Option& known : group.options) {
            names.push_back(long_name(known.name));
          }
        }
        const std::vector<std::string_view> views(names.begin(), names.end());
        throw Error(format("unknown option '{}'{}", option.original_tokens.at(0),
                           did_you_mean(name, views)) +
                        format("; see {} --help", program_name()),
                    ExitCode::usage);
      }
      const Option* known = all.find(option.string_key);
      if (known != nullptr) {
        known->handler(option.value.empty() ? std::string() : option.value[0]);
      } else if (m_operands != nullptr) {
        m_operands->push_back(option.value.at(0));
      } else {
        throw Error(
            format("unexpected operand '{}'; see {} --help", option.value.at(0), program_name()),
            ExitCode::usage);
      }
    }
  } catch (const po::error& error) {
    throw Error(format("{}; see {} --help", error.what(), program_name()), ExitCode::usage);
  }
  set_verbosity(verbosity);
  if (wants_help) {
    write_stdout(help());
  } else if (wants_version) {
    write_stdout(format("{} ({}) {}\n", program_name(), "qemu-test-toolkit", QT_VERSION));
  }
  return !wants_help && !wants_version;
}

void print_line(const std::string& text) { write_stdout(text + "\n"); }

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

int run_tool(const char* name, int argc, char** argv,
             const std::function<int(const std::vector<std::string>& words)>& body) noexcept {
  set_program_name(name);
  try {
    open_standard_descriptors();
    std::signal(SIGPIPE, SIG_IGN);
    return body(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
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
