#include "extract/member_search.hh"

#include "base/spelling.hh"
#include "extract/member_data.hh"
#include "extract/member_path.hh"
#include "os/file.hh"

#include <algorithm>
#include <memory>
#include <strings.h>

namespace qt {

namespace {

constexpr int k_most_member_links = 40;
constexpr std::size_t k_most_known_names = 20000;

// One member that is wanted, on its way to its file.
struct Wanted {
  const MemberOutput& output;
  std::string name; // the member to look for now, after links
  int links = 0;
  bool may_come_later = false; // an empty cpio file whose content may stand with another name
  std::unique_ptr<AtomicFile> file;
};

class MemberSearch {
public:
  MemberSearch(const std::string& source, const UnpackRule& rule,
               const std::vector<MemberOutput>& outputs)
    : m_source(source)
    , m_rule(rule)
    , m_budget(rule.limit, source) {
    for (const MemberOutput& output : outputs) {
      m_wanted.push_back(
          {output, asked_member_name(output.member).value_or(""), 0, false, nullptr});
    }
  }

  void run() {
    // A link may lead to a member that stands before it: each pass follows one link of each.
    while (!all_found()) {
      if (!pass()) {
        fail_missing();
      }
    }
    for (const Wanted& wanted : m_wanted) {
      wanted.output.record.put_on(wanted.file->fd());
      wanted.file->commit();
    }
  }

private:
  bool all_found() const {
    return std::all_of(m_wanted.begin(), m_wanted.end(),
                       [](const Wanted& wanted) { return wanted.file && !wanted.may_come_later; });
  }

  // True if it brought a file or followed a link.
  bool pass() {
    bool progress = false;
    m_names.clear();
    OpenOptions options = open_options(m_rule);
    for (const Wanted& wanted : m_wanted) {
      if (!wanted.file) {
        options.only.push_back(wanted.name);
      }
    }
    const std::unique_ptr<ArchiveReader> archive = open_archive(m_source, options);
    ArchiveMember member;
    while (!all_found() && archive->next(member)) {
      const std::optional<std::string> name = normal_member_name(member.name);
      if (m_names.size() < k_most_known_names) {
        m_names.push_back(name.value_or(member.name));
      }
      Wanted* wanted = find(name, member);
      if (wanted != nullptr) {
        for_member(member, [&] { take(*archive, member, *wanted); });
        progress = true;
      }
    }
    for (Wanted& wanted : m_wanted) {
      wanted.may_come_later = false; // it did not: the file is really empty
    }
    return progress || all_found();
  }

  Wanted* find(const std::optional<std::string>& name, const ArchiveMember& member) {
    const bool carries_content = member.type == MemberType::hardlink && member.size.value_or(0) > 0;
    const std::optional<std::string> target =
        carries_content ? normal_member_name(member.target) : std::nullopt;
    // Content that is waited for goes first: another pass finds it again under this name.
    for (Wanted& wanted : m_wanted) {
      if (target && *target == wanted.name && wanted.may_come_later) {
        return &wanted;
      }
    }
    for (Wanted& wanted : m_wanted) {
      if (name && *name == wanted.name && !wanted.file) {
        return &wanted;
      }
    }
    return nullptr;
  }

  void take(ArchiveReader& archive, const ArchiveMember& member, Wanted& wanted) {
    check_header(member);
    if (is_special(member.type)) {
      throw Error("it is a device, fifo or socket", ExitCode::failed);
    }
    if (member.type == MemberType::folder) {
      throw Error("it is a folder; ask for it with directory", ExitCode::failed);
    }
    if (member.type == MemberType::symlink ||
        (member.type == MemberType::hardlink && member.size.value_or(0) == 0)) {
      follow(member, wanted);
      return;
    }
    wanted.file = std::make_unique<AtomicFile>(wanted.output.path, member.permissions | 0600);
    SparseWriter writer(wanted.file->fd(), wanted.output.path);
    write_member(archive, member, writer, m_budget);
    wanted.may_come_later = writer.size() == 0 && member.names > 1;
    finish_file(writer, m_rule);
  }

  static void follow(const ArchiveMember& member, Wanted& wanted) {
    LinkMap none;
    const std::optional<std::string> target = member.type == MemberType::hardlink
                                                  ? normal_member_name(member.target)
                                                  : none.resolve_link(wanted.name, member.target);
    if (!target || ++wanted.links > k_most_member_links) {
      throw Error(format("its link to '{}' leads out of the archive or in a circle", member.target),
                  ExitCode::failed);
    }
    wanted.name = *target;
  }

  [[noreturn]] void fail_missing() const {
    const auto missing = std::find_if(m_wanted.begin(), m_wanted.end(),
                                      [](const Wanted& wanted) { return !wanted.file; });
    const std::string& name = missing->name;
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
    throw Error(format("there is no member '{}'{}{}", missing->output.member,
                       missing->links > 0 ? format(" ('{}', where its link leads)", name) : "",
                       hint),
                ExitCode::failed);
  }

  const std::string& m_source;
  const UnpackRule& m_rule;
  OutputBudget m_budget;
  std::vector<Wanted> m_wanted;
  std::vector<std::string> m_names;
};

} // namespace

void unpack_members(const std::string& source, const UnpackRule& rule,
                    const std::vector<MemberOutput>& outputs) {
  MemberSearch(source, rule, outputs).run();
}

} // namespace qt
