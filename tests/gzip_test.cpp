#include "core/gzip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.h"
#include "tests/support/refusal.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

constexpr size_t kMuch = 1 << 24;

// Bytes that do not shrink, so that they fill several of the parts that zlib is called with.
std::string noise(size_t words) {
  std::string bytes;
  for (size_t i = 0; i < words; ++i) bytes += hex(xxh3_64(std::as_bytes(std::span(&i, 1))));
  return bytes;
}

TEST(Gzip, GivesBackWhatWasPutIn) {
  for (const std::string& bytes :
       {std::string(), std::string("a\0b", 3), std::string(300'000, 'x'), noise(40'000)})
    EXPECT_EQ(gunzip(gzip(bytes), "a.gz", kMuch), bytes);
}

TEST(Gzip, HasNeitherNameNorTime) {
  const std::string file = gzip("once");
  EXPECT_EQ(file, gzip("once"));
  EXPECT_EQ(file.substr(3, 5), std::string(5, '\0')) << "no flag, and the time 0";
}

TEST(Gzip, RefusesWhatIsDamagedOrEndsEarlyOrGoesOn) {
  const std::string file = gzip(noise(100));
  EXPECT_THAT(refusal([] { gunzip("", "a.gz", kMuch); }), HasSubstr("a.gz@0: no gzip file; expected"));
  EXPECT_THAT(refusal([] { gunzip("PK\x03\x04", "a.gz", kMuch); }), HasSubstr("no gzip file"));
  for (size_t size = 2; size < file.size(); size += 7)
    EXPECT_THAT(refusal([&] { gunzip(file.substr(0, size), "a.gz", kMuch); }),
                HasSubstr("the file ends early"));
  EXPECT_THAT(refusal([&] { gunzip(file + "x", "a.gz", kMuch); }), HasSubstr("bytes behind the end"));
  std::string damaged = file;
  damaged[file.size() / 2] = static_cast<char>(damaged[file.size() / 2] ^ 4);
  EXPECT_THAT(refusal([&] { gunzip(damaged, "a\nb", kMuch); }), HasSubstr("a\\nb@"));
}

TEST(Gzip, UnpacksNoMoreThanAllowed) {
  const std::string bomb = gzip(std::string(kMuch, '\0'));
  EXPECT_LT(bomb.size(), kMuch / 1000);
  EXPECT_THAT(refusal([&] { gunzip(bomb, "bomb", 1'000'000); }),
              HasSubstr("more than 1000000 bytes when unpacked"));
  EXPECT_EQ(gunzip(bomb, "bomb", kMuch).size(), kMuch);
}

}  // namespace
}  // namespace ra
