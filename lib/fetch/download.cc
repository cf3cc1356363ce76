#include "fetch/download.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "data/url.hh"
#include "fetch/unreachable.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace qt {

namespace {

// The content of a pointer file, or the target of a link that became a text file on the way: a path
// alone, into the repository's own folder.
bool is_annex_pointer(std::string_view text) {
  const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
  const std::size_t folder = line.find(".git/annex/objects/");
  const bool is_link =
      folder == 0 || (folder != std::string_view::npos &&
                      (line.starts_with('/') || line.starts_with("./") || line.starts_with("../")));
  return line.starts_with("/annex/objects/") || (is_link && line.size() == text.size());
}

using Cause = Downloaded::Cause;

constexpr Duration k_longest_pause = std::chrono::seconds(30);

Duration pause_before(int retry, const DownloadOptions& options) {
  Duration pause = options.first_pause;
  for (int i = 1; i < retry && pause < k_longest_pause; ++i) {
    pause *= 3;
  }
  static thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<Duration::rep> vary(pause.count() / 2, pause.count() * 3 / 2);
  return std::min(Duration(vary(random)), k_longest_pause);
}

// What servers send in place of a file, told by its first bytes: for messages about content that is
// not what its digest says.
// "a web page, perhaps to log in", "a pointer of Git LFS, …" and what to do; empty if the bytes
// look like neither.
std::string impostor_in(std::string_view first_bytes) {
  if (first_bytes.starts_with("\xef\xbb\xbf")) { // of UTF-8
    first_bytes.remove_prefix(3);
  }
  const std::string start = lower_case(trim(first_bytes));
  if (start.starts_with("version https://git-lfs.github.com/")) {
    return "a pointer of Git LFS, not the file that it points to; use the URL by which the server "
           "gives the content (of GitHub: https://media.githubusercontent.com/media/…)";
  }
  if (is_annex_pointer(start)) {
    return "a pointer of git-annex, not the file that it points to";
  }
  constexpr std::array<std::string_view, 7> k_tags = {
      "<!doctype html", "<html", "<head", "<title", "<body", "<meta ", "<script"};
  const bool is_page = std::any_of(k_tags.begin(), k_tags.end(), [&start](std::string_view tag) {
    return start.starts_with(tag);
  });
  if (is_page || (start.starts_with("<") && start.find("<html") != std::string::npos)) {
    return "a web page, perhaps to log in at the server or the network; open the URL in a browser";
  }
  if (start.starts_with("<?xml") && start.find("<error") != std::string::npos) {
    return "a server's message about an error, in XML";
  }
  if (start.starts_with("{") && (start.find("\"error") != std::string::npos ||
                                 start.find("\"message\"") != std::string::npos)) {
    return "a server's message about an error, in JSON";
  }
  return "";
}

} // namespace

Download::Download(HttpClient& client, UnreachableHosts& unreachable,
                   const DownloadOptions& options, const std::string& digest, int fd,
                   std::string path)
  : m_client(client)
  , m_unreachable(unreachable)
  , m_options(options)
  , m_digest(digest)
  , m_fd(fd)
  , m_path(std::move(path))
  , m_digester(digest_kind(digest)) {}

Downloaded Download::run(std::span<const std::string> urls) {
  std::vector<std::string> reasons;
  std::vector<std::string> causes; // each once: two URLs of one host that is down have one
  std::vector<std::string> groups;
  Downloaded result;
  for (const std::string& url : urls) {
    const Attempt attempt = try_url(url);
    if (attempt.cause == Cause::none) {
      result.cause = Cause::none;
      result.right = reasons.size();
      break;
    }
    result.cause = reasons.empty() ? attempt.cause : std::min(result.cause, attempt.cause);
    reasons.push_back(format("{}: {}", display_url(url), attempt.reason));
    const bool down = !attempt.unreachable.empty();
    const std::string cause =
        down ? attempt.reason : format("{}: {}", host_of(url), attempt.reason);
    const std::string& group = down ? attempt.unreachable : cause;
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) {
      causes.push_back(cause);
      groups.push_back(group);
    }
  }
  result.outcome = result.cause == Cause::none        ? Downloaded::Outcome::right
                   : result.cause == Cause::transient ? Downloaded::Outcome::unavailable
                                                      : Downloaded::Outcome::failed;
  result.reason = join(reasons, "; ");
  result.why = join(causes, "; ");
  result.group = join(groups, "; ");
  return result;
}

Download::Attempt Download::try_url(const std::string& url) {
  for (int retry = 0;; ++retry) {
    Attempt attempt = request_once(url);
    if (attempt.cause != Cause::transient) {
      return attempt;
    }
    const bool left_alone =
        !attempt.unreachable.empty() &&
        m_unreachable.advice(attempt.unreachable).ask == UnreachableHosts::Advice::Ask::no;
    if (left_alone || deadline.expired() || retry == m_options.retries ||
        attempt.result.retry == HttpResult::Retry::is_pointless) {
      return give_up(std::move(attempt), url);
    }
    const Duration pause = std::max(pause_before(retry + 1, m_options),
                                    attempt.result.retry_after.value_or(Duration::zero()));
    if (pause > k_longest_pause) {
      attempt.reason += format(", the server asks to wait {}", format_duration(pause));
      return attempt;
    }
    log_info(format("fetching {}: {}; trying again in {}", display_url(url), attempt.reason,
                    format_duration(pause)));
    std::this_thread::sleep_for(std::min(pause, deadline.remaining()));
  }
}

// Notes who could not be reached, for the next who would ask.
Download::Attempt Download::give_up(Attempt attempt, const std::string& url) {
  const HttpResult& result = attempt.result;
  if (deadline.expired()) { // says nothing about who did not answer
    attempt.reason = format("too slow: {} came in the time that there is (--timeout); the next run "
                            "goes on from there",
                            format_size(m_hashed));
    attempt.unreachable = host_of(result.final_url.empty() ? url : result.final_url);
    m_unreachable.add(attempt.unreachable, attempt.reason, UnreachableHosts::How::down,
                      UnreachableHosts::For::this_run);
  } else if (!attempt.unreachable.empty()) {
    m_unreachable.add(attempt.unreachable, attempt.reason, result.how, result.whom);
  }
  return attempt;
}

// One request, or two where the first finds that what the file holds is of no use.
Download::Attempt Download::request_once(const std::string& url) {
  for (;;) {
    hash_what_is_there();
    const std::uint64_t held = m_hashed;
    if (m_digester.hex() == m_digest) { // interrupted just before it was published, or empty
      return {Cause::none, ""};
    }
    if (held > largest()) {
      empty_file();
      continue;
    }
    HttpRequest request;
    request.url = url;
    request.fd = m_fd;
    request.offset = held;
    request.largest = largest();
    request.deadline = deadline;
    request.validator = resume.url == display_url(url) ? resume.validator : "";
    request.on_validator = [&](const std::string& validator) {
      resume = {display_url(url), validator};
      if (remember) {
        remember(resume);
      }
    };
    if (held > 0) {
      log_info(format("fetching {}: continuing after {} bytes", display_url(url), held));
    }
    const HttpResult result =
        m_client.get(request, [this](HttpProgress progress) { follow(progress); });
    const bool continued = held > 0 && m_restarts == 0;
    if (result.outcome == HttpOutcome::not_resumable) {
      empty_file();
      continue;
    }
    const Attempt attempt = judge(result, url);
    if (result.outcome == HttpOutcome::complete && attempt.cause != Cause::none) {
      empty_file();
      if (continued) {
        log_info(format("fetching {}: what was continued is not right; once more from the start",
                        display_url(url)));
        continue;
      }
    }
    return attempt;
  }
}

Download::Attempt Download::judge(const HttpResult& result, const std::string& url) const {
  for (const std::string& host : {host_of(url), proxy_of(url)}) {
    if ((result.outcome != HttpOutcome::unreachable || result.redirected) && !host.empty()) {
      m_unreachable.reached(host);
    }
  }
  switch (result.outcome) {
  case HttpOutcome::complete:
    return judge_content(result, url);
  case HttpOutcome::gone:
    return {Cause::gone, result.reason};
  case HttpOutcome::refused:
    return {Cause::refused, result.reason};
  case HttpOutcome::too_large:
    return size ? Attempt{Cause::corrupt, format("the server has {}, but its size is said to be "
                                                 "{} bytes",
                                                 result.reason, *size)}
                : Attempt{Cause::refused, format("it has {}, and the limit is {}; raise that with "
                                                 "--limit, or say its size",
                                                 result.reason, format_size(m_options.largest))};
  case HttpOutcome::transient:
  case HttpOutcome::unreachable:
  case HttpOutcome::not_resumable:
    return {Cause::transient, result.reason, result, result.host};
  case HttpOutcome::unwritable:
    throw Error(format("fetching {}: writing {}: {}", display_url(url), m_path, result.reason));
  }
  return {};
}

Download::Attempt Download::judge_content(const HttpResult& result, const std::string& url) const {
  const std::string found = m_digester.hex();
  if (found == m_digest) {
    return {Cause::none, ""};
  }
  std::string reason =
      format("the {} that came have the digest {}, not {}", format_size(m_hashed), found, m_digest);
  std::array<char, 1024> start{};
  const ssize_t count = ::pread(m_fd, start.data(), start.size(), 0);
  const std::string impostor =
      impostor_in({start.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))});
  if (!impostor.empty()) {
    reason += "; it is " + impostor;
  }
  if (result.final_url != display_url(url)) {
    reason += "; it came from " + result.final_url;
  }
  return {Cause::corrupt, reason};
}

void Download::hash_what_is_there() {
  struct stat status;
  if (::fstat(m_fd, &status) < 0) {
    throw errno_error(errno, format("reading {}", m_path));
  }
  m_restarts = 0;
  m_hashed = 0;
  m_digester.restart();
  follow({static_cast<std::uint64_t>(status.st_size), 0});
}

void Download::follow(HttpProgress progress) {
  if (progress.restarts != m_restarts) {
    m_restarts = progress.restarts;
    m_hashed = 0;
    m_digester.restart();
  }
  m_hashed = add_file_range(m_digester, m_fd, m_hashed, progress.bytes, m_path);
  if (watch) {
    watch(progress);
  }
}

void Download::empty_file() {
  if (::ftruncate(m_fd, 0) < 0) {
    throw errno_error(errno, format("emptying {}", m_path));
  }
  resume = {};
}

} // namespace qt
