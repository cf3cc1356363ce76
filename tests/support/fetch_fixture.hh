// qt-fetch as a process, for the tests that run it: with a server and a cache of its own, and one
// file to be had at /file of that server.
#pragma once

#include "environment.hh"
#include "fault_server.hh"
#include "filled_cache.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <gtest/gtest.h>

namespace qt::support {

class FetchFixture : public testing::Test {
protected:
  using Words = std::vector<std::string>;
  using Environment = std::vector<std::pair<std::string, std::string>>;

  // `options`: further ones that every run has.
  explicit FetchFixture(std::size_t size, Words options = {})
    : m_options(std::move(options))
    , m_body(std::string(size, 'q') + "end")
    , m_digest(sha256_of(m_body)) {}

  Words command(Words words) const {
    words.insert(words.begin(), m_options.begin(), m_options.end());
    words.insert(words.begin(), {tool("qt-fetch"), "--retry-pause", "1ms"});
    return words;
  }
  Captured run(Words words, Environment environment = {}) const {
    SpawnOptions options;
    options.environment = std::move(environment);
    return run_captured(command(std::move(words)), options,
                        Deadline::after(std::chrono::minutes(1)))
        .value();
  }
  void serve(Behaviour behaviour = {}) {
    behaviour.body = m_body;
    m_server.set("/file", std::move(behaviour));
  }
  std::string url() const { return m_server.url("/file"); }
  std::string cached() const { return m_folder.path() + "/download/" + m_digest; }

  FaultServer m_server;
  TempDir m_folder{"qt-fetch-"};

private:
  const ScopedVariable m_root{"QEMU_TEST_CACHE_DIR", m_folder.path()};
  const ScopedVariable m_lower{"QEMU_TEST_CACHE_LOWER", std::nullopt};
  const ScopedVariable m_mirrors{"QEMU_TEST_MIRRORS", std::nullopt};
  const ScopedVariable m_no_download{"QEMU_TEST_NO_DOWNLOAD", std::nullopt};
  const ScopedVariable m_refresh{"QEMU_TEST_REFRESH_CACHE", std::nullopt};
  Words m_options;

protected:
  std::string m_body;
  std::string m_digest;
};

} // namespace qt::support
