// What the oracle computes for every position of a token text: each operation's output row, the logits and the head.
// A row depends on the text up to its position alone, so one text serves every batch that holds a piece of it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "kernels/ops.h"
#include "tests/support/oracle_model.h"

namespace ra {

// Changes an operation's output row at a position, after it was recorded and before the next operation reads it.
using Plant = std::function<void(Role role, int layer, int position, std::span<std::byte> row)>;

class OracleText {
 public:
  // Computes the whole text; `model` is left with it in slot 0.
  OracleText(OracleModel& model, std::vector<int32_t> tokens, Plant plant = {});

  const std::vector<int32_t>& tokens() const { return tokens_; }
  int length() const { return static_cast<int>(tokens_.size()); }
  const Plant& plant() const { return plant_; }

  // The output of an operation at a position: bf16, or fp32 sums for lm_head.
  std::span<const std::byte> row(Role role, int layer, int position) const;
  const HeadResult& head(int position) const { return heads_[position]; }
  const std::vector<float>& logits(int position) const { return logits_[position]; }

 private:
  struct Output {
    size_t row_bytes = 0;
    std::vector<std::byte> bytes;
  };
  std::vector<int32_t> tokens_;
  Plant plant_;
  std::map<std::pair<Role, int>, Output> outputs_;
  std::vector<HeadResult> heads_;
  std::vector<std::vector<float>> logits_;
};

}  // namespace ra
