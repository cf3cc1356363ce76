#include "ipc/exit_channel.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace qt {

namespace {

constexpr std::size_t k_most_dispensable = 1024 * 1024;

constexpr std::pair<ExitRequest, std::string_view> k_requests[] = {
    {ExitRequest::done, "done"},       {ExitRequest::quit, "quit"},
    {ExitRequest::kill, "kill"},       {ExitRequest::ending, "ending"},
    {ExitRequest::hold, "hold"},       {ExitRequest::events, "events"},
    {ExitRequest::untaken, "untaken"}, {ExitRequest::panics, "panics"},
    {ExitRequest::pause, "pause"},     {ExitRequest::resume, "resume"},
};

constexpr std::string_view k_event = "event ";
constexpr std::string_view k_untaken = "untaken ";
constexpr std::string_view k_hand = "hand ";
constexpr std::string_view k_settled = "settled";
constexpr const char* k_before = "before-program";

// Takes the lines off that are whole.
std::vector<std::string> take_lines(std::string& bytes) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end; (end = bytes.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(bytes.substr(begin, end - begin));
  }
  bytes.erase(0, begin);
  return lines;
}

// Texts in it are as format_escapes() has them: JSON knows no other bytes.
std::optional<HandInput> hand_input_from(std::string_view text) {
  const Json json = parse_json(text, "what a person does, from qt-boot");
  for (const auto& [name, kind] :
       {std::pair("keys", HandInput::Kind::keys), std::pair("monitor", HandInput::Kind::monitor)}) {
    const std::optional<std::string> bytes = parse_escapes(json_text(json, name));
    if (bytes && json.contains(name)) {
      return HandInput{kind, *bytes, json.contains(k_before)};
    }
  }
  return std::nullopt;
}

ExitNews news_of(std::string_view line) {
  if (line.starts_with(k_event)) {
    return MachineEvent{parse_json(line.substr(k_event.size()), "an event from qt-boot")};
  }
  if (line.starts_with(k_untaken)) {
    if (const auto count = parse_integer(line.substr(k_untaken.size())); count && *count >= 0) {
      return UntakenBytes{static_cast<std::size_t>(*count)};
    }
  } else if (line.starts_with(k_hand)) {
    if (auto input = hand_input_from(line.substr(k_hand.size()))) {
      return *std::move(input);
    }
  } else if (line == k_settled) {
    return Settled{};
  } else if (const auto status = exit_status_from(line)) {
    return *status;
  }
  throw Error(format("qt-boot tells something unknown: '{}'", escape_for_display(line)));
}

} // namespace

std::string_view text(ExitRequest request) {
  const auto* const found = std::find_if(std::begin(k_requests), std::end(k_requests),
                                         [request](auto row) { return row.first == request; });
  return found->second;
}

std::string text(const ExitNews& news) {
  if (const auto* const event = std::get_if<MachineEvent>(&news)) {
    return std::string(k_event) + dump_json(event->event);
  }
  if (const auto* const untaken = std::get_if<UntakenBytes>(&news)) {
    return format("{}{}", k_untaken, untaken->count);
  }
  if (const auto* const input = std::get_if<HandInput>(&news)) {
    const char* const name = input->kind == HandInput::Kind::keys ? "keys" : "monitor";
    Json json = {{name, format_escapes(input->text)}};
    if (input->was_before) {
      json[k_before] = true;
    }
    return std::string(k_hand) + dump_json(json);
  }
  if (std::holds_alternative<Settled>(news)) {
    return std::string(k_settled);
  }
  return std::get<ExitStatus>(news).text();
}

void ExitChannelOfProgram::ask(ExitRequest request) {
  const std::string line = std::string(text(request)) + "\n";
  if (m_fd >= 0 && ::send(m_fd, line.data(), line.size(), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
      errno != ECONNRESET) {
    throw errno_error(errno, format("talking to qt-boot about '{}'", m_machine));
  }
}

std::vector<ExitNews> ExitChannelOfProgram::take_news() {
  std::array<char, 4096> buffer;
  const ssize_t count = ::recv(m_fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNRESET) {
    throw errno_error(errno, format("reading how '{}' ended", m_machine));
  }
  m_ended = m_ended || count == 0 || (count < 0 && errno == ECONNRESET);
  m_beginning.append(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  std::vector<ExitNews> news;
  for (const std::string& line : take_lines(m_beginning)) {
    news.push_back(news_of(line));
  }
  return news;
}

std::vector<ExitRequest> ExitChannelOfBoot::take_requests() {
  send();
  std::vector<ExitRequest> requests;
  while (m_fd) {
    std::array<std::byte, 256> buffer;
    const IoCount got = read_some(m_fd.get(), buffer);
    if (got.result == IoResult::ended) {
      m_fd.reset();
    }
    if (got.result != IoResult::done) {
      break;
    }
    m_beginning += text_of(std::span(buffer).first(got.count));
    for (const std::string& line : take_lines(m_beginning)) {
      const auto* const found = std::find_if(std::begin(k_requests), std::end(k_requests),
                                             [&line](auto row) { return row.second == line; });
      if (found != std::end(k_requests)) {
        requests.push_back(found->first);
      }
    }
  }
  return requests;
}

void ExitChannelOfBoot::tell(const ExitNews& news, Kind kind) {
  if (kind == Kind::needed || m_untold.size() < k_most_dispensable) {
    m_untold += text(news);
    m_untold += '\n';
    send();
  }
}

void ExitChannelOfBoot::send() {
  if (!m_fd) {
    m_untold.clear();
  }
  if (!m_untold.empty()) {
    m_untold.erase(0, write_some(m_fd.get(), bytes_of(m_untold)).count);
  }
}

} // namespace qt
