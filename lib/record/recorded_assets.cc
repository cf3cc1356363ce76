#include "record/recorded_assets.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "cache/cache.hh"
#include "os/file.hh"
#include "os/sparse_file.hh"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <sys/stat.h>

namespace qt {

namespace {

// Options of QEMU whose whole value is a path.
constexpr auto k_file_options = std::to_array<std::string_view>(
    {"-bios", "-kernel", "-initrd", "-dtb", "-cdrom", "-hda", "-hdb", "-hdc", "-hdd", "-fda",
     "-fdb", "-pflash", "-sd", "-mtdblock", "-option-rom", "-tape"});
// Those of them, and others, with disks that the guest may write to.
constexpr auto k_disk_options =
    std::to_array<std::string_view>({"-hda", "-hdb", "-hdc", "-hdd", "-fda", "-fdb", "-pflash",
                                     "-sd", "-mtdblock", "-drive", "-blockdev"});
// Properties whose value is a path, in words such as "if=sd,file=disk".
constexpr auto k_file_properties = std::to_array<std::string_view>(
    {"file", "filename", "file.filename", "romfile", "dtb", "firmware", "initrd", "kernel"});

template<std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string_view option_of(std::string_view word) {
  return word.starts_with("--") ? word.substr(1) : word;
}

bool is_regular_file(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// A file in the arguments.
struct Mention {
  std::string path;
  bool is_disk = false;
};

using Replace = std::function<std::string(const Mention& mention)>;

bool is_written_to(std::string_view option, const std::vector<std::string>& properties) {
  const auto says = [&properties](std::string_view text) {
    return std::find(properties.begin(), properties.end(), text) != properties.end();
  };
  return is_one_of(k_disk_options, option) && !says("readonly=on") && !says("read-only=on") &&
         !says("readonly") && !says("media=cdrom");
}

// Each property that names a file, replaced. QEMU writes a comma in a value as two.
std::string replace_in_properties(std::string_view option, const std::string& word,
                                  const Replace& replace) {
  std::vector<std::string> properties = split(word, ',');
  const bool is_disk = is_written_to(option, properties);
  for (std::string& property : properties) {
    const std::size_t equals = property.find('=');
    const std::string path = equals == std::string::npos ? "" : property.substr(equals + 1);
    if (!path.empty() && is_one_of(k_file_properties, property.substr(0, equals)) &&
        is_regular_file(path)) {
      property = property.substr(0, equals + 1) + replace({path, is_disk});
    }
  }
  return join(properties, ",");
}

std::vector<std::string> replace_files(const std::vector<std::string>& words,
                                       const Replace& replace) {
  std::vector<std::string> result;
  std::string_view option;
  const bool is_snapshot = std::find(words.begin(), words.end(), "-snapshot") != words.end();
  const auto called = [&replace, is_snapshot](Mention mention) {
    mention.is_disk = mention.is_disk && !is_snapshot;
    return replace(mention);
  };
  for (const std::string& word : words) {
    const bool is_option = word.starts_with('-') && word.size() > 1;
    const bool is_value = !option.empty();
    const bool may_be_path =
        is_value ? is_one_of(k_file_options, option) || (word.find('/') != std::string::npos)
                 : true; // a disk without an option
    if (is_option) {
      result.push_back(word);
    } else if (may_be_path && is_regular_file(word)) {
      result.push_back(called({word, !is_value || is_one_of(k_disk_options, option)}));
    } else {
      result.push_back(replace_in_properties(option, word, called));
    }
    option = is_option ? option_of(word) : std::string_view();
  }
  return result;
}

bool is_digest(const std::string& name) {
  return (name.size() == 64 || name.size() == 128) &&
         std::all_of(name.begin(), name.end(), [](unsigned char byte) {
           return std::isxdigit(byte) != 0 && std::isupper(byte) == 0;
         });
}

bool have_one_content(const std::string& one, const std::string& other, std::uint64_t size) {
  constexpr std::size_t k_buffer = 1 << 18;
  const UniqueFd first = open_regular_file(one);
  const UniqueFd second = open_regular_file(other);
  std::vector<std::byte> a(k_buffer);
  std::vector<std::byte> b(k_buffer);
  for (std::uint64_t done = 0; done < size;) {
    const IoCount got = read_some(first.get(), a);
    if (got.result != IoResult::done) {
      return false;
    }
    for (std::size_t have = 0; have < got.count;) {
      const IoCount more = read_some(second.get(), std::span(b).first(got.count - have));
      if (more.result != IoResult::done ||
          !std::equal(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(more.count),
                      a.begin() + static_cast<std::ptrdiff_t>(have))) {
        return false;
      }
      have += more.count;
    }
    done += got.count;
  }
  return true;
}

struct Origin {
  std::string url;
  std::string digest;
};

// Where the cache says that such a file came from.
std::optional<Origin> origin_of(const std::string& path) {
  try {
    const Cache cache = Cache::open();
    struct stat wanted;
    struct stat found;
    std::error_code unreadable;
    for (const std::string& name : names_in(cache.folder(), unreadable)) {
      const std::string there = cache.folder() + "/" + name;
      if (!is_digest(name) || ::stat(path.c_str(), &wanted) != 0 ||
          ::stat(there.c_str(), &found) != 0 || wanted.st_size != found.st_size ||
          cache.state(name) != Cache::State::verified) {
        continue;
      }
      const std::string url = Cache::url_of(there);
      const bool is_it = wanted.st_ino == found.st_ino && wanted.st_dev == found.st_dev;
      if (!url.empty() &&
          (is_it || have_one_content(path, there, static_cast<std::uint64_t>(found.st_size)))) {
        return Origin{url, name};
      }
    }
  } catch (const Error&) { // then it is a file like any other
    return std::nullopt;
  }
  return std::nullopt;
}

// Letters, digits and '-', from the name of the file; not one that is taken.
std::string asset_name(const std::string& origin, const std::vector<RecordedAsset>& taken) {
  std::string name;
  for (const char byte : base_name(origin)) {
    const bool is_fit = std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_';
    if (is_fit || (!name.empty() && name.back() != '-')) {
      name += is_fit ? byte : '-';
    }
  }
  while (name.ends_with('-')) {
    name.pop_back();
  }
  name = name.empty() ? "file" : name;
  const auto is_taken = [&taken](const std::string& wanted) {
    return std::any_of(taken.begin(), taken.end(),
                       [&wanted](const RecordedAsset& asset) { return asset.name == wanted; });
  };
  std::string free = name;
  for (int number = 2; is_taken(free); ++number) {
    free = format("{}-{}", name, number);
  }
  return free;
}

} // namespace

RecordedArguments recorded_arguments(const std::vector<std::string>& words) {
  RecordedArguments result;
  std::vector<std::string> paths; // of the assets
  // A sign that no argument has stands for "${" of the variables until the others are escaped.
  constexpr char k_variable = '\x01';
  const auto name_of = [&](const Mention& mention) {
    const std::string path = absolute_path(mention.path);
    const auto known = std::find(paths.begin(), paths.end(), path);
    const auto index = static_cast<std::size_t>(known - paths.begin());
    if (known == paths.end()) {
      const Origin origin = origin_of(path).value_or(Origin{});
      RecordedAsset asset;
      asset.url = origin.url;
      asset.digest = origin.digest;
      asset.path = origin.url.empty() ? path : "";
      asset.name = asset_name(origin.url.empty() ? path : origin.url, result.assets);
      result.assets.push_back(asset);
      paths.push_back(path);
    }
    RecordedAsset& asset = result.assets[index];
    asset.writable = asset.writable || mention.is_disk;
    return format("{}{}.{}}}", k_variable, mention.is_disk ? "file" : "asset", asset.name);
  };
  for (const std::string& word : replace_files(words, name_of)) {
    std::string text = without_variables(word);
    for (std::size_t at = 0; (at = text.find(k_variable, at)) != std::string::npos;) {
      text.replace(at, 1, "${");
    }
    result.args.push_back(text);
  }
  return result;
}

std::vector<std::string> with_copies_of_disks(const std::vector<std::string>& words,
                                              const std::string& folder) {
  std::size_t number = 0;
  return replace_files(words, [&](const Mention& mention) {
    if (!mention.is_disk) {
      return mention.path;
    }
    const std::string path = format("{}/disk{}", folder, number++);
    const UniqueFd from = open_regular_file(mention.path);
    const UniqueFd to = open_file(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    struct stat status;
    if (::fstat(from.get(), &status) < 0) {
      throw errno_error(errno, format("reading {}", mention.path));
    }
    copy_contents(from.get(), to.get(), static_cast<std::uint64_t>(status.st_size), mention.path);
    return path;
  });
}

} // namespace qt
