// The texts that steps look for on a console, as far as a look at the steps alone tells whether
// they can come: what strip-ansi takes out never does, and what was just typed comes as its echo.
#pragma once

#include "schema/step.hh"

#include <map>
#include <string>
#include <vector>

namespace qt {

struct Awaited {
  std::string key; // that it stands in: "wait", "until", "fail"
  std::string text;
  bool is_regex = false;
};

// Those of a step: what it waits for, and its failure texts.
std::vector<Awaited> awaited_texts(const Step& step);
// Those of the keys of a whole dialogue: its failure texts and its prompt.
std::vector<Awaited> awaited_texts(const Json& dialogue);

// Why the text cannot come on a console whose control sequences are taken out (strip-ansi); empty
// if it can.
std::string stripped_mistake(const Awaited& awaited);

// What has been typed on each console since something was last awaited there.
class TypedTexts {
public:
  // Takes the next step of a dialogue. If what it waits for is part of what was just typed, so that
  // an echo that something has torn could be taken for it: a warning; else empty.
  std::string take(const Step& step);

private:
  std::map<std::string, std::string> m_typed; // by machine
};

} // namespace qt
