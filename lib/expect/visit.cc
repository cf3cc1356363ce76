#include "expect/visit.hh"

#include "base/error.hh"
#include "base/timeout_multiplier.hh"
#include "ipc/run_dir.hh"
#include "ipc/terminal_view.hh"
#include "os/file.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr Duration k_last_echo{1000}; // at most, for what was typed last to have come back
constexpr Duration k_begin{10000};    // at most, for qt-boot to be there for those who look on
constexpr Duration k_look{10};

// The machines' deadlines, with qt-boot, and what a person's doing brings forth, stand still for
// as long as it lives.
class Pause {
public:
  explicit Pause(DialogueLoop& loop)
    : m_loop(loop) {
    for (const auto& guest : m_loop.guests()) {
      guest->ask_to(ExitRequest::pause);
      guest->begin_visit();
    }
  }
  ~Pause() { // best effort: after a signal nobody needs it
    try {
      for (const auto& guest : m_loop.guests()) {
        guest->end_visit();
        guest->ask_to(ExitRequest::resume);
      }
    } catch (const Error&) {
      return;
    }
  }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

private:
  DialogueLoop& m_loop;
};

} // namespace

std::string visit_mistake(const Guest* guest, const std::string& run_dir) {
  if (!has_terminal()) {
    return "there is no terminal to give the machine to; run it at one, without Meson or with "
           "'meson test --interactive' (Meson 1.5)";
  }
  if (guest == nullptr || run_dir.empty() || !guest->has_exit()) {
    return "there is no machine of this chain to show; use qt-boot … -- QEMU-ARGS -- qt-expect …";
  }
  return guest->has_console() ? ""
                              : format("the machine '{}' has no console to show", guest->name());
}

std::optional<Duration> visit(DialogueLoop& loop, Guest& guest, const std::string& run_dir,
                              const std::string& why) {
  if (guest.over()) {
    return std::nullopt;
  }
  const Clock::time_point begin = Clock::now();
  const Pause pause(loop);
  // It starts the program before that; the first step may be meant.
  const Deadline begun = Deadline::after(scaled(k_begin));
  while (!exists(attach_path(run_dir, guest.name())) && !guest.over() && !begun.expired()) {
    loop.serve(earlier(begun, Deadline::after(k_look)));
  }
  const std::unique_ptr<TerminalView> view = TerminalView::open(run_dir, guest.name(), why);
  if (!view) {
    throw Error("the terminal is gone to which the machine was to be given");
  }
  {
    const auto wake = loop.wake_for({view->exit_fd(), POLLIN, 0});
    while (!view->ended()) {
      loop.serve(Deadline::never());
    }
  }
  const Deadline last = Deadline::after(k_last_echo);
  const auto is_quiet = [](const auto& one) {
    return !one->has_console() || one->console().quiet();
  };
  while (!last.expired() && !std::all_of(loop.guests().begin(), loop.guests().end(), is_quiet)) {
    loop.serve(earlier(last, Deadline::after(Console::k_quiet)));
  }
  return std::chrono::duration_cast<Duration>(Clock::now() - begin);
}

} // namespace qt
