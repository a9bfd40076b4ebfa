#include "kernels/cpu/qk_norm_rope.h"

#include <cmath>
#include <vector>

#include "kernels/cpu/norm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/qk_norm_rope.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {

// One head, x [head_dim] -> y [head_dim]; rope [head_dim / 2][cos, sin]. Order: element by element.
void rope_head(const Bf16* x, const float* rope, int head_dim, Bf16* y) {
  const hn::ScalableTag<float> d;
  const int step = static_cast<int>(hn::Lanes(d)), half = head_dim / 2;
  int j = 0;
  for (; j + step <= half; j += step) {
    hn::Vec<decltype(d)> c, s;
    hn::LoadInterleaved2(d, rope + 2 * j, c, s);
    const auto low = load_bf16(d, x + j), high = load_bf16(d, x + j + half);
    store_bf16(d, round_bf16(d, hn::MulAdd(low, c, hn::Neg(hn::Mul(high, s)))), y + j);
    store_bf16(d, round_bf16(d, hn::MulAdd(high, c, hn::Mul(low, s))), y + j + half);
  }
  for (; j < half; ++j) {
    const float c = rope[2 * j], s = rope[2 * j + 1], low = widen(x[j]), high = widen(x[j + half]);
    y[j] = ra::round_bf16(std::fma(low, c, -(high * s)));
    y[j + half] = ra::round_bf16(std::fma(high, c, low * s));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ra {

HWY_EXPORT(rope_head);

bool qk_norm_rope_store(SimdTarget target, const QkNormRope& op, const Bf16* qkv, const float* rope, Bf16* q,
                        Bf16* page, int key) {
  const int dim = op.layout.head_dim, kv_heads = op.layout.kv_heads;
  bool finite = true;
  std::vector<Bf16> normed(dim), rotated(dim);
  const auto norm_rope = [&](const Bf16* x, const float* weight, Bf16* y) {
    if (weight != nullptr) {
      finite = rms_norm(target, x, weight, dim, op.lanes, op.eps, normed.data()) && finite;
      x = normed.data();
    }
    RA_CALL(target, rope_head)(x, rope, dim, y);
  };
  for (int head = 0; head < op.heads; ++head) norm_rope(qkv + head * dim, op.q_norm, q + head * dim);
  const Bf16* k = qkv + static_cast<size_t>(op.heads) * dim;
  const Bf16* v = k + static_cast<size_t>(kv_heads) * dim;
  for (int head = 0; head < kv_heads; ++head) {
    norm_rope(k + head * dim, op.k_norm, rotated.data());
    Bf16* k_tile = page + head * op.layout.head_size();
    Bf16* v_tile = k_tile + op.layout.k_tile();
    for (int i = 0; i < dim; ++i) k_tile[KvLayout::k_at(key, i)] = rotated[i];
    for (int i = 0; i < dim; ++i) v_tile[op.layout.v_at(key, i)] = v[head * dim + i];
  }
  return finite;
}

}  // namespace ra
#endif
