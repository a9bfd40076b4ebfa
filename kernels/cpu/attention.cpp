#include "kernels/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cpp"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/bf16-inl.h"
#include "kernels/cpu/exp2-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {

constexpr int kSumLanes = 8;                     // numerics.md rule 12: t and r
constexpr int kMaxHeads = 4;                     // query heads that share one pass over a tile
constexpr int32_t kNoKey = -(int32_t{1} << 30);  // "minus infinity": more than 125 below any score
constexpr float kMaxScore = 0x1p20f;             // rule 11

using F = hn::CappedTag<float, 16>;
using I = hn::RebindToSigned<F>;
constexpr int kStep = static_cast<int>(hn::MaxLanes(F()));
#if HWY_TARGET == HWY_AVX2
constexpr int kVectors = 2;  // side by side, times kMaxHeads, in 16 registers
#else
constexpr int kVectors = 4;
#endif

// 2^i, 0 for i < -125; i <= 0.
float power_of_two(int32_t i) {
  if (i < -125) return 0.0f;
  const uint32_t bits = static_cast<uint32_t>(i + 127) << 23;
  float value;
  hwy::CopyBytes<sizeof(value)>(&bits, &value);
  return value;
}

// A segment's state of kMaxHeads heads (rule 12); O lies with the caller.
struct State {
  int32_t m[kMaxHeads];
  float r[kMaxHeads][kSumLanes];
};

// Scores of kWide vectors of keys. q [kHeads, dim] in fp32, k [dim / 2][64][2] -> s [kHeads][64].
// Order: ascending fma over head_dim from +0, key by key side by side.
template <int kHeads, int kWide>
void score_columns(const float* q, int dim, const Bf16* k, float (*s)[kPageKeys], int key) {
  const F d;
  hn::Vec<F> acc[kHeads][kWide];
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int v = 0; v < kWide; ++v) acc[h][v] = hn::Zero(d);
  }
  k += key * 2;
  for (int i = 0; i < dim; i += 2, k += 2 * kPageKeys) {
    hn::Vec<F> even[kWide], odd[kWide];
#pragma GCC unroll 4
    for (int v = 0; v < kWide; ++v) {
      const auto words = load_pairs(d, k + v * kStep * 2);
      even[v] = even_of_pairs(d, words);
      odd[v] = odd_of_pairs(d, words);
    }
#pragma GCC unroll 4
    for (int h = 0; h < kHeads; ++h) {
      const auto q0 = hn::Set(d, q[h * dim + i]), q1 = hn::Set(d, q[h * dim + i + 1]);
#pragma GCC unroll 4
      for (int v = 0; v < kWide; ++v) {
        acc[h][v] = hn::MulAdd(q1, odd[v], hn::MulAdd(q0, even[v], acc[h][v]));
      }
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int v = 0; v < kWide; ++v) hn::StoreU(acc[h][v], d, s[h] + key + v * kStep);
  }
}

// Scores of a tile's visible keys, and of what else their last vector holds.
template <int kHeads>
void score_tile(const float* q, int dim, const Bf16* k, int visible, float (*s)[kPageKeys]) {
  int key = 0;
  for (; key + (kVectors - 1) * kStep < visible; key += kVectors * kStep) {
    score_columns<kHeads, kVectors>(q, dim, k, s, key);
  }
  for (; key + kStep < visible; key += 2 * kStep) score_columns<kHeads, 2>(q, dim, k, s, key);
  if (key < visible) score_columns<kHeads, 1>(q, dim, k, s, key);
}

// One head's scores to B(P) in place; m, r and `alpha` move on. Returns false if a visible score is not finite.
// Order: t[j] sums the keys k mod 8 = j ascending from +0.
bool softmax_tile(float* s, int visible, float scale, int32_t& m, float* r, float& alpha) {
  const F d;
  const I di;
  alignas(64) int32_t exponents[kPageKeys];
  auto largest = hn::Set(di, kNoKey);
  auto finite = hn::FirstN(d, kStep);
  for (int key = 0; key < kPageKeys; key += kStep) {
    if (key >= visible) {
      hn::StoreU(hn::Set(di, kNoKey), di, exponents + key);
      hn::StoreU(hn::Zero(d), d, s + key);
      continue;
    }
    const auto seen = hn::FirstN(d, static_cast<size_t>(visible - key));
    const auto score = hn::IfThenElseZero(seen, hn::LoadU(d, s + key));
    finite = hn::And(finite, hn::IsFinite(score));
    const auto scaled = hn::Mul(score, hn::Set(d, scale));
    const auto u = hn::Max(hn::Min(scaled, hn::Set(d, kMaxScore)), hn::Set(d, -kMaxScore));
    hn::Vec<I> i;
    hn::Vec<F> p;
    exp2_pair(d, u, i, p);
    i = hn::IfThenElse(hn::RebindMask(di, seen), i, hn::Set(di, kNoKey));
    largest = hn::Max(largest, i);
    hn::StoreU(i, di, exponents + key);
    hn::StoreU(p, d, s + key);
  }
  const int32_t old = m;
  m = std::max(m, hn::GetLane(hn::MaxOfLanes(di, largest)));
  alpha = power_of_two(old - m);
  alignas(64) float t[kSumLanes] = {};
  for (int key = 0; key < kPageKeys; key += kStep) {
    const auto below = hn::Sub(hn::LoadU(di, exponents + key), hn::Set(di, m));
    hn::StoreU(scale_by_exponent(d, hn::LoadU(d, s + key), below), d, s + key);
  }
  const hn::CappedTag<float, kSumLanes> d8;
  const int step8 = static_cast<int>(hn::Lanes(d8));
  for (int j = 0; j < kSumLanes; j += step8) {
    auto sum = hn::Zero(d8);
    for (int key = j; key < visible; key += kSumLanes) sum = hn::Add(sum, hn::LoadU(d8, s + key));
    hn::StoreU(sum, d8, t + j);
    hn::StoreU(hn::MulAdd(hn::LoadU(d8, r + j), hn::Set(d8, alpha), sum), d8, r + j);
  }
  for (int key = 0; key < kPageKeys; key += kStep)
    hn::StoreU(round_bf16(d, hn::LoadU(d, s + key)), d, s + key);
  return hn::AllTrue(d, finite);
}

// O = O alpha + P V. p [kHeads][64], v [32][padded_dim][2], o [kHeads, padded_dim].
// Order: ascending fma over the tile's visible keys from O alpha. Masked keys would add +0 to it, which changes nothing
// but the sign of a zero, and rule 14 ends with + 0.
template <int kHeads, int kWide>
void value_columns(const float (*p)[kPageKeys], const float* alpha, const Bf16* v, int visible,
                   int padded_dim, float* o) {
  const F d;
  hn::Vec<F> acc[kHeads][kWide];
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int c = 0; c < kWide; ++c) {
      acc[h][c] = hn::Mul(hn::LoadU(d, o + h * padded_dim + c * kStep), hn::Set(d, alpha[h]));
    }
  }
  int key = 0;
  for (; key + 1 < visible; key += 2, v += 2 * padded_dim) {
    hn::Vec<F> even[kWide], odd[kWide];
#pragma GCC unroll 4
    for (int c = 0; c < kWide; ++c) {
      const auto words = load_pairs(d, v + c * kStep * 2);
      even[c] = even_of_pairs(d, words);
      odd[c] = odd_of_pairs(d, words);
    }
#pragma GCC unroll 4
    for (int h = 0; h < kHeads; ++h) {
      const auto p0 = hn::Set(d, p[h][key]), p1 = hn::Set(d, p[h][key + 1]);
#pragma GCC unroll 4
      for (int c = 0; c < kWide; ++c) {
        acc[h][c] = hn::MulAdd(p1, odd[c], hn::MulAdd(p0, even[c], acc[h][c]));
      }
    }
  }
  if (key < visible) {
#pragma GCC unroll 4
    for (int c = 0; c < kWide; ++c) {
      const auto even = even_of_pairs(d, load_pairs(d, v + c * kStep * 2));
#pragma GCC unroll 4
      for (int h = 0; h < kHeads; ++h) acc[h][c] = hn::MulAdd(hn::Set(d, p[h][key]), even, acc[h][c]);
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int c = 0; c < kWide; ++c) hn::StoreU(acc[h][c], d, o + h * padded_dim + c * kStep);
  }
}

template <int kHeads>
bool tile(const float* q, float scale, const KvLayout& layout, const Bf16* k, const Bf16* v, int visible,
          State& state, float* o) {
  alignas(64) float s[kHeads][kPageKeys];
  float alpha[kHeads];
  // V arrives while the scores are computed.
  const int pairs = (visible + 1) / 2;
  constexpr int kLine = 32;  // bf16 values of a cache line
  for (int i = 0; i < pairs * 2 * layout.padded_dim(); i += kLine) hwy::Prefetch(v + i);
  score_tile<kHeads>(q, layout.head_dim, k, visible, s);
  bool finite = true;
  for (int h = 0; h < kHeads; ++h) {
    finite = softmax_tile(s[h], visible, scale, state.m[h], state.r[h], alpha[h]) && finite;
  }
  const int padded = layout.padded_dim();
  int column = 0;
  for (; column + kVectors * kStep <= padded; column += kVectors * kStep) {
    value_columns<kHeads, kVectors>(s, alpha, v + column * 2, visible, padded, o + column);
  }
  for (; column < padded; column += kStep) {
    value_columns<kHeads, 1>(s, alpha, v + column * 2, visible, padded, o + column);
  }
  return finite;
}

// kHeads query heads over all keys: segments ascending, each in tiles of 64 ascending, merged as they come.
template <int kHeads>
bool attend_heads(const KvLayout& layout, const Bf16* cache, int kv_head, const AttentionRow& row,
                  AttentionScratch& scratch, const Bf16* q16, Bf16* out) {
  const F d;
  const int dim = layout.head_dim, padded = layout.padded_dim();
  const float scale = static_cast<float>(std::numbers::log2e / std::sqrt(static_cast<double>(dim)));
  float* q = scratch.q.data();
  int widened = 0;
  for (; widened + kStep <= kHeads * dim; widened += kStep)
    hn::StoreU(load_bf16(d, q16 + widened), d, q + widened);
  for (; widened < kHeads * dim; ++widened) q[widened] = widen(q16[widened]);
  bool finite = true;
  int32_t m[kHeads] = {};
  float l[kHeads] = {};
  for (int first = 0; first < row.keys; first += row.split_keys) {
    const int end = std::min(first + row.split_keys, row.keys);
    State state{};
    std::fill(state.m, state.m + kMaxHeads, kNoKey);
    float* part = first == 0 ? scratch.output.data() : scratch.part.data();
    std::fill(part, part + kHeads * padded, 0.0f);
    for (int key = first; key < end; key += kPageKeys) {
      const TilePointers at =
          tile_at(layout, cache, kv_head, row.pages, key, std::min(end - key, kPageKeys), scratch);
      finite =
          tile<kHeads>(q, scale, layout, at.k, at.v, std::min(end - key, kPageKeys), state, part) && finite;
    }
    for (int h = 0; h < kHeads; ++h) {
      // l = tree(r)
      const float* r = state.r[h];
      const float sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
      if (first == 0) {
        m[h] = state.m[h];
        l[h] = sum;
        continue;
      }
      const int32_t both = std::max(m[h], state.m[h]);
      const float a = power_of_two(m[h] - both), b = power_of_two(state.m[h] - both);
      l[h] = std::fma(l[h], a, sum * b);
      m[h] = both;
      for (int i = 0; i < padded; i += kStep) {
        float* o = scratch.output.data() + h * padded + i;
        const auto addend = hn::Mul(hn::LoadU(d, part + h * padded + i), hn::Set(d, b));
        hn::StoreU(hn::MulAdd(hn::LoadU(d, o), hn::Set(d, a), addend), d, o);
      }
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    const float rho = 1.0f / l[h];
    const float* from = scratch.output.data() + h * padded;
    int i = 0;
    for (; i + kStep <= dim; i += kStep) {
      const auto scaled = hn::Mul(hn::LoadU(d, from + i), hn::Set(d, rho));
      const auto o = round_bf16(d, hn::Add(scaled, hn::Zero(d)));
      finite = finite && !any_nonfinite(d, o);
      store_bf16(d, o, out + h * dim + i);
    }
    for (; i < dim; ++i) {
      const float o = from[i] * rho + 0.0f;
      finite = finite && !rounds_to_nonfinite(o);
      out[h * dim + i] = ra::round_bf16(o);
    }
  }
  return finite;
}

bool attend_group(const KvLayout& layout, const Bf16* cache, int kv_head, int group, const AttentionRow& row,
                  AttentionScratch& scratch, Bf16* out) {
  bool finite = true;
  for (int head = 0; head < group;) {
    const int heads = std::min(group - head, kMaxHeads);
    const Bf16* q = row.q + head * layout.head_dim;
    Bf16* to = out + head * layout.head_dim;
    switch (heads) {
      case 1:
        finite = attend_heads<1>(layout, cache, kv_head, row, scratch, q, to) && finite;
        break;
      case 2:
        finite = attend_heads<2>(layout, cache, kv_head, row, scratch, q, to) && finite;
        break;
      case 3:
        finite = attend_heads<3>(layout, cache, kv_head, row, scratch, q, to) && finite;
        break;
      default:
        finite = attend_heads<4>(layout, cache, kv_head, row, scratch, q, to) && finite;
        break;
    }
    head += heads;
  }
  return finite;
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ra {

HWY_EXPORT(attend_group);

TilePointers tile_at(const KvLayout& layout, const Bf16* cache, int kv_head, const int32_t* table, int key,
                     int count, AttentionScratch& scratch) {
  const auto k_of = [&](int position) {
    return cache + static_cast<size_t>(table[position / kPageKeys]) * layout.page_size() +
           kv_head * layout.head_size();
  };
  if (key % kPageKeys == 0) return {k_of(key), k_of(key) + layout.k_tile()};
  for (int i = 0; i < count; ++i) {
    const Bf16* k = k_of(key + i);
    const Bf16* v = k + layout.k_tile();
    const int from = (key + i) % kPageKeys;
    for (int dim = 0; dim < layout.head_dim; ++dim) {
      scratch.k[KvLayout::k_at(i, dim)] = k[KvLayout::k_at(from, dim)];
      scratch.v[layout.v_at(i, dim)] = v[layout.v_at(from, dim)];
    }
  }
  return {scratch.k.data(), scratch.v.data()};
}

AttentionScratch::AttentionScratch(const KvLayout& layout, int group)
    : q(static_cast<size_t>(group) * layout.head_dim),
      part(static_cast<size_t>(group) * layout.padded_dim()),
      output(part.size()),
      k(layout.k_tile()),
      v(layout.v_tile()) {}

bool attend(SimdTarget target, const KvLayout& layout, const Bf16* cache, int kv_head, int group,
            const AttentionRow& row, AttentionScratch& scratch, Bf16* out) {
  return RA_CALL(target, attend_group)(layout, cache, kv_head, group, row, scratch, out);
}

}  // namespace ra
#endif
