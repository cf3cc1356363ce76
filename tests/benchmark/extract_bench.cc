// qt-extract against the programs that people would use instead, on the same files: wall-clock and
// processor time, and how much memory ours takes. What is not installed is left out. Inputs: a disk
// image of which four fifths are zeros, and a tree of many files; made anew each time, in $TMPDIR.
#include "paired.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <random>
#include <spawn.h>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace qt;

struct Spent {
  double wall = 0;
  double cpu = 0;
  long peak_kib = 0;
};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Runs a shell line, which begins with "exec" where its memory matters.
Spent run(const std::string& line) {
  std::string copy = line;
  std::array<char*, 4> argv = {const_cast<char*>("sh"), const_cast<char*>("-ec"), copy.data(),
                               nullptr};
  Spent spent;
  rusage usage = {};
  int status = 0;
  spent.wall = bench::seconds_of([&] {
    pid_t child = -1;
    const int number = ::posix_spawnp(&child, "sh", nullptr, nullptr, argv.data(), environ);
    if (number != 0) {
      throw errno_error(number, "starting sh");
    }
    ::wait4(child, &status, 0, &usage);
  });
  if (status != 0) {
    throw Error(format("failed: {}", line));
  }
  spent.cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  spent.peak_kib = usage.ru_maxrss;
  return spent;
}

// Pages of zeros and pages of words that compress about as well as programs do. Written in pieces:
// what this process takes at its most counts for those that it starts.
void make_image(const std::string& path, int chunks) {
  std::mt19937 random(7);
  std::ofstream file(path, std::ios::binary);
  for (int chunk = 0; chunk < chunks; ++chunk) {
    std::string bytes;
    while (chunk % 5 == 0 && bytes.size() < 262144) {
      const auto word = static_cast<unsigned>(random() % 5000);
      bytes.append(reinterpret_cast<const char*>(&word), 3);
      bytes += static_cast<char>(random() % 16);
    }
    bytes.resize(262144, '\0');
    file << bytes;
  }
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

struct Case {
  const char* what;
  const char* make; // a shell line that makes the input, once
  const char* ours; // options of qt-extract
};

struct Rival {
  const char* name;
  const char* program; // must be installed
  const char* line;    // its result goes to theirs/
};

void compare(const Case& subject, const Rival& rival) {
  constexpr int k_rounds = 5;
  const std::string ours =
      format("exec {}/qt-extract {} > /dev/null", std::getenv("QEMU_TEST_TOOLS_DIR"), subject.ours);
  // Both begin without their output: to remove it costs as much as to write it.
  const auto run_clean = [](const std::string& line) {
    remove_tree("ours");
    remove_tree("theirs");
    make_directories("theirs");
    return run(line);
  };
  run_clean(ours);
  run_clean(rival.line);
  std::vector<double> mine;
  std::vector<double> its;
  std::vector<double> wall;
  std::vector<double> cpu;
  long peak = 0;
  for (int i = 0; i < k_rounds; ++i) {
    const Spent a = run_clean(ours);
    const Spent b = run_clean(rival.line);
    mine.push_back(a.wall);
    its.push_back(b.wall);
    wall.push_back(a.wall / b.wall);
    cpu.push_back(a.cpu / std::max(b.cpu, 1e-3));
    peak = std::max(peak, a.peak_kib);
  }
  std::puts(format("{:<24} {:>8.1f} ms, {:<22} {:>8.1f} ms, ratio {:>6.3f}, of processor time "
                   "{:>6.3f}, our peak {:>4} MiB",
                   subject.what, bench::median(mine) * 1e3, rival.name, bench::median(its) * 1e3,
                   bench::median(wall), bench::median(cpu), (peak + 1023) >> 10)
                .c_str());
  std::fflush(stdout);
}

void compare_all(const Case& subject, const std::vector<Rival>& rivals) {
  run(subject.make);
  for (const Rival& rival : rivals) {
    if (find_program(rival.program)) {
      compare(subject, rival);
    } else {
      std::puts(format("{:<24} {} is not installed", subject.what, rival.program).c_str());
    }
  }
}

void compare_images() {
  make_image("image", 1024); // 256 MiB
  compare_all({"gz", "gzip -k image", "image.gz -o ours/image"},
              {{"gzip -d", "gzip", "gzip -dc image.gz > theirs/image"},
               {"pigz -d", "pigz", "pigz -dc image.gz > theirs/image"},
               {"bsdcat", "bsdcat", "bsdcat image.gz > theirs/image"},
               {"python gzip", "python3",
                "exec python3 -c 'import gzip, shutil; shutil.copyfileobj(gzip.open(\"image.gz\"), "
                "open(\"theirs/image\", \"wb\"))'"}});
  compare_all({"xz, one block", "xz -k -T1 -2 image && mv image.xz one.xz", "one.xz -o ours/image"},
              {{"xz -T0 -d", "xz", "xz -T0 -dc one.xz > theirs/image"},
               {"bsdcat", "bsdcat", "bsdcat one.xz > theirs/image"},
               {"python lzma", "python3",
                "exec python3 -c 'import lzma, shutil; shutil.copyfileobj(lzma.open(\"one.xz\"), "
                "open(\"theirs/image\", \"wb\"))'"}});
  compare_all({"xz, blocks", "xz -k -T0 -2 --block-size=8MiB image", "image.xz -o ours/image"},
              {{"xz -T0 -d", "xz", "xz -T0 -dc image.xz > theirs/image"}});
  compare_all({"xz, --memory 64M", ":", "--memory 64M image.xz -o ours/image"},
              {{"xz -T0 -M64MiB", "xz", "xz -T0 -M64MiB -dc image.xz > theirs/image"}});
  compare_all({"zst", "zstd -q -3 image", "image.zst -o ours/image"},
              {{"zstd -d", "zstd", "zstd -q -d image.zst -o theirs/image"}});
  compare_all(
      {"zst, window 128 MiB", "zstd -q -9 --long=27 image -o long.zst", "long.zst -o ours/image"},
      {{"zstd -d", "zstd", "zstd -q -d --long=27 long.zst -o theirs/image"}});
  compare_all(
      {"bz2", "head -c 67108864 image > quarter && bzip2 -1 quarter", "quarter.bz2 -o ours/image"},
      {{"bzip2 -d", "bzip2", "bzip2 -dc quarter.bz2 > theirs/image"}});
  compare_all({"zip", "zip -q image.zip image", "image.zip --member image -o ours/image"},
              {{"unzip", "unzip", "unzip -q image.zip -d theirs"}});
  compare_all(
      {"zip, stored", "zip -q -0 stored.zip image", "stored.zip --member image -o ours/image"},
      {{"unzip", "unzip", "unzip -q stored.zip -d theirs"}});
  compare_all(
      {"member, large, tar", "tar -cf image.tar image", "image.tar --member image -o ours/image"},
      {{"bsdtar -xqf", "bsdtar", "bsdtar -xqf image.tar -C theirs image"},
       {"tar -xf", "tar", "tar -xf image.tar -C theirs image"}});
  compare_all({"plain, writable", "rm image.tar stored.zip", "image --writable -o ours/image"},
              {{"cp --sparse=always", "cp", "cp --sparse=always image theirs/image"},
               {"cp --reflink=auto", "cp", "cp --reflink=auto image theirs/image"}});
  compare_all(
      {"plain with holes", "cp --sparse=always image holes", "holes --writable -o ours/image"},
      {{"cp --sparse=auto", "cp", "cp holes theirs/image"}});
}

void compare_members() {
  make_tree("tree", 20000);
  compare_all({"member, tar, --first", "tar -cf t.tar tree/d0 tree",
               "t.tar --first --member tree/d0/f1 -o ours/f"},
              {{"tar --occurrence", "tar", "tar -xf t.tar -C theirs --occurrence=1 tree/d0/f1"},
               {"bsdtar -xqf", "bsdtar", "bsdtar -xqf t.tar -C theirs tree/d0/f1"}});
  // Without --first, and without -q, both read on: a later member of the name would count.
  compare_all({"member, tar, first", ":", "t.tar --member tree/d0/f1 -o ours/f"},
              {{"tar -xf", "tar", "tar -xf t.tar -C theirs tree/d0/f1"},
               {"bsdtar -xf", "bsdtar", "bsdtar -xf t.tar -C theirs tree/d0/f1"}});
  compare_all(
      {"member, tar, last", ":", "t.tar --member tree/d199/f19999 -o ours/f"},
      {{"tar -xf", "tar", "tar -xf t.tar -C theirs tree/d199/f19999"},
       {"bsdtar -xqf", "bsdtar", "bsdtar -xqf t.tar -C theirs tree/d199/f19999"},
       {"python tarfile", "python3",
        "exec python3 -c 'import tarfile; tarfile.open(\"t.tar\").extract(\"tree/d199/f19999\", "
        "\"theirs\")'"}});
  compare_all({"member, tar.gz, --first", "gzip -1 -k t.tar",
               "t.tar.gz --first --member tree/d0/f1 -o ours/f"},
              {{"tar --occurrence", "tar", "tar -xf t.tar.gz -C theirs --occurrence=1 tree/d0/f1"},
               {"bsdtar -xqf", "bsdtar", "bsdtar -xqf t.tar.gz -C theirs tree/d0/f1"}});
  compare_all({"member, tar.gz, first", ":", "t.tar.gz --member tree/d0/f1 -o ours/f"},
              {{"tar -xf", "tar", "tar -xf t.tar.gz -C theirs tree/d0/f1"},
               {"bsdtar -xf", "bsdtar", "bsdtar -xf t.tar.gz -C theirs tree/d0/f1"}});
  compare_all({"member, tar.gz, last", ":", "t.tar.gz --member tree/d199/f19999 -o ours/f"},
              {{"bsdtar -xqf", "bsdtar", "bsdtar -xqf t.tar.gz -C theirs tree/d199/f19999"}});
  compare_all({"member, zip of 20000", "zip -1 -qr t.zip tree",
               "t.zip --member tree/d150/f15000 -o ours/f"},
              {{"unzip", "unzip", "unzip -q t.zip tree/d150/f15000 -d theirs"}});
  compare_all({"tree, tar", ":", "t.tar --directory -o ours"},
              {{"tar -xf", "tar", "tar -xf t.tar -C theirs"}});
  compare_all({"tree, tar.gz", ":", "t.tar.gz --directory -o ours"},
              {{"tar -xzf", "tar", "tar -xzf t.tar.gz -C theirs"}});
  compare_all({"tree, right already",
               "\"$QEMU_TEST_TOOLS_DIR\"/qt-extract t.tar --directory -o kept",
               "t.tar --directory -o kept"},
              {{"tar --diff", "tar", "tar -df t.tar -C kept >/dev/null; true"}});
}

} // namespace

int main() {
  try {
    const TempDir folder("extract-bench-");
    if (::chdir(folder.path().c_str()) < 0) {
      throw errno_error(errno, "going to the temporary folder");
    }
    compare_images();
    compare_members();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
