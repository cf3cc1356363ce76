#include "tap/scene.hh"

#include "../support/environment.hh"
#include "base/error.hh"
#include "os/file.hh"

#include <ctime>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace values_test {

using testing::HasSubstr;

class ValuesTest : public testing::Test {
protected:
  Values of(const std::vector<std::string>& variables) {
    return values_of(variables, sources, reservation);
  }

  const TempDir folder{"values"};
  ValueSources sources = {"/s", folder.path(),          folder.path() + "/own",
                          "/d", {"q", "/bin/q", "avr"}, {{"file.f", "/f"}}};
  Reservation reservation;
};

TEST_F(ValuesTest, PlainNames) {
  const Values result = of({"scratch", "data", "build", "arch", "qemu", "file.f", "log"});
  EXPECT_EQ(result.missing, "");
  EXPECT_EQ(result.values.at("scratch"), "/s");
  EXPECT_EQ(result.values.at("data"), "/d");
  EXPECT_EQ(result.values.at("build"), folder.path());
  EXPECT_EQ(result.values.at("arch"), "avr");
  EXPECT_EQ(result.values.at("qemu"), "/bin/q");
  EXPECT_EQ(result.values.at("file.f"), "/f");
  EXPECT_FALSE(result.values.contains("log")); // each phase has its own
}

TEST_F(ValuesTest, APortAndWhatIsCountedFromIt) {
  const Values result = of({"port.a", "port.a-5900", "port.b"});
  const int port = std::stoi(result.values.at("port.a"));
  EXPECT_EQ(std::stoi(result.values.at("port.a-5900")), port - 5900);
  EXPECT_NE(std::stoi(result.values.at("port.b")), port);
}

TEST_F(ValuesTest, TheDateIsInUtc) {
  const support::ScopedVariable zone("TZ", "Pacific/Kiritimati");
  ::tzset();
  const std::time_t before = std::time(nullptr);
  std::tm utc;
  ::gmtime_r(&before, &utc);
  const int hour = std::stoi(of({"date:%H"}).values.at("date:%H"));
  EXPECT_TRUE(hour == utc.tm_hour || hour == (utc.tm_hour + 1) % 24) << hour;
}

TEST_F(ValuesTest, AProgramOfTheDefinitionsHasBeenCompiled) {
  EXPECT_THAT(of({"support.judge"}).missing, HasSubstr("/own/judge; compile it"));
  make_directories(folder.path() + "/own");
  write_file(folder.path() + "/own/judge", "");
  const Values result = of({"support.judge"});
  EXPECT_EQ(result.missing, "");
  EXPECT_EQ(result.values.at("support.judge"), folder.path() + "/own/judge");
}

TEST_F(ValuesTest, APluginIsLookedForInTheBuild) {
  EXPECT_THAT(of({"plugin.insn"}).missing, HasSubstr("needs the plugin insn"));
  make_directories(folder.path() + "/contrib/plugins");
  write_file(folder.path() + "/contrib/plugins/libinsn.so", "");
  const Values result = of({"plugin.insn"});
  EXPECT_EQ(result.missing, "");
  EXPECT_EQ(result.values.at("plugin.insn"), folder.path() + "/contrib/plugins/libinsn.so");
}

TEST_F(ValuesTest, QemuImgIsTheOneBesideTheEmulator) {
  const support::ScopedVariable none(k_qemu_img_variable, std::nullopt);
  const support::ScopedVariable path("PATH", "/no/such");
  sources.emulator.program = "/no/such/qemu-system-avr";
  EXPECT_THAT(of({"qemu-img"}).missing, HasSubstr("needs qemu-img"));
  const support::ScopedVariable own(k_qemu_img_variable, "/bin/sh");
  EXPECT_EQ(of({"qemu-img"}).values.at("qemu-img"), "/bin/sh");
}

} // namespace values_test
} // namespace qt
