// What the decoders of compressed streams share: the compressed bytes that wait, and the order of
// streams, padding and end (decompress.hh). A decoder only turns some of the waiting bytes into
// some output. Where the input takes back what is not needed, the end is where something else
// begins.
#pragma once

#include "extract/byte_source.hh"

#include <memory>
#include <string_view>
#include <vector>

namespace qt {

class Decoder : public ByteSource {
public:
  // `name`: of the compression, for messages; must outlive the decoder.
  Decoder(std::string_view name, std::unique_ptr<ByteSource> input);

  std::size_t read(std::span<std::byte> into) final;

protected:
  struct Progress {
    std::size_t used = 0;
    std::size_t made = 0;
    bool stream_ended = false;
  };

  // Decodes some of `input` into `output`, which is not empty. `last`: nothing follows `input`.
  virtual Progress decode(std::span<const std::byte> input, std::span<std::byte> output,
                          bool last) = 0;
  // Makes ready for one more stream.
  virtual void restart() = 0;
  // True if another stream starts with these bytes, of which there may be fewer than four.
  virtual bool starts_stream(std::string_view head) const = 0;

  // Of a library that joins streams by itself: whether the last one was complete, and what has come
  // since begins no other.
  virtual bool has_ended_before() const { return false; }

  // Whether whatever follows the streams is somebody else's.
  bool others_read_on() const { return m_input->takes_back(); }

  // "the gz data is REASON"
  [[noreturn]] void fail(std::string_view reason) const;
  // The library could not get the memory that the data asks for.
  [[noreturn]] void fail_for_memory() const;

private:
  void start_stream_or_end();
  void refill_head();

  std::string_view m_name;
  std::unique_ptr<ByteSource> m_input;
  std::vector<std::byte> m_buffer;
  std::span<std::byte> m_waiting;
  bool m_input_ended = false;
  bool m_between_streams = false;
  bool m_padding = false;
  bool m_ended = false;
};

} // namespace qt
