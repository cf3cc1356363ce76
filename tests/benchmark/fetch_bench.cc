// qt-fetch against curl and aria2c on the same server and the same bytes; what is not installed is
// left out. The server sends a sparse file of 1 GiB ($BENCH_FETCH_SIZE bytes) with sendfile(2), so
// that it costs next to nothing; qt-fetch's time includes the digest. In $TMPDIR.
#include "paired.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "data/digest.hh"
#include "fault_server.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace qt;

const std::string& tool() {
  static const std::string path = std::string(std::getenv("QEMU_TEST_TOOLS_DIR")) + "/qt-fetch";
  return path;
}

void run(const std::string& folder, const std::vector<std::string>& argv) {
  SpawnOptions options;
  options.directory = folder;
  options.environment = {{"QEMU_TEST_CACHE_DIR", folder + "/cache"}};
  const auto result = run_captured(argv, options, Deadline::never());
  if (!result || result->status.code() != 0 || result->status.by_signal()) {
    throw Error(format("{}: {}", argv[0], result ? result->err : "no end"));
  }
}

void shell(const std::string& folder, const std::string& line) { run(folder, {"sh", "-ec", line}); }

struct Asset {
  std::string folder;
  std::string url;
  std::string digest;
};

void compare_downloads(const Asset& asset) {
  struct Rival {
    const char* program;
    const char* name;
    std::string line;
  };
  const std::vector<Rival> rivals = {
      {"curl", "curl -o", "exec curl -s -o theirs/file " + asset.url},
      {"curl", "curl | sha256sum", "curl -s " + asset.url + " | tee theirs/file | sha256sum"},
      {"aria2c", "aria2c --checksum",
       format("exec aria2c -q --checksum=sha-256={} -d theirs -o file {}", asset.digest,
              asset.url)},
  };
  for (const Rival& rival : rivals) {
    if (!find_program(rival.program)) {
      std::puts(format("download, digest: {} is not installed", rival.program).c_str());
      continue;
    }
    // Both begin without their file: to remove it costs as much as to write it.
    bench::compare(
        "download, digest", 5, "qt-fetch",
        [&] {
          remove_tree(asset.folder + "/cache");
          run(asset.folder, {tool(), asset.url, asset.digest});
        },
        rival.name,
        [&] {
          remove_tree(asset.folder + "/theirs");
          make_directories(asset.folder + "/theirs");
          shell(asset.folder, rival.line);
        });
  }
}

// The most memory that a run of `argv` had at any time, in MiB. What this program has at the time
// counts too, until the other is executed: `true` shows how much that is.
double peak_of(const std::string& folder, std::vector<std::string> argv) {
  remove_tree(folder + "/cache");
  std::vector<char*> words;
  for (std::string& word : argv) {
    words.push_back(word.data());
  }
  words.push_back(nullptr);
  const std::string cache = folder + "/cache";
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("QEMU_TEST_CACHE_DIR", cache.c_str(), 1);
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  if (::wait4(child, &status, 0, &usage) != child || status != 0) {
    throw Error(format("measuring the memory of {}: it failed", argv[0]));
  }
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void show_memory(const Asset& asset, support::FaultServer& server) {
  const double one = peak_of(asset.folder, {tool(), asset.url, asset.digest});
  std::string definition;
  constexpr int k_transfers = 8;
  for (int i = 0; i < k_transfers; ++i) {
    const std::string path = format("/part{}", i);
    const std::string file = asset.folder + path;
    write_file(file, path);
    if (::truncate(file.c_str(), 32 << 20) < 0) {
      throw errno_error(errno, "growing " + file);
    }
    server.set(path, {.file = file});
    definition += format("[asset.part{}]\nurl = '{}'\nsha256 = '{}'\n", i, server.url(path),
                         digest_of_file(file, DigestKind::sha256));
  }
  write_file(asset.folder + "/all.toml", definition + "[test.t]\nsteps = [{ wait = 'ok' }]\n");
  const double many =
      peak_of(asset.folder, {tool(), "--quiet", "--jobs", std::to_string(k_transfers),
                             "--definition", asset.folder + "/all.toml"});
  std::puts(format("peak memory: one transfer {:.1f} MiB (at most 17), {} transfers {:.1f} MiB (at "
                   "most {}), true {:.1f} MiB",
                   one, k_transfers, many, 16 + k_transfers, peak_of(asset.folder, {"true"}))
                .c_str());
}

void show_hit(const Asset& asset) {
  run(asset.folder, {tool(), asset.url, asset.digest});
  bench::compare(
      "cache hit, as a process", 100, "qt-fetch",
      [&] {
        run(asset.folder, {tool(), asset.url, asset.digest});
      },
      "true", [&] { run(asset.folder, {"true"}); });
}

// Many processes want one asset: one downloads, and the others return as soon as it is there.
void show_waiters(const Asset& asset, support::FaultServer& server) {
  constexpr int k_processes = 32;
  server.set("/shared", {.file = asset.folder + "/file", .bytes_per_second = 2U << 30});
  remove_tree(asset.folder + "/cache");
  SpawnOptions options;
  options.environment = {{"QEMU_TEST_CACHE_DIR", asset.folder + "/cache"}};
  const UniqueFd nothing = open_file("/dev/null", O_RDWR);
  options.standard_output = nothing.get();
  std::vector<Process> processes;
  for (int i = 0; i < k_processes; ++i) {
    processes.push_back(Process::spawn({tool(), server.url("/shared"), asset.digest}, options));
  }
  std::vector<std::chrono::steady_clock::time_point> ends(processes.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    threads.emplace_back([&, i] {
      processes[i].wait(Deadline::never());
      ends[i] = std::chrono::steady_clock::now();
    });
  }
  const std::string path = asset.folder + "/cache/download/" + asset.digest;
  while (!exists(path)) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  const auto published = std::chrono::steady_clock::now();
  for (std::thread& thread : threads) {
    thread.join();
  }
  const auto last = *std::max_element(ends.begin(), ends.end());
  std::puts(format("{} processes, one asset: {} requests, the last one ended {:.1f} ms after the "
                   "file was there (at most 50)",
                   k_processes, server.requests("/shared").size(),
                   std::chrono::duration<double>(last - published).count() * 1e3)
                .c_str());
}

} // namespace

int main() {
  try {
    for (const char* name : {"QEMU_TEST_NO_DOWNLOAD", "QEMU_TEST_REFRESH_CACHE",
                             "QEMU_TEST_MIRRORS", "QEMU_TEST_CACHE_LOWER"}) {
      ::unsetenv(name);
    }
    const TempDir folder("fetch-bench-");
    const char* const size = std::getenv("BENCH_FETCH_SIZE");
    const std::string path = folder.path() + "/file";
    write_file(path, "not only zeros");
    if (::truncate(path.c_str(),
                   static_cast<off_t>(parse_size(size != nullptr ? size : "1G").value())) < 0) {
      throw errno_error(errno, "growing " + path);
    }
    support::FaultServer server;
    server.set("/file", {.file = path});
    const Asset asset{folder.path(), server.url("/file"), digest_of_file(path, DigestKind::sha256)};
    compare_downloads(asset);
    show_hit(asset);
    show_memory(asset, server);
    show_waiters(asset, server);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
