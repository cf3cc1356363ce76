#include "schema/build_word.hh"

#include "base/format.hh"
#include "base/spelling.hh"

#include <algorithm>
#include <array>
#include <vector>

namespace qt {

namespace {

using KnownBy = BuildWord::Evidence;

constexpr std::array k_words = {
    BuildWord{"alsa", KnownBy::audio, "alsa", ""},
    BuildWord{"asan", KnownBy::sanitizer, "ASAN_OPTIONS", "AddressSanitizer"},
    BuildWord{"auth-pam", KnownBy::type, "authz-pam", ""},
    BuildWord{"brlapi", KnownBy::type, "chardev-braille", ""},
    BuildWord{"cocoa", KnownBy::display, "cocoa", ""},
    BuildWord{"colo-proxy", KnownBy::type, "colo-compare", ""},
    BuildWord{"coreaudio", KnownBy::audio, "coreaudio", ""},
    BuildWord{"curses", KnownBy::display, "curses", ""},
    BuildWord{"dbus-display", KnownBy::display, "dbus", ""},
    BuildWord{"dsound", KnownBy::audio, "dsound", ""},
    BuildWord{"fdt", KnownBy::command, "dumpdtb", ""},
    BuildWord{"fuse", KnownBy::value, "fuse", "nbd"},
    BuildWord{"gnutls", KnownBy::tls, "", ""},
    BuildWord{"gtk", KnownBy::display, "gtk", ""},
    BuildWord{"igvm", KnownBy::type, "igvm-cfg", ""},
    BuildWord{"jack", KnownBy::audio, "jack", ""},
    BuildWord{"keyring", KnownBy::type, "secret_keyring", ""},
    BuildWord{"libpmem", KnownBy::member, "pmem", "align"},
    // There is a block driver of that name, too.
    BuildWord{"linux-io-uring", KnownBy::value, "io_uring", "threads"},
    BuildWord{"multiprocess", KnownBy::type, "x-remote-object", ""},
    BuildWord{"opengl", KnownBy::display, "egl-headless", ""},
    BuildWord{"oss", KnownBy::audio, "oss", ""},
    BuildWord{"pa", KnownBy::audio, "pa", ""},
    BuildWord{"pipewire", KnownBy::audio, "pipewire", ""},
    BuildWord{"pixman", KnownBy::command, "screendump", ""},
    BuildWord{"plugins", KnownBy::log_item, "plugin", ""},
    BuildWord{"qatzip", KnownBy::value, "qatzip", "zlib"},
    BuildWord{"qpl", KnownBy::value, "qpl", "zlib"},
    BuildWord{"replication", KnownBy::value, "replication", "raw"},
    BuildWord{"sdl", KnownBy::display, "sdl", ""},
    BuildWord{"seccomp", KnownBy::sandbox, "", ""},
    BuildWord{"sndio", KnownBy::audio, "sndio", ""},
    BuildWord{"spice", KnownBy::spice, "", ""},
    BuildWord{"tpm", KnownBy::command, "query-tpm", ""},
    BuildWord{"tsan", KnownBy::sanitizer, "TSAN_OPTIONS", "ThreadSanitizer"},
    BuildWord{"uadk", KnownBy::value, "uadk", "zlib"},
    BuildWord{"vduse-blk-export", KnownBy::value, "vduse-blk", "nbd"},
    BuildWord{"vfio-user-server", KnownBy::type, "x-vfio-user-server", ""},
    BuildWord{"vhost-crypto", KnownBy::type, "cryptodev-vhost-user", ""},
    BuildWord{"vhost-user-blk-server", KnownBy::value, "vhost-user-blk", "nbd"},
    BuildWord{"vnc", KnownBy::command, "query-vnc", ""},
    BuildWord{"zstd", KnownBy::value, "zstd", "zlib"},
};

// Of these another key knows, or nobody.
struct OtherWord {
  std::string_view word;
  std::string_view advice;
};
constexpr std::array k_others = {
    OtherWord{"af-xdp", "use netdev = \"af-xdp\""},
    OtherWord{"hvf", "use accel = \"hvf\""},
    OtherWord{"kvm", "use accel = \"kvm\""},
    OtherWord{"l2tpv3", "use netdev = \"l2tpv3\""},
    OtherWord{"libusb", "use device = \"usb-host\""},
    OtherWord{"passt", "use netdev = \"passt\""},
    OtherWord{"slirp", "use netdev = \"user\""},
    OtherWord{"smartcard", "use device = \"ccid-card-passthru\""},
    OtherWord{"tcg", "use accel = \"tcg\""},
    OtherWord{"ubsan", "QEMU does not tell of it before it finds a fault"},
    OtherWord{"usb-redir", "use device = \"usb-redir\""},
    OtherWord{"vde", "use netdev = \"vde\""},
    OtherWord{"virglrenderer", "use device = \"virtio-gpu-gl-device\""},
    OtherWord{"virtfs", "use device = \"virtio-9p-device\""},
    OtherWord{"xen", "use accel = \"xen\""},
};

} // namespace

std::span<const BuildWord> build_words() { return k_words; }

const BuildWord* find_build_word(std::string_view word) {
  const auto* const found = std::find_if(k_words.begin(), k_words.end(),
                                         [word](const BuildWord& row) { return row.word == word; });
  return found == k_words.end() ? nullptr : found;
}

WantedBuild wanted_build(std::string_view text) {
  constexpr std::string_view k_not = "not ";
  const bool is_without = text.starts_with(k_not);
  const std::string_view name = text.substr(is_without ? k_not.size() : 0);
  return {find_build_word(name), is_without, name};
}

std::string build_word_mistake(std::string_view word) {
  for (const OtherWord& other : k_others) {
    if (other.word == word) {
      return format("'{}' is not a word of it: {}", word, other.advice);
    }
  }
  if (word.starts_with("CONFIG_")) {
    return format("QEMU does not tell with which {} it was built: require what comes with it (keys "
                  "device, machine, qmp)",
                  word);
  }
  std::vector<std::string_view> candidates;
  for (const BuildWord& row : k_words) {
    candidates.push_back(row.word);
  }
  const std::string meant = did_you_mean(word, candidates);
  return format("unknown word '{}'{}", word,
                meant.empty() ? "; qt-definition(5) lists those of which QEMU tells" : meant);
}

} // namespace qt
