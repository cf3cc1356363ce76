#include "tap/listing.hh"

#include "definition_text.hh"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace listing_test {

using namespace qt;
using testing::HasSubstr;

const std::string k_digest(64, 'a');

const std::string k_board = R"(
summary = "The board boots"

[asset.disk]
url = "https://example.org/disk.xz"
sha256 = ")" + k_digest + R"("

[file.disk]
from = "disk"
writable = true

[test.boot]
summary = "from disk"
tags = ["linux"]
requires = { slow = true, netdev = "user" }
machine = "virt"
args = ["-drive", "file=${file.disk}"]
matrix = { cpu = ["a", "b"] }
cpu = "${cpu}"
steps = [{ wait = "login:" }, { qmp = "query-status", returns = { running = true } }]

[test.plain]
machine = "none"
steps = [{ quit = true }]
)";

std::vector<Selected> all_of(const Definition& definition) {
  return select_subtests(std::span(&definition, 1), {});
}

class Listing : public testing::Test {
protected:
  Listing() { ::setenv("QEMU_TEST_CACHE_DIR", m_cache.path().c_str(), 1); }

  TempDir m_cache{"listing-test"};
  Definition m_definition = load_text(k_board);
};

TEST_F(Listing, ShortIsALineForEachSubtest) {
  EXPECT_EQ(short_listing(all_of(m_definition)),
            "riscv64/board:boot[a]\tThe board boots: from disk\n"
            "riscv64/board:boot[b]\tThe board boots: from disk\n"
            "riscv64/board:plain\tThe board boots\n");
}

TEST_F(Listing, LongTellsWhatAPersonHasToKnow) {
  EXPECT_EQ(long_listing(all_of(m_definition)),
            "riscv64/board (thorough): The board boots\n"
            "  asset disk: not in the cache, https://example.org/disk.xz\n"
            "  boot[a]: virt; from disk; requires netdev user, slow; tags linux\n"
            "  boot[b]: virt; from disk; requires netdev user, slow; tags linux\n"
            "  plain: none\n");
}

TEST_F(Listing, ACachedAssetHasASize) {
  make_directories(m_cache.path() + "/download");
  write_file(m_cache.path() + "/download/" + k_digest, std::string(2048, 'x'));
  EXPECT_THAT(long_listing(all_of(m_definition)), HasSubstr("asset disk: 2.0 KiB, https"));
  EXPECT_THAT(json_listing(all_of(m_definition)), HasSubstr(R"("cached":2048)"));
}

TEST_F(Listing, JsonSaysEverything) {
  const std::vector<std::string> lines = split(json_listing(all_of(m_definition)), '\n');
  ASSERT_EQ(lines.size(), 4u); // and what is after the last newline
  const Json boot = parse_json(lines[1], "line 2");
  EXPECT_EQ(boot["name"], "riscv64/board:boot[b]");
  EXPECT_EQ(boot["suite"], "thorough");
  EXPECT_EQ(boot["assets"][0]["cached"], nullptr);
  EXPECT_EQ(boot["files"],
            parse_json(R"([{"name": "disk", "from": "disk", "writable": true}])", ""));
  EXPECT_EQ(boot["phases"][0]["vms"][0]["cpu"], "b");
  EXPECT_EQ(boot["phases"][0]["steps"][1]["qmp"], "query-status");
  EXPECT_FALSE(parse_json(lines[2], "line 3").contains("assets"));
}

TEST_F(Listing, MesonKnowsFilesOnly) {
  EXPECT_EQ(meson_listing(all_of(m_definition)), "func-riscv64-board\n");
  EXPECT_EQ(meson_listing(all_of(load_text(k_board, {}, "generic"))), "func-*-board\n");
}

} // namespace listing_test
