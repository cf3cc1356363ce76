#include "boot/evidence.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <algorithm>
#include <fcntl.h>
#include <glob.h>
#include <sys/wait.h>
#include <unistd.h>

namespace qt {

namespace {

std::string system_setting(const std::string& name) {
  try {
    return std::string(trim(read_file("/proc/sys/kernel/" + name)));
  } catch (const Error&) {
    return "";
  }
}

// The core file of a process that has just died; empty if none is where the pattern says.
std::string find_core(pid_t pid) {
  const std::string pattern =
      core_glob(system_setting("core_pattern"), system_setting("core_uses_pid") == "1", pid,
                absolute_path("."));
  glob_t found = {};
  std::string path;
  if (!pattern.empty() && ::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    path = found.gl_pathv[found.gl_pathc - 1];
  }
  ::globfree(&found);
  return path;
}

} // namespace

std::string core_glob(std::string_view pattern, bool uses_pid, pid_t pid,
                      const std::string& directory) {
  if (pattern.starts_with('|')) {
    return "";
  }
  std::string text = pattern.starts_with('/') ? "" : directory + "/";
  bool has_pid = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      text += pattern[i];
      continue;
    }
    const char what = pattern[++i];
    has_pid = has_pid || what == 'p';
    text += what == '%' ? "%" : what == 'p' ? std::to_string(pid) : "*";
  }
  return uses_pid && !has_pid ? format("{}.{}", text, pid) : text;
}

Backtrace::Backtrace(EventLoop& loop, std::string stem, Duration bound)
  : m_loop(loop)
  , m_stem(std::move(stem))
  , m_bound(bound)
  , m_timer(loop,
            [this] { finish(read_tail(m_path, 1).empty() ? "gdb did not end in time" : ""); }) {}

void Backtrace::ask_about_process(pid_t pid) {
  start({"gdb", "-nx", "-batch", "-ex", "set pagination off", "-ex", "thread apply all bt", "-p",
         std::to_string(pid)});
}

void Backtrace::ask_about_crash(pid_t pid, ExitStatus status, const std::string& program) {
  if (!WCOREDUMP(status.wait_status)) {
    finish("there is no core file; 'ulimit -c unlimited' turns them on");
    return;
  }
  std::string core = find_core(pid);
  if (core.empty()) {
    start({"coredumpctl", "--no-pager", "info", std::to_string(pid)});
    return;
  }
  const std::string beside = m_stem + ".core";
  if (::rename(core.c_str(), beside.c_str()) == 0) {
    core = beside;
  }
  start({"gdb", "-nx", "-batch", "-ex", "set pagination off", "-ex", "thread apply all bt", program,
         core});
}

void Backtrace::start(const std::vector<std::string>& argv) {
  m_reason.clear();
  m_path = m_stem + ".backtrace.txt";
  try {
    const UniqueFd null = open_file("/dev/null", O_RDONLY);
    const UniqueFd file = open_file(m_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    SpawnOptions options;
    options.standard_input = null.get();
    options.standard_output = file.get();
    options.standard_error = file.get();
    options.environment = {{"DEBUGINFOD_URLS", ""}}; // it may not wait for a server
    options.descendants = SpawnOptions::Descendants::end_with_it;
    m_gdb = Process::spawn(argv, options);
    m_end_watch = m_loop.watch(m_gdb->exit_fd(), [this](const pollfd&) { handle_end(); });
    m_timer.set(m_bound);
  } catch (const Error& error) {
    ::unlink(m_path.c_str());
    finish(error.what());
  }
}

void Backtrace::handle_end() {
  if (const auto status = m_gdb ? m_gdb->poll() : std::nullopt) {
    finish(status->wait_status == 0 || !read_tail(m_path, 1).empty() ? "" : status->text());
  }
}

void Backtrace::cancel() {
  if (m_gdb) {
    finish("there was no time for gdb");
  }
}

void Backtrace::finish(const std::string& failure) {
  m_end_watch = {};
  m_gdb.reset(); // kills it if it still runs
  m_timer.cancel();
  m_reason = failure;
  if (!failure.empty()) {
    m_path.clear();
  }
}

namespace {

constexpr Duration k_answers{1000};

} // namespace

void Evidence::gather(pid_t qemu) {
  m_qemu = qemu;
  m_gathering = true;
  m_log.write("asking QEMU for evidence");
  if (m_monitor) {
    ask();
    m_patience.set(k_answers);
  } else {
    m_backtrace.ask_about_process(qemu);
  }
}

void Evidence::gather_of_crash(pid_t qemu, ExitStatus status, const std::string& program) {
  cancel();
  m_backtrace.ask_about_crash(qemu, status, program);
}

void Evidence::question(const std::string& command, const Json& arguments, Answer keep,
                        std::function<void()> otherwise) {
  ++m_open;
  m_monitor->ask(
      command, arguments,
      [this, keep = std::move(keep), otherwise = std::move(otherwise)](const Json& reply) {
        m_open = std::max(m_open - 1, 0);
        if (reply.contains("return")) {
          keep(reply["return"]);
        } else if (otherwise) {
          otherwise();
        }
      });
}

void Evidence::ask() {
  question("query-status", Json::object(),
           [this](const Json& value) { m_details["status"] = value; });
  question("human-monitor-command", {{"command-line", "info registers -a"}},
           [this, path = m_stem + ".registers.txt"](const Json& value) {
             if (value.is_string()) {
               write_file(path, value.get_ref<const std::string&>());
               m_details["registers"] = path;
             }
           });
  // Without a display QEMU would take a picture of a text console of its own (a PC's parallel
  // port). Consoles of a display have a device and come first: qemu/ui/console.c.
  question("qom-get", {{"path", "/backend/console[0]"}, {"property", "device"}},
           [this](const Json& device) {
             if (device.is_string() && device != "") {
               ask_for_picture();
             }
           });
}

// QEMU writes PNG since 7.1, if it was built with it.
void Evidence::ask_for_picture() {
  const std::string png = m_stem + ".screen.png";
  const std::string ppm = m_stem + ".screen.ppm";
  const auto keep = [this](const std::string& path) {
    return [this, path](const Json&) { m_details["screen"] = path; };
  };
  question("screendump", {{"filename", png}, {"format", "png"}}, keep(png), [this, png, ppm, keep] {
    ::unlink(png.c_str()); // what it may have begun
    question("screendump", {{"filename", ppm}}, keep(ppm));
  });
}

// What it answers from now on is still taken, and waited for no more.
void Evidence::give_up_monitor() {
  if (m_gathering && !m_monitor->ended() && m_open > 0) {
    m_log.write("QEMU does not answer its monitor");
    m_open = 0;
    m_backtrace.ask_about_process(m_qemu);
  }
}

void Evidence::advance() {
  const bool asked_all = m_open == 0 || (m_monitor && m_monitor->ended());
  if (m_gathering && asked_all && !m_backtrace.running()) {
    m_patience.cancel();
    m_gathering = false;
    m_gathered = true;
  }
}

void Evidence::cancel() {
  m_gathering = m_gathered = false;
  m_patience.cancel();
  m_backtrace.cancel();
}

Json Evidence::details() const {
  Json details = m_details;
  if (!m_backtrace.path().empty()) {
    details["backtrace"] = m_backtrace.path();
  } else if (!m_backtrace.reason().empty()) {
    details["no-backtrace"] = m_backtrace.reason();
  }
  return details;
}

} // namespace qt
