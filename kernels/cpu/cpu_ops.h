// The CPU device for bf16 storage: kernel sets `invariant` and `standard`. Every operation has one body; the step's
// KernelChoice says in which order it adds. Threads split outputs only.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/cpu_weights.h"
#include "kernels/cpu/fma_matmul.h"
#include "kernels/cpu/head.h"
#include "kernels/cpu/kv_cache.h"
#include "kernels/cpu/simd_target.h"
#include "kernels/ops.h"
#include "kernels/product_shape.h"
#include "kernels/step_plan.h"
#include "kernels/thread_pool.h"

namespace ra {

class CpuOps final : public Ops {
 public:
  CpuOps(SimdTarget target, const ModelShape& shape, const std::vector<KernelSet>& sets, int threads);

  const ModelShape& shape() const override { return shape_; }
  void load(Role role, int layer, const Parts& parts) override;
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
  void set_fp32_logits(bool on) override { fp32_logits_ = on; }
  std::map<std::string, std::string> environment() const override;
  const std::vector<float>& rope_table() const override { return rope_table_; }

  // Bytes of cache and workspace at this capacity.
  static MemoryNeed memory(const ModelShape& shape, const std::vector<KernelSet>& sets,
                           const Capacity& capacity, int threads);

 private:
  void place_rows(const StepInput& input);
  void choose(const KernelSet& set, const StepInput& input);
  const KernelChoice& choice(Role role) const { return choice_sets_.at(current_.choice_set).at(role); }
  Bf16* layer_cache(int layer);  // its pages
  // x [rows, k] -> y [rows, n], rounded, or as fp32 sums if `sums` is not null.
  void product(Role role, int layer, const Bf16* x, int rows, Bf16* y, float* sums);
  // Runs body(row) for each of `rows` rows of so many elementwise values, on this thread alone if there is little to do.
  template <class Body>
  void for_each_row(int rows, int values, const Body& body);
  bool worth_sharing(int64_t values) const;
  void show(Role role, int layer, int rows, size_t row_bytes, void* bytes);
  int q_width() const { return shape_.heads * shape_.head_dim; }
  int qkv_width() const { return product_outputs(shape_, Role::qkv); }

  const SimdTarget target_;
  const ModelShape shape_;
  const KvLayout layout_;
  ThreadPool pool_;
  CpuWeights weights_;
  ProductScratch product_scratch_;
  std::vector<AttentionScratch> attention_scratch_;  // one a thread
  std::vector<float> rope_frequencies_;

  Capacity capacity_;
  std::vector<float> rope_table_;         // [positions reserved][head_dim / 2][cos, sin]
  AlignedBuffer<Bf16> cache_;             // [layers][pages][page_size]
  AlignedBuffer<Bf16> h_;                 // [rows, hidden], the residual stream
  AlignedBuffer<Bf16> d_;                 // [rows, hidden], what o or down adds to it
  AlignedBuffer<Bf16> x_;                 // [rows, hidden | heads * head_dim | ffn], an operation's input
  AlignedBuffer<Bf16> y_;                 // [rows, qkv | 2 ffn]
  AlignedBuffer<Bf16> q_;                 // [rows, heads * head_dim], after RoPE
  AlignedBuffer<float> sums_;             // [logit rows, vocab]
  AlignedBuffer<float> blas_x_, blas_y_;  // what the BLAS reads and writes, grown as needed
  std::vector<int32_t> next_tokens_;      // [slots]

  // The step at work.
  bool in_step_ = false;
  bool calls_blas_ = false;  // for its products
  std::vector<StepRow> rows_;
  std::vector<int32_t> tokens_;  // [rows]
  std::vector<int32_t> logit_rows_;
  std::vector<uint8_t> nonfinite_;  // [rows]: an infinity or NaN came up
  std::vector<ChunkResult> chunks_;
  StepResult current_;

  std::deque<StepResult> results_;
  ChoiceSets choice_sets_;
  bool fp32_logits_ = false;
  OpHook hook_;
};

}  // namespace ra
