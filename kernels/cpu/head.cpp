#include "kernels/cpu/head.h"

#include <bit>
#include <limits>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/head.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {

// Writes the logits as used to `used`, padded to whole vectors with the lowest value. Returns whether all are finite.
bool logits_as_used(const float* sums, int count, bool fp32_logits, float* used) {
  const hn::ScalableTag<float> d;
  const int step = static_cast<int>(hn::Lanes(d));
  auto finite = hn::FirstN(d, step);
  for (int i = 0; i < count; i += step) {
    if (i + step > count) {
      for (int j = 0; j < step; ++j)
        used[i + j] = i + j < count ? sums[i + j] : std::numeric_limits<float>::lowest();
    }
    const auto s = hn::LoadU(d, i + step > count ? used + i : sums + i);
    // The padding must stay finite: B(lowest) is an infinity.
    const auto rounded = fp32_logits ? s : round_bf16(d, s);
    const auto y = i + step > count ? hn::IfThenElse(hn::FirstN(d, count - i), rounded, s) : rounded;
    finite = hn::And(finite, hn::IsFinite(y));
    hn::StoreU(y, d, used + i);
  }
  return hn::AllTrue(d, finite);
}

// The first id of the largest value other than `skip`, -1 if there is none. -0 equals +0.
int first_maximum(const float* used, int count, int skip) {
  const hn::ScalableTag<float> d;
  const int step = static_cast<int>(hn::Lanes(d));
  const auto lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  const hn::RebindToSigned<decltype(d)> di;
  const auto values = [&](int i) HWY_ATTR {
    const auto v = hn::LoadU(d, used + i);
    const auto skipped = hn::RebindMask(d, hn::Eq(hn::Iota(di, i), hn::Set(di, skip)));
    return hn::IfThenElse(skipped, lowest, v);
  };
  auto best = lowest;
  for (int i = 0; i < count; i += step) best = hn::Max(best, values(i));
  const auto maximum = hn::MaxOfLanes(d, best);
  for (int i = 0; i < count; i += step) {
    const auto at = hn::FindFirstTrue(d, hn::Eq(values(i), maximum));
    if (at < 0) continue;
    const int id = i + static_cast<int>(at);
    return id < count && id != skip ? id : -1;
  }
  return -1;
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ra {

static_assert(std::endian::native == std::endian::little, "the digest's bytes are little endian");

HWY_EXPORT(logits_as_used);
HWY_EXPORT(first_maximum);

// [count] -> both tops and the digest. Order: no sum; the lowest id wins a tie.
ChunkResult head_chunk(SimdTarget target, const float* sums, int first, int count, bool fp32_logits) {
  alignas(64) float used[kDigestChunk];  // whole vectors, so the padding fits
  ChunkResult result;
  result.finite = RA_CALL(target, logits_as_used)(sums + first, count, fp32_logits, used);
  if (!result.finite) return result;
  int skip = -1;
  for (int place = 0; place < 2; ++place) {
    const int id = RA_CALL(target, first_maximum)(used, count, skip);
    if (id < 0) break;
    result.top[place] = first + id;
    result.value[place] = used[id];
    skip = id;
  }
  result.digest = XXH3_64bits(used, static_cast<size_t>(count) * sizeof(float));
  return result;
}

HeadResult merge_chunks(std::span<const ChunkResult> chunks, const float* sums) {
  HeadResult row;
  std::vector<uint64_t> digests;
  for (const ChunkResult& chunk : chunks) {
    if (!chunk.finite) {
      row = {};
      row.finite = false;
      return row;
    }
    digests.push_back(chunk.digest);
    for (int place = 0; place < 2 && chunk.top[place] >= 0; ++place) {
      const int32_t id = chunk.top[place];
      const float value = chunk.value[place];
      // Ids ascend over chunks, and a chunk's tops come best first, so only a larger value displaces one.
      if (row.top[0] < 0 || value > row.value[0]) {
        row.top[1] = row.top[0];
        row.value[1] = row.value[0];
        row.top[0] = id;
        row.value[0] = value;
      } else if (row.top[1] < 0 || value > row.value[1]) {
        row.top[1] = id;
        row.value[1] = value;
      }
    }
  }
  for (int place = 0; place < 2; ++place) {
    if (row.top[place] >= 0) row.accumulator[place] = sums[row.top[place]];
  }
  row.digest = XXH3_64bits(digests.data(), digests.size() * sizeof(uint64_t));
  return row;
}

}  // namespace ra
#endif
