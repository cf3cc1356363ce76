// Takes a terminal's control sequences (ECMA-48, xterm's ctlseqs) out of a stream, so that a prompt
// in colours reads as its text. Sequences may be cut anywhere; nothing is held back.
//
// Taken out: CSI "ESC [ … letter"; OSC, DCS, SOS, PM and APC "ESC ] … BEL" or "… ESC \"; SS2 and
// SS3 "ESC O A"; character sets and the like "ESC ( B"; other "ESC x"; an ESC before anything else.
// Other control bytes pass, also CR and LF in the middle of a sequence, and these end an OSC and
// its like, as 4 KiB do: a guest that dies in the middle of one does not make what follows
// invisible. The bytes 0x80 to 0x9F pass, as in UTF-8 they are parts of characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace qt {

class AnsiFilter {
public:
  // Receives bytes that pass; the view is valid during the call only.
  using Sink = std::function<void(std::string_view bytes)>;
  void feed(std::string_view bytes, const Sink& sink);

private:
  enum class Part : std::uint8_t { text, escape, between, csi, shift, string, string_escape };

  bool take(char byte); // inside a sequence; true if the byte passes
  bool take_after_escape(char byte);

  Part m_part = Part::text;
  std::size_t m_length = 0; // of a string
};

} // namespace qt
