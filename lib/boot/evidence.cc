#include "boot/evidence.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <algorithm>
#include <unistd.h>

namespace qt {

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
