// The oracle's whole forward pass: the operations of tests/support/oracle.h over an unpaged cache, step by
// step with the same input and the same hook as Ops, so that a test can hold the two against each other
// operation by operation.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "kernels/ops.h"
#include "tests/support/oracle.h"
#include "tests/support/tiny_model.h"

namespace ra {

class OracleModel {
 public:
  // `positions`: most positions a sequence may have. `order`: the sum-order class of every product.
  OracleModel(const TinyModel& model, int positions, oracle::SumOrder order = oracle::SumOrder::fma512);

  // One step; `hook` sees every operation's output (and may change it) as Ops::set_hook says, in the order of
  // execution. A slice may go back to earlier positions; what it does not overwrite stays.
  std::vector<HeadResult> step(const StepInput& input, const OpHook& hook = {});

  void set_fp32_logits(bool on) { fp32_logits_ = on; }
  const std::vector<float>& logits(int row) const { return logits_[row]; }  // as used, of the last step
  const std::vector<float>& rope_table() const { return rope_table_; }
  const ModelShape& shape() const { return shape_; }

 private:
  using Rows = std::vector<std::vector<float>>;
  struct Place {  // of a row
    int slot = 0;
    int position = 0;
  };
  struct Layer {
    std::vector<float> attention_norm, ffn_norm, q_norm, k_norm;
    oracle::Matrix qkv, o, gate_up, down;
  };

  Rows norm(Role role, int layer, const std::vector<float>& weight, Rows& h, const Rows& d,
            const OpHook& hook) const;
  Rows project(Role role, int layer, const Rows& x, const oracle::Matrix& w, const OpHook& hook) const;
  Rows attend(int layer, const Rows& qkv, const std::vector<Place>& places, const OpHook& hook);
  std::vector<HeadResult> head(const Rows& x, const std::vector<Place>& places, const StepInput& input,
                               const OpHook& hook);

  ModelShape shape_;
  oracle::SumOrder order_;
  std::vector<float> rope_table_;
  std::vector<std::vector<float>> embedding_;  // [vocab][hidden]
  std::vector<Layer> layers_;
  std::vector<float> final_norm_;
  oracle::Matrix lm_head_;
  bool fp32_logits_ = false;
  std::map<int, std::vector<oracle::KeyValues>> caches_;  // slot -> [layers]
  std::map<int, int32_t> next_tokens_;                    // slot -> what its head chose last
  std::vector<std::vector<float>> logits_;
};

// A greedy run of `steps` tokens after `prompt`, alone: one record a token.
struct GreedyRun {
  std::vector<HeadResult> steps;
  std::vector<uint64_t> digests() const;
};
GreedyRun greedy_run(OracleModel& model, const std::vector<int32_t>& prompt, int steps);

}  // namespace ra
