// qt-tap as a process, for the tests that run it: with definitions, output and a cache of its own,
// offline, and deaf to what the host's environment says.
#pragma once

#include "base/error.hh"
#include "base/format.hh"
#include "environment.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <gtest/gtest.h>

namespace qt::support {

class TapFixture : public testing::Test {
protected:
  using Words = std::vector<std::string>;

  // Writes ARCH/NAME.toml and gives its path.
  std::string define(const std::string& arch, const std::string& name, const std::string& text) {
    const std::string path = format("{}/{}/{}.toml", folder.path(), arch, name);
    make_directories(parent_of(path));
    write_file(path, text);
    return path;
  }
  // Runs qt-tap in this test's folder.
  Captured tap(Words words) const {
    words.insert(words.begin(), {tool("qt-tap")});
    SpawnOptions options;
    options.directory = folder.path();
    return *run_captured(words, options, Deadline::after(std::chrono::seconds(80)));
  }
  // The same with the output there.
  Captured run(Words words) const {
    words.insert(words.begin(), {"--output", output});
    return tap(words);
  }

  const TempDir folder{"qt-tap-test"};
  const std::string output = folder.path() + "/out";

private:
  const ScopedVariable no_binary{"QEMU_TEST_QEMU_BINARY", std::nullopt};
  const ScopedVariable no_meson{"MESON_TEST_ITERATION", std::nullopt};
  const ScopedVariable no_keep{"QEMU_TEST_KEEP_SCRATCH", std::nullopt};
  const ScopedVariable empty_cache{"QEMU_TEST_CACHE_DIR", folder.path() + "/cache"};
  const ScopedVariable offline{"QEMU_TEST_NO_DOWNLOAD", "1"};
};

} // namespace qt::support
