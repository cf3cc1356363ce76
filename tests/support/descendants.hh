// The processes that this test program has started, those that these have started, and so on. Who
// has lost its parent below us is our child (test_main.cc), so nobody gets away.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace qt::support {

struct Descendant {
  pid_t pid;
  std::string name; // what the kernel calls it: the first 15 bytes of its program's name
};

// Those that live; who has ended and was not waited for does not.
std::vector<Descendant> descendants();

// Waits until there are none; those that are there after five seconds.
std::vector<std::string> orphans();

} // namespace qt::support
