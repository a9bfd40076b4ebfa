// XXH3-64 with seed 0 and the default secret, for inputs of whole 32-bit words: the digest of rule 16, on the device.
// Source: the xxHash specification (doc/xxhash_spec.md of Cyan4973/xxHash), "XXH3 Algorithm Overview". Plain C++ but for
// hash_words_by_warp, so that a test compares it with the library.
#pragma once

#include <cstdint>

#include "kernels/host_device.h"

namespace ra::xxh3 {

constexpr int kSecretBytes = 192;
constexpr int kStripeWords = 16;  // 64 bytes: one 8-byte lane for each of 8 accumulators
constexpr int kBlockStripes = 16;
constexpr int kShortBytes = 240;  // longer inputs go through accumulators

constexpr uint64_t kPrime32_1 = 0x9E3779B1, kPrime32_2 = 0x85EBCA77, kPrime32_3 = 0xC2B2AE3D;
constexpr uint64_t kPrime64_1 = 0x9E3779B185EBCA87, kPrime64_2 = 0xC2B2AE3D27D4EB4F,
                   kPrime64_3 = 0x165667B19E3779F9, kPrime64_4 = 0x85EBCA77C2B2AE63,
                   kPrime64_5 = 0x27D4EB2F165667C5;
constexpr uint64_t kPrimeMx1 = 0x165667919E3779F9, kPrimeMx2 = 0x9FB21C651E98DF25;

// The default secret, as little-endian words.
#define RA_XXH3_SECRET                                                                                    \
  0xbe4ba423396cfeb8, 0x1cad21f72c81017c, 0xdb979083e96dd4de, 0x1f67b3b7a4a44072, 0x78e5c0cc4ee679cb,     \
      0x2172ffcc7dd05a82, 0x8e2443f7744608b8, 0x4c263a81e69035e0, 0xcb00c391bb52283c, 0xa32e531b8b65d088, \
      0x4ef90da297486471, 0xd8acdea946ef1938, 0x3f349ce33f76faa8, 0x1d4f0bc7c7bbdcf9, 0x3159b4cd4be0518a, \
      0x647378d9c97e9fc8, 0xc3ebd33483acc5ea, 0xeb6313faffa081c5, 0x49daf0b751dd0d17, 0x9e68d429265516d3, \
      0xfca1477d58be162b, 0xce31d07ad1b8f88f, 0x280416958f3acb45, 0x7e404bbbcafbd7af
#ifdef __CUDACC__
__device__ const uint64_t kSecretOnDevice[kSecretBytes / 8] = {RA_XXH3_SECRET};
#endif

// Its 8 bytes from byte `at`.
RA_HOST_DEVICE inline uint64_t secret(int at) {
#ifdef __CUDA_ARCH__
  const uint64_t* words = kSecretOnDevice;
#else
  constexpr uint64_t words[kSecretBytes / 8] = {RA_XXH3_SECRET};
#endif
  const int word = at / 8, shift = 8 * (at % 8);
  return shift == 0 ? words[word] : words[word] >> shift | words[word + 1] << (64 - shift);
}

template <class Words>
RA_HOST_DEVICE inline uint64_t load(const Words& words, int at) {
  return words[at] | static_cast<uint64_t>(words[at + 1]) << 32;
}

RA_HOST_DEVICE inline uint64_t folded_product(uint64_t a, uint64_t b) {
#ifdef __CUDA_ARCH__
  return a * b ^ __umul64hi(a, b);
#else
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
#endif
}

RA_HOST_DEVICE inline uint64_t rotated(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}

RA_HOST_DEVICE inline uint64_t bytes_swapped(uint64_t x) {
  uint64_t swapped = 0;
  for (int i = 0; i < 8; ++i) swapped = swapped << 8 | (x >> 8 * i & 0xff);
  return swapped;
}

RA_HOST_DEVICE inline uint64_t avalanche(uint64_t h) {
  h ^= h >> 37;
  h *= kPrimeMx1;
  return h ^ h >> 32;
}

// 16 bytes of input from word `at` with 16 of the secret from byte `secret_at`.
template <class Words>
RA_HOST_DEVICE inline uint64_t mixed(const Words& words, int at, int secret_at) {
  return folded_product(load(words, at) ^ secret(secret_at), load(words, at + 2) ^ secret(secret_at + 8));
}

// 1 to 60 words.
template <class Words>
RA_HOST_DEVICE inline uint64_t hash_short(const Words& words, int count) {
  const uint64_t bytes = 4 * static_cast<uint64_t>(count);
  if (bytes <= 8) {
    const uint64_t input = words[count - 1] + (static_cast<uint64_t>(words[0]) << 32);
    uint64_t h = input ^ (secret(8) ^ secret(16));
    h ^= rotated(h, 49) ^ rotated(h, 24);
    h *= kPrimeMx2;
    h ^= (h >> 35) + bytes;
    h *= kPrimeMx2;
    return h ^ h >> 28;
  }
  if (bytes <= 16) {
    const uint64_t low = load(words, 0) ^ (secret(24) ^ secret(32));
    const uint64_t high = load(words, count - 2) ^ (secret(40) ^ secret(48));
    return avalanche(bytes + bytes_swapped(low) + high + folded_product(low, high));
  }
  uint64_t h = bytes * kPrime64_1;
  if (bytes <= 128) {
    // From both ends to the middle.
    const int pairs = static_cast<int>((bytes - 1) / 32) + 1;
    for (int i = 0; i < pairs; ++i)
      h += mixed(words, 4 * i, 32 * i) + mixed(words, count - 4 * (i + 1), 32 * i + 16);
    return avalanche(h);
  }
  const int rounds = static_cast<int>(bytes / 16);
  for (int i = 0; i < 8; ++i) h += mixed(words, 4 * i, 16 * i);
  h = avalanche(h);
  for (int i = 8; i < rounds; ++i) h += mixed(words, 4 * i, 16 * (i - 8) + 3);
  return avalanche(h + mixed(words, count - 4, 136 - 17));
}

RA_HOST_DEVICE inline uint64_t first_accumulator(int lane) {
  constexpr uint64_t kFirst[8] = {kPrime32_3, kPrime64_1, kPrime64_2, kPrime64_3,
                                  kPrime64_4, kPrime32_2, kPrime64_5, kPrime32_1};
  return kFirst[lane];
}

RA_HOST_DEVICE inline uint64_t scrambled(uint64_t accumulator, int lane) {
  return (accumulator ^ accumulator >> 47 ^ secret(kSecretBytes - 64 + 8 * lane)) * kPrime32_1;
}

// What a stripe's lane adds to its own accumulator; the data itself goes to the neighbour's.
RA_HOST_DEVICE inline uint64_t keyed_product(uint64_t data, uint64_t key) {
  const uint64_t mix = data ^ key;
  return (mix & 0xffffffff) * (mix >> 32);
}

// The four pairs of accumulators and the length, once all stripes are in. `pair(i)` gives accumulators 2 i and 2 i + 1.
RA_HOST_DEVICE inline uint64_t merged_pair(uint64_t even, uint64_t odd, int i) {
  return folded_product(even ^ secret(11 + 16 * i), odd ^ secret(11 + 16 * i + 8));
}

// More than 60 words, by one thread.
template <class Words>
RA_HOST_DEVICE inline uint64_t hash_long(const Words& words, int count) {
  uint64_t sums[8];
  for (int lane = 0; lane < 8; ++lane) sums[lane] = first_accumulator(lane);
  const auto add_stripe = [&](int at, int secret_at) {
    for (int lane = 0; lane < 8; ++lane) {
      const uint64_t data = load(words, at + 2 * lane);
      sums[lane ^ 1] += data;
      sums[lane] += keyed_product(data, secret(secret_at + 8 * lane));
    }
  };
  const int stripes = (4 * count - 1) / 64;
  for (int s = 0; s < stripes; ++s) {
    add_stripe(s * kStripeWords, 8 * (s % kBlockStripes));
    if (s % kBlockStripes != kBlockStripes - 1) continue;
    for (int lane = 0; lane < 8; ++lane) sums[lane] = scrambled(sums[lane], lane);
  }
  add_stripe(count - kStripeWords, kSecretBytes - 64 - 7);
  uint64_t h = 4 * static_cast<uint64_t>(count) * kPrime64_1;
  for (int i = 0; i < 4; ++i) h += merged_pair(sums[2 * i], sums[2 * i + 1], i);
  return avalanche(h);
}

// Any number of words from 1.
template <class Words>
RA_HOST_DEVICE inline uint64_t hash_words(const Words& words, int count) {
  return 4 * count <= kShortBytes ? hash_short(words, count) : hash_long(words, count);
}

#ifdef __CUDACC__
// A hash by a whole warp. Accumulator a belongs to lanes a, a + 8, a + 16, a + 24; the lanes of group lane / 8 take every
// fourth stripe: sums of integers, so their order is free.
class WarpHash {
 public:
  __device__ WarpHash() : lane_(threadIdx.x % 8), sum_(first_accumulator(lane_)) {
    const int group = threadIdx.x % 32 / 8;
#pragma unroll
    for (int i = 0; i < kBlockStripes / 4; ++i) keys_[i] = secret(8 * (4 * i + group + lane_));
    last_key_ = secret(kSecretBytes - 64 - 7 + 8 * lane_);
    scramble_key_ = secret(kSecretBytes - 64 + 8 * lane_);
  }
  // The lane's 8 bytes of stripe 4 i + group of a block.
  __device__ void add(uint64_t data, int i) {
    add_keyed(data, keys_[i]);
  }
  // Those of the input's last stripe.
  __device__ void add_last(uint64_t data) {
    add_keyed(data, last_key_);
  }
  __device__ void end_block() {
    settle();
    sum_ = (sum_ ^ sum_ >> 47 ^ scramble_key_) * kPrime32_1;
  }
  // The hash of `bytes` bytes, in every lane.
  __device__ uint64_t finish(uint64_t bytes) {
    settle();
    const uint64_t odd = __shfl_xor_sync(0xffffffffu, sum_, 1);
    uint64_t h = lane_ % 2 == 0 ? merged_pair(sum_, odd, lane_ / 2) : 0;
#pragma unroll
    for (int distance = 1; distance < 8; distance *= 2) h += __shfl_xor_sync(0xffffffffu, h, distance);
    return avalanche(h + bytes * kPrime64_1);
  }

 private:
  __device__ void add_keyed(uint64_t data, uint64_t key) {
    given_ += data;
    own_ += keyed_product(data, key);
  }
  __device__ void settle() {
#pragma unroll
    for (int distance = 8; distance < 32; distance *= 2) {
      own_ += __shfl_xor_sync(0xffffffffu, own_, distance);
      given_ += __shfl_xor_sync(0xffffffffu, given_, distance);
    }
    sum_ += own_ + __shfl_xor_sync(0xffffffffu, given_, 1);
    own_ = given_ = 0;
  }
  int lane_;
  uint64_t sum_, own_ = 0, given_ = 0;
  uint64_t keys_[kBlockStripes / 4], last_key_, scramble_key_;
};

// hash_words by a whole warp; every lane gets the result.
template <class Words>
__device__ inline uint64_t hash_words_by_warp(const Words& words, int count) {
  if (4 * count <= kShortBytes) return hash_short(words, count);
  const int lane = threadIdx.x % 8, group = threadIdx.x % 32 / 8, stripes = (4 * count - 1) / 64;
  WarpHash hash;
  for (int first = 0; first < stripes; first += kBlockStripes) {
#pragma unroll
    for (int i = 0; i < kBlockStripes / 4; ++i) {
      const int stripe = first + 4 * i + group;
      if (stripe < stripes) hash.add(load(words, stripe * kStripeWords + 2 * lane), i);
    }
    if (first + kBlockStripes <= stripes) hash.end_block();
  }
  if (group == 0) hash.add_last(load(words, count - kStripeWords + 2 * lane));
  return hash.finish(4 * static_cast<uint64_t>(count));
}
#endif

}  // namespace ra::xxh3
