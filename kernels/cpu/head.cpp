#include "kernels/cpu/head.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/head.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {

// Writes the logits as used to `used` and their two largest values to `best`; `used` is padded to whole vectors.
// Returns whether all logits are finite.
bool logits_as_used(const float* sums, int count, bool fp32_logits, float* used, float* best) {
  const hn::ScalableTag<float> d;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(d));
  const auto none = hn::Set(d, -std::numeric_limits<float>::infinity());
  auto finite = hn::FirstN(d, kStep);
  auto first = none, second = none;  // of each lane
  const auto take = [&](hn::Vec<decltype(d)> s, hn::Mask<decltype(d)> there, int i) HWY_ATTR {
    const auto y = fp32_logits ? s : round_bf16(d, s);
    finite = hn::And(finite, hn::Or(hn::IsFinite(y), hn::Not(there)));
    hn::StoreU(y, d, used + i);
    const auto candidate = hn::IfThenElse(there, y, none);
    second = hn::Max(second, hn::Min(first, candidate));
    first = hn::Max(first, candidate);
  };
  const auto all = hn::FirstN(d, kStep);
  int i = 0;
  for (; i + kStep <= count; i += kStep) take(hn::LoadU(d, sums + i), all, i);
  if (i < count) {
    float rest[kStep] = {};
    std::copy(sums + i, sums + count, rest);
    take(hn::LoadU(d, rest), hn::FirstN(d, count - i), i);
  }
  float lanes[2 * kStep];
  hn::StoreU(first, d, lanes);
  hn::StoreU(second, d, lanes + kStep);
  std::partial_sort(lanes, lanes + 2, lanes + 2 * kStep, std::greater<float>());
  std::copy(lanes, lanes + 2, best);
  return hn::AllTrue(d, finite);
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ra {

static_assert(std::endian::native == std::endian::little, "the digest's bytes are little endian");

HWY_EXPORT(logits_as_used);

namespace {

// The first id in [begin, end) whose logit equals `value`, other than `skip`. -0 equals +0.
int find_value(const float* sums, int begin, int end, bool fp32_logits, float value, int skip) {
  for (int id = begin; id < end; ++id) {
    if (id != skip && (fp32_logits ? sums[id] : widen(round_bf16(sums[id]))) == value) return id;
  }
  throw Error(Exit::bug, "internal error: expected a logit of the largest value");
}

}  // namespace

// [count] -> both values and the digest. Order: no sum.
ChunkResult head_chunk(SimdTarget target, const float* sums, int first, int count, bool fp32_logits) {
  alignas(64) float used[kDigestChunk];  // whole vectors, so the padding fits
  ChunkResult result;
  result.finite = RA_CALL(target, logits_as_used)(sums + first, count, fp32_logits, used, result.value);
  if (result.finite) result.digest = XXH3_64bits(used, static_cast<size_t>(count) * sizeof(float));
  return result;
}

HeadResult merge_chunks(std::span<const ChunkResult> chunks, const float* sums, int vocab, bool fp32_logits) {
  HeadResult row;
  row.finite = std::ranges::all_of(chunks, &ChunkResult::finite);
  if (!row.finite) return row;
  std::vector<uint64_t> digests;
  for (const ChunkResult& chunk : chunks) digests.push_back(chunk.digest);
  row.digest = XXH3_64bits(digests.data(), digests.size() * sizeof(uint64_t));

  // Chunks that hold the two largest values; of equal ones the earlier, so that ties go to the lowest id.
  float best[2] = {-std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  size_t chunk_of[2] = {0, 0};
  for (size_t c = 0; c < chunks.size(); ++c) {
    for (const float value : chunks[c].value) {
      if (value > best[0]) {
        best[1] = best[0];
        chunk_of[1] = chunk_of[0];
        best[0] = value;
        chunk_of[0] = c;
      } else if (value > best[1]) {
        best[1] = value;
        chunk_of[1] = c;
      }
    }
  }
  for (int place = 0; place < 2 && place < vocab; ++place) {
    const int begin = static_cast<int>(chunk_of[place]) * kDigestChunk;
    const int id =
        find_value(sums, begin, std::min(begin + kDigestChunk, vocab), fp32_logits, best[place], row.top[0]);
    row.top[place] = id;
    row.value[place] = fp32_logits ? sums[id] : widen(round_bf16(sums[id]));
    row.accumulator[place] = sums[id];
  }
  return row;
}

}  // namespace ra
#endif
