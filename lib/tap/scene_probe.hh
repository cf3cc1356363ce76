// What the emulators of a scene say: whether they can do what the subtest needs, what its machines
// take of the host. Each emulator's record is read once (probe.hh).
#pragma once

#include "ipc/admission.hh"
#include "qemu/probe.hh"
#include "tap/scene.hh"

#include <map>
#include <string>

namespace qt {

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
