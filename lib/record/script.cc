#include "record/script.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "data/regex.hh"
#include "schema/shell_command.hh"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>

namespace qt {

namespace {

constexpr char k_cut = '\n'; // no text has one

bool is_word(char byte) { return std::isalnum(static_cast<unsigned char>(byte)) != 0; }

std::size_t count_words(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_word));
}

std::string with_cuts(const std::string& text, const Regex& expression) {
  std::string result;
  std::string rest = text;
  while (const auto found = expression.search(rest)) {
    if (found->end == found->begin) {
      break;
    }
    result += rest.substr(0, found->begin) + k_cut;
    rest.erase(0, found->end);
  }
  return result + rest;
}

std::size_t common_prefix(const std::string& one, const std::string& other) {
  const auto [first, second] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  return static_cast<std::size_t>(first - one.begin());
}

std::size_t common_suffix(const std::string& one, const std::string& other) {
  const auto [first, second] =
      std::mismatch(one.rbegin(), one.rend(), other.rbegin(), other.rend());
  return static_cast<std::size_t>(first - one.rbegin());
}

// "12.34" is one number: its digits after the point go with those before it.
bool is_inner(char byte) { return is_word(byte) || byte == '.'; }

std::string cut_end(const std::string& text, std::size_t length) {
  if (length < text.size() && is_inner(text[length])) {
    while (length > 0 && is_inner(text[length - 1])) {
      --length;
    }
  }
  return text.substr(0, length);
}

std::string cut_start(const std::string& text, std::size_t start) {
  if (start > 0 && is_inner(text[start - 1])) {
    while (start < text.size() && is_inner(text[start])) {
      ++start;
    }
  }
  return text.substr(start);
}

// Whether the text says something: letters and digits, at least so many.
bool is_telling(std::string_view text, std::size_t least) { return count_words(text) >= least; }

constexpr std::size_t k_telling = 3; // letters and digits that a line must have to be waited for
constexpr std::size_t k_longest_text = 80;
constexpr std::size_t k_longest_reply = 300;
constexpr std::size_t k_countdown_lines = 3;

using Keys = std::vector<std::pair<std::string, Json>>;

// The part of a text that has come in all runs that reached it.
std::string stable_part(const std::string& text, std::size_t turn, const Knowledge& knowledge) {
  std::string part = knowledge.year.empty() ? text : timeless_part(text, knowledge.year);
  for (const SecondRun& run : knowledge.runs) {
    if (turn < run.turns && !part.empty() && !run.console.contains(part)) {
      const std::string other = run.console.most_similar(part);
      part = other.empty() ? "" : common_part(part, other);
    }
  }
  const std::size_t end =
      part.size() <= k_longest_text ? part.size() : part.rfind(' ', k_longest_text);
  return part.substr(0, end == std::string::npos ? k_longest_text : end);
}

std::string_view trim_start(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

// A character of which not all bytes are there says nothing.
std::string whole_characters(std::string text) {
  while (!text.empty() && escape_for_display(text) != text) {
    text.pop_back();
  }
  return text;
}

// Of a text that was cut: "U-Boot 2023.01 (" ends in the middle of something.
std::string without_open_end(const std::string& text) {
  const std::size_t last = text.find_last_not_of(" \t([{<");
  return std::string(trim(text.substr(0, last == std::string::npos ? 0 : last + 1)));
}

// What can be waited for of a line, and whether that is all of it.
struct Candidate {
  std::string text;
  bool is_whole = false;
};

Candidate candidate_of(const ConsoleLine& line, std::size_t turn, const Knowledge& knowledge) {
  Candidate best;
  for (const std::string& piece : line.pieces) {
    const std::string part = whole_characters(stable_part(piece, turn, knowledge));
    const std::string text = part == piece ? std::string(trim(part)) : without_open_end(part);
    if (is_telling(text, best.text.empty() ? 1 : k_telling) && text.size() > best.text.size() &&
        !knowledge.never_came.contains({turn, text})) {
      best = {text, line.pieces.size() == 1 && text == trim(piece)};
    }
  }
  return best;
}

// At the end of what had come when something was typed: a line that has not ended.
std::string last_piece(const Turn& turn) {
  const std::vector<ConsoleLine> lines = console_lines(turn.output);
  if (lines.empty() || lines.back().complete || lines.back().pieces.empty()) {
    return "";
  }
  return std::string(trim_start(lines.back().pieces.back()));
}

std::string prompt_of(const Turn& turn, std::size_t number, const Knowledge& knowledge) {
  const std::string piece = last_piece(turn);
  const std::string part(trim_start(whole_characters(stable_part(piece, number, knowledge))));
  return trim(part).empty() || knowledge.never_came.contains({number, part}) ? "" : part;
}

// A single sign such as "#" comes anywhere: not so at the start of a line.
std::string awaited_prompt(const std::string& prompt) {
  return trim(prompt).size() < 2 ? "\n" + prompt : prompt;
}

bool looks_like_shell(const std::string& prompt) {
  static const Regex k_shell(R"([#$%>] ?\z)");
  static const Regex k_forth(R"(\A(\d+|ok) ?> ?\z)");
  return k_shell.search(prompt).has_value() && !k_forth.search(prompt);
}

// Keys of which one more or less does no harm at a prompt.
bool is_blank(const Turn& turn) {
  const bool is_enter = turn.input == Turn::Input::line && turn.text.empty();
  return is_enter || (turn.input == Turn::Input::keys && !turn.text.empty() &&
                      turn.text.find_first_not_of(" \x1b\x03") == std::string::npos &&
                      turn.text.find_first_not_of(turn.text[0]) == std::string::npos);
}

bool is_countdown(const Turn& turn) {
  static const Regex k_offer(
      R"((?i)(hit|press|strike|type|enter)\b.{0,40}\bkey|autoboot|countdown|)"
      R"(\bseconds?\b|to (stop|abort|interrupt|cancel|enter|skip)\b)");
  const std::vector<std::string> lines = last_lines(turn.output, k_countdown_lines);
  return is_blank(turn) && k_offer.search(join(lines, "\n")).has_value();
}

std::string regex_of(std::string_view text) {
  std::string expression;
  for (const char byte : text) {
    if (std::string_view(R"(\^$.|?*+()[]{}#)").find(byte) != std::string_view::npos) {
      expression += '\\';
    }
    expression += byte;
  }
  return expression;
}

using TextsByTurn = std::multimap<std::size_t, std::string>;

void add_texts(const Json& value, std::size_t turn, TextsByTurn& texts) {
  if (value.is_string()) {
    texts.emplace(turn, value.get<std::string>());
  } else if (value.is_structured()) {
    for (const Json& element : value) {
      add_texts(element, turn, texts);
    }
  }
}

// What the steps want to find on the console.
TextsByTurn texts_of(const std::vector<DraftStep>& steps) {
  TextsByTurn texts;
  for (const DraftStep& step : steps) {
    for (const auto& [key, value] : step.keys) {
      if (key == "wait" || key == "until" || key == "stdout" || key == "prompt") {
        add_texts(value, step.turn, texts);
      }
    }
  }
  return texts;
}

// What TOML can hold of a reply or of arguments.
Json without_null(const Json& value) {
  if (!value.is_structured()) {
    return value;
  }
  Json result = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, member] : value.items()) {
    const bool fits = !member.is_null() &&
                      (!member.is_number_unsigned() || member.get<std::uint64_t>() >> 63 == 0);
    if (fits && value.is_array()) {
      result.push_back(without_null(member));
    } else if (fits) {
      result[key] = without_null(member);
    }
  }
  return result;
}

class Drafter {
public:
  Drafter(const std::vector<Turn>& turns, const Knowledge& knowledge, Detail detail)
    : m_turns(turns)
    , m_knowledge(knowledge)
    , m_detail(detail) {}

  std::vector<DraftStep> run();

private:
  void add(DraftStep::Role role, Keys keys) { m_steps.push_back({role, m_at, std::move(keys)}); }
  const Turn& turn() const { return m_turns[m_at]; }
  std::string prompt(std::size_t at) const;
  // Where what was typed is not sent back among them.
  enum class Echo { may_be, is_not };
  std::optional<std::string> text_of_line(const ConsoleLine& line, std::size_t at, Echo echo) const;
  std::vector<std::string> first_and_last(std::size_t at, Echo echo = Echo::may_be) const;
  bool is_echo(const std::string& text, std::size_t at) const;

  void add_waits();
  void add_input();
  void add_line();
  bool add_interrupt();
  bool add_shell();
  Json shell_output() const;
  void add_monitor();
  void add_qmp(const Json& request);
  void add_hmp();

  const std::vector<Turn>& m_turns;
  const Knowledge& m_knowledge;
  Detail m_detail;
  std::vector<DraftStep> m_steps;
  std::size_t m_at = 0;
  bool m_is_awaited = false; // what came before this turn: by the step before
};

std::vector<DraftStep> Drafter::run() {
  for (; m_at < m_turns.size(); ++m_at) {
    if (!std::exchange(m_is_awaited, false)) {
      add_waits();
    }
    add_input();
  }
  return std::move(m_steps);
}

// Where the monitor was asked in between, it is still there.
std::string Drafter::prompt(std::size_t at) const {
  while (at > 0 && at < m_turns.size() && m_turns[at].output.empty() &&
         m_turns[at - 1].input == Turn::Input::monitor) {
    --at;
  }
  return at < m_turns.size() ? prompt_of(m_turns[at], at, m_knowledge) : "";
}

// Sent back by the guest, or of the line of the prompt: no answer.
bool Drafter::is_echo(const std::string& text, std::size_t at) const {
  if (at == 0 || m_turns[at - 1].text.empty() || m_turns[at - 1].input != Turn::Input::line) {
    return false;
  }
  const std::string& typed = m_turns[at - 1].text;
  const std::string before = last_piece(m_turns[at - 1]);
  return typed.find(text) != std::string::npos ||
         (!before.empty() && text.starts_with(std::string(trim(before))) &&
          text.find(typed) != std::string::npos);
}

// Nothing is looked for in vain: a boot may have said thousands of lines.
std::optional<std::string> Drafter::text_of_line(const ConsoleLine& line, std::size_t at,
                                                 Echo echo) const {
  const Candidate candidate = line.complete ? candidate_of(line, at, m_knowledge) : Candidate{};
  const bool tells =
      is_telling(candidate.text, k_telling) || (candidate.is_whole && candidate.text.size() > 1);
  const bool is_answer = echo == Echo::is_not || !is_echo(candidate.text, at);
  return tells && is_answer ? std::optional(candidate.text) : std::nullopt;
}

std::vector<std::string> Drafter::first_and_last(std::size_t at, Echo echo) const {
  const std::vector<ConsoleLine> lines = console_lines(m_turns[at].output);
  std::vector<std::string> texts;
  std::size_t begin = 0;
  for (; begin < lines.size() && texts.empty(); ++begin) {
    if (const auto text = text_of_line(lines[begin], at, echo)) {
      texts.push_back(*text);
    }
  }
  for (std::size_t end = lines.size(); end > begin && texts.size() == 1; --end) {
    if (const auto text = text_of_line(lines[end - 1], at, echo)) {
      texts.push_back(*text);
    }
  }
  // The last may be a part of what comes first, which would be taken for it.
  if (texts.size() == 2 && texts[0].find(texts[1]) != std::string::npos) {
    texts.pop_back();
  }
  return texts;
}

void Drafter::add_waits() {
  if (turn().output.empty()) {
    return;
  }
  const bool countdown = is_countdown(turn());
  const std::string before = countdown ? "" : prompt(m_at);
  std::vector<std::string> texts = first_and_last(m_at);
  if (m_detail == Detail::prompts) {
    texts.erase(texts.begin(), before.empty() && !texts.empty() ? texts.end() - 1 : texts.end());
  }
  for (const std::string& text : texts) {
    add(DraftStep::Role::text, {{"wait", text}});
  }
  if (!before.empty()) {
    add(DraftStep::Role::prompt, {{"wait", awaited_prompt(before)}});
  }
}

void Drafter::add_input() {
  switch (turn().input) {
  case Turn::Input::line:
    if (!add_interrupt() && !add_shell()) {
      add_line();
    }
    break;
  case Turn::Input::keys:
    if (!add_interrupt()) {
      add(DraftStep::Role::input, {{"send", turn().text}});
    }
    break;
  case Turn::Input::monitor:
    add_monitor();
    break;
  case Turn::Input::ended:
    if (m_steps.empty() || m_steps.back().keys[0].first != "quit") {
      add(DraftStep::Role::end, {{"exit", turn().status}});
    }
    break;
  case Turn::Input::left:
    break;
  }
}

void Drafter::add_line() {
  const bool is_text =
      escape_for_display(turn().text) == turn().text && turn().text.find('\0') == std::string::npos;
  if (is_text) {
    add(DraftStep::Role::input, {{"line", turn().text}});
  } else {
    add(DraftStep::Role::input, {{"send", turn().text + "\r"}});
  }
}

// Several keys at one countdown are one step.
bool Drafter::add_interrupt() {
  if (!is_countdown(turn())) {
    return false;
  }
  const std::string key = turn().text.empty() ? "\r" : turn().text.substr(0, 1);
  std::size_t last = m_at;
  while (last + 1 < m_turns.size() && is_blank(m_turns[last + 1]) &&
         (m_turns[last + 1].text.empty() || m_turns[last + 1].text[0] == key[0]) &&
         is_countdown(m_turns[last + 1])) {
    ++last;
  }
  std::string until = prompt(last + 1);
  if (until.empty() && last + 1 < m_turns.size()) {
    const std::vector<std::string> texts = first_and_last(last + 1);
    until = texts.empty() ? "" : texts.back();
  }
  if (until.empty()) {
    return false;
  }
  add(DraftStep::Role::prompt, {{"interrupt", key}, {"until", until}});
  m_at = last;
  m_is_awaited = true;
  return true;
}

// The shell is there before the command and after it.
bool Drafter::add_shell() {
  const std::string before = prompt(m_at);
  const std::string& command = turn().text;
  if (m_at + 1 >= m_turns.size() || before.empty() || before != prompt(m_at + 1) ||
      !looks_like_shell(before) || m_knowledge.no_shells.contains(before) || !turn().echoed ||
      escape_for_display(command) != command || !shell_mistake(command).empty()) {
    return false;
  }
  Keys keys = {{"shell", command}, {"prompt", before}};
  if (const auto status = m_knowledge.statuses.find(m_at); status != m_knowledge.statuses.end()) {
    keys.emplace_back("status", status->second);
  }
  if (Json output = shell_output(); m_detail == Detail::everything && !output.empty()) {
    keys.emplace_back("stdout", std::move(output));
  }
  add(DraftStep::Role::shell, std::move(keys));
  m_is_awaited = true;
  return true;
}

// One line that comes again as it is, is all of the output; of more the first and the last.
Json Drafter::shell_output() const {
  if (m_knowledge.unjudged.contains(m_at)) {
    return {};
  }
  std::vector<ConsoleLine> said = console_lines(m_turns[m_at + 1].output);
  std::erase_if(said,
                [](const ConsoleLine& line) { return !line.complete || line.pieces.empty(); });
  if (said.size() == 1) {
    const Candidate only = candidate_of(said[0], m_at + 1, m_knowledge);
    if (only.is_whole && !only.text.empty()) {
      return {{"equals", only.text}};
    }
  }
  const std::vector<std::string> texts = first_and_last(m_at + 1, Echo::is_not);
  return texts.empty() ? Json() : texts.size() == 1 ? Json(texts[0]) : Json(texts);
}

void Drafter::add_monitor() {
  const std::string& asked = turn().text;
  const bool is_end =
      asked == "quit" || asked == "q" || asked.find("\"quit\"") != std::string::npos;
  if (turn().reply.is_null() && !is_end) {
    return; // it was never answered
  }
  if (!turn().text.starts_with('{')) {
    add_hmp();
    return;
  }
  const Json request = Json::parse(turn().text, nullptr, false);
  if (!json_text(request, "execute").empty()) {
    add_qmp(request);
  }
}

void Drafter::add_qmp(const Json& request) {
  const std::string command = json_text(request, "execute");
  if (command == "quit") {
    add(DraftStep::Role::end, {{"quit", true}});
    return;
  }
  Keys keys = {{"qmp", command}};
  if (request.contains("arguments") && !request["arguments"].empty()) {
    keys.emplace_back("arguments", without_null(request["arguments"]));
  }
  const Json said = without_null(json_member(turn().reply, "return"));
  const std::string error = json_text(json_member(turn().reply, "error"), "class");
  const bool is_short = !said.empty() && dump_json(said).size() <= k_longest_reply;
  if (!error.empty()) {
    keys.emplace_back("error", error);
  } else if (is_short && m_detail == Detail::everything && !m_knowledge.unjudged.contains(m_at)) {
    keys.emplace_back("returns", said);
  }
  add(DraftStep::Role::monitor, std::move(keys));
}

void Drafter::add_hmp() {
  const std::string command(trim(turn().text));
  if (command == "quit" || command == "q") {
    add(DraftStep::Role::end, {{"quit", true}});
    return;
  }
  Keys keys = {{"hmp", command}};
  const std::vector<ConsoleLine> lines = console_lines(json_text(turn().reply, "return"));
  const auto told = std::find_if(lines.begin(), lines.end(), [](const ConsoleLine& line) {
    return line.pieces.size() == 1 && is_telling(line.pieces[0], k_telling);
  });
  if (told != lines.end() && m_detail == Detail::everything &&
      !m_knowledge.unjudged.contains(m_at)) {
    const std::string text(trim(whole_characters(told->pieces[0].substr(0, k_longest_text))));
    keys.emplace_back("matches", regex_of(text));
  }
  add(DraftStep::Role::monitor, std::move(keys));
}

} // namespace

std::string timeless_part(const std::string& text, const std::string& year) {
  static const Regex k_time(R"(\b\d{1,2}:\d{2}(:\d{2})?([.,]\d+)?\b)");
  static const Regex k_stamp(R"(^\s*\[ *\d+\.\d+\] ?)");
  static const Regex k_name(R"(\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|)"
                            R"(Oct|Nov|Dec)[a-z]* *\d{0,2}\b)");
  std::string cut = with_cuts(with_cuts(text, k_stamp), k_time);
  const Regex date(format(R"(\b(\d{{1,2}}[-/.])*{}([-/.]\d{{1,2}})*\b)", year));
  if (date.search(cut)) {
    cut = with_cuts(with_cuts(cut, date), k_name);
  }
  const std::vector<std::string> parts = split(cut, k_cut);
  const auto longest = std::max_element(parts.begin(), parts.end(),
                                        [](const std::string& one, const std::string& other) {
                                          return count_words(one) < count_words(other);
                                        });
  return count_words(*longest) > 0 || parts.size() == 1 ? *longest : "";
}

ConsoleText::ConsoleText(std::string_view output) {
  for (const ConsoleLine& line : console_lines(output)) {
    for (const std::string& piece : line.pieces) {
      m_pieces.push_back(piece);
      m_text += piece + "\n";
    }
  }
}

std::string ConsoleText::most_similar(const std::string& part) const {
  std::size_t most = part.size() / 2;
  std::string found;
  for (const std::string& piece : m_pieces) {
    const std::size_t shorter = std::min(piece.size(), part.size());
    const std::size_t same =
        std::min(common_prefix(part, piece) + common_suffix(part, piece), shorter);
    if (same > most) {
      most = same;
      found = piece;
    }
  }
  return found;
}

std::string common_part(const std::string& one, const std::string& other) {
  if (one == other) {
    return one;
  }
  const std::string start = cut_end(one, common_prefix(one, other));
  const std::string end = cut_start(one, one.size() - common_suffix(one, other));
  const std::string& part = count_words(start) >= count_words(end) ? start : end;
  const bool has_letter = std::any_of(part.begin(), part.end(), [](char byte) {
    return std::isalpha(static_cast<unsigned char>(byte)) != 0;
  });
  return has_letter ? part : "";
}

std::vector<DraftStep> draft_steps(const std::vector<Turn>& turns, const Knowledge& knowledge,
                                   Detail detail) {
  return Drafter(turns, knowledge, detail).run();
}

bool can_fail(const std::vector<DraftStep>& steps) {
  return std::any_of(steps.begin(), steps.end(), [](const DraftStep& step) {
    return step.role == DraftStep::Role::text || step.role == DraftStep::Role::prompt ||
           step.role == DraftStep::Role::shell || step.keys[0].first == "exit";
  });
}

std::vector<Difference> differences(const std::vector<Turn>& turns, const Knowledge& knowledge) {
  Knowledge trusting;
  trusting.no_shells = knowledge.no_shells;
  const TextsByTurn wanted = texts_of(draft_steps(turns, trusting, Detail::everything));
  const TextsByTurn kept = texts_of(draft_steps(turns, knowledge, Detail::everything));
  std::vector<Difference> found;
  std::set<std::string> seen;
  for (const auto& entry : wanted) {
    const std::string& text = entry.second;
    const auto [begin, end] = kept.equal_range(entry.first);
    const auto is_kept = [&text](const auto& other) {
      return text.find(other.second) != std::string::npos;
    };
    const auto part = std::find_if(begin, end, is_kept);
    const std::string left = part == end ? "" : part->second;
    if (left != text && seen.insert(text).second) {
      found.push_back({text, left});
    }
  }
  return found;
}

std::vector<std::string> unechoed_lines(const std::vector<Turn>& turns) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < turns.size(); ++at) {
    const bool answered = at + 1 < turns.size() && !turns[at + 1].output.empty();
    if (turns[at].input == Turn::Input::line && !turns[at].text.empty() && !turns[at].echoed &&
        answered) {
      lines.push_back(turns[at].text);
    }
  }
  return lines;
}

} // namespace qt
