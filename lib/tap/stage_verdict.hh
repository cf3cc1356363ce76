// How a subtest ended, from how one of its stages did.
#pragma once

#include "ipc/verdict.hh"
#include "tap/stage.hh"

#include <string>

namespace qt {

Verdict verdict_of(Cause cause, const std::string& message);

// This program has been asked to end.
Verdict ended_by(const EndRequest& request);

// Of a stage that did not end well: whoever decided has left a verdict in `run_dir`; where nobody
// could, the way in which the stage ended says what there is to say.
Verdict stage_verdict(const std::string& run_dir, const StageEnd& end, const EndRequest& request);

} // namespace qt
