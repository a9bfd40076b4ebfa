// The Ops of one NVIDIA GPU: kernel sets `standard` and `invariant` over the same weights and cache.
//
// A step's body only notes its operations; the device then runs them on one stream, or replays a graph of them that was
// captured when the same operations ran over as many rows before. What differs between such steps lies in device memory.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/cuda_weights.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/product_plans.h"
#include "kernels/cuda/step_graphs.h"
#include "kernels/ops.h"
#include "kernels/step_plan.h"

namespace ra::cuda {

class CudaOps final : public Ops {
 public:
  // On the current device of the calling thread.
  CudaOps(const ModelShape& shape, int threads);
  ~CudaOps() override;

  const ModelShape& shape() const override { return shape_; }
  void load(Role role, int layer, const Parts& parts) override { weights_.load(role, layer, parts); }
  void reserve(const Capacity& capacity) override;
  void prepare(const KernelSet& set) override;
  std::string timings() const override { return products_.timings().text(timed_machine()); }
  void take_timings(const std::string& text) override { products_.timings().take(text, timed_machine()); }
  void step(const KernelSet& set, const StepInput& input, const std::function<void()>& body) override;
  StepResult next_result() override;
  void embed() override { note({Role::embed, 0}); }
  void add_norm(int layer, Role role) override { note({role, layer}); }
  void project(int layer, Role role) override { note({role, layer}); }
  void qk_norm_rope_store(int layer) override { note({Role::qk_norm_rope, layer}); }
  void attend(int layer) override { note({Role::attention, layer}); }
  void swiglu(int layer) override { note({Role::swiglu, layer}); }
  void head() override { note({Role::lm_head, 0}); }
  const ChoiceSet& choice_set(int id) const override { return choice_sets_.at(id); }
  void read_logits(int row, float* out) const override;
  void set_hook(OpHook hook) override { hook_ = std::move(hook); }
  void set_fp32_logits(bool on) override { fp32_logits_ = on; }
  std::map<std::string, std::string> environment() const override;
  const std::vector<float>& rope_table() const override { return rope_table_; }

  static MemoryNeed memory(const ModelShape& shape, const Capacity& capacity, int multiprocessors);

 private:
  // Sizes of the buffers at a capacity.
  struct Sizes;
  // A step's words and results on their way between host and device.
  struct Transfer {
    PinnedBuffer<int32_t> words;
    PinnedBuffer<HeadOutput> heads;
    Event done;
  };
  struct Queued {
    int transfer = 0;
    int logit_rows = 0;
    int choice_set = 0;
  };

  std::string timed_machine() const;  // what timings hold for
  void note(const Operation& operation);
  void plan_products(const KernelSet& set, const StepInput& input);
  int write_words(const StepInput& input, int32_t* words, int most);  // returns how many
  std::string graph_kernels() const;
  bool is_decode(const StepInput& input) const;
  void run_operations();
  void run_operation(const Operation& operation);
  bool wants_sums(Role role) const;
  uint16_t* rounded_output(Role role) const;  // where the product's bf16 outputs go
  ProductSite product_site(Role role) const;
  ProductSite activated_site() const;  // of gate_up, with the SwiGLU that follows
  bool swiglu_follows() const;
  void run_product(Role role, int layer);
  void show(const Operation& operation);
  CacheView cache_view(int layer) const;
  const KernelChoice& choice(Role role) const { return choice_sets_.at(current_set_).at(role); }

  const ModelShape shape_;
  Stream stream_;
  Launch launch_;
  CudaWeights weights_;
  ProductPlans products_;
  std::vector<float> rope_frequencies_;
  float scale_ = 0;  // rule 11

  Capacity capacity_;
  int pages_a_slot_ = 0;
  std::vector<float> rope_table_;
  std::vector<int32_t> page_mirror_;  // what the device's page table holds
  DeviceBuffer<float> rope_;
  DeviceBuffer<uint16_t> cache_, h_, d_, x_, y_, q_;  // as in cpu_ops.h
  DeviceBuffer<uint16_t> activations_;                // [rows, ffn], SwiGLU's
  DeviceBuffer<float> sums_;                          // [logit rows, vocab]
  DeviceBuffer<float> bias_sums_;                     // [rows, qkv | hidden], where biases are added
  DeviceBuffer<int32_t> words_, page_table_, next_tokens_, nonfinite_;
  DeviceBuffer<HeadOutput> heads_;
  DeviceBuffer<float> head_values_;
  DeviceBuffer<int32_t> head_tops_;
  DeviceBuffer<uint64_t> head_digests_;
  DeviceBuffer<float> partial_o_, partial_l_;
  DeviceBuffer<int32_t> partial_m_, arrived_;

  // The step at work.
  bool in_step_ = false;
  int rows_ = 0, logit_rows_ = 0, decode_items_ = 0, prefill_tiles_ = 0;
  int current_set_ = 0;
  std::map<Role, const ProductPlan*> plans_;
  Program program_;
  bool has_residual_ = false;

  std::vector<Transfer> transfers_;
  size_t next_transfer_ = 0;
  std::deque<Queued> queued_;
  StepGraphs graphs_;
  ChoiceSets choice_sets_;
  bool fp32_logits_ = false;
  OpHook hook_;
};

}  // namespace ra::cuda
