#include "kernels/cpu/reference_ops.h"

#include <gnu/libc-version.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "core/error.h"
#include "kernels/cpu/aligned_buffer.h"
#include "kernels/cpu/environment.h"
#include "kernels/cpu/head.h"
#include "kernels/cpu/reference_kernels.h"
#include "kernels/cpu/reference_weights.h"
#include "kernels/rope_table.h"
#include "kernels/step_plan.h"
#include "kernels/thread_pool.h"

namespace ra {
namespace {

class ReferenceOps : public Ops {
 public:
  ReferenceOps(SimdTarget target, const ModelShape& shape, int threads)
      : target_(target), shape_(shape), widths_(shape), weights_(shape), pool_(threads) {}

  const ModelShape& shape() const override { return shape_; }

  void load(Role role, int layer, const Parts& parts) override { weights_.load(role, layer, parts, pool_); }
  void reserve(const Capacity& capacity) override;

  void step(const KernelSet& set, const StepInput& input, const std::function<void()>& body) override;
  StepResult next_result() override;

  void embed() override;
  void add_norm(int layer, Role role) override;
  void project(int layer, Role role) override;
  void qk_norm_rope_store(int layer) override;
  void attend(int layer) override;
  void swiglu(int layer) override;
  void head() override;

  const ChoiceSet& choice_set(int id) const override { return choice_sets_.at(id); }
  void read_logits(int row, float* out) const override;
  void set_hook(OpHook hook) override { hook_ = std::move(hook); }
  void set_fp32_logits(bool) override {}  // they always are
  std::map<std::string, std::string> environment() const override;
  const std::vector<float>& rope_table() const override { return rope_table_; }

 private:
  void product(const ReferenceMatrix& w, const std::vector<float>& x, int rows, std::vector<float>& y);
  void show(Role role, int layer, std::vector<float>& values, int rows, int width);
  int choose(const KernelSet& set, const StepInput& input);
  // Where page 0 keeps this layer's and KV head's rows.
  size_t cache_offset(int layer, int kv_head) const {
    return (static_cast<size_t>(layer) * shape_.kv_heads + kv_head) * kPageKeys * shape_.head_dim;
  }
  size_t page_stride() const { return cache_offset(shape_.layers, 0); }

  const SimdTarget target_;
  const ModelShape shape_;
  const Widths widths_;
  ReferenceWeights weights_;
  ThreadPool pool_;
  Capacity capacity_;
  std::vector<float> rope_table_;       // [positions][head_dim / 2][cos, sin]
  AlignedBuffer<float> keys_, values_;  // [pages][layers][kv_heads][kPageKeys][head_dim]
  std::vector<int32_t> next_tokens_;    // [slots]

  // The step that runs or ran last.
  std::vector<StepRow> rows_;
  std::vector<int32_t> tokens_, logit_rows_;
  std::vector<uint8_t> finite_;  // [rows]: every norm's sum was
  std::vector<float> h_;         // [rows, hidden]
  std::vector<float> x_;         // an operation's input: [rows, hidden | attention | ffn]
  std::vector<float> y_;         // qkv or gate_up
  std::vector<float> delta_;     // [rows, hidden]: o or down, not yet in h
  bool has_delta_ = false;
  std::vector<float> logits_;  // [logit_rows, vocab]
  std::vector<HeadResult> heads_;

  std::deque<StepResult> results_;
  ChoiceSets choice_sets_;
  OpHook hook_;
};

void ReferenceOps::reserve(const Capacity& capacity) {
  const DefaultFloatEnvironment environment;
  capacity_ = {};                  // nothing may run if what follows fails
  keys_ = AlignedBuffer<float>();  // given back before the new one is taken
  values_ = AlignedBuffer<float>();
  const size_t cached = static_cast<size_t>(capacity.pages) * page_stride();
  keys_ = AlignedBuffer<float>(cached);
  values_ = AlignedBuffer<float>(cached);
  const int positions = reserved_positions(shape_, capacity);
  rope_table_.resize(static_cast<size_t>(positions) * shape_.head_dim);
  rope_rows(rope_frequencies(shape_.rope, shape_.head_dim), 0, positions, rope_table_.data());
  next_tokens_.assign(capacity.slots, kNextToken);
  capacity_ = capacity;
}

void ReferenceOps::step(const KernelSet& set, const StepInput& input, const std::function<void()>& body) {
  check(set.storage == Storage::fp32, "a kernel set over fp32 weights");
  check_step(shape_, capacity_, input);
  rows_ = step_rows(input);
  tokens_ = chosen_tokens(input, rows_, next_tokens_);
  logit_rows_ = input.logit_rows;
  finite_.assign(rows_.size(), 1);
  has_delta_ = false;
  heads_.clear();
  const int choice_set = choose(set, input);
  const DefaultFloatEnvironment environment;
  body();
  results_.push_back({.heads = heads_, .choice_set = choice_set});
}

StepResult ReferenceOps::next_result() {
  check(!results_.empty(), "a step whose result was not taken");
  StepResult result = std::move(results_.front());
  results_.pop_front();
  return result;
}

int ReferenceOps::choose(const KernelSet& set, const StepInput& input) {
  ChoiceSet choices;
  for (const LaunchShape& launch : launch_shapes(shape_, input, pool_.threads()))
    choices.emplace(launch.role, set.choose(launch));
  return choice_sets_.number_of(std::move(choices));
}

void ReferenceOps::show(Role role, int layer, std::vector<float>& values, int rows, int width) {
  if (!hook_ || rows == 0) return;
  hook_({role, layer, rows, static_cast<size_t>(width) * sizeof(float),
         reinterpret_cast<std::byte*>(values.data())});
}

void ReferenceOps::embed() {
  const int hidden = shape_.hidden;
  h_.resize(rows_.size() * hidden);
  for (size_t r = 0; r < rows_.size(); ++r) {
    const float* row = weights_.embedding().values.data() + static_cast<size_t>(tokens_[r]) * hidden;
    std::copy(row, row + hidden, h_.begin() + r * hidden);
  }
  show(Role::embed, 0, h_, static_cast<int>(rows_.size()), hidden);
}

// [rows, hidden] -> [rows, hidden]; the final norm of the logit rows only.
void ReferenceOps::add_norm(int layer, Role role) {
  const int hidden = shape_.hidden;
  const bool is_final = role == Role::final_norm;
  const std::vector<float>& weight = is_final                       ? weights_.final_norm()
                                     : role == Role::attention_norm ? weights_.layer(layer).attention_norm
                                                                    : weights_.layer(layer).ffn_norm;
  const int rows = static_cast<int>(is_final ? logit_rows_.size() : rows_.size());
  x_.resize(static_cast<size_t>(rows) * hidden);
  pool_.run([&](int thread) {
    const Range mine = share(rows, thread, pool_.threads());
    for (int i = mine.begin; i < mine.end; ++i) {
      const size_t r = is_final ? logit_rows_[i] : i;
      float* h = h_.data() + r * hidden;
      if (has_delta_) {
        for (int j = 0; j < hidden; ++j) h[j] += delta_[r * hidden + j];
      }
      finite_[r] &=
          reference::rms_norm(h, weight.data(), hidden, shape_.norm_eps, x_.data() + size_t(i) * hidden);
    }
  });
  has_delta_ = false;
  show(role, layer, x_, rows, hidden);
}

// [rows, k] x [n, k] -> [rows, n], with its bias; outputs split among the threads.
void ReferenceOps::product(const ReferenceMatrix& w, const std::vector<float>& x, int rows,
                           std::vector<float>& y) {
  y.resize(static_cast<size_t>(rows) * w.n);
  pool_.run([&](int thread) {
    const Range mine = share(w.n, thread, pool_.threads());
    reference::product(target_, x.data(), rows, w.k, w.values.data(),
                       w.bias.empty() ? nullptr : w.bias.data(), w.n, mine.begin, mine.end - mine.begin,
                       y.data());
  });
}

void ReferenceOps::project(int layer, Role role) {
  const ReferenceLayer& l = weights_.layer(layer);
  const int rows = static_cast<int>(rows_.size());
  has_delta_ = role == Role::o || role == Role::down;
  std::vector<float>& y = has_delta_ ? delta_ : y_;
  const ReferenceMatrix& w = role == Role::qkv       ? l.qkv
                             : role == Role::o       ? l.o
                             : role == Role::gate_up ? l.gate_up
                                                     : l.down;
  product(w, x_, rows, y);
  show(role, layer, y, rows, w.n);
}

// y_ [rows, q | k | v]: q in place, k and v into the cache.
void ReferenceOps::qk_norm_rope_store(int layer) {
  const ReferenceLayer& l = weights_.layer(layer);
  const int dim = shape_.head_dim;
  const int rows = static_cast<int>(rows_.size());
  pool_.for_each(rows, [&](int r) {
    const StepRow& row = rows_[r];
    float* qkv = y_.data() + static_cast<size_t>(r) * widths_.qkv;
    for (int head = 0; head < shape_.heads + shape_.kv_heads; ++head) {
      float* values = qkv + head * dim;
      if (shape_.qk_norm) {
        const std::vector<float>& weight = head < shape_.heads ? l.q_norm : l.k_norm;
        finite_[r] &= reference::rms_norm(values, weight.data(), dim, shape_.norm_eps, values);
      }
      reference::rope(values, rope_table_.data() + static_cast<size_t>(row.position) * dim, dim);
    }
    for (int head = 0; head < shape_.kv_heads; ++head) {
      const size_t at = static_cast<size_t>(row.pages[row.position / kPageKeys]) * page_stride() +
                        cache_offset(layer, head) + static_cast<size_t>(row.position % kPageKeys) * dim;
      const float* k = qkv + widths_.attention + head * dim;
      std::copy(k, k + dim, keys_.data() + at);
      std::copy(k + widths_.kv, k + widths_.kv + dim, values_.data() + at);
    }
  });
  x_.resize(static_cast<size_t>(rows) * widths_.attention);
  for (int r = 0; r < rows; ++r) {
    const float* q = y_.data() + static_cast<size_t>(r) * widths_.qkv;
    std::copy(q, q + widths_.attention, x_.begin() + static_cast<size_t>(r) * widths_.attention);
  }
  show(Role::qk_norm_rope, layer, x_, rows, widths_.attention);
}

// x_ [rows, heads, head_dim]: a head's output takes the place of its query.
void ReferenceOps::attend(int layer) {
  const int rows = static_cast<int>(rows_.size());
  const int heads_a_kv_head = shape_.heads / shape_.kv_heads;
  int most_keys = 0;
  for (const StepRow& row : rows_) most_keys = std::max(most_keys, row.position + 1);
  pool_.run([&](int thread) {
    std::vector<double> scores(most_keys);
    for (int i = thread; i < rows * shape_.heads; i += pool_.threads()) {
      const StepRow& row = rows_[i / shape_.heads];
      const size_t offset = cache_offset(layer, i % shape_.heads / heads_a_kv_head);
      float* q = x_.data() + static_cast<size_t>(i) * shape_.head_dim;
      reference::attention(q, keys_.data() + offset, values_.data() + offset, row.pages, page_stride(),
                           row.position + 1, shape_.head_dim, scores.data(), q);
    }
  });
  show(Role::attention, layer, x_, rows, widths_.attention);
}

// y_ [rows, gate | up] -> x_ [rows, ffn].
void ReferenceOps::swiglu(int layer) {
  const int rows = static_cast<int>(rows_.size());
  const int ffn = shape_.ffn;
  x_.resize(static_cast<size_t>(rows) * ffn);
  pool_.run([&](int thread) {
    const Range mine = share(ffn, thread, pool_.threads());
    for (int r = 0; r < rows; ++r) {
      const float* gate = y_.data() + static_cast<size_t>(r) * 2 * ffn;
      for (int j = mine.begin; j < mine.end; ++j) {
        x_[static_cast<size_t>(r) * ffn + j] = reference::swiglu(gate[j], gate[ffn + j]);
      }
    }
  });
  show(Role::swiglu, layer, x_, rows, ffn);
}

void ReferenceOps::head() {
  const int rows = static_cast<int>(logit_rows_.size());
  const size_t vocab = shape_.vocab;
  product(weights_.lm_head(), x_, rows, logits_);
  show(Role::lm_head, 0, logits_, rows, shape_.vocab);
  heads_.resize(rows);
  pool_.for_each(rows, [&](int i) {
    const float* logits = logits_.data() + i * vocab;
    std::vector<ChunkResult> chunks;
    for (int first = 0; first < shape_.vocab; first += kDigestChunk) {
      const int count = std::min(kDigestChunk, shape_.vocab - first);
      chunks.push_back(head_chunk(target_, logits, first, count, true));
    }
    heads_[i] = merge_chunks(chunks, logits, shape_.vocab, true);
    if (!finite_[logit_rows_[i]]) heads_[i] = {.finite = false};
  });
  for (int i = 0; i < rows; ++i) {
    if (heads_[i].finite) next_tokens_[rows_[logit_rows_[i]].slot] = heads_[i].top[0];
  }
}

void ReferenceOps::read_logits(int row, float* out) const {
  check(row >= 0 && row < static_cast<int>(logit_rows_.size()), "a logit row of the last step");
  const float* logits = logits_.data() + static_cast<size_t>(row) * shape_.vocab;
  std::copy(logits, logits + shape_.vocab, out);
}

std::map<std::string, std::string> ReferenceOps::environment() const {
  std::map<std::string, std::string> facts = cpu_environment(pool_.threads());
  facts["instruction_set"] = target_.name;
  facts["libc"] = gnu_get_libc_version();  // its exp decides bits here
  return facts;
}

}  // namespace

std::unique_ptr<Ops> make_reference_ops(SimdTarget target, const ModelShape& shape,
                                        const std::vector<KernelSet>& sets, int threads) {
  for (const KernelSet& set : sets) check(set.storage == Storage::fp32, "kernel sets over fp32 weights");
  return std::make_unique<ReferenceOps>(target, shape, threads);
}

MemoryNeed reference_memory_need(const ModelShape& shape, const Capacity& capacity) {
  const Widths widths(shape);
  const uint64_t hidden = shape.hidden, ffn = shape.ffn, vocab = shape.vocab;
  const uint64_t qk_norms = shape.qk_norm ? 2 * uint64_t(shape.head_dim) : 0;
  const uint64_t biases = (shape.qkv_bias ? widths.qkv : 0) + (shape.o_bias ? hidden : 0);
  const uint64_t layer = hidden * (widths.qkv + widths.attention + 3 * ffn + 2) + qk_norms + biases;
  const uint64_t rows = capacity.rows;
  const uint64_t widest = std::max<uint64_t>({hidden, ffn, uint64_t(widths.attention)});
  MemoryNeed need;
  need.weights = sizeof(float) * ((shape.tied ? 1 : 2) * vocab * hidden + hidden + shape.layers * layer);
  need.cache = sizeof(float) * 2 * uint64_t(capacity.pages) * kPageKeys * widths.kv * shape.layers;
  need.workspace = sizeof(float) * (rows * (2 * hidden + widest + std::max<uint64_t>(widths.qkv, 2 * ffn)) +
                                    uint64_t(capacity.logit_rows) * vocab);
  return need;
}

}  // namespace ra
