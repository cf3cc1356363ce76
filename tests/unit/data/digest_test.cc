#include "data/digest.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace qt {
namespace digest_test {

// FIPS 180-2, appendix B and C: the message "abc".
constexpr std::string_view k_abc_sha256 =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view k_abc_sha512 =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(Digest, ParsesBothLengthsInAnyCase) {
  std::string upper(k_abc_sha256);
  for (char& c : upper) {
    c = static_cast<char>(std::toupper(c));
  }
  EXPECT_EQ(parse_digest(upper), k_abc_sha256);
  EXPECT_EQ(parse_digest(k_abc_sha512), k_abc_sha512);
}

TEST(Digest, RefusesWhatIsNoDigest) {
  EXPECT_FALSE(parse_digest(""));
  EXPECT_FALSE(parse_digest(k_abc_sha256.substr(1)));
  EXPECT_FALSE(parse_digest(std::string(64, 'g')));
  EXPECT_FALSE(parse_digest(std::string(63, '0') + "/"));
  EXPECT_FALSE(parse_digest(std::string(40, '0')));
}

TEST(Digest, IsTheSameWhateverThePieces) {
  Digester digester(DigestKind::sha256);
  digester.add(bytes_of("a"));
  digester.add(bytes_of(""));
  digester.add(bytes_of("bc"));
  EXPECT_EQ(digester.hex(), k_abc_sha256);

  Digester wide(DigestKind::sha512);
  wide.add(bytes_of("abc"));
  EXPECT_EQ(wide.hex(), k_abc_sha512);
}

TEST(Digest, CanBeReadInBetweenAndStartAgain) {
  Digester digester(DigestKind::sha256);
  digester.add(bytes_of("ab"));
  EXPECT_NE(digester.hex(), k_abc_sha256);
  digester.add(bytes_of("c"));
  EXPECT_EQ(digester.hex(), k_abc_sha256);
  digester.restart();
  digester.add(bytes_of("abc"));
  EXPECT_EQ(digester.hex(), k_abc_sha256);
}

TEST(Digest, OfAFileLargerThanABlockInTwoRanges) {
  const TempDir folder("qt-digest-");
  const std::string path = folder.path() + "/file";
  const std::string content = std::string(700'001, 'x') + "end";
  write_file(path, content);

  Digester direct(DigestKind::sha256);
  direct.add(bytes_of(content));
  EXPECT_EQ(digest_of_file(path, DigestKind::sha256), direct.hex());

  Digester ranges(DigestKind::sha256);
  const UniqueFd fd = open_file(path, O_RDONLY);
  EXPECT_EQ(add_file_range(ranges, fd.get(), 0, 300'000, path), 300'000u);
  EXPECT_EQ(add_file_range(ranges, fd.get(), 300'000, 1'000'000, path), content.size());
  EXPECT_EQ(ranges.hex(), direct.hex());
}

TEST(Digest, OfAFileThatIsNotThere) {
  EXPECT_THROW(digest_of_file("/nonexistent/file", DigestKind::sha256), Error);
}

} // namespace digest_test
} // namespace qt
