// fault-server [--tls CA-FILE] FILE: serves FILE in every way that goes wrong, one path for each,
// until its standard input ends. Prints its URL first, in the end how often each path was asked
// for. With --tls it writes the certificate that clients have to trust to CA-FILE.
#include "base/text.hh"
#include "fault_server.hh"
#include "os/file.hh"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

namespace {

using namespace qt;
using support::Behaviour;

std::vector<std::pair<std::string, Behaviour>> behaviours(const std::string& file,
                                                          std::size_t half) {
  using Cut = Behaviour::Cut;
  using Ranges = Behaviour::Ranges;
  const std::string tag = "\"tag\"";
  return {
      {"/file", {.file = file, .etag = tag}},
      {"/slow", {.file = file, .etag = tag, .bytes_per_second = 1 << 20}},
      {"/gone", {.status = 404}},
      {"/refused", {.status = 403}},
      {"/down", {.status = 503}},
      {"/flaky", {.file = file, .fail_times = 2, .fail_status = 503}},
      {"/busy",
       {.file = file, .fail_times = 1, .fail_status = 429, .fail_headers = {"Retry-After: 1"}}},
      {"/cut", {.file = file, .etag = tag, .cut_after = half, .cut_times = 1}},
      {"/cut-always", {.file = file, .ranges = Ranges::ignored, .cut_after = half}},
      {"/reset", {.file = file, .etag = tag, .cut_after = half, .cut_times = 1, .cut = Cut::reset}},
      {"/stall", {.file = file, .etag = tag, .cut_after = half, .cut_times = 1, .cut = Cut::hold}},
      {"/ranges-ignored",
       {.file = file, .ranges = Ranges::ignored, .cut_after = half, .cut_times = 1}},
      {"/ranges-wrong", {.file = file, .ranges = Ranges::wrong, .cut_after = half, .cut_times = 1}},
      {"/ranges-mislabelled",
       {.file = file, .ranges = Ranges::mislabelled, .cut_after = half, .cut_times = 1}},
      {"/ranges-refused",
       {.file = file, .ranges = Ranges::refused, .cut_after = half, .cut_times = 1}},
      {"/encoded", {.file = file, .headers = {"Content-Encoding: gzip"}}},
      {"/redirect", {.status = 302, .headers = {"Location: /file"}}},
      {"/redirect-ftp", {.status = 302, .headers = {"Location: ftp://127.0.0.1/file"}}},
      {"/redirect-loop", {.status = 302, .headers = {"Location: /redirect-loop"}}},
  };
}

int run(const std::string& file, const std::string& authority_file) {
  std::optional<support::TestAuthority> authority;
  if (!authority_file.empty()) {
    authority.emplace();
    write_file(authority_file, authority->certificate());
  }
  support::FaultServer server(authority ? &*authority : nullptr);
  const std::size_t size =
      static_cast<std::size_t>(::lseek(open_file(file, O_RDONLY).get(), 0, SEEK_END));
  for (auto& [path, behaviour] : behaviours(file, size / 2)) {
    server.set(path, std::move(behaviour));
  }
  std::printf("%s\n", server.url("").c_str());
  std::fflush(stdout);
  char ignored;
  while (::read(STDIN_FILENO, &ignored, 1) > 0) {
  }
  for (const auto& [path, count] : server.counts()) {
    std::uint64_t sent = 0;
    for (const auto& request : server.requests(path)) {
      sent += request.body_sent;
    }
    std::printf("%s %zu %llu\n", path.c_str(), count, static_cast<unsigned long long>(sent));
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2) {
      return run(argv[1], "");
    }
    if (argc == 4 && std::strcmp(argv[1], "--tls") == 0) {
      return run(argv[3], argv[2]);
    }
    std::fputs("usage: fault-server [--tls CA-FILE] FILE\n", stderr);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fault-server: error: %s\n", error.what());
    return 1;
  }
}
