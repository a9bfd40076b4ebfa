#include "core/hash.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace ra {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Hash, Xxh3HasThePublishedValues) {
  // xxHash's own test vectors for empty input and seed 0 (sanity test values, XXH3 and XXH128).
  EXPECT_EQ(xxh3_64({}), 0x2D06800538D394C2ull);
  EXPECT_EQ(xxh3_128({}), (Hash128{0x99AA06D3014798D8ull, 0x6001C324468D497Full}));
}

TEST(Hash, Sha256HasThePublishedValues) {
  // FIPS 180-2, appendix B, and the empty message.
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Hash, Sha256InPartsEqualsSha256AtOnce) {
  const std::string text(1000, 'a');
  Sha256 hash;
  for (size_t i = 0; i < text.size(); i += 7) hash.update(std::string_view(text).substr(i, 7));
  EXPECT_EQ(hash.finish(), sha256(text));
}

TEST(Hash, HexPrintsTheMostSignificantDigitFirst) {
  EXPECT_EQ(hex(uint64_t{0x0123456789abcdef}), "0123456789abcdef");
  EXPECT_EQ(hex(Hash128{1, 0xfull << 60}), "0000000000000001f000000000000000");
}

TEST(Hash, TokenDigestsAreOverLittleEndianIds) {
  const std::array<int32_t, 2> tokens = {1, 0x01020304};
  const std::string ids("\1\0\0\0\4\3\2\1", 8);
  EXPECT_EQ(token_hash(tokens), xxh3_128(bytes_of(ids)));
  EXPECT_EQ(token_sha256(tokens), sha256(std::string("repro-audit.tokens.v1\0\2\0\0\0", 26) + ids));
}

TEST(Hash, ARunsDigestIsOverItsStepsLittleEndianDigests) {
  const std::array<uint64_t, 1> steps = {0x0807060504030201ull};
  EXPECT_EQ(run_digest(steps), xxh3_128(bytes_of("\1\2\3\4\5\6\7\x08")));
  EXPECT_EQ(run_digest({}), xxh3_128({}));
}

TEST(Hash, LengthIsPartOfAStreamsIdentity) {
  const std::vector<int32_t> one = {7}, two = {7, 0};
  EXPECT_NE(token_hash(one), token_hash(two));
  EXPECT_NE(token_sha256(one), token_sha256(two));
}

}  // namespace
}  // namespace ra
