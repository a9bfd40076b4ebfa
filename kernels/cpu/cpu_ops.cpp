#include "kernels/cpu/cpu_ops.h"

#include <algorithm>
#include <atomic>
#include <span>

#include "core/error.h"
#include "kernels/cpu/blas.h"
#include "kernels/cpu/convert.h"
#include "kernels/cpu/embed.h"
#include "kernels/cpu/norm.h"
#include "kernels/cpu/qk_norm_rope.h"
#include "kernels/cpu/swiglu.h"
#include "kernels/rope_table.h"

namespace ra {
namespace {

int x_width(const ModelShape& shape) {
  return std::max({shape.hidden, shape.heads * shape.head_dim, shape.ffn});
}

int y_width(const ModelShape& shape) {
  return std::max(product_outputs(shape, Role::qkv), 2 * shape.ffn);
}

void flag(uint8_t& nonfinite) {
  std::atomic_ref(nonfinite).store(1, std::memory_order_relaxed);
}

}  // namespace

CpuOps::CpuOps(SimdTarget target, const ModelShape& shape, const std::vector<KernelSet>& sets, int threads)
    : target_(target),
      shape_(shape),
      layout_{shape.kv_heads, shape.head_dim},
      pool_(threads),
      weights_(shape, sets, threads),
      product_scratch_(threads),
      attention_scratch_(threads, AttentionScratch(layout_, shape.heads / shape.kv_heads)),
      rope_frequencies_(rope_frequencies(shape.rope, shape.head_dim)) {
  check(shape.head_dim % 2 == 0 && shape.heads % shape.kv_heads == 0,
        "heads that pair for RoPE and group by KV heads");
}

void CpuOps::load(Role role, int layer, const Parts& parts) {
  const DefaultFloatEnvironment environment;
  weights_.load(pool_, role, layer, parts);
}

void CpuOps::reserve(const Capacity& capacity) {
  check(capacity.rows > 0 && capacity.logit_rows > 0 && capacity.slots > 0 && capacity.pages > 0,
        "room for at least one of everything");
  const DefaultFloatEnvironment environment;
  capacity_ = {};  // nothing may run if what follows fails
  const size_t rows = capacity.rows, layer_pages = static_cast<size_t>(shape_.layers) * capacity.pages;
  cache_ = AlignedBuffer<Bf16>(layer_pages * layout_.page_size());
  h_ = AlignedBuffer<Bf16>(rows * shape_.hidden);
  d_ = AlignedBuffer<Bf16>(rows * shape_.hidden);
  x_ = AlignedBuffer<Bf16>(rows * x_width(shape_));
  y_ = AlignedBuffer<Bf16>(rows * y_width(shape_));
  q_ = AlignedBuffer<Bf16>(rows * q_width());
  sums_ = AlignedBuffer<float>(static_cast<size_t>(capacity.logit_rows) * shape_.vocab);
  next_tokens_.assign(capacity.slots, kNextToken);
  logit_rows_.clear();

  const int positions = reserved_positions(shape_, capacity);
  const int old_positions = static_cast<int>(rope_table_.size() / shape_.head_dim);
  check(positions < 1 << 20, "positions for which RoPE's angles are exact");
  rope_table_.resize(static_cast<size_t>(positions) * shape_.head_dim);
  pool_.run([&](int thread) {
    const Range mine = share(std::max(0, positions - old_positions), thread, pool_.threads());
    const int first = old_positions + mine.begin;
    rope_rows(rope_frequencies_, first, mine.end - mine.begin,
              rope_table_.data() + static_cast<size_t>(first) * shape_.head_dim);
  });
  capacity_ = capacity;
}

// After one of our own products the other threads still spin. After one of the BLAS's they sleep, and waking a halted
// core took 30 to 60 microseconds on a virtual machine, in which one thread does this many elementwise values.
bool CpuOps::worth_sharing(int64_t values) const {
  constexpr int64_t kFewAwake = int64_t{1} << 11;
  constexpr int64_t kFewAsleep = int64_t{1} << 17;
  return values > (calls_blas_ ? kFewAsleep : kFewAwake);
}

template <class Body>
void CpuOps::for_each_row(int rows, int values, const Body& body) {
  check(in_step_, "an operation inside a step");
  if (rows == 1 || !worth_sharing(static_cast<int64_t>(rows) * values)) {
    for (int r = 0; r < rows; ++r) body(r);
    return;
  }
  pool_.run([&](int thread) {
    const Range mine = share(rows, thread, pool_.threads());
    for (int r = mine.begin; r < mine.end; ++r) body(r);
  });
}

void CpuOps::show(Role role, int layer, int rows, size_t row_bytes, void* bytes) {
  if (hook_ && rows > 0) hook_({role, layer, rows, row_bytes, static_cast<std::byte*>(bytes)});
}

void CpuOps::embed() {
  const int rows = static_cast<int>(rows_.size());
  for_each_row(rows, shape_.hidden, [&](int r) {
    ra::embed(weights_.embedding(), tokens_[r], h_.data() + static_cast<size_t>(r) * shape_.hidden);
  });
  show(Role::embed, 0, rows, shape_.hidden * sizeof(Bf16), h_.data());
}

void CpuOps::add_norm(int layer, Role role) {
  const bool is_final = role == Role::final_norm;
  const int rows = static_cast<int>(is_final ? logit_rows_.size() : rows_.size());
  if (rows == 0) return;
  const bool has_residual = is_final || layer > 0 || role == Role::ffn_norm;
  const float* weight = weights_.norm(role, layer);
  const int lanes = choice(role).lanes, n = shape_.hidden;
  check(choice(role).algorithm == Algorithm::lanes && lanes <= kMaxLanes, "a norm by lanes");
  for_each_row(rows, 2 * n, [&](int i) {  // twice over the row
    const int r = is_final ? logit_rows_[i] : i;
    Bf16* h = h_.data() + static_cast<size_t>(r) * n;
    if (has_residual) add_residual(target_, h, d_.data() + static_cast<size_t>(r) * n, n);
    Bf16* x = x_.data() + static_cast<size_t>(i) * n;
    if (!rms_norm(target_, h, weight, n, lanes, shape_.norm_eps, x)) flag(nonfinite_[r]);
  });
  show(role, layer, rows, n * sizeof(Bf16), x_.data());
}

void CpuOps::product(Role role, int layer, const Bf16* x, int rows, Bf16* y, float* sums) {
  check(in_step_, "an operation inside a step");
  const Projection& w = weights_.projection(role, layer);
  const KernelChoice& made = choice(role);
  if (made.algorithm == Algorithm::fma_chain) {
    fma_product(target_, pool_, w.packed, x, rows,
                {y, sums, sums ? nullptr : nonfinite_.data(), w.bias_or_null()}, product_scratch_);
    return;
  }
  check(w.plain.size() > 0, "an fp32 copy of a weight that the BLAS multiplies");
  const size_t x_size = static_cast<size_t>(rows) * w.k, y_size = static_cast<size_t>(rows) * w.n;
  if (blas_x_.size() < x_size) blas_x_ = AlignedBuffer<float>(x_size);
  widen_row(target_, x, x_size, blas_x_.data());
  if (sums == nullptr && blas_y_.size() < y_size) blas_y_ = AlignedBuffer<float>(y_size);
  float* out = sums ? sums : blas_y_.data();
  set_blas_threads(pool_.threads());  // as the choice says; another device may have changed it
  blas_product(made, rows, w.n, w.k, blas_x_.data(), w.plain.data(), out);
  if (sums != nullptr) return;
  for_each_row(rows, w.n, [&](int r) {
    const size_t begin = static_cast<size_t>(r) * w.n;
    if (!round_row(target_, out + begin, w.bias_or_null(), w.n, y + begin)) flag(nonfinite_[r]);
  });
}

void CpuOps::project(int layer, Role role) {
  const int rows = static_cast<int>(rows_.size());
  const bool into_residual = role == Role::o || role == Role::down;
  check(into_residual || role == Role::qkv || role == Role::gate_up, "a product of a layer");
  Bf16* y = into_residual ? d_.data() : y_.data();
  product(role, layer, x_.data(), rows, y, nullptr);
  show(role, layer, rows, product_outputs(shape_, role) * sizeof(Bf16), y);
}

Bf16* CpuOps::layer_cache(int layer) {
  return cache_.data() + static_cast<size_t>(layer) * capacity_.pages * layout_.page_size();
}

void CpuOps::qk_norm_rope_store(int layer) {
  const int rows = static_cast<int>(rows_.size());
  Bf16* cache = layer_cache(layer);
  QkNormRope op;
  op.heads = shape_.heads;
  op.layout = layout_;
  op.q_norm = weights_.q_norm(layer);
  op.k_norm = weights_.k_norm(layer);
  op.lanes = choice(Role::qk_norm_rope).lanes;
  op.eps = shape_.norm_eps;
  for_each_row(rows, 2 * qkv_width(), [&](int r) {
    const StepRow& row = rows_[r];
    const size_t page = row.pages[row.position / kPageKeys];
    const bool finite =
        ra::qk_norm_rope_store(target_, op, y_.data() + static_cast<size_t>(r) * qkv_width(),
                               rope_table_.data() + static_cast<size_t>(row.position) * shape_.head_dim,
                               q_.data() + static_cast<size_t>(r) * q_width(),
                               cache + page * layout_.page_size(), row.position % kPageKeys);
    if (!finite) flag(nonfinite_[r]);
  });
  show(Role::qk_norm_rope, layer, rows, q_width() * sizeof(Bf16), q_.data());
}

void CpuOps::attend(int layer) {
  check(in_step_, "an operation inside a step");
  const int rows = static_cast<int>(rows_.size());
  Bf16* cache = layer_cache(layer);
  const KernelChoice& made = choice(Role::attention);
  const int group = shape_.heads / shape_.kv_heads;
  const auto attend_head = [&](int thread, int r, int kv_head) {
    const StepRow& row = rows_[r];
    const size_t at =
        static_cast<size_t>(r) * q_width() + static_cast<size_t>(kv_head) * group * shape_.head_dim;
    const int keys = row.position + 1;
    const AttentionRow attention{q_.data() + at, row.pages, keys,
                                 made.split_keys > 0 ? made.split_keys : keys};
    if (!ra::attend(target_, layout_, cache, kv_head, group, attention, attention_scratch_[thread],
                    x_.data() + at))
      flag(nonfinite_[r]);
  };
  const int kv_heads = shape_.kv_heads;
  // A query's value meets 8 keys in the time of an elementwise value.
  int64_t keys = 0;
  for (const StepRow& row : rows_) keys += row.position + 1;
  const int threads = worth_sharing(keys * q_width() / 8) ? pool_.threads() : 1;
  const auto share_of = [&](int thread) {
    // Rows are dealt out one by one, as those of a prefill grow costlier; a few rows by head.
    if (rows >= 2 * threads) {
      for (int r = thread; r < rows; r += threads) {
        for (int kv_head = 0; kv_head < kv_heads; ++kv_head) attend_head(thread, r, kv_head);
      }
    } else {
      for (int item = thread; item < rows * kv_heads; item += threads)
        attend_head(thread, item / kv_heads, item % kv_heads);
    }
  };
  if (threads == 1) {
    share_of(0);
  } else {
    pool_.run(share_of);
  }
  show(Role::attention, layer, rows, q_width() * sizeof(Bf16), x_.data());
}

void CpuOps::swiglu(int layer) {
  const int rows = static_cast<int>(rows_.size()), n = shape_.ffn;
  for_each_row(rows, 4 * n, [&](int r) {  // a division and an exponential each
    const Bf16* gate = y_.data() + static_cast<size_t>(r) * 2 * n;
    ra::swiglu(target_, gate, gate + n, n, x_.data() + static_cast<size_t>(r) * n);
  });
  show(Role::swiglu, layer, rows, n * sizeof(Bf16), x_.data());
}

void CpuOps::head() {
  check(in_step_, "an operation inside a step");
  const int rows = static_cast<int>(logit_rows_.size());
  if (rows == 0) return;
  product(Role::lm_head, 0, x_.data(), rows, nullptr, sums_.data());
  show(Role::lm_head, 0, rows, shape_.vocab * sizeof(float), sums_.data());

  const int chunks = (shape_.vocab + kDigestChunk - 1) / kDigestChunk;
  chunks_.resize(static_cast<size_t>(rows) * chunks);
  for_each_row(rows * chunks, kDigestChunk, [&](int item) {
    const int row = item / chunks, first = item % chunks * kDigestChunk;
    chunks_[item] = head_chunk(target_, sums_.data() + static_cast<size_t>(row) * shape_.vocab, first,
                               std::min(kDigestChunk, shape_.vocab - first), fp32_logits_);
  });
  for (int i = 0; i < rows; ++i) {
    const int r = logit_rows_[i];
    HeadResult result =
        merge_chunks(std::span(chunks_).subspan(static_cast<size_t>(i) * chunks, chunks),
                     sums_.data() + static_cast<size_t>(i) * shape_.vocab, shape_.vocab, fp32_logits_);
    if (nonfinite_[r]) {
      result = {};
      result.finite = false;
    }
    // A failed row's slot must not run on with a token that nobody chose.
    next_tokens_[rows_[r].slot] = result.finite ? result.top[0] : kNextToken;
    current_.heads.push_back(result);
  }
}

void CpuOps::read_logits(int row, float* out) const {
  check(row >= 0 && row < static_cast<int>(logit_rows_.size()), "a logit row of the last step");
  const float* sums = sums_.data() + static_cast<size_t>(row) * shape_.vocab;
  for (int i = 0; i < shape_.vocab; ++i) out[i] = fp32_logits_ ? sums[i] : widen(round_bf16(sums[i]));
}

MemoryNeed CpuOps::memory(const ModelShape& shape, const std::vector<KernelSet>& sets,
                          const Capacity& capacity, int threads) {
  const KvLayout layout{shape.kv_heads, shape.head_dim};
  const uint64_t rows = capacity.rows;
  MemoryNeed need;
  need.weights = CpuWeights::bytes(shape, sets, threads);
  need.cache = static_cast<uint64_t>(shape.layers) * capacity.pages * layout.page_size() * sizeof(Bf16);
  const uint64_t elements = rows * (2 * static_cast<uint64_t>(shape.hidden) + x_width(shape) +
                                    y_width(shape) + static_cast<uint64_t>(shape.heads) * shape.head_dim);
  need.workspace =
      elements * sizeof(Bf16) + static_cast<uint64_t>(capacity.logit_rows) * shape.vocab * sizeof(float) +
      static_cast<uint64_t>(reserved_positions(shape, capacity)) * shape.head_dim * sizeof(float);
  bool calls_blas = false;
  for (const KernelSet& set : sets) calls_blas = calls_blas || set.name == "standard";
  if (calls_blas) need.workspace += rows * (x_width(shape) + y_width(shape)) * sizeof(float);
  return need;
}

}  // namespace ra
