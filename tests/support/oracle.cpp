#include "tests/support/oracle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/hash.h"
#include "tests/support/hopper_step.h"

namespace ra::oracle {
namespace {

constexpr int kChunk = 512;        // rule 2
constexpr int kSegmentKeys = 256;  // rule 12
constexpr int kTileKeys = 64;
constexpr int kSumLanes = 8;
constexpr int kLeastExponent = -125;   // rules 7, 12, 13: powers of two below this one are zero
constexpr float kMaxScore = 0x1p20f;   // rule 11
constexpr size_t kDigestChunk = 1024;  // rule 16

static_assert(std::endian::native == std::endian::little, "the digest's bytes are little endian");

}  // namespace

SumOrder sum_order_of(const std::string& sum_order_class) {
  if (sum_order_class == "cpu-fma512/1") return SumOrder::fma512;
  check(sum_order_class == "hopper-k16/1", "a sum-order class that the numerics page defines");
  return SumOrder::k16;
}

uint16_t bf16_bits(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if (std::isnan(x)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  const uint32_t kept_is_odd = bits >> 16 & 1;
  return static_cast<uint16_t>((bits + 0x7fff + kept_is_odd) >> 16);
}

float from_bf16_bits(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

float bf16(float x) {
  return from_bf16_bits(bf16_bits(x));
}

float tree(std::span<const float> values) {
  check(std::has_single_bit(values.size()), "a power of two of values in a tree");
  std::vector<float> level(values.begin(), values.end());
  while (level.size() > 1) {
    for (size_t j = 0; j < level.size() / 2; ++j) level[j] = level[2 * j] + level[2 * j + 1];
    level.resize(level.size() / 2);
  }
  return level[0];
}

float accumulate(SumOrder order, float sum, std::span<const float> a, std::span<const float> b) {
  if (order == SumOrder::k16) return hopper_accumulate(sum, a, b);
  for (size_t i = 0; i < a.size(); ++i) sum = std::fma(a[i], b[i], sum);
  return sum;
}

Matrix matrix_of(int n, int k, std::span<const float> rows) {
  check(rows.size() == static_cast<size_t>(n) * k, "a matrix of n rows of k");
  Matrix m{n, k, std::vector<float>(rows.size())};
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < k; ++i) {
      m.values[static_cast<size_t>(i) * n + j] = bf16(rows[static_cast<size_t>(j) * k + i]);
    }
  }
  return m;
}

std::vector<float> linear_sums(SumOrder order, std::span<const float> x, const Matrix& w) {
  check(x.size() == static_cast<size_t>(w.k), "an input of the matrix's width");
  std::vector<float> sums(w.n), chunk(w.n), row(w.k);
  if (order == SumOrder::k16) {
    for (int n = 0; n < w.n; ++n) {
      for (int i = 0; i < w.k; ++i) row[i] = w.values[static_cast<size_t>(i) * w.n + n];
      sums[n] = accumulate(order, 0.0f, x, row);
    }
    return sums;
  }
  for (int begin = 0; begin < w.k; begin += kChunk) {
    std::ranges::fill(chunk, 0.0f);
    for (int i = begin; i < std::min(begin + kChunk, w.k); ++i) {
      const float* column = w.values.data() + static_cast<size_t>(i) * w.n;
      for (int n = 0; n < w.n; ++n) chunk[n] = std::fma(x[i], column[n], chunk[n]);
    }
    if (begin == 0) {
      sums = chunk;
    } else {
      for (int n = 0; n < w.n; ++n) sums[n] = sums[n] + chunk[n];
    }
  }
  return sums;
}

std::vector<float> linear(SumOrder order, std::span<const float> x, const Matrix& w) {
  std::vector<float> y = linear_sums(order, x, w);
  for (size_t n = 0; n < y.size(); ++n) y[n] = bf16(w.bias.empty() ? y[n] : y[n] + w.bias[n]);
  return y;
}

void add_residual(std::span<float> h, std::span<const float> d) {
  check(h.size() == d.size(), "a residual as wide as the stream");
  for (size_t i = 0; i < h.size(); ++i) h[i] = bf16(h[i] + d[i]);
}

float sum_of_squares(std::span<const float> x) {
  const size_t lanes = x.size() <= 2048 ? 256 : 1024;
  std::vector<float> squares(lanes, 0.0f);
  for (size_t i = 0; i < x.size(); ++i) squares[i % lanes] = std::fma(x[i], x[i], squares[i % lanes]);
  return tree(squares);
}

std::vector<float> rms_norm(std::span<const float> x, std::span<const float> weight, float eps) {
  check(x.size() == weight.size(), "a norm's weight as wide as its input");
  const float sum = sum_of_squares(x);
  check(std::isfinite(sum), "a finite sum of squares");
  const float mean = sum / static_cast<float>(x.size());
  const float r = 1.0f / std::sqrt(mean + eps);
  std::vector<float> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = bf16(bf16(x[i] * r) * weight[i]);
  return y;
}

Exp2 exp2_pair(float u) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  const float t = u + kShift;
  const float f = u - (t - kShift);
  float p = 0x1.5bba14p-10f;
  p = std::fma(p, f, 0x1.3cea88p-7f);
  p = std::fma(p, f, 0x1.c6b752p-5f);
  p = std::fma(p, f, 0x1.ebf9bcp-3f);
  p = std::fma(p, f, 0x1.62e42ap-1f);
  p = std::fma(p, f, 1.0f);
  return {static_cast<int32_t>(std::bit_cast<uint32_t>(t) - 0x4B400000u), p};
}

float power_of_two(int64_t i) {
  if (i < kLeastExponent) return 0.0f;
  check(i <= 125, "a power of two within fp32's normal range");
  return std::ldexp(1.0f, static_cast<int>(i));
}

float exp2(float u) {
  const Exp2 e = exp2_pair(u);
  return e.p * power_of_two(e.i);
}

float swiglu(float gate, float up) {
  const float v = std::clamp(gate * -0x1.715476p+0f, -125.0f, 125.0f);
  const float a = bf16(gate / (1.0f + exp2(v)));
  return bf16(a * up);
}

std::vector<float> rope_table(const RopeSpec& spec, int head_dim, int positions) {
  const int half = head_dim / 2;
  std::vector<float> theta(half);
  for (int j = 0; j < half; ++j) {
    double frequency = std::pow(spec.base, -2.0 * j / head_dim);
    if (spec.scaling == RopeSpec::Scaling::linear) frequency = frequency / spec.factor;
    if (spec.scaling == RopeSpec::Scaling::llama3) {
      // Long waves are stretched by `factor`, short ones kept, the ones between blended by how many fit the
      // original context.
      const double wavelength = 2.0 * std::numbers::pi / frequency;
      const double turns = spec.original_positions / wavelength;
      if (turns < spec.low_frequency_factor) {
        frequency = frequency / spec.factor;
      } else if (turns <= spec.high_frequency_factor) {
        const double smooth =
            (turns - spec.low_frequency_factor) / (spec.high_frequency_factor - spec.low_frequency_factor);
        frequency = (1.0 - smooth) * frequency / spec.factor + smooth * frequency;
      }
    }
    theta[j] = static_cast<float>(frequency);
  }
  std::vector<float> table(static_cast<size_t>(positions) * half * 2);
  for (int position = 0; position < positions; ++position) {
    for (int j = 0; j < half; ++j) {
      const double angle = static_cast<double>(position) * static_cast<double>(theta[j]);
      float* pair = table.data() + (static_cast<size_t>(position) * half + j) * 2;
      pair[0] = static_cast<float>(std::cos(angle));
      pair[1] = static_cast<float>(std::sin(angle));
    }
  }
  return table;
}

void rope(std::span<float> head, std::span<const float> row) {
  const size_t half = head.size() / 2;
  for (size_t j = 0; j < half; ++j) {
    const float x = head[j], y = head[j + half], c = row[2 * j], s = row[2 * j + 1];
    const float ys = y * s, xs = x * s;
    head[j] = bf16(std::fma(x, c, -ys));
    head[j + half] = bf16(std::fma(y, c, xs));
  }
}

SegmentState segment(SumOrder order, std::span<const float> q, const KeyValues& cache, int kv_head, int first,
                     int keys) {
  const int head_dim = static_cast<int>(q.size());
  const float scale = static_cast<float>(std::numbers::log2e / std::sqrt(static_cast<double>(head_dim)));
  const size_t at = static_cast<size_t>(kv_head) * head_dim;
  SegmentState state;
  state.o.assign(head_dim, 0.0f);
  std::array<float, kSumLanes> r{};
  for (int tile = first; tile < first + kSegmentKeys; tile += kTileKeys) {
    const int visible = std::clamp(keys - tile, 0, kTileKeys);
    if (visible == 0) continue;
    // Rule 11: scores of the visible keys.
    std::array<Exp2, kTileKeys> score{};
    for (int key = 0; key < visible; ++key) {
      const std::span<const float> k(cache.k[tile + key].data() + at, head_dim);
      const float s = accumulate(order, 0.0f, q, k);
      score[key] = exp2_pair(std::clamp(s * scale, -kMaxScore, kMaxScore));
    }
    // Rule 12: the tile joins the segment.
    int32_t m = state.empty ? score[0].i : state.m;
    for (int key = 0; key < visible; ++key) m = std::max(m, score[key].i);
    const float alpha = state.empty ? 0.0f : power_of_two(static_cast<int64_t>(state.m) - m);
    std::array<float, kTileKeys> p{};  // +0 where masked
    for (int key = 0; key < visible; ++key) {
      p[key] = score[key].p * power_of_two(static_cast<int64_t>(score[key].i) - m);
    }
    std::array<float, kSumLanes> t{};
    for (int key = 0; key < kTileKeys; ++key) t[key % kSumLanes] = t[key % kSumLanes] + p[key];
    for (int j = 0; j < kSumLanes; ++j) r[j] = std::fma(r[j], alpha, t[j]);
    std::array<float, kTileKeys> weight{}, v{};  // rule 10: a masked slot counts as zero
    for (int key = 0; key < kTileKeys; ++key) weight[key] = bf16(p[key]);
    for (int d = 0; d < head_dim; ++d) {
      for (int key = 0; key < visible; ++key) v[key] = cache.v[tile + key][at + d];
      state.o[d] = accumulate(order, state.o[d] * alpha, weight, v);
    }
    state.m = m;
    state.empty = false;
  }
  state.l = tree(r);
  return state;
}

void merge(SegmentState& sum, const SegmentState& later) {
  if (later.empty) return;
  if (sum.empty) {
    sum = later;
    return;
  }
  const int32_t m = std::max(sum.m, later.m);
  const float a = power_of_two(static_cast<int64_t>(sum.m) - m);
  const float b = power_of_two(static_cast<int64_t>(later.m) - m);
  const float scaled = later.l * b;
  sum.l = std::fma(sum.l, a, scaled);
  for (size_t d = 0; d < sum.o.size(); ++d) {
    const float addend = later.o[d] * b;
    sum.o[d] = std::fma(sum.o[d], a, addend);
  }
  sum.m = m;
}

std::vector<float> attention(SumOrder order, std::span<const float> q, const KeyValues& cache, int kv_head,
                             int keys) {
  SegmentState state;
  for (int first = 0; first < keys; first += kSegmentKeys) {
    merge(state, segment(order, q, cache, kv_head, first, keys));
  }
  return attention_output(state);
}

std::vector<float> attention_output(const SegmentState& state) {
  const float rho = 1.0f / state.l;
  std::vector<float> out(state.o.size());
  for (size_t d = 0; d < out.size(); ++d) {
    const float scaled = state.o[d] * rho;
    out[d] = bf16(scaled + 0.0f);
  }
  return out;
}

uint64_t logits_digest(std::span<const float> logits) {
  std::vector<uint64_t> chunks;
  for (size_t begin = 0; begin < logits.size(); begin += kDigestChunk) {
    const size_t count = std::min(kDigestChunk, logits.size() - begin);
    chunks.push_back(xxh3_64(std::as_bytes(logits.subspan(begin, count))));
  }
  return xxh3_64(std::as_bytes(std::span(chunks)));
}

HeadResult head(std::span<const float> sums, bool fp32_logits, std::vector<float>* logits) {
  std::vector<float> used(sums.begin(), sums.end());
  if (!fp32_logits) {
    for (float& value : used) value = bf16(value);
  }
  if (logits != nullptr) *logits = used;
  HeadResult result;
  result.finite = std::ranges::all_of(used, [](float value) { return std::isfinite(value); });
  if (!result.finite) return result;
  for (int place = 0; place < 2; ++place) {
    int best = -1;
    for (int id = 0; id < static_cast<int>(used.size()); ++id) {
      if (place == 1 && id == result.top[0]) continue;
      if (best < 0 || used[id] > used[best]) best = id;  // strictly: the lowest id keeps a tie
    }
    if (best < 0) break;
    result.top[place] = best;
    result.value[place] = used[best];
    result.accumulator[place] = sums[best];
  }
  result.digest = logits_digest(used);
  return result;
}

}  // namespace ra::oracle
