// qt-tap and the payloads that it makes itself: how long it waits for them, and that the secrets in
// their URLs are for the servers only.
#include "base/format.hh"
#include "cache/cache.hh"
#include "descendants.hh"
#include "environment.hh"
#include "fault_server.hh"
#include "filled_cache.hh"
#include "os/file.hh"
#include "os/file_lock.hh"
#include "os/process.hh"
#include "tap_fixture.hh"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace qt {
namespace {

using support::Behaviour;
using support::FaultServer;
using support::ScopedVariable;
using support::tool;
using testing::HasSubstr;
using testing::Not;

class QtTapPayload : public support::TapFixture {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-riscv64")) {
      GTEST_SKIP() << "no qemu-system-riscv64 on this host";
    }
  }
  std::string secret_url() const {
    return format("http://me:s3cret@127.0.0.1:{}/f?token=s3cret", m_server.port());
  }
  // A test whose machine reads the asset, and whose dialogue downloads the same file.
  std::string define_payload(const std::string& url) {
    return define("riscv64", "x",
                  format("[asset.k]\nurl = '{0}'\nsha256 = '{1}'\n[test.t]\nmachine = 'virt'\n"
                         "args = ['-drive', 'if=none,id=d,format=raw,file=${{asset.k}}']\n"
                         "steps = [{{ wait = 'OpenSBI' }}, {{ fetch = '{0}', sha256 = '{1}' }}]\n",
                         url, m_digest));
  }
  // All that the run has written.
  std::string written() const {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
      if (entry.is_regular_file() && entry.path().extension() != ".toml") {
        all += read_file(entry.path()) + "\n" + Cache::url_of(entry.path()) + "\n";
      }
    }
    return all;
  }

  FaultServer m_server;
  const std::string m_body = std::string(100'000, 'k');
  const std::string m_digest = support::sha256_of(m_body);
  const ScopedVariable m_online{"QEMU_TEST_NO_DOWNLOAD", std::nullopt};
};

TEST_F(QtTapPayload, SecretsInUrlsAreForTheServerOnly) {
  const std::string path = define_payload(secret_url());
  for (const Behaviour& behaviour :
       {Behaviour{.status = 403}, Behaviour{.body = "other"}, Behaviour{.body = m_body}}) {
    m_server.set("/f?token=s3cret", behaviour);
    const Captured result = run({path});
    EXPECT_EQ(result.status.code(), behaviour.body == m_body ? 0 : 1) << result.out << result.err;
    EXPECT_THAT(result.out + result.err + written(), Not(HasSubstr("s3cret")));
  }
  EXPECT_THAT(written(), HasSubstr("/f?token=***"));
  EXPECT_EQ(m_server.requests("/f?token=s3cret").at(0).authorization, "Basic bWU6czNjcmV0");
  for (const char* form : {"--long", "--json"}) {
    EXPECT_THAT(tap({"--list", form, path}).out, Not(HasSubstr("s3cret"))) << form;
  }
  EXPECT_THAT(run({"--dry-run", path}).out, HasSubstr("--definition " + path + " --asset k"));
}

TEST_F(QtTapPayload, AListOfProcessesShowsNoSecret) {
  m_server.set("/f?token=s3cret", {.body = m_body, .cut_after = 1000, .cut = Behaviour::Cut::hold});
  Process process =
      Process::spawn({tool("qt-tap"), "--output", output, define_payload(secret_url())}, {});
  m_server.wait_until_held("/f?token=s3cret");
  bool seen = false;
  for (const support::Descendant& descendant : support::descendants()) {
    const std::string words =
        read_file_if_exists(format("/proc/{}/cmdline", descendant.pid)).value_or("");
    EXPECT_THAT(words, Not(HasSubstr("s3cret")));
    seen = seen || words.find("--asset") != std::string::npos;
  }
  EXPECT_TRUE(seen);
  process.send_signal(SIGTERM);
  static_cast<void>(process.wait(Deadline::never()));
}

TEST_F(QtTapPayload, AHeldLockIsWaitedForAsLongAsTheRunMayTake) {
  m_server.set("/f", {.body = m_body});
  const Cache cache(folder.path() + "/cache");
  const std::string path = define_payload(m_server.url("/f"));
  {
    const FileLock lock = cache.lock(m_digest); // as by a process that was stopped
    const Captured result = run({"--timeout", "7s", path});
    const std::string holder = format("process {} (", ::getpid());
    EXPECT_EQ(result.status.code(), 0);
    EXPECT_THAT(result.out, HasSubstr("# SKIP asset unavailable: asset.k was not ready"));
    EXPECT_THAT(result.out, HasSubstr("waiting for " + holder));
    EXPECT_THAT(written(), HasSubstr("waiting for " + holder));
  }
  EXPECT_EQ(run({path}).status.code(), 0);
}

} // namespace
} // namespace qt
