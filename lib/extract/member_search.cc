#include "extract/member_search.hh"

#include "base/error.hh"
#include "base/spelling.hh"
#include "base/text.hh"
#include "extract/member_path.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <climits>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <strings.h>

namespace qt {

namespace {

std::string_view type_name(MemberType type) {
  constexpr std::array<std::string_view, 7> k_kinds = {"file",   "folder", "symlink", "hardlink",
                                                       "device", "fifo",   "socket"};
  return k_kinds.at(static_cast<std::size_t>(type));
}

std::string line_of(const ArchiveMember& member) {
  const bool has_size = member.type == MemberType::file || member.size.value_or(0) > 0;
  std::string size = member.type == MemberType::file ? "-" : "0";
  if (has_size && member.size) {
    size = std::to_string(*member.size);
  }
  std::string name = member.name;
  if (member.type == MemberType::folder && !name.ends_with('/')) {
    name += '/';
  }
  if (!member.target.empty()) {
    name += " -> " + member.target;
  }
  return format("{}\t{}\t{}", type_name(member.type), size, format_escapes(name));
}

} // namespace

OpenOptions open_options(const UnpackRule& rule) { return {rule.format, rule.decompress, {}}; }

bool is_special(MemberType type) {
  return type == MemberType::device || type == MemberType::fifo || type == MemberType::socket;
}

Error member_error(const ArchiveMember& member, std::string_view reason) {
  return Error(format("member '{}': {}", member.name, reason), ExitCode::failed);
}

void check_header(const ArchiveMember& member) {
  if (member.name.size() >= PATH_MAX) { // nobody could open it by that
    throw Error(format("member '{}...': its name has {} bytes, more than a path can have",
                       member.name.substr(0, 100), member.name.size()),
                ExitCode::failed);
  }
  if (!member.trouble.empty()) {
    throw member_error(member, member.trouble);
  }
}

std::optional<std::string> MemberPlaces::take(const ArchiveMember& member) {
  std::optional<std::string> place = place_of(member.name);
  if (!place) {
    return std::nullopt;
  }
  std::optional<std::string> target;
  if (member.type == MemberType::symlink) {
    target = member.target;
  } else if (member.type == MemberType::hardlink) { // which may be one of a link
    const auto link = m_links.all().find(place_of(member.target).value_or(""));
    target = link != m_links.all().end() ? std::optional(link->second) : std::nullopt;
  }
  const bool was_link = m_links.all().contains(*place);
  if (target) {
    m_links.set(*place, *target);
  } else if (was_link) {
    m_links.forget(*place);
  }
  if (target || was_link) {
    m_place_of_folder.reset();
  }
  return place;
}

std::optional<std::string> MemberPlaces::place_of(std::string_view name) {
  std::optional<std::string> normal = asked_member_name(name); // "/a" starts at the root, too
  if (!normal || m_links.all().empty()) {
    return normal;
  }
  const SplitName parts = split_name(*normal);
  if (!m_place_of_folder || m_folder != parts.parent) {
    m_folder = parts.parent;
    m_place_of_folder = m_links.resolve_in_root(parts.parent);
  }
  if (!m_place_of_folder || m_place_of_folder->empty()) {
    return m_place_of_folder ? std::optional(parts.base) : std::nullopt;
  }
  return *m_place_of_folder + "/" + parts.base;
}

void write_member(MemberReader& archive, const ArchiveMember& member, SparseWriter& writer,
                  OutputBudget& budget) {
  const auto grow_to = [&](std::uint64_t size) {
    budget.take(size - std::min(size, writer.size()));
  };
  MemberReader::Piece piece;
  while (archive.data(piece)) {
    if (piece.offset < writer.size()) {
      throw Error("its pieces overlap", ExitCode::failed);
    }
    grow_to(piece.offset + piece.bytes.size());
    writer.skip_to(piece.offset);
    writer.write(piece.bytes);
  }
  const std::uint64_t size = member.size.value_or(0); // a hole at the end has no piece
  grow_to(size);
  writer.skip_to(size);
}

namespace {

constexpr int k_most_member_links = 40;
constexpr std::size_t k_most_known_names = 20000;

// One member that is wanted, on its way to its file.
struct Wanted {
  explicit Wanted(const MemberOutput& wanted)
    : output(wanted)
    , name(asked_member_name(wanted.member).value_or("")) {}

  const MemberOutput& output;
  std::string name; // where to look now, after links
  // A hard link is of the file as it was before it: only members before this one count.
  std::size_t before = std::numeric_limits<std::size_t>::max();
  int links = 0;
  bool done = false;

  // What the last member there is, in this pass.
  enum class Found { nothing, file, symlink, hardlink, no_file };
  Found found = Found::nothing;
  std::unique_ptr<AtomicFile> file;
  bool may_come_later = false; // an empty cpio file whose content may stand with another name
  bool was_passed = false;     // its content was such a one's: another pass finds it for this name
  std::string member;          // its own name
  std::string target;          // where a hard link leads: a place
  std::size_t number = 0;
  std::string refusal;
};

class MemberSearch {
public:
  MemberSearch(const std::string& source, const UnpackRule& rule,
               const std::vector<MemberOutput>& outputs)
    : m_source(source)
    , m_rule(rule)
    , m_budget(rule.limit, source) {
    for (const MemberOutput& output : outputs) {
      m_wanted.emplace_back(output);
    }
  }

  void run() {
    while (choose()) {
      pass();
      for (Wanted* const wanted : m_chosen) {
        conclude(*wanted);
      }
    }
    for (const Wanted& wanted : m_wanted) {
      wanted.output.record.put_on(wanted.file->fd());
      wanted.file->commit();
    }
  }

private:
  // Those to look for in the next pass. A member can be read once in each: of several that have
  // come to the same one by links, one is its.
  bool choose() {
    m_chosen.clear();
    std::set<std::string> names;
    for (Wanted& wanted : m_wanted) {
      if (!wanted.done && names.insert(wanted.name).second) {
        wanted.found = Wanted::Found::nothing;
        wanted.was_passed = false;
        wanted.file.reset();
        m_chosen.push_back(&wanted);
      }
    }
    return !m_chosen.empty();
  }

  bool may_stop() const {
    return m_rule.first && std::all_of(m_chosen.begin(), m_chosen.end(), [](const Wanted* wanted) {
             return wanted->found != Wanted::Found::nothing && !wanted->may_come_later;
           });
  }

  void pass() {
    m_names.clear();
    m_places = {};
    OpenOptions options = open_options(m_rule);
    for (const Wanted* const wanted : m_chosen) {
      if (!m_rule.first) { // of several of one name a directory gives the last
        options.only.push_back(wanted->name);
      }
    }
    const std::unique_ptr<MemberReader> archive = open_archive(m_source, options);
    ArchiveMember member;
    for (std::size_t number = 0; !may_stop(); ++number) {
      if (!archive->next(member)) {
        archive->drain();
        break;
      }
      const std::optional<std::string> place = m_places.take(member);
      if (m_names.size() < k_most_known_names) {
        m_names.push_back(place.value_or(member.name));
      }
      if (Wanted* const wanted = place ? find(*place, member, number) : nullptr) {
        for_member(member, [&] { take(*archive, member, *wanted); });
        wanted->number = number;
      }
    }
  }

  Wanted* find(const std::string& place, const ArchiveMember& member, std::size_t number) {
    const bool carries_content = member.type == MemberType::hardlink && member.size.value_or(0) > 0;
    const std::optional<std::string> target =
        carries_content ? m_places.place_of(member.target) : std::nullopt;
    const auto find_if = [this](auto is_it) {
      const auto found = std::find_if(m_chosen.begin(), m_chosen.end(), is_it);
      return found == m_chosen.end() ? nullptr : *found;
    };
    Wanted* const waiting = find_if([&](const Wanted* wanted) {
      return target && *target == wanted->name && wanted->may_come_later;
    });
    Wanted* const named = find_if([&](const Wanted* wanted) {
      const bool was_found = wanted->found != Wanted::Found::nothing;
      return place == wanted->name && number < wanted->before && !(m_rule.first && was_found);
    });
    if (waiting != nullptr && named != nullptr) {
      named->was_passed = true;
    }
    return waiting != nullptr ? waiting : named;
  }

  void take(MemberReader& archive, const ArchiveMember& member, Wanted& wanted) {
    check_header(member);
    wanted.file.reset();
    wanted.may_come_later = false;
    wanted.member = member.name;
    wanted.target = member.target;
    if (is_special(member.type) || member.type == MemberType::folder) {
      wanted.found = Wanted::Found::no_file;
      wanted.refusal = is_special(member.type) ? "it is a device, fifo or socket"
                                               : "it is a folder; ask for it with directory";
      return;
    }
    if (member.type == MemberType::symlink) {
      wanted.found = Wanted::Found::symlink;
      return;
    }
    if (member.type == MemberType::hardlink && member.size.value_or(0) == 0) {
      wanted.found = Wanted::Found::hardlink;
      wanted.target = m_places.place_of(member.target).value_or("");
      return;
    }
    wanted.found = Wanted::Found::file;
    wanted.file = std::make_unique<AtomicFile>(wanted.output.path, member.permissions | 0600);
    SparseWriter writer(wanted.file->fd(), wanted.output.path);
    write_member(archive, member, writer, m_budget);
    wanted.may_come_later = writer.size() == 0 && member.names > 1;
    finish_file(writer, m_rule);
  }

  // After a pass: done, or where to look in the next one.
  void conclude(Wanted& wanted) {
    wanted.may_come_later = false; // it did not: the file is really empty
    if (wanted.was_passed) {
      return;
    }
    std::optional<std::string> next;
    switch (wanted.found) {
    case Wanted::Found::file:
      wanted.done = true;
      return;
    case Wanted::Found::no_file:
      throw Error(format("member '{}': {}", wanted.member, wanted.refusal), ExitCode::failed);
    case Wanted::Found::hardlink:
      next = wanted.target.empty() ? std::nullopt : std::optional(wanted.target);
      wanted.before = wanted.number;
      break;
    case Wanted::Found::symlink:
      next = m_places.links().resolve_in_root(wanted.name);
      wanted.before = std::numeric_limits<std::size_t>::max();
      break;
    case Wanted::Found::nothing: // perhaps a link on the way leads to it
      next = m_places.links().resolve_in_root(wanted.name);
      if (next && *next == wanted.name) {
        fail_missing(wanted);
      }
    }
    if (!next || ++wanted.links > k_most_member_links) {
      throw Error(format("member '{}': its link{} leads out of the archive or in a circle",
                         wanted.output.member,
                         wanted.target.empty() ? "" : format(" to '{}'", wanted.target)),
                  ExitCode::failed);
    }
    wanted.name = *next;
  }

  [[noreturn]] void fail_missing(const Wanted& missing) const {
    const std::string& name = missing.name;
    std::vector<std::string_view> near;
    for (const std::string& known : m_names) {
      // Also where only the case differs: without extensions ISO images have upper-case names.
      if (::strcasecmp(base_name(known).c_str(), base_name(name).c_str()) == 0) {
        near.emplace_back(known);
      }
    }
    std::string hint;
    if (near.empty()) {
      hint = did_you_mean(name, std::vector<std::string_view>(m_names.begin(), m_names.end()));
    } else {
      hint = format("; did you mean '{}'?", near[0]);
    }
    throw Error(format("there is no member '{}'{}{}", missing.output.member,
                       missing.links > 0 ? format(" ('{}', where its link leads)", name) : "",
                       hint),
                ExitCode::failed);
  }

  const std::string& m_source;
  const UnpackRule& m_rule;
  OutputBudget m_budget;
  std::vector<Wanted> m_wanted;
  std::vector<Wanted*> m_chosen; // of m_wanted
  MemberPlaces m_places;
  std::vector<std::string> m_names;
};

} // namespace

void unpack_members(const std::string& source, const UnpackRule& rule,
                    const std::vector<MemberOutput>& outputs) {
  MemberSearch(source, rule, outputs).run();
}

std::vector<std::string> list_members(const std::string& source, const UnpackRule& rule) {
  try {
    tell_of_surroundings(FileSource(source));
    const std::unique_ptr<MemberReader> archive = open_archive(source, open_options(rule));
    struct Known {
      std::size_t line;
      MemberType type;
    };
    std::map<std::string, Known> known; // by place
    std::vector<std::string> lines;
    MemberPlaces places;
    ArchiveMember member;
    while (archive->next(member)) {
      if (const std::optional<std::string> place = places.take(member)) {
        const Known now = {lines.size(), member.type};
        const auto [before, is_new] = known.try_emplace(*place, now);
        const bool both_folders =
            before->second.type == MemberType::folder && member.type == MemberType::folder;
        if (!is_new && !both_folders) {
          lines[before->second.line] += "\treplaced";
        }
        before->second = now;
      }
      lines.push_back(line_of(member));
    }
    archive->drain();
    return lines;
  } catch (const Error& error) {
    throw error.within(format("listing {}", source));
  }
}

} // namespace qt
