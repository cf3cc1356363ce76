// Judges the memory of a process by the lines of /proc/PID/status that are in kB:
//
//   process-memory PIDFILE CONDITION...
//
// A condition is "NAME < N", "NAME > N", "NAME <= F NAME" or "NAME >= F NAME", such as "VmLck > 0"
// or "VmRSS >= 0.7 VmSize". Prints the values; status 1 if a condition does not hold.
#include "base/error.hh"
#include "base/text.hh"
#include "cli/cli.hh"
#include "os/file.hh"

#include <map>
#include <sstream>
#include <vector>

namespace {

using namespace qt;

// Name → kB.
std::map<std::string, double> memory_of(const std::string& pid) {
  std::map<std::string, double> memory;
  std::istringstream lines(read_file(format("/proc/{}/status", pid)));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::string unit;
    double value = 0;
    if (words >> name >> value >> unit && unit == "kB") {
      memory[name.substr(0, name.size() - 1)] = value;
    }
  }
  return memory;
}

bool holds(const std::string& condition, const std::map<std::string, double>& memory) {
  std::istringstream words(condition);
  std::string name;
  std::string comparison;
  double bound = 0;
  std::string of;
  const bool readable = static_cast<bool>(words >> name >> comparison >> bound);
  words >> of;
  if (!readable || !memory.contains(name) || (!of.empty() && !memory.contains(of))) {
    throw Error(
        format("'{}' is not a condition such as 'VmRSS >= 0.7 VmSize', or the process has no "
               "such line",
               condition),
        ExitCode::usage);
  }
  const double value = memory.at(name);
  bound *= of.empty() ? 1 : memory.at(of);
  return comparison == "<"    ? value < bound
         : comparison == "<=" ? value <= bound
         : comparison == ">"  ? value > bound
                              : comparison == ">=" && value >= bound;
}

int judge(const std::vector<std::string>& words) {
  if (words.size() < 2) {
    throw Error("usage: process-memory PIDFILE CONDITION...", ExitCode::usage);
  }
  std::istringstream pidfile(read_file(words[0]));
  std::string pid;
  pidfile >> pid;
  const std::map<std::string, double> memory = memory_of(pid);
  std::string text;
  for (const char* name : {"VmSize", "VmRSS", "VmLck"}) {
    text += format("{} {} kB, ", name, memory.contains(name) ? memory.at(name) : 0);
  }
  int status = 0;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const bool good = holds(words[i], memory);
    status = good ? status : 1;
    text += format("{}{}{}", i == 1 ? "" : ", ", good ? "" : "not ", words[i]);
  }
  print_line(text);
  return status;
}

} // namespace

int main(int argc, char** argv) { return run_tool("process-memory", argc, argv, judge); }
