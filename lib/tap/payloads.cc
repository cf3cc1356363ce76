#include "tap/payloads.hh"

#include "base/error.hh"
#include "base/secrets.hh"
#include "base/shell_words.hh"
#include "cache/cache.hh"
#include "data/url.hh"
#include "definition/made_file.hh"
#include "os/event_loop.hh"
#include "os/file.hh"
#include "os/file_lock.hh"
#include "schema/key_option.hh"
#include "schema/tables.hh"

#include <filesystem>
#include <system_error>
#include <utility>

namespace qt {

namespace {

// Why there is no file of the host.
std::string absence(const std::string& path) {
  std::error_code error;
  const std::string target = std::filesystem::read_symlink(path, error).string();
  if (error) {
    return "is not there";
  }
  const bool is_annex = target.find(".git/annex/objects/") != std::string::npos;
  return is_annex ? "is a link of git-annex whose content is not here; get it with 'git annex get'"
                  : format("is a link to {}, which is not there", target);
}

// Plans one payload after what it is made from.
class Planner {
public:
  Planner(const Definition& definition, const PayloadPlaces& places)
    : m_definition(definition)
    , m_places(places) {}

  void asset(const std::string& name) {
    const Asset& asset = m_definition.assets.at(name);
    Preparation step;
    step.variable = "asset." + name;
    if (m_plan.paths.contains(step.variable)) {
      return;
    }
    std::vector<std::string> urls = asset.urls;
    if (!asset.path.empty()) {
      step.path = host_path_of(asset);
      const std::string why = absence(step.path.empty() ? asset.path : step.path);
      missing_if(step.path.empty() || !exists(step.path),
                 format("{} {}{}", step.path.empty() ? asset.path : step.path, why,
                        why == "is not there" ? "; install what brings it" : ""));
    } else if (!asset.env.empty()) {
      step.path = host_path_of(asset);
      missing_if(step.path.empty(),
                 format("asset {} is the user's own; set {} to its path", name, asset.env));
      missing_if(!step.path.empty() && !exists(step.path),
                 format("asset {}: {} ({}) {}", name, step.path, asset.env, absence(step.path)));
      urls = {file_url(step.path)};
    }
    if (!asset.digest.empty() && m_plan.missing.empty()) {
      cached(asset, urls, step);
    }
    add(std::move(step));
  }

  void file(const std::string& name) {
    const FileRule& rule = m_definition.files.at(name);
    Preparation step;
    step.variable = "file." + name;
    if (m_plan.paths.contains(step.variable)) {
      return;
    }
    if (rule.has_text) {
      step.kind = Preparation::Kind::text;
      step.path = m_places.scratch + "/" + rule.file_name;
      step.text = rule.text;
      add(std::move(step));
      return;
    }
    // A tree to write to, and what is made of a text, which has values of the subtest in it.
    const bool is_own = (rule.writable && rule.directory) || m_definition.has_text_for(name);
    if (!is_own) {
      step.origin = origin_of(m_definition, rule);
    }
    if (const std::optional<std::string> ready = find_ready(rule, step.origin)) {
      from_ready(rule, *ready, step);
    } else if (!rule.make.empty()) {
      from_command(rule, step);
    } else {
      from_source(rule, step);
    }
    add(std::move(step));
  }

  PreparationPlan result() { return std::move(m_plan); }

private:
  void missing_if(bool condition, const std::string& why) {
    if (condition && m_plan.missing.empty()) {
      m_plan.missing = why;
    }
  }

  void add(Preparation step) {
    m_plan.paths[step.variable] = step.path;
    m_plan.steps.push_back(std::move(step));
  }

  // URLs with secrets stay in the definition: a command line is there for everybody to see.
  std::vector<std::string> fetch_command(const Asset& asset,
                                         const std::vector<std::string>& urls) const {
    std::vector<std::string> words = {m_places.programs.fetch};
    for (const std::string& url : urls) {
      if (!secrets_in(url).empty()) {
        words.insert(words.end(), {"--definition", m_definition.path, "--asset", asset.name});
        return words;
      }
    }
    if (asset.size) {
      words.insert(words.end(), {"--size", std::to_string(*asset.size)});
    }
    words.insert(words.end(), urls.begin(), urls.end());
    words.push_back(asset.digest);
    return words;
  }

  void cached(const Asset& asset, const std::vector<std::string>& urls, Preparation& step) const {
    const Cache cache = Cache::open();
    step.path = cache.path_of(asset.digest);
    step.command = fetch_command(asset, urls);
    if (cache.state(asset.digest) == Cache::State::verified) {
      cache.touch(asset.digest);
    } else {
      step.kind = Preparation::Kind::fetch;
    }
  }

  // Where a rule's source is, or would be.
  std::string source_of(const FileRule& rule) {
    if (rule.from_asset) {
      asset(rule.from);
      return m_plan.paths.at("asset." + rule.from);
    }
    file(rule.from);
    return m_plan.paths.at("file." + rule.from);
  }

  std::vector<std::string> command(const FileRule& rule, const std::string& path,
                                   const std::string& source) const {
    std::vector<std::string> words = {m_places.programs.extract};
    const auto option = [&words](const char* key, const Json& value) {
      append_options(*find_key(file_keys(), key), value, words);
    };
    for (const auto& [key, text] :
         {std::pair("member", rule.member), std::pair("format", rule.format),
          std::pair("resize", rule.resize)}) {
      if (!text.empty()) {
        option(key, text);
      }
    }
    for (const auto& [key, flag] :
         {std::pair("directory", rule.directory), std::pair("first", rule.first),
          std::pair("skip-devices", rule.skip_devices), std::pair("writable", rule.writable)}) {
      if (flag) {
        option(key, true);
      }
    }
    words.insert(words.end(), {"--output", path, source});
    return words;
  }

  // "${out}" in it is left for qt-extract.
  std::vector<std::string> make_command(const FileRule& rule, const std::string& path) const {
    const MakeArguments arguments = make_arguments(rule, m_plan.paths);
    const Json make(arguments.words);
    const Json inputs(arguments.inputs);
    std::vector<std::string> words = {m_places.programs.extract};
    append_options(*find_key(file_keys(), "make"), make, words);
    append_options(*find_key(file_keys(), "inputs"), inputs, words);
    if (!rule.timeout.empty()) {
      append_options(*find_key(file_keys(), "timeout"), rule.timeout, words);
    }
    words.insert(words.end(), {"--output", path});
    return words;
  }

  // Made for all; of that a writable one is a copy.
  void from_command(const FileRule& rule, Preparation& step) {
    for (const std::string& source : rule.inputs) {
      if (const std::string name = asset_in(source); !name.empty()) {
        asset(name);
      } else if (const std::string other = file_in(source); !other.empty()) {
        file(other);
      } else { // what lies beside the definition belongs to it: that is a mistake, no skip
        const bool lies_beside = source.starts_with(m_definition.folder + "/");
        missing_if(!lies_beside && !exists(source), format("{} is not there", source));
        if (m_places.shared.starts_with(source + "/")) {
          throw Error(format("{}: file {}: the command reads the folder {}, in which the results "
                             "are; they would change it all the time: name what it reads, or give "
                             "another --output",
                             m_definition.path, rule.name, source),
                      ExitCode::usage);
        }
      }
    }
    const bool is_own = step.origin.empty();
    step.by_command = true;
    step.kind = is_own ? Preparation::Kind::own : Preparation::Kind::shared;
    step.path = (is_own ? m_places.scratch : m_places.shared) + "/" + rule.file_name;
    step.command = make_command(rule, step.path);
    step.made = is_own ? "" : step.path;
    if (rule.writable && !is_own) {
      Preparation copy;
      copy.variable = step.variable;
      from_ready(rule, step.path, copy);
      copy.made.clear(); // the step that makes it sees to that
      add(std::exchange(step, std::move(copy)));
    }
  }

  void from_source(const FileRule& rule, Preparation& step) {
    step.source = source_of(rule);
    const bool is_own = rule.writable || step.origin.empty();
    step.path = (is_own ? m_places.scratch : m_places.shared) + "/" + rule.file_name;
    step.command = command(rule, step.path, step.source);
    step.kind = is_own ? Preparation::Kind::own : Preparation::Kind::shared;
    step.made = is_own ? "" : step.path;
  }

  // Where somebody has made the file, or what a writable one is to be a copy of.
  std::optional<std::string> find_ready(const FileRule& rule, const std::string& origin) const {
    if (origin.empty()) {
      return std::nullopt;
    }
    const Look look = look_from_environment();
    for (const std::string& folder : {m_places.prepared, m_places.shared}) {
      const std::string path = folder + "/" + rule.file_name;
      if (!folder.empty() && look_at_made_file(path, origin, look) == MadeFile::right) {
        return path;
      }
    }
    return std::nullopt;
  }

  void from_ready(const FileRule& rule, const std::string& ready, Preparation& step) const {
    for (const std::string& name : m_definition.assets_for(rule.name)) {
      const Asset& asset = m_definition.assets.at(name);
      if (!asset.digest.empty()) {
        Cache::open().touch(asset.digest); // it is in use although nothing is made of it
      }
    }
    step.path = ready;
    step.made = ready;
    if (rule.writable) {
      step.kind = Preparation::Kind::own;
      step.source = ready;
      step.path = m_places.scratch + "/" + rule.file_name;
      step.command = {m_places.programs.extract,
                      "--format",
                      "raw",
                      "--writable",
                      "--output",
                      step.path,
                      step.source};
    }
  }

  const Definition& m_definition;
  const PayloadPlaces& m_places;
  PreparationPlan m_plan;
};

} // namespace

PreparationPlan plan_preparation(const Definition& definition,
                                 const std::vector<std::string>& variables,
                                 const PayloadPlaces& places) {
  constexpr std::string_view k_asset = "asset.";
  constexpr std::string_view k_file = "file.";
  Planner planner(definition, places);
  for (const std::string& variable : variables) {
    if (variable.starts_with(k_asset)) {
      planner.asset(variable.substr(k_asset.size()));
    } else if (variable.starts_with(k_file)) {
      planner.file(variable.substr(k_file.size()));
    }
  }
  PreparationPlan plan = planner.result();
  plan.wanted = {variables.begin(), variables.end()};
  return plan;
}

std::string say_replaced(const std::vector<UsedFile>& used) {
  for (const UsedFile& file : used) {
    if (!file.use.is_same()) {
      return format("{}: {} was removed or made anew while it was used: by a run of an edited "
                    "definition with the same --output or --prepared (give each its own), or "
                    "because a test has written to it (should it be writable?)",
                    file.variable, file.use.path());
    }
  }
  return "";
}

namespace {

constexpr std::string_view k_unavailable = "asset unavailable: ";

// The reason that a program gave, without "qt-fetch: error: ".
std::string reason_of(const StageEnd& end) {
  const std::string_view line = end.last_error_line;
  constexpr std::string_view k_prefix = ": error: ";
  const std::size_t prefix = line.find(k_prefix);
  if (line.empty()) {
    return end.status.text();
  }
  return std::string(prefix == std::string_view::npos ? line
                                                      : line.substr(prefix + k_prefix.size()));
}

// What comes later than the deadline is not there: what a download has got so far is kept.
Prepared too_late(const std::string& what) {
  return {Cause::skip,
          format("{}{} in the time that --timeout gives; make the payloads before, with \"meson "
                 "compile precache\" or qt-fetch --definition",
                 k_unavailable, what),
          {}};
}

// Of the definition's own command: nothing of it is a reason to skip. What the command said last
// stands before what qt-extract says of it.
Prepared made_by_command(const Preparation& step, const StageEnd& end) {
  const int code = exit_status_of(end.status.wait_status);
  const bool is_late = end.by == StageEnd::By::deadline;
  if (!is_late && code == to_int(ExitCode::done)) {
    return {};
  }
  std::vector<std::string> said = end.last_lines;
  if (!is_late && !said.empty()) {
    said.pop_back();
  }
  const std::string why =
      is_late ? "was not made in the time that --timeout gives" : reason_of(end);
  return {is_late || code == to_int(ExitCode::deadline) ? Cause::timeout
          : code == to_int(ExitCode::failed)            ? Cause::asset
                                                        : Cause::host,
          format("{}: {}{}", step.variable, why,
                 said.empty() ? "; it said nothing" : format("; it said last '{}'", said.back())),
          {}};
}

Prepared run_command(const Preparation& step, Deadline deadline, EndRequest& request,
                     const LineSink& log) {
  log("$ " + shell_join(step.command));
  const StageEnd end = run_stage(step.command, {}, deadline, request, log);
  if (step.by_command) {
    return made_by_command(step, end);
  }
  if (end.by == StageEnd::By::deadline) {
    return too_late(end.last_error_line.empty()
                        ? step.variable + " was not ready"
                        : format("{} was not ready ({})", step.variable, reason_of(end)));
  }
  const int code = exit_status_of(end.status.wait_status);
  if (code == to_int(ExitCode::done)) {
    return {};
  }
  if (code == to_int(ExitCode::absent)) {
    const std::string reason = reason_of(end);
    const bool says_so = reason.starts_with(k_unavailable); // qt-fetch does
    return {Cause::skip, says_so ? reason : std::string(k_unavailable) + reason, {}};
  }
  return {code == to_int(ExitCode::failed) ? Cause::asset : Cause::host,
          format("{}: {}", step.variable, reason_of(end)),
          {}};
}

// Looks again and again: a blocking lock could not be given up when this program is to end. Nothing
// then, or at the deadline.
std::optional<FileLock> lock_of(const std::string& path, Deadline deadline,
                                const EndRequest& request, const LineSink& log) {
  constexpr Duration k_pause{5};
  const std::string name = made_file_lock(path);
  Deadline notice = Deadline::after(std::chrono::seconds(5));
  while (!request.received() && !deadline.expired()) {
    if (std::optional<FileLock> lock = FileLock::acquire(name)) {
      return lock;
    }
    if (notice.expired()) {
      notice = Deadline::never();
      log(format("waiting for {}, which holds {}", holder_of_lock(name), name));
    }
    wait_for(request.fd(), POLLIN, Deadline::after(k_pause));
  }
  return std::nullopt;
}

UsedFile use_of(const Preparation& step) {
  return {step.variable, MadeFileUse(step.made, step.origin)};
}

// Under a lock: another subtest or run may be about to make the same.
Prepared make_shared_file(const Preparation& step, Deadline deadline, EndRequest& request,
                          const LineSink& log, std::vector<UsedFile>& used) {
  make_directories(parent_of(step.path));
  const std::optional<FileLock> lock = lock_of(step.path, deadline, request, log);
  if (!lock && !request.received()) {
    const std::string name = made_file_lock(step.path);
    return too_late(format("{} holds {} and did not let go", holder_of_lock(name), name));
  }
  if (!lock) {
    return {};
  }
  const MadeFile found = look_at_made_file(step.path, step.origin, look_from_environment());
  if (found == MadeFile::right) {
    used.push_back(use_of(step));
    return {};
  }
  if (found == MadeFile::changed) {
    log(format("{} was changed since it was made and is made anew; should it be writable?",
               step.path));
  }
  remove_made_file(step.path);
  Prepared made = run_command(step, deadline, request, log);
  if (made.cause == Cause::pass) {
    if (const std::string replaced = say_replaced(used); !replaced.empty()) {
      remove_made_file(step.path); // nobody knows what it was made of
      return {Cause::host, replaced, {}};
    }
    record_made_file(step.path, step.origin);
    if (UsedFile file = use_of(step); file.use.has_record()) { // where a record can be believed
      used.push_back(std::move(file));
    }
  }
  return made;
}

} // namespace

Prepared prepare(const PreparationPlan& plan, const Lookup& lookup, Deadline deadline,
                 EndRequest& request, const LineSink& log) {
  std::vector<FileLock> holds;
  std::vector<UsedFile> used;
  for (const Preparation& step : plan.steps) {
    Prepared made;
    switch (step.kind) {
    case Preparation::Kind::there:
      if (step.variable.starts_with("asset.") && !step.command.empty() && !exists(step.path)) {
        // cleaned out since the plan was made
        made = run_command(step, deadline, request, log);
      } else if (!step.made.empty()) {
        used.push_back(use_of(step));
      }
      break;
    case Preparation::Kind::text:
      write_file(step.path, substitute(step.text, lookup, Pass::last));
      break;
    case Preparation::Kind::shared:
      made = make_shared_file(step, deadline, request, log, used);
      break;
    case Preparation::Kind::fetch:
      made = run_command(step, deadline, request, log);
      break;
    case Preparation::Kind::own: {
      std::vector<UsedFile> sources = used;
      if (!step.made.empty()) {
        sources.push_back(use_of(step));
      }
      made = run_command(step, deadline, request, log);
      if (made.cause == Cause::pass) {
        made.message = say_replaced(sources); // then it is of something else
        made.cause = made.message.empty() ? Cause::pass : Cause::host;
      }
    }
    }
    if (made.cause != Cause::pass || request.received()) {
      return made;
    }
    if (std::optional<FileLock> hold = Cache::hold_path(step.path)) {
      holds.push_back(std::move(*hold));
    }
  }
  // What others are made of, or copies, is not needed any more.
  std::erase_if(used, [&plan](const UsedFile& file) {
    return !plan.wanted.contains(file.variable) || plan.paths.at(file.variable) != file.use.path();
  });
  return {Cause::pass, "", std::move(holds), std::move(used)};
}

} // namespace qt
