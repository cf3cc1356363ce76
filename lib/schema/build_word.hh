// What a build of QEMU can do, in the words of QEMU's own configure: "igvm" of requires.config is
// what "configure --enable-igvm" builds. Here is how each is known of an emulator (qemu/probe.hh
// asks). Only words are here of which every QEMU that we support tells, yes or no: an answer that
// comes with newer versions only would skip tests on the older ones, and a part of QEMU that is a
// module counts if it can be loaded.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace qt {

struct BuildWord {
  enum class Evidence {
    type,      // the list of types has `name`
    command,   // the monitor has the command `name`
    value,     // the monitor's schema has a list of values with `name` and `beside`
    member,    // the monitor's schema has a table with `name` and `beside`
    display,   // "-display help" lists `name`
    audio,     // "-audiodev help" lists `name`
    log_item,  // "-d help" lists `name`
    spice,     // "-spice help" lists options
    sandbox,   // the option -sandbox
    tls,       // an object of type tls-creds-anon can be made
    sanitizer, // QEMU says its flags if the variable `name` is "help=1"; it calls itself `beside`
  };

  std::string_view word;
  Evidence evidence;
  std::string_view name;
  std::string_view beside;
};

// In the order of the alphabet.
std::span<const BuildWord> build_words();
// nullptr if there is no such word.
const BuildWord* find_build_word(std::string_view word);

// What a test asks for: "WORD", or "not WORD" if QEMU must have been built without.
struct WantedBuild {
  const BuildWord* word; // nullptr if there is no such word
  bool is_without;
  std::string_view name; // the word as it was written
};
WantedBuild wanted_build(std::string_view text);

// Why there is no such word, and what to write instead: for a word that find_build_word() does not
// find.
std::string build_word_mistake(std::string_view word);

} // namespace qt
