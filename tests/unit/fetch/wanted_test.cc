#include "fetch/wanted.hh"

#include "base/error.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace wanted_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string k_first(64, '1');
const std::string k_second(64, '2');

class WantedTest : public testing::Test {
protected:
  std::string definition(const std::string& name, const std::string& text) const {
    make_directories(m_folder.path() + "/avr");
    const std::string path = m_folder.path() + "/avr/" + name + ".toml";
    write_file(path, text);
    return path;
  }

  TempDir m_folder{"qt-wanted-"};
};

TEST_F(WantedTest, NamesTheTestsThatNeedAnAsset) {
  const std::string path = definition(
      "boot", "[asset.kernel]\nurl = 'https://host/kernel.gz'\nsha256 = '" + k_first +
                  "'\n[asset.disk]\nurl = ['https://host/disk', 'https://other/disk']\nsha256 = '" +
                  k_second + R"('
[asset.own]
env = 'MY_KERNEL'
[file.unpacked]
from = 'kernel'
[file.inner]
from = 'unpacked'
member = 'vmlinux'
[test.a]
args = ['-kernel', '${file.inner}']
steps = [{ wait = 'login:' }]
[test.b]
args = ['-hda', '${asset.disk}', '-kernel', '${asset.kernel}']
steps = [{ wait = 'login:' }]
)");
  const std::vector<WantedAsset> wanted = wanted_assets(std::vector{path});
  ASSERT_EQ(wanted.size(), 2u); // not the user's own
  EXPECT_EQ(wanted[0].source.name, "disk");
  EXPECT_EQ(wanted[0].source.digest, k_second);
  EXPECT_THAT(wanted[0].source.urls, ElementsAre("https://host/disk", "https://other/disk"));
  EXPECT_THAT(wanted[0].tests, ElementsAre("avr/boot.b"));
  EXPECT_EQ(wanted[1].source.name, "kernel");
  EXPECT_THAT(wanted[1].tests, ElementsAre("avr/boot.a", "avr/boot.b"));
  EXPECT_THAT(wanted[1].definitions, ElementsAre(path));
}

TEST_F(WantedTest, TheSameDigestIsOneAsset) {
  std::vector<std::string> paths;
  for (const char* name : {"x", "y"}) {
    paths.push_back(definition(name, std::string("[asset.k]\nurl = 'https://") + name +
                                         "/k'\nsha256 = '" + k_first +
                                         "'\n[test.t]\nargs = ['-kernel', '${asset.k}']\n"
                                         "steps = [{ wait = 'ok' }]\n"));
  }
  const std::vector<WantedAsset> wanted = wanted_assets(paths);
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_THAT(wanted[0].source.urls, ElementsAre("https://x/k", "https://y/k"));
  EXPECT_THAT(wanted[0].tests, ElementsAre("avr/x.t", "avr/y.t"));
  EXPECT_THAT(wanted[0].definitions, ElementsAre(paths[0], paths[1]));
}

TEST_F(WantedTest, RefusesWhatCannotBeFetched) {
  const std::string path =
      definition("ftp", "[asset.k]\nurl = 'ftp://host/k'\nsha256 = '" + k_first +
                            "'\n[test.t]\nargs = ['${asset.k}']\nsteps = [{ wait = 'ok' }]\n");
  try {
    wanted_assets(std::vector{path});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("ftp.toml"));
  }
}

TEST_F(WantedTest, NothingWantsNothing) {
  EXPECT_THAT(wanted_assets(std::vector{definition(
                  "none", "[test.t]\nmachine = 'none'\nsteps = [{ qmp = 'query-version' }]\n")}),
              IsEmpty());
}

} // namespace wanted_test
} // namespace qt
