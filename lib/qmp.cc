#include "qmp.hh"

#include "error.hh"

namespace qt {

namespace {

constexpr std::size_t k_longest_message = 256U * 1024 * 1024;
constexpr std::size_t k_most_events = 10000;

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

} // namespace

void Qmp::negotiate() {
  if (!m_negotiated) {
    m_negotiated = true;
    m_output += dump_json({{"execute", "qmp_capabilities"}, {"id", 0}}) + "\r\n";
  }
}

std::uint64_t Qmp::execute(const std::string& command, const Json& arguments) {
  negotiate();
  Json message = {{"execute", command}, {"id", m_next_id}};
  if (!arguments.is_null()) {
    message["arguments"] = arguments;
  }
  m_output += dump_json(message) + "\r\n";
  return m_next_id++;
}

void Qmp::feed(std::string_view bytes) {
  std::size_t begin = 0; // of what belongs to m_message and is not in it yet
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char byte = bytes[i];
    if (m_in_string) {
      if (m_escaped) {
        m_escaped = false;
      } else if (byte == '\\') {
        m_escaped = true;
      } else if (byte == '"') {
        m_in_string = false;
      }
    } else if (byte == '{' || byte == '[') {
      ++m_depth;
    } else if ((byte == '}' || byte == ']') && m_depth > 0) {
      if (--m_depth == 0) {
        m_message += bytes.substr(begin, i + 1 - begin);
        begin = i + 1;
        take_message(std::exchange(m_message, {}));
      }
    } else if (m_depth == 0 && !is_blank(byte)) {
      throw Error(format("reading the monitor: this is no QMP: '{}'", bytes.substr(i, 60)));
    } else if (m_depth == 0) {
      begin = i + 1;
    } else if (byte == '"') {
      m_in_string = true;
    }
  }
  m_message += bytes.substr(begin);
  if (m_message.size() > k_longest_message) {
    throw Error("reading the monitor: a message is over 256 MiB");
  }
}

void Qmp::take_message(std::string_view text) {
  Json message = parse_json(text, "monitor");
  if (message.contains("event")) {
    m_events.push_back(std::move(message));
    if (m_events.size() > k_most_events) {
      m_events.pop_front();
    }
    return;
  }
  if (!message.contains("return") && !message.contains("error")) {
    return; // the greeting
  }
  const auto id = message.find("id");
  if (id != message.end() && id->is_number_unsigned()) {
    const auto number = id->get<std::uint64_t>();
    if (number != 0) { // 0: the negotiation
      m_replies.insert_or_assign(number, std::move(message));
    }
  } else if (message.contains("error")) {
    // QEMU could not even read the id: it belongs to the oldest command without a reply, and there
    // is no telling which. Commands are made by dump_json(), so this is a fault of the line.
    throw Error(format("reading the monitor: {}", dump_json(message)));
  }
}

std::optional<Json> Qmp::take_reply(std::uint64_t id) {
  const auto found = m_replies.find(id);
  if (found == m_replies.end()) {
    return std::nullopt;
  }
  Json reply = std::move(found->second);
  m_replies.erase(found);
  return reply;
}

} // namespace qt
