// Random weights that need no file: an element is a function of the model's seed, its tensor and its place in it, so
// that any device makes the same bytes in any layout and order. C++17, for the host and for a device alike.
//
// Generator repro-audit-dummy/1. mix(z) is SplitMix64's finalizer (Steele, Lea, Flood, "Fast splittable pseudorandom
// number generators", OOPSLA 2014) and g its increment 0x9e3779b97f4a7c15, modulo 2^64:
//   key   = mix((mix(seed + g) ^ id) + g), id being the XXH3-64 of the tensor's name in a safetensors file
//   hash  = mix(key + (index + 1) g), the output number index + 1 of SplitMix64 seeded with key; index = row * columns +
//           column, in a bias the row
//   c     = the sum of the hash's four 16-bit quarters - 131070: an integer of at most 17 bits and a sign, mean 0,
//           deviation sqrt((2^32 - 1) / 3) = 37837.2, nearly normal (Irwin-Hall)
//   value = c * scale + offset, rounded to bf16, to nearest even.
// A scale has at most 7 significant bits, and an offset of 1 goes with a scale of 3 * 2^-21 alone: product and sum are
// exact in fp32, whatever the rounding, the contraction or the treatment of denormals; only the last rounding rounds.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/host_device.h"

namespace ra {

struct DummyTensor {
  uint64_t key = 0;  // of seed and tensor: dummy_key
  float scale = 0;
  float offset = 0;
};

inline constexpr uint64_t kSplitMixIncrement = 0x9e3779b97f4a7c15u;
inline constexpr int32_t kDummyMean = 131070;           // of the sum of four quarters
inline constexpr double kDummyDeviation = 37837.22724;  // of c

RA_HOST_DEVICE inline uint64_t splitmix64(uint64_t z) {
  z += kSplitMixIncrement;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

RA_HOST_DEVICE inline uint64_t dummy_key(uint64_t seed, uint64_t tensor_id) {
  return splitmix64(splitmix64(seed) ^ tensor_id);
}

// Element `index` as it is stored: the 16 bits of a bf16.
RA_HOST_DEVICE inline uint16_t dummy_bf16(const DummyTensor& tensor, uint64_t index) {
  const uint64_t hash = splitmix64(tensor.key + index * kSplitMixIncrement);
  const uint32_t sum = static_cast<uint32_t>(hash & 0xffff) + static_cast<uint32_t>(hash >> 16 & 0xffff) +
                       static_cast<uint32_t>(hash >> 32 & 0xffff) + static_cast<uint32_t>(hash >> 48);
  const float value =
      static_cast<float>(static_cast<int32_t>(sum) - kDummyMean) * tensor.scale + tensor.offset;
  uint32_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace ra
