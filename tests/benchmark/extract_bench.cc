// qt-extract against the programs that people would use instead, on the same files. What is not
// installed is left out. Inputs: a disk image of which four fifths are zeros, and a tree of many
// files; made anew each time, in $TMPDIR.
#include "paired.hh"

#include "error.hh"
#include "file.hh"
#include "process.hh"

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace qt;

const std::string& tool() {
  static const std::string path = std::string(std::getenv("QEMU_TEST_TOOLS_DIR")) + "/qt-extract";
  return path;
}

void run(const std::string& folder, const std::vector<std::string>& argv) {
  SpawnOptions options;
  options.directory = folder;
  const auto result = run_captured(argv, options, Deadline::never());
  if (!result || result->status.code() != 0 || result->status.by_signal()) {
    throw Error(format("{}: {}", argv[0], result ? result->err : "no end"));
  }
}

void shell(const std::string& folder, const std::string& line) { run(folder, {"sh", "-ec", line}); }

// Pages of zeros and pages of words that compress about as well as programs do.
void make_image(const std::string& path, std::size_t pages) {
  std::mt19937 random(7);
  std::string image;
  for (std::size_t page = 0; page < pages; ++page) {
    if (page / 64 % 5 != 0) {
      image.append(4096, '\0');
      continue;
    }
    const std::size_t end = image.size() + 4096;
    while (image.size() < end) {
      const auto word = static_cast<unsigned>(random() % 5000);
      image.append(reinterpret_cast<const char*>(&word), 3);
      image += static_cast<char>(random() % 16);
    }
  }
  write_file(path, image);
}

void make_tree(const std::string& path, int files) {
  std::mt19937 random(9);
  for (int i = 0; i < files; ++i) {
    const std::string folder = format("{}/d{}", path, i / 100);
    if (i % 100 == 0) {
      make_directories(folder);
    }
    std::string text(random() % 16000, '\0');
    for (char& letter : text) {
      letter = static_cast<char>('a' + random() % 16);
    }
    write_file(format("{}/f{}", folder, i), text);
  }
}

struct Rival {
  const char* program; // must be installed, also to make the input
  const char* make;    // makes the input, once; may be empty
  const char* what;
  std::vector<std::string> ours; // options of qt-extract
  const char* name;
  const char* theirs; // a shell line
};

void compare_all(const std::string& folder, const std::vector<Rival>& rivals) {
  for (const Rival& rival : rivals) {
    if (!find_program(rival.program)) {
      std::puts(format("{}: {} is not installed", rival.what, rival.program).c_str());
      continue;
    }
    shell(folder, rival.make);
    std::vector<std::string> ours = rival.ours;
    ours.insert(ours.begin(), tool());
    // Both begin without their output: to remove it costs as much as to write it.
    bench::compare(
        rival.what, 5, "qt-extract",
        [&] {
          remove_tree(folder + "/ours");
          run(folder, ours);
        },
        rival.name,
        [&] {
          remove_tree(folder + "/theirs");
          make_directories(folder + "/theirs");
          shell(folder, std::string("exec ") + rival.theirs);
        });
  }
}

} // namespace

int main() {
  try {
    const TempDir folder("extract-bench-");
    make_image(folder.path() + "/image", 65536); // 256 MiB
    const std::string to = "ours/image";
    compare_all(folder.path(), {
                                   {"gzip",
                                    "gzip -k image",
                                    "gz",
                                    {"image.gz", "-o", to},
                                    "gzip -d",
                                    "gzip -dc image.gz > theirs/image"},
                                   {"pigz",
                                    "",
                                    "gz",
                                    {"image.gz", "-o", to},
                                    "pigz -d",
                                    "pigz -dc image.gz > theirs/image"},
                                   {"bsdcat",
                                    "",
                                    "gz",
                                    {"image.gz", "-o", to},
                                    "bsdcat",
                                    "bsdcat image.gz > theirs/image"},
                                   {"xz",
                                    "xz -k -T1 -2 image && mv image.xz one.xz",
                                    "xz, one block",
                                    {"one.xz", "-o", to},
                                    "xz -T0",
                                    "xz -T0 -dc one.xz > theirs/image"},
                                   {"xz",
                                    "xz -k -T0 -2 --block-size=8MiB image",
                                    "xz, blocks",
                                    {"image.xz", "-o", to},
                                    "xz -T0",
                                    "xz -T0 -dc image.xz > theirs/image"},
                                   {"zstd",
                                    "zstd -q -3 image",
                                    "zst",
                                    {"image.zst", "-o", to},
                                    "zstd -d",
                                    "zstd -q -d image.zst -o theirs/image"},
                                   {"zstd",
                                    "zstd -q -9 --long=27 image -o long.zst",
                                    "zst, long window",
                                    {"long.zst", "-o", to},
                                    "zstd -d",
                                    "zstd -q -d --long=27 long.zst -o theirs/image"},
                                   {"bzip2",
                                    "head -c 67108864 image > quarter && bzip2 -1 quarter",
                                    "bz2",
                                    {"quarter.bz2", "-o", to},
                                    "bzip2 -d",
                                    "bzip2 -dc quarter.bz2 > theirs/image"},
                                   {"unzip",
                                    "zip -q image.zip image",
                                    "zip",
                                    {"image.zip", "--member", "image", "-o", to},
                                    "unzip",
                                    "unzip -q image.zip -d theirs"},
                               });
    make_tree(folder.path() + "/tree", 20000);
    const std::string file = "ours/f";
    compare_all(folder.path(), {
                                   {"tar",
                                    "tar -cf t.tar tree/d0 tree",
                                    "member, tar, first",
                                    {"t.tar", "--member", "tree/d0/f1", "-o", file},
                                    "tar",
                                    "tar -xf t.tar -C theirs --occurrence=1 tree/d0/f1"},
                                   {"tar",
                                    "",
                                    "member, tar, last",
                                    {"t.tar", "--member", "tree/d199/f19999", "-o", file},
                                    "tar",
                                    "tar -xf t.tar -C theirs tree/d199/f19999"},
                                   {"bsdtar",
                                    "",
                                    "member, tar, last",
                                    {"t.tar", "--member", "tree/d199/f19999", "-o", file},
                                    "bsdtar -q",
                                    "bsdtar -xqf t.tar -C theirs tree/d199/f19999"},
                                   {"gzip",
                                    "gzip -1 -k t.tar",
                                    "member, tar.gz, first",
                                    {"t.tar.gz", "--member", "tree/d0/f1", "-o", file},
                                    "tar --occurrence",
                                    "tar -xf t.tar.gz -C theirs --occurrence=1 tree/d0/f1"},
                                   {"bsdtar",
                                    "",
                                    "member, tar.gz, first",
                                    {"t.tar.gz", "--member", "tree/d0/f1", "-o", file},
                                    "bsdtar -q",
                                    "bsdtar -xqf t.tar.gz -C theirs tree/d0/f1"},
                                   {"unzip",
                                    "zip -1 -qr t.zip tree",
                                    "member, zip of 20000",
                                    {"t.zip", "--member", "tree/d150/f15000", "-o", file},
                                    "unzip",
                                    "unzip -q t.zip tree/d150/f15000 -d theirs"},
                                   {"tar",
                                    "",
                                    "tree, tar",
                                    {"t.tar", "--directory", "-o", "ours"},
                                    "tar",
                                    "tar -xf t.tar -C theirs"},
                                   {"tar",
                                    "",
                                    "tree, tar.gz",
                                    {"t.tar.gz", "--directory", "-o", "ours"},
                                    "tar",
                                    "tar -xzf t.tar.gz -C theirs"},
                                   {"cp",
                                    "",
                                    "plain file, writable",
                                    {"image", "--writable", "-o", to},
                                    "cp --sparse=always",
                                    "cp --sparse=always image theirs/image"},
                               });
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
