#include "definition_text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace payload_test {

using namespace qt;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string k_hex64(64, 'a');
const std::string k_hex128(128, 'B');

struct Case {
  std::string text; // of the file
  std::string line; // what is told, without "board.toml:"; empty: nothing
};

void PrintTo(const Case& wrong, std::ostream* out) { *out << wrong.text; }

class PayloadMistake : public testing::TestWithParam<Case> {};

TEST_P(PayloadMistake, IsTold) {
  const std::vector<std::string> expected =
      GetParam().line.empty() ? std::vector<std::string>()
                              : std::vector<std::string>{"board.toml:" + GetParam().line};
  EXPECT_EQ(mistakes_of(GetParam().text), expected) << GetParam().text;
}

const Case k_cases[] = {
    // assets
    {"[asset.a]\n", "1:8: error: [asset.a] needs a url with its digest, an env or a path"},
    {"[asset.a]\nurl = 'https://x/y'\n",
     "1:8: error: [asset.a] needs sha256 or sha512: nothing is used unverified"},
    {"[asset.a]\nurl = 'https://x/y'\nsha256 = '" + k_hex64 + "'\n", ""},
    {"[asset.a]\nurl = ['https://x/y', 'file:///z']\nsha512 = '" + k_hex128 + "'\n", ""},
    {"[asset.a]\nurl = 'https://x/y'\nsha512 = '" + k_hex64 + "'\n",
     "3:10: error: sha512: expected 128 hexadecimal digits, got 64"},
    {"[asset.a]\nurl = 'https://x/y'\nsha256 = '" + std::string(64, 'g') + "'\n",
     "3:10: error: sha256: expected 64 hexadecimal digits, got 64 characters that are not all "
     "such"},
    {"[asset.a]\nurl = 'https://x/y'\nsha256 = '" + k_hex64 + "'\nsha512 = '" + k_hex128 + "'\n",
     "4:10: error: sha256 and sha512 both stand here; one of them is enough"},
    {"[asset.a]\nurl = 'ftp://x/y'\nsha256 = '" + k_hex64 + "'\n",
     "2:7: error: url: expected http://, https:// or file://, got \"ftp://x/y\""},
    {"[asset.a]\nurl = ['https://x', 'y']\nsha256 = '" + k_hex64 + "'\n",
     "2:21: error: url: expected http://, https:// or file://, got \"y\""},
    {"[asset.a]\nurl = 'http://me:s3 cret@x/y'\nsha256 = '" + k_hex64 + "'\n",
     "2:7: error: url: a blank in a URL is written %20, got \"http://x/y\""},
    {"[asset.a]\nurl = []\nsha256 = '" + k_hex64 + "'\n",
     "2:7: error: url: expected a text or a list of texts, got an empty list"},
    {"[asset.a]\nurl = 5\nsha256 = '" + k_hex64 + "'\n",
     "2:7: error: url: expected a text or a list of texts, got 5"},
    {"[asset.a]\nsha265 = '" + k_hex64 + "'\nenv = 'X'\n",
     "2:1: error: unknown key 'sha265' in [asset.a]; did you mean 'sha256'?"},
    {"[asset.a]\nenv = 'X'\npath = '/x'\n",
     "3:1: error: [asset.a] has 'env' already; url, env and path exclude each other"},
    {"[asset.a]\nenv = 'X'\nsha256 = '" + k_hex64 + "'\n", ""},
    {"[asset.a]\nenv = '$X'\n", "2:7: error: env: expected the name of an environment variable"},
    {"[asset.a]\npath = 'usr/x'\n",
     "2:8: error: path: expected an absolute path; a file beside the definition is "
     "\"${data}/NAME\""},
    {"[asset.a]\npath = '/x'\nsha256 = '" + k_hex64 + "'\n",
     "1:8: error: [asset.a]: a path takes no digest: the host's file may be of any version"},
    {"[asset.a]\npath = '/x/${scratch}'\n",
     "2:8: error: path: unknown name '${scratch}'; here are only ${arch} and ${data}, and $${ is a "
     "literal ${"},
    {"[asset]\na = 3\n", "2:5: error: a: expected a table [asset.a], got 3"},
    {"asset = 3\n", "1:9: error: asset: expected tables [asset.NAME], got 3"},
    {"[asset.'a/b']\npath = '/x'\n",
     "1:8: error: the name 'a/b' of an asset may hold only letters, digits and _ - . +"},
    {"[asset.'a#']\npath = '/x'\n",
     "1:8: error: the name 'a#' of an asset may hold only letters, digits and _ - . +"},
    // files
    {"[file.f]\nmember = 'x'\n",
     "1:7: error: [file.f] needs from = \"…\" (an asset or a file), text = \"…\" or make = "
     "[\"COMMAND\", …]"},
    {"[asset.a]\npath='/x'\n[file.f]\nmake=['cp', '${asset.a}', '${data}/s', '${out}', '$${x}']\n"
     "inputs=['/etc/x']\ntimeout='5s'\nwritable=true\n",
     ""},
    {"[file.f]\nmake=['cp', 'a', 'b']\n",
     "2:6: error: make: the command does not say ${out}, the file that it is to make"},
    {"[file.f]\nmake='touch ${out}'\n",
     "2:6: error: make: expected a command as a list of words, such as [\"truncate\", \"-s\", "
     "\"16M\", \"f\"], got \"touch ${out}\""},
    {"[asset.a]\npath='/x'\n[file.f]\nmake=['touch', '${out}']\nfrom='a'\n",
     "5:1: error: [file.f] is made by a command; from has no place in it"},
    {"[asset.kernel]\npath='/x'\n[file.f]\nmake=['cp', '${asset.kernal}', '${out}']\n",
     "4:13: error: make: unknown name '${asset.kernal}'; did you mean 'kernel'?"},
    {"[file.f]\nmake=['cp', '${scratch}', '${out}']\n",
     "2:13: error: make: unknown name '${scratch}'; here are only ${arch}, ${out}, ${asset.NAME}, "
     "${file.NAME} and ${data}, and $${ is a literal ${"},
    {"[asset.kernel]\npath='/x'\n[file.f]\nmake=['touch', '${out}']\ninputs=['kernal']\n",
     "5:9: error: inputs: there is no asset or file 'kernal'; did you mean 'kernel'?; a file of "
     "the host has an absolute path"},
    {"[file.f]\nmake=['touch', '${out}']\ninputs=['f']\n",
     "3:9: error: inputs: [file.f] is made from itself"},
    {"[file.f]\nmake=['cp', '${file.f}', '${out}']\n",
     "2:13: error: make: [file.f] is made from itself"},
    {"[file.f]\ntext='x'\ninputs=['/x']\n", "3:1: error: inputs needs make = [\"COMMAND\", …]"},
    {"[file.b]\nmake=['cp', '${file.c}', '${out}']\n[file.c]\nfrom='b'\n",
     "2:6: error: make: files are made from each other in a circle: b → c → b"},
    {"[asset.kernel]\npath='/x'\n[file.f]\nfrom = 'kernal'\n",
     "4:8: error: from: there is no asset or file 'kernal'; did you mean 'kernel'?"},
    {"[asset.a]\npath='/x'\n[file.f]\nfrom = 'f'\n",
     "4:8: error: from: [file.f] is made from itself"},
    {"[asset.a]\npath='/x'\n[file.a]\nfrom = 'a'\nmember = 'm'\n", ""},
    {"[asset.a]\npath='/x'\n[file.a]\nfrom='a'\n[file.b]\nfrom='a'\n",
     "6:6: error: from: 'a' is an asset and a file; give one another name"},
    {"[file.b]\nfrom='c'\n[file.c]\nfrom='d'\n[file.d]\nfrom='b'\n[file.a]\nfrom='c'\n",
     "2:6: error: from: files are made from each other in a circle: b → c → d → b"},
    {"[asset.a]\npath='/x'\n[file.f]\nfrom='a'\ndirectory=false\n",
     "5:11: error: directory: expected true (leave the key out otherwise), got false"},
    {"[asset.a]\npath='/x'\n[file.f]\nfrom='a'\nresize='pow2'\n", ""},
    {"[asset.a]\npath='/x'\n[file.f]\nfrom='a'\nresize='16MB'\n",
     "5:8: error: resize: expected a size such as \"512K\" or \"16M\", got \"16MB\""},
    {"[asset.a]\npath='/x'\n[file.f]\nfrom='a'\ndirectory=true\nresize='16M'\n",
     "6:1: error: [file.f] is a whole tree; it cannot be resized"},
    {"[file.f]\ntext='x'\nmember='y'\n",
     "3:1: error: [file.f] is written from its text; member has no place in it"},
    {"[file.f]\ntext='x'\nname='a/b'\n",
     "3:6: error: name: expected the name of a file, without folders"},
    {"[asset.a]\npath='/"
     "x'\n[file.f]\nfrom='a'\nmember='y'\nname='n'\n[file.g]\nfrom='a'\nname='n'\n",
     "9:6: error: name: [file.f] has the name 'n', too, and another content; the later one would "
     "take "
     "its place"},
    {"[asset.a]\npath='/x'\n[file.f]\nfrom='a'\n[file.g]\nfrom='a'\nname='f'\nwritable=true\n", ""},
    {"[file.f]\ntext='1'\nname='n'\n[file.g]\ntext='2'\nname='n'\n", ""},
    {"[file.f]\ntext='${port.a-5900} ${file.f} $${x}'\n", ""},
    {"[file.f]\ntext='${ports.a}'\n",
     "2:6: error: text: unknown name '${ports.a}'; $${ is a literal ${"},
    {"[asset.a]\npath='/x'\n[file.f]\nfrom='a'\nmembr='y'\n",
     "5:1: error: unknown key 'membr' in [file.f]; did you mean 'member'?"},
    {"[asset.a]\npath='${data}/board.toml'\n[asset.b]\npath='${data}/*.nosuch'\n", ""},
    {"[asset.a]\npath=1979-05-27\n",
     "2:6: error: path: a date or time has no use here; write it as a text, in quotes"},
};

INSTANTIATE_TEST_SUITE_P(Table, PayloadMistake, testing::ValuesIn(k_cases));

// Whatever the order of their names is; and within the time that the test has.
TEST(Payload, AWayOfFilesHasALimit) {
  for (const bool ascending : {true, false}) {
    std::string text = "[asset.a]\npath = '/x'\n[file.f100000]\nfrom = 'a'\n";
    for (int i = 0; i < 10'000; ++i) {
      const int name = ascending ? 100'001 + i : 99'999 - i;
      text += format("[file.f{}]\nfrom = 'f{}'\n", name, ascending ? name - 1 : name + 1);
    }
    const std::vector<std::string> mistakes = DefinitionFolder(text).mistakes();
    ASSERT_FALSE(mistakes.empty());
    EXPECT_THAT(mistakes[0], testing::HasSubstr("more than 100 files are made from each other"));
  }
}

TEST(Payload, ReadsEveryKey) {
  const DefinitionFolder file("[asset.a]\npath = '${data}/${arch}-$${x}?.bin'\n"
                              "[asset.b]\nenv = 'FIRMWARE'\nsha512 = '" +
                              k_hex128 +
                              "'\n[file.a]\nfrom = 'a'\nmember = '${arch}/m'\nformat = 'cpio'\n"
                              "resize = '16M'\nwritable = true\nname = 'n'\n"
                              "[file.tree]\nfrom = 'a'\ndirectory = true\nskip-devices = true\n"
                              "[file.note]\ntext = 'a ${scratch}'\n");
  // In [file.tree], "a" would be the asset or the file.
  EXPECT_EQ(file.mistakes().size(), 1u);
  const DefinitionFolder clear("[asset.a]\npath = '${data}/${arch}-$${x}?.bin'\n"
                               "[asset.b]\nenv = 'FIRMWARE'\nsha512 = '" +
                               k_hex128 +
                               "'\n[file.a]\nfrom = 'a'\nmember = '${arch}/m'\nformat = 'cpio'\n"
                               "resize = '16M'\nwritable = true\nname = 'n'\n"
                               "[file.tree]\nfrom = 'b'\ndirectory = true\nskip-devices = true\n"
                               "[file.inner]\nfrom = 'tree'\nmember = 'x'\n"
                               "[file.note]\ntext = 'a ${scratch}'\n");
  const Definition definition = load_definition(clear.path());
  EXPECT_EQ(definition.assets.at("a").path, clear.folder() + "/riscv64-${x}?.bin");
  EXPECT_EQ(definition.assets.at("b").env, "FIRMWARE");
  EXPECT_EQ(definition.assets.at("b").digest, std::string(128, 'b')) << "in lower case";
  const FileRule& rule = definition.files.at("a");
  EXPECT_TRUE(rule.from_asset);
  EXPECT_EQ(rule.member, "riscv64/m");
  EXPECT_EQ(rule.format, "cpio");
  EXPECT_EQ(rule.resize, "16M");
  EXPECT_EQ(rule.file_name, "n");
  EXPECT_TRUE(rule.writable);
  EXPECT_FALSE(rule.directory);
  EXPECT_TRUE(definition.files.at("tree").directory);
  EXPECT_TRUE(definition.files.at("tree").skip_devices);
  EXPECT_FALSE(definition.files.at("inner").from_asset);
  EXPECT_TRUE(definition.files.at("note").has_text);
  EXPECT_EQ(definition.files.at("note").text, "a ${scratch}") << "left to who knows the value";
  EXPECT_EQ(definition.files.at("note").file_name, "note");
  EXPECT_EQ(definition.assets_for("inner"), std::set<std::string>{"b"});
  EXPECT_EQ(definition.assets_for("note"), std::set<std::string>());
  EXPECT_TRUE(definition.has_text_for("note"));
  EXPECT_FALSE(definition.has_text_for("inner"));
}

TEST(Payload, KnowsNoArchitectureForEveryEmulator) {
  const DefinitionFolder generic("[asset.a]\npath = '/x/${arch}'\n", {}, "generic");
  EXPECT_THAT(generic.mistakes(),
              ElementsAre("board.toml:2:8: error: path: ${arch} has no value here: these tests run "
                          "on every emulator"));
}

} // namespace payload_test
