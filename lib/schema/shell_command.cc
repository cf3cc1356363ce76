#include "schema/shell_command.hh"

#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>

namespace qt {

namespace {

// What the driver of a terminal takes as one line.
constexpr std::size_t k_longest_line = 4095;
constexpr std::string_view k_blanks = " \n";

bool ends_word(char byte) {
  return std::string_view(" \n;&|()<>").find(byte) != std::string_view::npos;
}

// A command as far as its quotes go.
struct Reading {
  std::string plain; // with 'x' for what is quoted, without comments
  std::string open;  // what is not closed at the end: a quote or a backslash; else empty
  bool ends_in_comment = false;
  bool has_document = false; // "<<": what follows is no command
};

Reading read_quotes(std::string_view command) {
  Reading reading;
  char quote = '\0';
  bool in_arithmetic = false;
  for (std::size_t at = 0; at < command.size(); ++at) {
    const char byte = command[at];
    const std::string_view rest = command.substr(at);
    if (byte == '\\' && quote != '\'') {
      reading.plain += "xx";
      if (++at == command.size()) {
        reading.open = "\\";
      }
    } else if (quote != '\0') {
      quote = byte == quote ? '\0' : quote;
      reading.plain += 'x';
    } else if (byte == '\'' || byte == '"') {
      quote = byte;
      reading.plain += 'x';
    } else if (byte == '#' && (reading.plain.empty() || ends_word(reading.plain.back()))) {
      const std::size_t end = rest.find('\n');
      reading.ends_in_comment = end == std::string_view::npos;
      at += std::min(end, rest.size()) - 1;
    } else {
      in_arithmetic = rest.starts_with("((") || (in_arithmetic && !rest.starts_with("))"));
      if (rest.starts_with("<<") && !in_arithmetic) {
        reading.has_document = true;
        return reading;
      }
      reading.plain += byte;
    }
  }
  if (quote != '\0') {
    reading.open = std::string(1, quote);
  }
  return reading;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(k_blanks);
  return begin == std::string::npos
             ? ""
             : text.substr(begin, text.find_last_not_of(k_blanks) - begin + 1);
}

// The operator that a command ends in, such as "&&"; empty if none.
std::string last_operator(const std::string& plain) {
  const std::string text = trimmed(plain);
  const std::size_t last = text.find_last_not_of(";&|<>(");
  return text.substr(last == std::string::npos ? 0 : last + 1);
}

std::string incomplete(std::string_view what) {
  return format("the command is not complete, so the shell would wait for more of it: {}", what);
}

// Of a command whose quotes are closed.
std::string structure_mistake(const Reading& reading, bool is_one_line) {
  if (reading.ends_in_comment && is_one_line) {
    return "the comment (#) would hide the mark that follows on the same line; leave it out";
  }
  if (reading.has_document) {
    return is_one_line ? incomplete("the text of << is missing") : "";
  }
  const std::string last = last_operator(reading.plain);
  if (!last.empty() && last != "&" && last != ";") {
    return incomplete(format("it ends in '{}'", last));
  }
  const auto count = [&reading](char sign) {
    return std::count(reading.plain.begin(), reading.plain.end(), sign);
  };
  return count('(') > count(')') ? incomplete("a '(' is not closed") : "";
}

} // namespace

std::string shell_mistake(const std::string& command) {
  const std::string text = trimmed(command);
  if (text.empty()) {
    return "expected a command";
  }
  const bool has_control = std::any_of(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) < ' ' && byte != '\n') || byte == '\x7f';
  });
  if (has_control) {
    return "a shell takes tabs and other control characters as keys; use blanks, or printf";
  }
  const Reading reading = read_quotes(text);
  if (!reading.open.empty()) {
    return incomplete(reading.open == "\\" ? "it ends in '\\'"
                                           : format("the quote {} is not closed", reading.open));
  }
  const bool is_one_line = text.find('\n') == std::string::npos;
  if (std::string mistake = structure_mistake(reading, is_one_line); !mistake.empty()) {
    return mistake;
  }
  for (const std::string& line : shell_command(command, std::string(k_shell_mark, '0')).lines) {
    if (line.size() > k_longest_line) {
      return format("the line that is typed has {} bytes, a terminal takes {}; make it several "
                    "lines or commands, or put it into a script",
                    line.size(), k_longest_line);
    }
  }
  return "";
}

ShellCommand shell_command(const std::string& command, const std::string& mark) {
  const std::size_t half = mark.size() / 2;
  const std::string typed = "echo qt-" + mark.substr(0, half) + "''" + mark.substr(half);
  const std::string begin = typed + "-begin";
  const std::string end = typed + "-$?-end";
  const std::string text = trimmed(command);
  ShellCommand result;
  result.begin = "qt-" + mark + "-begin";
  result.end = "qt-" + mark + R"(-(?:[0-9]+|\$\?|)-end)";
  if (text.find('\n') != std::string::npos) {
    result.lines = split(text, '\n');
    result.lines.insert(result.lines.begin(), "{ " + begin);
    result.lines.push_back("}; " + end);
    return result;
  }
  const bool is_ended = !last_operator(read_quotes(text).plain).empty(); // by & or ;
  result.lines = {begin + "; " + text + (is_ended ? " " : "; ") + end};
  return result;
}

std::string status_in(std::string_view end) {
  end.remove_suffix(std::string_view("-end").size());
  return std::string(end.substr(end.rfind('-') + 1));
}

} // namespace qt
