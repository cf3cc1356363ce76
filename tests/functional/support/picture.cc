#include "picture.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <string_view>

namespace qt::picture {
namespace {

constexpr std::size_t k_most_pixels = std::size_t{1} << 26; // of either side, and of all

class Reader {
public:
  explicit Reader(const std::string& path)
    : m_path(path)
    , m_bytes(read_file(path)) {}

  Picture read();

private:
  [[noreturn]] void refuse(std::string_view expected) const;
  void skip_blanks();
  std::size_t number(std::size_t most, std::string_view expected);
  std::size_t binary_sample(std::size_t most);

  const std::string m_path;
  const std::string m_bytes;
  std::size_t m_at = 0;
};

void Reader::refuse(std::string_view expected) const {
  throw Error(format("reading {}: expected {} at byte {}", m_path, expected, m_at),
              ExitCode::usage);
}

// Blanks and comments, which go from '#' to the end of the line.
void Reader::skip_blanks() {
  while (m_at < m_bytes.size()) {
    if (m_bytes[m_at] == '#') {
      m_at = m_bytes.find('\n', m_at);
      m_at = m_at == std::string::npos ? m_bytes.size() : m_at;
    } else if (std::string_view(" \t\r\n\v\f").find(m_bytes[m_at]) == std::string_view::npos) {
      break;
    } else {
      ++m_at;
    }
  }
}

std::size_t Reader::number(std::size_t most, std::string_view expected) {
  skip_blanks();
  const std::size_t start = m_at;
  std::size_t value = 0;
  while (m_at < m_bytes.size() && m_bytes[m_at] >= '0' && m_bytes[m_at] <= '9') {
    value = value * 10 + static_cast<std::size_t>(m_bytes[m_at] - '0');
    if (value > most) {
      refuse(expected);
    }
    ++m_at;
  }
  if (m_at == start) {
    refuse(expected);
  }
  return value;
}

std::size_t Reader::binary_sample(std::size_t most) {
  if (m_at == m_bytes.size()) {
    refuse("more samples");
  }
  const std::size_t value = static_cast<std::uint8_t>(m_bytes[m_at]);
  if (value > most) {
    refuse(format("a sample of at most {}", most));
  }
  ++m_at;
  return value;
}

Picture Reader::read() {
  const std::string_view kind = std::string_view(m_bytes).substr(0, 2);
  if (kind != "P2" && kind != "P3" && kind != "P5" && kind != "P6") {
    refuse("P2, P3, P5 or P6, a picture of netpbm,");
  }
  const bool is_binary = kind[1] >= '5';
  m_at = 2;
  Picture picture;
  picture.channels = kind[1] == '3' || kind[1] == '6' ? 3 : 1;
  picture.width = number(k_most_pixels, "a width");
  picture.height = number(k_most_pixels, "a height");
  const std::size_t most = number(255, "a highest sample from 1 to 255");
  if (most == 0 || picture.width == 0 || picture.height == 0 ||
      picture.width > k_most_pixels / picture.height) {
    refuse("a picture of 1 to 67108864 pixels");
  }
  if (is_binary) {
    ++m_at; // one blank
  }
  const std::size_t count = picture.width * picture.height * picture.channels;
  if (m_at > m_bytes.size() || count > m_bytes.size() - m_at) { // a number takes a byte or more
    m_at = m_bytes.size();
    refuse("more samples");
  }
  picture.samples.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t value = is_binary ? binary_sample(most) : number(most, "a sample");
    picture.samples.push_back(static_cast<std::uint8_t>((value * 255 + most / 2) / most));
  }
  return picture;
}

} // namespace

Picture read_picture(const std::string& path) { return Reader(path).read(); }

Picture in_grey(const Picture& picture) {
  if (picture.channels == 1) {
    return picture;
  }
  Picture grey{picture.width, picture.height, 1, {}};
  grey.samples.reserve(picture.width * picture.height);
  for (std::size_t i = 0; i < picture.samples.size(); i += 3) {
    const unsigned thousandfold =
        299U * picture.samples[i] + 587U * picture.samples[i + 1] + 114U * picture.samples[i + 2];
    grey.samples.push_back(static_cast<std::uint8_t>((thousandfold + 500) / 1000));
  }
  return grey;
}

Picture in_colour(const Picture& picture) {
  if (picture.channels == 3) {
    return picture;
  }
  Picture colour{picture.width, picture.height, 3, {}};
  colour.samples.reserve(picture.samples.size() * 3);
  for (const std::uint8_t sample : picture.samples) {
    colour.samples.insert(colour.samples.end(), 3, sample);
  }
  return colour;
}

} // namespace qt::picture
