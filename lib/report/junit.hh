// JUnit's XML, as GitLab, Jenkins and GitHub's actions read it: a suite for each architecture, a
// case for each subtest, with its time; a failure has its cause as message and the last console
// lines as text; what is flaky passes, with the failure before in a <flakyFailure>, which is how
// Maven's Surefire writes it and Jenkins reads it; the run directory's logs are attachments in
// GitLab's form.
#pragma once

#include "report/results.hh"

#include <span>
#include <string>

namespace qt {

// Valid XML 1.0 whatever a guest has printed.
std::string junit_xml(std::span<const SubtestResult> results);

} // namespace qt
