// The results as one HTML page without any other file: a table to sort, filter and search, each
// subtest with its dialogue in time order, its console in colours, its steps as bars, and the
// command that runs it again. Works from file:// and reads nothing from a network; what guests have
// printed is text, never markup.
#pragma once

#include "report/compare.hh"
#include "report/results.hh"

#include <span>
#include <string>

namespace qt {

// Long consoles are cut in the middle, and say so: those of what passed to 16 KiB, of what failed
// to 128 KiB. `title` is the page's heading.
std::string html_page(std::span<const SubtestResult> results, const std::string& title);
// The same of two runs beside each other, as compare() told their changes: those first, each with
// its logs of both runs; what is as it was is there, but not shown at first and without logs.
std::string html_comparison(std::span<const SubtestResult> before,
                            std::span<const SubtestResult> after, std::span<const Change> changes,
                            const std::string& title);

} // namespace qt
