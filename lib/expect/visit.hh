// A person at the terminal while a dialogue stands still (--break): the machine's console and
// monitor are given to whoever is there until that person leaves. Meanwhile all consoles are read
// and logged, events are noticed, and nothing has a deadline.
#pragma once

#include "expect/dialogue_loop.hh"

#include <string>

namespace qt {

// Why `guest` cannot be shown on the terminal; empty if it can.
std::string visit_mistake(const Guest* guest, const std::string& run_dir);

// `why` is told on the terminal. Gives how long it took; nothing if nobody came, as the machine is
// over. Throws DialogueEnd after a signal, Error.
std::optional<Duration> visit(DialogueLoop& loop, Guest& guest, const std::string& run_dir,
                              const std::string& why);

} // namespace qt
