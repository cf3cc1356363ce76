#include "elf.hh"

namespace qt {

namespace {

class ElfWriter {
public:
  explicit ElfWriter(const ElfKind& kind)
    : m_kind(kind) {}

  std::string write(const std::string& image, std::uint64_t load) {
    const bool is_long = m_kind.size == ElfKind::Size::bits_64;
    const unsigned header = is_long ? 64 : 52;
    const unsigned part = is_long ? 56 : 32; // a program header
    m_text = "\x7f\x45LF";
    m_text += static_cast<char>(is_long ? 2 : 1);
    m_text += static_cast<char>(m_kind.order == ElfKind::Order::big ? 2 : 1);
    m_text += '\1';
    m_text.resize(16);
    put(2, 2); // an executable
    put(m_kind.machine, 2);
    put(1, 4);
    address(load);   // the entry
    address(header); // where the program headers are
    address(0);      // no sections
    put(0, 4);
    put(header, 2);
    put(part, 2);
    put(1, 2);
    put(0, 6);
    constexpr unsigned k_all = 7; // to read, write and execute
    put(1, 4);                    // to be loaded
    if (is_long) {
      put(k_all, 4);
    }
    address(header + part);
    address(load);
    address(load);
    address(image.size());
    address(image.size());
    if (!is_long) {
      put(k_all, 4);
    }
    address(4);
    return m_text + image;
  }

private:
  void put(std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      const int at = m_kind.order == ElfKind::Order::big ? bytes - 1 - i : i;
      m_text += static_cast<char>(number >> 8 * at);
    }
  }
  void address(std::uint64_t number) { put(number, m_kind.size == ElfKind::Size::bits_64 ? 8 : 4); }

  const ElfKind& m_kind;
  std::string m_text;
};

} // namespace

std::string elf_of(const ElfKind& kind, const std::string& image, std::uint64_t load) {
  return ElfWriter(kind).write(image, load);
}

} // namespace qt
