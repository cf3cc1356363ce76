#include "fetch/http.hh"

#include "base/error.hh"
#include "data/url.hh"
#include "fetch/transfer.hh"

#include <cassert>
#include <map>
#include <optional>
#include <thread>
#include <vector>

namespace qt {

struct HttpClient::State {
  explicit State(const HttpLimits& the_limits);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void hand_over(std::vector<Transfer*>& queue, Transfer* transfer) {
    {
      const std::lock_guard guard(mutex);
      queue.push_back(transfer);
    }
    curl().multi_wakeup(multi);
  }
  void run();
  void finish_ended();
  std::optional<std::string> why_written_off(const std::string& host) {
    const std::lock_guard guard(mutex);
    const auto found = written_off.find(host);
    return found == written_off.end() ? std::nullopt : std::optional(found->second);
  }

  HttpLimits limits;
  CURLM* multi;
  std::mutex mutex; // of what follows
  std::vector<Transfer*> added;
  std::vector<Transfer*> abandoned;
  std::map<std::string, std::string> written_off; // and why
  bool stopping = false;
  std::thread thread;
};

HttpClient::State::State(const HttpLimits& the_limits)
  : limits(the_limits) {
  if (curl().global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
      (multi = curl().multi_init()) == nullptr) {
    throw Error("preparing a download: libcurl cannot be initialized");
  }
  curl().multi_setopt(multi, CURLMOPT_PIPELINING, long(CURLPIPE_MULTIPLEX));
  curl().multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, limits.connections_per_host);
  thread = std::thread([this] { run(); });
}

HttpClient::State::~State() {
  {
    const std::lock_guard guard(mutex);
    stopping = true;
  }
  curl().multi_wakeup(multi);
  thread.join();
  curl().multi_cleanup(multi);
  curl().global_cleanup();
}

void HttpClient::State::run() {
  constexpr int k_idle_ms = 60'000; // libcurl shortens this to its own next time-out
  for (;;) {
    {
      const std::lock_guard guard(mutex);
      if (stopping) {
        return;
      }
      for (const Transfer* transfer : added) {
        curl().multi_add_handle(multi, transfer->easy());
      }
      added.clear();
      for (Transfer* transfer : abandoned) {
        if (!transfer->result()) {
          curl().multi_remove_handle(multi, transfer->easy());
        }
        transfer->release();
      }
      abandoned.clear();
    }
    int running = 0;
    curl().multi_perform(multi, &running);
    finish_ended();
    curl().multi_poll(multi, nullptr, 0, k_idle_ms, nullptr);
  }
}

void HttpClient::State::finish_ended() {
  int left = 0;
  while (const CURLMsg* message = curl().multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) {
      continue;
    }
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    void* transfer = nullptr;
    curl().easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    curl().multi_remove_handle(multi, easy); // before the waiter may destroy it; ends `message`
    static_cast<Transfer*>(transfer)->finish(code);
  }
}

HttpClient::HttpClient(const HttpLimits& limits)
  : m_state(std::make_unique<State>(limits)) {}

HttpClient::~HttpClient() = default;

void HttpClient::write_off(const std::string& host, const std::string& why) {
  const std::lock_guard guard(m_state->mutex);
  m_state->written_off.emplace(host, why);
}

bool HttpClient::is_written_off(const std::string& host) const {
  return m_state->why_written_off(host).has_value();
}

HttpResult HttpClient::get(const HttpRequest& request,
                           const std::function<void(HttpProgress)>& follow) {
  assert(is_fetchable(request.url));
  const std::string host = host_of(request.url);
  if (const std::optional<std::string> why = m_state->why_written_off(host)) {
    return {HttpOutcome::unreachable,
            format("{} could not be reached before: {}", host, *why),
            {},
            host};
  }
  const Transfer::IsWrittenOff ask = [this](const std::string& target) {
    return is_written_off(target);
  };
  Transfer transfer(request, m_state->limits, ask);
  m_state->hand_over(m_state->added, &transfer);
  HttpProgress seen{request.offset, 0};
  try {
    for (;;) {
      const bool ended = transfer.result().has_value();
      const HttpProgress now = transfer.wait_for_more(seen);
      if (now.bytes != seen.bytes || now.restarts != seen.restarts) {
        seen = now;
        follow(now);
      } else if (ended) {
        break;
      }
    }
  } catch (...) {
    m_state->hand_over(m_state->abandoned, &transfer);
    transfer.wait_for_release();
    throw;
  }
  return *transfer.result();
}

} // namespace qt
