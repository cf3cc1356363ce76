// The conditions of a test ("requires" in a definition): whether it can and may run here. An answer
// is a skip reason that says what is missing and, where it is in the user's hands, what to do. Also
// what the machines of a subtest take of the host.
//
// What the user allows is told by variables with any value but the empty one:
//   QEMU_TEST_FLAKY_TESTS, QEMU_TEST_ALLOW_SLOW, QEMU_TEST_ALLOW_UNTRUSTED_CODE,
//   QEMU_TEST_ALLOW_LARGE_STORAGE as in QEMU's own framework, and QEMU_TEST_ALLOW_NETWORK for tests
//   whose guest reaches the internet; QEMU_TEST_NO_DOWNLOAD takes that back.
#pragma once

#include "data/json.hh"
#include "ipc/admission.hh"
#include "qemu/probe.hh"
#include "tap/scene.hh"

#include <map>
#include <string>

namespace qt {

// `required`: values by requires_keys(), in normal form. Both give an empty text if nothing is
// missing. The first looks at everything that needs no emulator and starts nothing.
std::string unmet_on_host(const Json& required);
// accel, device, netdev, machine, qemu-version, qmp, config. Throws what Probe throws, and a usage
// error for a word of config that there is not.
std::string unmet_by_emulator(const Json& required, const std::string& program, Probe& probe);

// What a machine's own keys imply: its type and its accelerator ("machine", "accel"). `vm` has
// values by vm_keys().
std::string unmet_by_machine(const Json& vm, const std::string& program, Probe& probe);

// What the emulators of a scene say: whether they can do what the subtest needs, what its machines
// take of the host. Each emulator's record is read once (probe.hh).
class SceneProbe {
public:
  // Both must outlive the object. Asks nothing.
  SceneProbe(const Subtest& subtest, const Scene& scene);

  // All of these throw what Probe throws.

  // What stops the subtest from running besides what is missing in its scene: a skip; or empty.
  // Nothing is skipped for what is only remembered of an emulator: it is asked again.
  std::string unmet();
  // The most that any of its phases takes at once.
  enum class Count { machines, machines_and_memory };
  Demand demand(Count count);

private:
  Probe& probe(const std::string& program);
  std::string unmet_by_answers();
  std::string unmet_by_machines(Json& others);
  std::string unmet_by_steps();

  const Subtest& m_subtest;
  const Scene& m_scene;
  std::string m_folder; // where answers are remembered; empty if nothing says where the cache is
  std::map<std::string, Probe> m_probes;
};

} // namespace qt
