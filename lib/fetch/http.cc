#include "fetch/http.hh"

#include "base/error.hh"
#include "data/url.hh"
#include "fetch/transfer.hh"
#include "fetch/unreachable.hh"

#include <algorithm>
#include <cassert>
#include <sys/stat.h>
#include <thread>
#include <utility>
#include <vector>

namespace qt {

struct HttpClient::State {
  State(const HttpLimits& the_limits, const UnreachableHosts& the_unreachable);
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
  bool finish_ended(); // whether there were some
  void start_waiting();
  // Ends those that wait for an answer of the same host as well.
  void finish_companions(const HttpResult& result);

  HttpLimits limits;
  const UnreachableHosts& unreachable;
  CURLM* multi;
  std::mutex mutex; // of what follows
  std::vector<Transfer*> added;
  std::vector<Transfer*> abandoned;
  bool stopping = false;
  std::vector<Transfer*> waiting; // of the loop's thread: for a place among those of their host
  std::vector<Transfer*> active;  // of it too: what libcurl knows
  std::thread thread;
};

HttpClient::State::State(const HttpLimits& the_limits, const UnreachableHosts& the_unreachable)
  : limits(the_limits)
  , unreachable(the_unreachable) {
  if (curl().global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
      (multi = curl().multi_init()) == nullptr) {
    throw Error("preparing a download: libcurl cannot be initialized");
  }
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
      waiting.insert(waiting.end(), added.begin(), added.end());
      added.clear();
      for (Transfer* transfer : abandoned) {
        if (!transfer->result()) {
          curl().multi_remove_handle(multi, transfer->easy());
          std::erase(active, transfer);
          std::erase(waiting, transfer);
        }
        transfer->release();
      }
      abandoned.clear();
    }
    start_waiting();
    int running = 0;
    curl().multi_perform(multi, &running);
    if (finish_ended()) {
      continue; // there may be room for one that waits
    }
    curl().multi_poll(multi, nullptr, 0, k_idle_ms, nullptr);
  }
}

// libcurl has queues too, of each host (CURLMOPT_MAX_HOST_CONNECTIONS) and for a connection that
// may turn out to carry several transfers (CURLOPT_PIPEWAIT), but since 8.x the time in them counts
// as time to connect.
void HttpClient::State::start_waiting() {
  const std::vector<Transfer*> all = std::move(waiting);
  waiting.clear();
  for (Transfer* const transfer : all) {
    const std::string host = host_of(transfer->url());
    const long busy = std::count_if(active.begin(), active.end(), [&host](const Transfer* other) {
      return host_of(other->url()) == host;
    });
    if (busy >= limits.connections_per_host) {
      waiting.push_back(transfer);
      continue;
    }
    curl().multi_add_handle(multi, transfer->easy());
    active.push_back(transfer);
  }
}

bool HttpClient::State::finish_ended() {
  bool any = false;
  int left = 0;
  while (const CURLMsg* message = curl().multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) {
      continue;
    }
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    void* pointer = nullptr;
    curl().easy_getinfo(easy, CURLINFO_PRIVATE, &pointer);
    auto* const transfer = static_cast<Transfer*>(pointer);
    curl().multi_remove_handle(multi, easy); // before the waiter may destroy it; ends `message`
    std::erase(active, transfer);
    any = true;
    const HttpResult result = transfer->finish(code);
    if (result.outcome == HttpOutcome::unreachable &&
        result.retry == HttpResult::Retry::is_pointless) {
      finish_companions(result);
    }
  }
  return any;
}

void HttpClient::State::finish_companions(const HttpResult& result) {
  std::vector<Transfer*> all = active;
  all.insert(all.end(), waiting.begin(), waiting.end());
  for (Transfer* transfer : all) {
    curl_off_t sent_after = 0;
    curl().easy_getinfo(transfer->easy(), CURLINFO_PRETRANSFER_TIME_T, &sent_after);
    const bool same_way = host_of(transfer->url()) == result.host ||
                          (!result.host.empty() && proxy_of(transfer->url()) == result.host);
    if (sent_after == 0 && same_way) {
      curl().multi_remove_handle(multi, transfer->easy());
      std::erase(active, transfer);
      std::erase(waiting, transfer);
      transfer->finish_as(result);
    }
  }
}

HttpClient::HttpClient(const HttpLimits& limits, const UnreachableHosts& unreachable)
  : m_state(std::make_unique<State>(limits, unreachable)) {}

HttpClient::~HttpClient() = default;

namespace {

using Advice = UnreachableHosts::Advice;

// What is known of the first one on the way to the server of whom something is known.
std::pair<std::string, Advice> advice_for(const UnreachableHosts& unreachable,
                                          const std::string& url) {
  for (const std::string& host : {proxy_of(url), host_of(url)}) {
    const Advice advice = host.empty() ? Advice() : unreachable.advice(host);
    if (advice.ask != Advice::Ask::freely) {
      return {host, advice};
    }
  }
  return {};
}

// Less where others have waited in vain: a network that is there answers within a second.
Duration time_to_connect(const UnreachableHosts& unreachable, const Advice& advice) {
  constexpr Duration k_brief = std::chrono::milliseconds(250);
  constexpr Duration k_where_some_are_silent = std::chrono::seconds(1);
  const std::size_t silent = unreachable.silent_hosts();
  if (advice.ask == Advice::Ask::briefly || silent >= 4) {
    return k_brief;
  }
  return silent >= 2 ? k_where_some_are_silent : Duration::max();
}

HttpResult not_asked(const std::string& host, const std::string& why) {
  HttpResult result{HttpOutcome::unreachable, why, {}};
  result.retry = HttpResult::Retry::is_pointless;
  result.host = host;
  result.whom = UnreachableHosts::For::this_run;
  return result;
}

} // namespace

HttpResult HttpClient::get(const HttpRequest& request,
                           const std::function<void(HttpProgress)>& follow) {
  assert(is_fetchable(request.url));
  if (const std::optional<std::string> path = path_of_file_url(request.url)) {
    struct stat status;
    if (::stat(path->c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
      return {
          HttpOutcome::refused, "it is not a regular file", {}}; // libcurl would wait for a fifo
    }
  }
  const auto [host, advice] = advice_for(m_state->unreachable, request.url);
  if (advice.ask == Advice::Ask::no) {
    return not_asked(host, advice.why);
  }
  HttpLimits limits = m_state->limits;
  limits.connect = std::min(limits.connect, time_to_connect(m_state->unreachable, advice));
  HttpResult result = perform(request, limits, follow);
  if (advice.ask == Advice::Ask::briefly && result.outcome == HttpOutcome::unreachable) {
    result.reason += "; " + advice.why;
    result.retry = HttpResult::Retry::is_pointless;
    result.whom = UnreachableHosts::For::this_run;
  }
  return result;
}

HttpResult HttpClient::perform(const HttpRequest& request, const HttpLimits& limits,
                               const std::function<void(HttpProgress)>& follow) {
  const Transfer::IsWrittenOff is_written_off = [this](const std::string& target) {
    return m_state->unreachable.advice(target).ask == Advice::Ask::no;
  };
  Transfer transfer(request, limits, is_written_off);
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
