#include "evidence.hh"

#include "error.hh"
#include "file.hh"

namespace qt {

void Evidence::ask(OwnMonitor& monitor) {
  const auto question = [this, &monitor](std::string_view command, const Json& arguments,
                                         std::function<void(const Json& value)> keep) {
    ++m_open;
    monitor.ask(command, arguments, [this, keep = std::move(keep)](const Json& reply) {
      --m_open;
      if (reply.contains("return")) {
        keep(reply["return"]);
      }
    });
  };
  const std::string stem = format("{}/{}", m_run_dir, m_vm);
  question("query-status", Json::object(),
           [this](const Json& value) { m_details["status"] = value; });
  question("human-monitor-command", {{"command-line", "info registers"}},
           [this, path = stem + ".registers.txt"](const Json& value) {
             if (value.is_string()) {
               write_file(path, value.get_ref<const std::string&>());
               m_details["registers"] = path;
             }
           });
  question("screendump", {{"filename", stem + ".screen.ppm"}},
           [this, path = stem + ".screen.ppm"](const Json&) { m_details["screen"] = path; });
}

} // namespace qt
