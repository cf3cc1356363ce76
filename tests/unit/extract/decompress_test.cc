#include "extract/decompress.hh"

#include "../support/text_source.hh"
#include "base/error.hh"

#include <gtest/gtest.h>

namespace decompress_test {

using namespace qt;

constexpr std::string_view k_text = "hello, hello, hello, world\n";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string decode(Compression compression, const std::string& bytes, std::size_t step = 1000) {
  const std::unique_ptr<ByteSource> source =
      decompress(compression, std::make_unique<TextSource>(bytes), {});
  std::string out;
  std::vector<std::byte> piece(step);
  for (;;) {
    const std::size_t count = source->read(piece);
    out += text_of(std::span(piece).first(count));
    if (count == 0) {
      return out;
    }
    EXPECT_TRUE(count == step || source->read(piece) == 0) << "short only at the end";
    if (count < step) {
      return out;
    }
  }
}

struct Sample {
  Compression compression;
  std::string_view name;
  std::string bytes; // k_text, by the program of that name
};

class DecompressTest : public testing::TestWithParam<Sample> {};

TEST_P(DecompressTest, IsTold) {
  EXPECT_EQ(sniff_compression(GetParam().bytes), GetParam().compression);
  EXPECT_EQ(sniff_compression(GetParam().bytes.substr(0, 16)), GetParam().compression);
  for (std::size_t length = 0; length < 3; ++length) {
    EXPECT_EQ(sniff_compression(GetParam().bytes.substr(0, length)), Compression::none);
  }
  EXPECT_EQ(compression_name(GetParam().compression), GetParam().name);
}

TEST_P(DecompressTest, ReadsInPiecesOfAnySize) {
  for (const std::size_t step : {1U, 2U, 13U, 27U, 28U, 1000U}) {
    EXPECT_EQ(decode(GetParam().compression, GetParam().bytes, step), k_text) << step;
  }
}

TEST_P(DecompressTest, JoinsStreamsAndSkipsPadding) {
  const std::string& bytes = GetParam().bytes;
  EXPECT_EQ(decode(GetParam().compression, bytes + bytes + std::string(8, '\0')),
            std::string(k_text) + std::string(k_text));
}

TEST_P(DecompressTest, RefusesEveryTruncation) {
  const std::string& bytes = GetParam().bytes;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    try {
      decode(GetParam().compression, bytes.substr(0, length));
      ADD_FAILURE() << "accepted " << length << " bytes of " << bytes.size();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::failed);
    }
  }
}

TEST_P(DecompressTest, RefusesWhatFollows) {
  for (const std::string behind : {"x", "\x1f", "BZ", "something long enough to be looked at"}) {
    EXPECT_THROW(decode(GetParam().compression, GetParam().bytes + behind), Error) << behind;
  }
  for (const std::string behind : {"x", "\n", "abcdefghijk"}) {
    try {
      decode(GetParam().compression, GetParam().bytes + behind);
      ADD_FAILURE() << behind;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("followed by something else"), std::string::npos)
          << error.what();
    }
  }
  // Padding is an end: what is after it is not looked for.
  EXPECT_THROW(
      decode(GetParam().compression, GetParam().bytes + std::string(5, '\0') + GetParam().bytes),
      Error);
}

TEST_P(DecompressTest, NeverTakesDamageForTheText) {
  for (std::size_t at = 0; at < GetParam().bytes.size(); ++at) {
    std::string damaged = GetParam().bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    try {
      const std::string out = decode(GetParam().compression, damaged);
      // Bytes without meaning (gzip's time, flags of the system) may change.
      EXPECT_EQ(out, k_text) << "byte " << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::failed) << "byte " << at << ": " << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, DecompressTest,
    testing::Values(
        Sample{Compression::gzip, "gz",
               from_hex("1f8b0800000000000003cb48cdc9c9d751c840a1caf38b7252b800c370a3c21b000000")},
        Sample{Compression::xz, "xz",
               from_hex("fd377a585a000004e6d6b4460200210116000000742fe5a3e0001a00135d00341949ee8def"
                        "8c88495c92b6f596feaa64000000004a993163907e3f0300012f1baa44ffb81fb6f37d0100"
                        "00000004595a")},
        Sample{Compression::zstd, "zst",
               from_hex("28b52ffd04589d00006868656c6c6f2c20776f726c640a0100928b118a96f40b")},
        Sample{Compression::bzip2, "bz2",
               from_hex("425a6839314159265359f6c1db04000005d1800010400406449080200031003023d46a7a9e"
                        "90910907dadd1d1e8fe2ee48a70a121ed83b6080")},
        Sample{Compression::lzip, "lzip",
               from_hex("4c5a4950010c00341949ee8def8c88495c92b6f596ff282a17ffffc4de0000c370a3c21b00"
                        "0000000000003300000000000000")},
        Sample{
            Compression::lz4, "lz4",
            from_hex("04224d186440a7110000007a68656c6c6f2c20070060776f726c640a000000008af13f0b")}),
    [](const auto& test) { return std::string(test.param.name); });

// Nothing in it tells of damage, and nothing may follow.
TEST_P(DecompressTest, TellsTheBeginningOfAnotherStreamFromOtherData) {
  const std::string& bytes = GetParam().bytes;
  try {
    decode(GetParam().compression, bytes + bytes.substr(0, 4));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    if (GetParam().compression == Compression::xz) {
      EXPECT_STREQ(error.what(), "the xz data is truncated");
    }
  }
}

TEST(LzmaTest, IsReadToItsMark) {
  const std::string lzma =
      from_hex("5d00008000ffffffffffffffff00341949ee8def8c88495c92b6f596ff282a17ffffc4de0000");
  EXPECT_EQ(sniff_compression(lzma), Compression::lzma);
  EXPECT_EQ(sniff_compression(lzma.substr(0, 14)), Compression::lzma);
  EXPECT_EQ(decode(Compression::lzma, lzma), k_text);
  EXPECT_EQ(decode(Compression::lzma, lzma + std::string(8, '\0')), k_text);
  for (std::size_t length = 0; length < lzma.size(); ++length) {
    EXPECT_THROW(decode(Compression::lzma, lzma.substr(0, length)), Error) << length;
  }
  EXPECT_THROW(decode(Compression::lzma, lzma + lzma), Error);
}

TEST(Lz4Test, HasAnOlderFormatThatTheKernelTakes) {
  const std::string older = from_hex("02214c18110000007a68656c6c6f2c20070060776f726c640a");
  EXPECT_EQ(sniff_compression(older), Compression::lz4);
  EXPECT_EQ(decode(Compression::lz4, older), k_text);
  EXPECT_EQ(decode(Compression::lz4, older + std::string(8, '\0')), k_text);
  EXPECT_THROW(decode(Compression::lz4, older + "what?"), Error);
}

TEST(RefusedTest, WhatCannotBeReadIsCalledByItsName) {
  const auto error_of = [](Compression compression, const std::string& bytes) -> std::string {
    EXPECT_EQ(sniff_compression(bytes), compression);
    try {
      return decode(compression, bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::failed);
      return error.what();
    }
  };
  EXPECT_NE(error_of(Compression::compress, "\x1f\x9d\x90 and codes").find("uncompress"),
            std::string::npos);
  EXPECT_NE(error_of(Compression::lrzip, "LRZI and more").find("lrunzip"), std::string::npos);
  // Where libarchive has it built in, it is read.
  const std::string lzop = error_of(
      Compression::lzop,
      from_hex(
          "894c5a4f000d0a1a0a104020a00940010503000009000081a46b08529a000000000174395a04650000001b"
          "0000001b85e3095368656c6c6f2c2068656c6c6f2c2068656c6c6f2c20776f726c640a00000000"));
  EXPECT_TRUE(lzop == k_text || lzop.find("lzop -d") != std::string::npos) << lzop;
}

TEST(DecompressLimitTest, RefusesXzThatNeedsMoreMemory) {
  // The dictionary in the header is 8 MiB.
  const Sample xz = {Compression::xz, "xz",
                     from_hex("fd377a585a000004e6d6b4460200210116000000742fe5a3e0001a00135d0034194"
                              "9ee8def8c88495c92b6f596feaa64000000004a993163907e3f0300012f1baa44ff"
                              "b81fb6f37d010000000004595a")};
  DecompressOptions options;
  options.memory_bytes = 1 << 20;
  const auto source = decompress(xz.compression, std::make_unique<TextSource>(xz.bytes), options);
  std::vector<std::byte> piece(100);
  try {
    source->read(piece);
    ADD_FAILURE() << "should need 8 MiB";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_NE(std::string(error.what()).find("--memory"), std::string::npos);
  }
}

TEST(SniffTest, KnowsWhatOnlyLooksLikeOne) {
  EXPECT_EQ(sniff_compression("BZh9 is a text"), Compression::none);
  EXPECT_EQ(sniff_compression("\x1f\x8b\x07 and more"), Compression::none);
  EXPECT_EQ(sniff_compression("\x5a\x2a\x4d\x18 skippable"), Compression::zstd);
  // lzma has no mark: a size that none has, a dictionary that none has, no zero where it must be.
  const std::string lzma = from_hex("5d00008000ffffffffffffffff003419");
  EXPECT_EQ(sniff_compression(lzma), Compression::lzma);
  for (const std::size_t at : {2U, 12U, 13U}) {
    std::string other = lzma;
    other[at] = '\x33';
    EXPECT_EQ(sniff_compression(other), Compression::none) << at;
  }
}

} // namespace decompress_test
