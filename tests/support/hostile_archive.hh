// Archives that no well-meaning program writes, put together byte by byte.
#pragma once

#include "base/format.hh"

#include <cstdint>
#include <cstring>
#include <string>

namespace qt {

// tar (POSIX ustar): 512-byte headers, data padded to 512, two zero blocks at the end.
class TarMaker {
public:
  // `type`: '0' file, '1' hard link, '2' symbolic link, '3' and '4' devices, '5' folder, '6' fifo.
  TarMaker& add(const std::string& name, char type, const std::string& target = "",
                const std::string& data = "", unsigned mode = 0644) {
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, const std::string& text) {
      header.replace(at, text.size(), text);
    };
    put(0, name);
    put(100, format("{:07o}", mode));
    put(108, "0000000");
    put(116, "0000000");
    put(124, format("{:011o}", data.size()));
    put(136, "00000000000");
    put(148, "        ");
    header[156] = type;
    put(157, target);
    put(257, std::string("ustar\0", 6) + "00");
    put(329, "0000001");
    put(337, "0000003");
    unsigned sum = 0;
    for (const char byte : header) {
      sum += static_cast<unsigned char>(byte);
    }
    put(148, format("{:06o}", sum));
    header[154] = '\0';
    m_bytes += header + data + std::string((512 - data.size() % 512) % 512, '\0');
    return *this;
  }
  TarMaker& file(const std::string& name, const std::string& data) {
    return add(name, '0', "", data);
  }
  std::string without_end() const { return m_bytes; }
  std::string bytes() const { return m_bytes + std::string(1024, '\0'); }

private:
  std::string m_bytes;
};

// cpio, "new ASCII" (cpio(5)): eight hexadecimal digits a field, everything padded to 4.
class CpioMaker {
public:
  // `mode` has the file type: 0100644 a file, 0020644 a character device, 0120777 a link (whose
  // target is `data`).
  CpioMaker& add(const std::string& name, unsigned mode, const std::string& data,
                 unsigned inode = 0, unsigned links = 1) {
    m_bytes += format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}"
                      "{:08x}{:08x}",
                      inode != 0 ? inode : ++m_inode, mode, 0, 0, links, 0, data.size(), 0, 0, 0, 0,
                      name.size() + 1, 0);
    m_bytes += name + '\0';
    pad();
    m_bytes += data;
    pad();
    return *this;
  }
  std::string bytes() {
    add("TRAILER!!!", 0, "");
    return m_bytes;
  }

private:
  void pad() { m_bytes.resize((m_bytes.size() + 3) / 4 * 4, '\0'); }

  std::string m_bytes;
  unsigned m_inode = 100;
};

// zip with stored files; nothing compares the checksum but who reads the data.
class ZipMaker {
public:
  ZipMaker& add(const std::string& name, const std::string& data, std::uint32_t crc32) {
    const std::string common = little(0, 2) + little(0, 2) + little(0, 4) + little(crc32, 4) +
                               little(data.size(), 4) + little(data.size(), 4) +
                               little(name.size(), 2) + little(0, 2);
    m_directory += "PK\x01\x02" + little(0x314, 2) + little(20, 2) + common + little(0, 2) +
                   little(0, 2) + little(0, 2) + little(std::uint64_t{0100644} << 16, 4) +
                   little(m_members.size(), 4) + name;
    m_members += "PK\x03\x04" + little(20, 2) + common + name + data;
    ++m_count;
    return *this;
  }
  std::string bytes() const {
    return m_members + m_directory + "PK\x05\x06" + little(0, 4) + little(m_count, 2) +
           little(m_count, 2) + little(m_directory.size(), 4) + little(m_members.size(), 4) +
           little(0, 2);
  }

private:
  static std::string little(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) {
      text += static_cast<char>(value >> (8 * i));
    }
    return text;
  }

  std::string m_members;
  std::string m_directory;
  unsigned m_count = 0;
};

inline std::string make_zip(const std::string& name, const std::string& data, std::uint32_t crc32) {
  return ZipMaker().add(name, data, crc32).bytes();
}

} // namespace qt
