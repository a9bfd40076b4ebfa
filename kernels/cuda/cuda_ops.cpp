#include "kernels/cuda/cuda_ops.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "kernels/bf16.h"
#include "kernels/cuda/kernel_sets.h"
#include "kernels/cuda/product_check.h"
#include "kernels/product_shape.h"
#include "kernels/rope_table.h"

namespace ra::cuda {
namespace {

constexpr int kTransfers = 4;
// Allowed for 64 graphs of some 400 launches, the library's kernels, and what certification samples: an estimate.
constexpr uint64_t kGraphsAndModules = uint64_t{256} << 20;

int multiprocessors_here() {
  int device = 0, count = 0;
  cuda_check(cudaGetDevice(&device), "the device");
  cuda_check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "the device");
  return count;
}

bool has_any_bias(const ModelShape& shape) {
  return shape.qkv_bias || shape.o_bias;
}

}  // namespace

// In values, not bytes. Rows are padded to what any plan may launch for them.
struct CudaOps::Sizes {
  Sizes(const ModelShape& shape, const Capacity& capacity, int multiprocessors) {
    const auto padded = [](int count) {
      return static_cast<size_t>(std::max({kSampleRows, captured_rows(count), planned_rows(count)}));
    };
    rows = padded(capacity.rows);
    logit_rows = padded(capacity.logit_rows);
    q_width = static_cast<size_t>(shape.heads) * shape.head_dim;
    x_width = std::max(static_cast<size_t>(shape.hidden), q_width);
    y_width = static_cast<size_t>(std::max(product_outputs(shape, Role::qkv), 2 * shape.ffn));
    bias_width = has_any_bias(shape)
                     ? static_cast<size_t>(std::max(product_outputs(shape, Role::qkv), shape.hidden))
                     : 0;
    chunks = static_cast<size_t>(shape.vocab + kDigestChunk - 1) / kDigestChunk;
    // Segments of 256 keys, or the splits that fill the multiprocessors: at most a few times as many as there are.
    const size_t segments = static_cast<size_t>(capacity.pages) / 4 + static_cast<size_t>(capacity.slots);
    const size_t splits =
        std::min(static_cast<size_t>(capacity.pages) + static_cast<size_t>(capacity.slots),
                 static_cast<size_t>(multiprocessors) * static_cast<size_t>(multiprocessors));
    items = std::max(segments, splits);
    pages_a_slot = (reserved_positions(shape, capacity) + kPageKeys - 1) / kPageKeys;
    table = static_cast<size_t>(capacity.slots) * static_cast<size_t>(pages_a_slot);
    words = kStepHeadWords + 3 * rows + logit_rows + kDecodeItemWords * (items + 1) +
            kPrefillTileWords * rows +
            kPageUpdateWords * (static_cast<size_t>(capacity.pages) + static_cast<size_t>(capacity.slots));
    cache = static_cast<size_t>(shape.layers) * capacity.pages * page_values(shape.kv_heads, shape.head_dim);
  }
  size_t rows, logit_rows, q_width, x_width, y_width, bias_width, chunks, items, table, words, cache;
  int pages_a_slot;
};

CudaOps::CudaOps(const ModelShape& shape, int threads)
    : shape_(shape),
      launch_{stream_.get(), multiprocessors_here()},
      weights_(shape, launch_, threads),
      products_(launch_),
      rope_frequencies_(rope_frequencies(shape.rope, shape.head_dim)),
      scale_(static_cast<float>(std::numbers::log2e / std::sqrt(static_cast<double>(shape.head_dim)))) {}

CudaOps::~CudaOps() {
  cudaStreamSynchronize(stream_.get());  // nothing may run in memory that goes
}

void CudaOps::reserve(const Capacity& capacity) {
  check(capacity.rows > 0 && capacity.logit_rows > 0 && capacity.slots > 0 && capacity.pages > 0,
        "room for at least one of everything");
  check(queued_.empty(), "no step whose result was not taken");
  stream_.wait();
  capacity_ = {};  // nothing may run if what follows fails
  graphs_.clear();
  const Sizes size(shape_, capacity, launch_.multiprocessors);
  const auto make = [](auto& buffer, size_t values) {
    buffer = {};  // given back before the new one is taken
    buffer = std::decay_t<decltype(buffer)>(values);
  };
  make(cache_, size.cache);
  make(h_, size.rows * shape_.hidden);
  make(d_, size.rows * shape_.hidden);
  make(x_, std::max(size.rows, size.logit_rows) * size.x_width);
  make(y_, size.rows * size.y_width);
  make(q_, size.rows * size.q_width);
  make(activations_, size.rows * shape_.ffn);
  make(sums_, size.logit_rows * shape_.vocab);
  make(bias_sums_, size.rows * size.bias_width);
  make(words_, size.words);
  make(page_table_, size.table);
  make(next_tokens_, capacity.slots);
  make(nonfinite_, size.rows);
  make(heads_, size.logit_rows);
  make(head_values_, size.logit_rows * size.chunks * 2);
  make(head_tops_, size.logit_rows * size.chunks * 2);
  make(head_digests_, size.logit_rows * size.chunks);
  const size_t group = static_cast<size_t>(shape_.heads / shape_.kv_heads);
  const size_t states = size.items * static_cast<size_t>(shape_.kv_heads) * group;
  make(partial_o_, states * shape_.head_dim);
  make(partial_l_, states);
  make(partial_m_, states);
  make(arrived_, size.rows * shape_.kv_heads);
  // Padding rows are multiplied too: whatever is there is harmless, but defined.
  for (DeviceBuffer<uint16_t>* buffer : {&h_, &d_, &x_, &y_, &q_, &activations_}) buffer->fill_zero();
  arrived_.fill_zero();
  cuda_check(cudaMemset(next_tokens_.data(), 0xff, next_tokens_.bytes()), "memory");
  pages_a_slot_ = size.pages_a_slot;
  page_mirror_.assign(size.table, -1);

  const int positions = reserved_positions(shape_, capacity);
  check(positions < 1 << 20, "positions for which RoPE's angles are exact");
  const size_t old_values = rope_table_.size();
  const int old_positions = static_cast<int>(old_values / static_cast<size_t>(shape_.head_dim));
  if (positions > old_positions) {
    rope_table_.resize(static_cast<size_t>(positions) * shape_.head_dim);
    rope_rows(rope_frequencies_, old_positions, positions - old_positions, rope_table_.data() + old_values);
    make(rope_, rope_table_.size());
    stream_.copy_to_device(rope_.data(), rope_table_.data(), rope_.bytes(), "a table's copy");
  }
  rope_table_.resize(static_cast<size_t>(positions) * shape_.head_dim);
  cuda_check(cudaDeviceSynchronize(), "memory");

  transfers_.clear();
  for (int i = 0; i < kTransfers; ++i)
    transfers_.push_back(
        {PinnedBuffer<int32_t>(size.words), PinnedBuffer<HeadOutput>(size.logit_rows), Event()});
  capacity_ = capacity;
}

MemoryNeed CudaOps::memory(const ModelShape& shape, const Capacity& capacity, int multiprocessors) {
  const Sizes size(shape, capacity, multiprocessors);
  MemoryNeed need;
  need.weights = CudaWeights::bytes(shape);
  need.cache = size.cache * sizeof(uint16_t);
  const size_t states = size.items * static_cast<size_t>(shape.heads);
  need.workspace =
      sizeof(uint16_t) * (size.rows * (2 * static_cast<size_t>(shape.hidden) + size.y_width + size.q_width +
                                       static_cast<size_t>(shape.ffn)) +
                          std::max(size.rows, size.logit_rows) * size.x_width) +
      sizeof(float) * (size.logit_rows * static_cast<size_t>(shape.vocab) + size.rows * size.bias_width +
                       static_cast<size_t>(reserved_positions(shape, capacity)) * shape.head_dim +
                       states * (static_cast<size_t>(shape.head_dim) + 2)) +
      sizeof(int32_t) * (size.words + size.table + static_cast<size_t>(capacity.slots) +
                         size.rows * (1 + static_cast<size_t>(shape.kv_heads))) +
      size.logit_rows * (sizeof(HeadOutput) + size.chunks * 24) + BlasLt::kWorkspaceBytes + kGraphsAndModules;
  return need;
}

CacheView CudaOps::cache_view(int layer) const {
  const int64_t layer_values =
      static_cast<int64_t>(capacity_.pages) * page_values(shape_.kv_heads, shape_.head_dim);
  return {cache_.data() + layer * layer_values, page_table_.data(), pages_a_slot_, shape_.kv_heads,
          shape_.head_dim};
}

// The product's sums are wanted: by the head, or before a bias is added.
bool CudaOps::wants_sums(Role role) const {
  return role == Role::lm_head || has_bias(shape_, role);
}

uint16_t* CudaOps::rounded_output(Role role) const {
  return role == Role::o || role == Role::down ? d_.data() : y_.data();
}

ProductSite CudaOps::product_site(Role role) const {
  void* y = rounded_output(role);
  if (wants_sums(role)) y = role == Role::lm_head ? sums_.data() : bias_sums_.data();
  return {role,
          product_outputs(shape_, role),
          product_inputs(shape_, role),
          wants_sums(role),
          weights_.matrices(role),
          role == Role::down ? activations_.data() : x_.data(),
          y};
}

ProductSite CudaOps::activated_site() const {
  ProductSite site = product_site(Role::gate_up);
  site.activations = activations_.data();
  return site;
}

void CudaOps::run_product(Role role, int layer) {
  const ProductPlan& plan = *plans_.at(role);
  const bool with_swiglu = plan.kernel == ProductPlan::Kernel::with_swiglu;
  const ProductSite site = with_swiglu ? activated_site() : product_site(role);
  products_.run(plan, role == Role::lm_head ? logit_rows_ : rows_, site, weights_.matrix(role, layer));
  if (has_bias(shape_, role))
    add_bias(launch_, rows_, bias_sums_.data(), weights_.bias(role, layer), site.n, rounded_output(role));
}

void CudaOps::run_operation(const Operation& operation) {
  const auto [role, layer] = operation;
  const int32_t* words = words_.data();
  switch (role) {
    case Role::embed:
      has_residual_ = false;
      return ra::cuda::embed(launch_, words, rows_, weights_.matrix(Role::embed, 0), shape_.hidden,
                             next_tokens_.data(), page_table_.data(), pages_a_slot_, h_.data(),
                             nonfinite_.data());
    case Role::attention_norm:
    case Role::ffn_norm:
    case Role::final_norm: {
      const bool is_final = role == Role::final_norm;
      if (is_final && logit_rows_ == 0) return;
      const uint16_t* d = has_residual_ ? d_.data() : nullptr;
      has_residual_ = true;
      return ra::cuda::add_norm(launch_, words, is_final ? logit_rows_ : rows_, is_final, choice(role).lanes,
                                h_.data(), d, weights_.norm(role, layer), shape_.hidden, shape_.norm_eps,
                                x_.data(), nonfinite_.data());
    }
    case Role::qk_norm_rope:
      return ra::cuda::qk_norm_rope_store(launch_, words, rows_, shape_.heads, y_.data(),
                                          weights_.q_norm(layer), weights_.k_norm(layer), shape_.norm_eps,
                                          rope_.data(), cache_view(layer), q_.data(), nonfinite_.data());
    case Role::attention: {
      const AttentionPartials partials{partial_o_.data(), partial_l_.data(), partial_m_.data(),
                                       arrived_.data()};
      if (decode_items_ > 0)
        attend_decode(launch_, words, rows_, q_.data(), shape_.heads, scale_, cache_view(layer), partials,
                      x_.data(), nonfinite_.data());
      if (prefill_tiles_ > 0)
        attend_prefill(launch_, words, prefill_tiles_, q_.data(), shape_.heads, scale_, cache_view(layer),
                       x_.data(), nonfinite_.data());
      return;
    }
    case Role::swiglu:
      if (plans_.at(Role::gate_up)->kernel == ProductPlan::Kernel::with_swiglu) return;
      return ra::cuda::swiglu(launch_, rows_, y_.data(), shape_.ffn, activations_.data());
    case Role::lm_head: {
      if (logit_rows_ == 0) return;
      run_product(Role::lm_head, 0);
      if (hook_) show({Role::lm_head, 0});
      const HeadScratch scratch{head_values_.data(), head_tops_.data(), head_digests_.data()};
      return ra::cuda::head(launch_, words, logit_rows_, sums_.data(), shape_.vocab, fp32_logits_, scratch,
                            nonfinite_.data(), heads_.data(), next_tokens_.data());
    }
    default:
      return run_product(role, layer);
  }
}

void CudaOps::show(const Operation& operation) {
  const auto [role, layer] = operation;
  int rows = rows_;
  void* at = x_.data();
  size_t row_bytes = static_cast<size_t>(shape_.hidden) * sizeof(uint16_t);
  switch (role) {
    case Role::embed:
      at = h_.data();
      break;
    case Role::qk_norm_rope:
      at = q_.data();
      row_bytes = static_cast<size_t>(shape_.heads) * shape_.head_dim * sizeof(uint16_t);
      break;
    case Role::attention:
      row_bytes = static_cast<size_t>(shape_.heads) * shape_.head_dim * sizeof(uint16_t);
      break;
    case Role::swiglu:
      at = activations_.data();
      row_bytes = static_cast<size_t>(shape_.ffn) * sizeof(uint16_t);
      break;
    case Role::o:
    case Role::down:
      at = d_.data();
      break;
    case Role::qkv:
    case Role::gate_up:
      at = y_.data();
      row_bytes = static_cast<size_t>(product_outputs(shape_, role)) * sizeof(uint16_t);
      break;
    case Role::final_norm:
      rows = logit_rows_;
      break;
    case Role::lm_head:
      rows = logit_rows_;
      at = sums_.data();
      row_bytes = static_cast<size_t>(shape_.vocab) * sizeof(float);
      break;
    default:
      break;  // the norms' x
  }
  if (rows == 0) return;
  std::vector<std::byte> bytes(static_cast<size_t>(rows) * row_bytes);
  stream_.wait();
  cuda_check(cudaMemcpy(bytes.data(), at, bytes.size(), cudaMemcpyDeviceToHost), "an operation's output");
  hook_({role, layer, rows, row_bytes, bytes.data()});
  stream_.copy_to_device(at, bytes.data(), bytes.size(), "an operation's output");
}

void CudaOps::run_operations() {
  for (const Operation& operation : program_) {
    run_operation(operation);
    if (hook_ && operation.role != Role::lm_head) show(operation);
  }
}

void CudaOps::read_logits(int row, float* out) const {
  check(row >= 0 && row < logit_rows_, "a logit row of the last step");
  stream_.wait();
  const size_t vocab = static_cast<size_t>(shape_.vocab);
  cuda_check(cudaMemcpy(out, sums_.data() + static_cast<size_t>(row) * vocab, vocab * sizeof(float),
                        cudaMemcpyDeviceToHost),
             "the logits");
  if (fp32_logits_) return;
  for (size_t i = 0; i < vocab; ++i) out[i] = ra::widen(ra::round_bf16(out[i]));
}

}  // namespace ra::cuda
