#include "qemu/confinement.hh"

#include "../support/environment.hh"
#include "base/error.hh"
#include "data/json.hh"
#include "os/file.hh"
#include "qemu/probe.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace qt {
namespace confinement_test {

using Network = MachineOptions::Network;
using Sandbox = MachineOptions::Sandbox;
using support::ScopedVariable;

// Stands in the place of an emulator of which everything is remembered already.
class ConfinementTest : public testing::Test {
protected:
  void SetUp() override {
    machine.qemu = folder.path() + "/qemu";
    machine.sandbox = Sandbox::on;
    machine.network = Network::restricted;
    write_file(machine.qemu, "#!/bin/sh\nexit 1\n");
    ::chmod(machine.qemu.c_str(), 0755);
  }
  void remember(bool sandbox, bool user) const {
    const Json record = {
        {"identity", emulator_identity(machine.qemu)},
        {"version", "7.2.0"},
        {"machines", Json::array()},
        {"accelerators", Json::array()},
        {"devices", Json::array()},
        {"commands", Json::array()},
        {"netdevs", {{"user", user}}},
        {"config", Json::object()},
        {"sandbox", sandbox},
        {"memory", Json::object()},
    };
    std::string name = machine.qemu;
    std::replace(name.begin(), name.end(), '/', '-');
    make_directories(folder.path() + "/probe");
    write_file(folder.path() + "/probe/" + name + ".json", dump_json(record));
  }
  std::pair<Sandbox, Network> fitted() const {
    MachineOptions copy = machine;
    fit_confinement(copy);
    return {copy.sandbox, copy.network};
  }

  const TempDir folder{"confinement"};
  const ScopedVariable cache{"QEMU_TEST_CACHE_DIR", folder.path()};
  const ScopedVariable lower{"QEMU_TEST_CACHE_LOWER", std::nullopt};
  MachineOptions machine;
};

TEST_F(ConfinementTest, EachPartThatAnEmulatorHasIsKept) {
  using Fitted = std::pair<Sandbox, Network>;
  remember(true, true);
  EXPECT_EQ(fitted(), Fitted(Sandbox::on, Network::restricted));
  remember(true, false);
  EXPECT_EQ(fitted(), Fitted(Sandbox::on, Network::none));
  remember(false, true);
  EXPECT_EQ(fitted(), Fitted(Sandbox::off, Network::restricted));
  remember(false, false);
  EXPECT_EQ(fitted(), Fitted(Sandbox::off, Network::none));
}

TEST_F(ConfinementTest, ANetworkThatTheArgumentsNameIsNotAskedFor) {
  remember(true, false);
  machine.arguments = {"-netdev", "user,id=n"};
  EXPECT_EQ(fitted().second, Network::restricted); // and counts for nothing
}

TEST_F(ConfinementTest, AnEmulatorThatCannotBeAskedIsNotRun) { EXPECT_THROW(fitted(), Error); }

TEST_F(ConfinementTest, NothingIsAskedWhereNothingIsConfined) {
  machine.sandbox = Sandbox::off;
  machine.network = Network::usual;
  EXPECT_EQ(fitted().first, Sandbox::off);
  machine.sandbox = Sandbox::on;
  machine.qemu = folder.path() + "/none";
  EXPECT_EQ(fitted().first, Sandbox::on);
}

} // namespace confinement_test
} // namespace qt
