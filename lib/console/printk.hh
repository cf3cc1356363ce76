// Messages of a Linux kernel in the middle of other text. The console driver writes a message as a
// whole, "PREFIX TEXT \r\n", wherever the terminal's writer has got to: "Linux test[    3.141592]
// usb 1-1: new device\r\nbox". The prefix (kernel/printk/printk.c, print_prefix()), with the parts
// that configuration adds in parentheses:
//
//        (<6>)[    3.141592]([    T1]) usb 1-1: …
//
// The level; seconds and fraction of the time; the caller, T for a task and C for a CPU; a space.
// Fewer digits and blanks than the kernel's are taken too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace qt {

// Tells byte by byte whether what is read is a message's prefix.
class PrintkPrefix {
public:
  enum class Answer { no, more, yes };
  // yes with the space that ends it. After yes or no it must not be fed again.
  Answer feed(char byte);

  bool operator==(const PrintkPrefix&) const = default;

private:
  enum class Part : std::uint8_t {
    begin,
    level,
    time,
    seconds,
    fraction,
    after_time,
    caller,
    number,
    end
  };

  Part m_part = Part::begin;
  std::uint8_t m_digits = 0; // of the number at hand
  std::uint8_t m_length = 0;
};

// Takes messages out of a stream, each with its line end. Bytes that may be the beginning of one,
// at most 48, are held back until it is known; the text of a message is dropped as it comes, at
// most 4 KiB if its line end does not come.
class PrintkFilter {
public:
  // `start`: the offset of the stream's first byte.
  explicit PrintkFilter(std::uint64_t start)
    : m_position(start) {}

  // Bytes that pass, and the offset of the first in the stream. `known`: the end of the byte that
  // showed that held bytes pass; 0 for bytes that pass when they come.
  using Sink =
      std::function<void(std::string_view bytes, std::uint64_t offset, std::uint64_t known)>;
  void feed(std::string_view bytes, const Sink& sink);

  // Everything before this offset has passed or been dropped.
  std::uint64_t decided_to() const noexcept { return m_position - m_held.size(); }

private:
  std::size_t drop(std::string_view bytes);
  void take(char byte, const Sink& sink);
  void begin_message();

  std::uint64_t m_position; // offset of the next byte
  std::string m_held;
  PrintkPrefix m_prefix; // has read m_held
  bool m_in_message = false;
  std::size_t m_dropped = 0; // of the message
};

} // namespace qt
