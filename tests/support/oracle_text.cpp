#include "tests/support/oracle_text.h"

#include <numeric>

namespace ra {

OracleText::OracleText(OracleModel& model, std::vector<int32_t> tokens, Plant plant)
    : tokens_(std::move(tokens)), plant_(std::move(plant)) {
  StepInput input;
  input.slices = {{.slot = 0, .position = 0, .rows = length()}};
  input.tokens = tokens_;
  input.logit_rows.resize(length());
  std::iota(input.logit_rows.begin(), input.logit_rows.end(), 0);
  heads_ = model.step(input, [this](const OpOutput& output) {
    const size_t bytes = output.row_bytes * output.rows;
    outputs_[{output.role, output.layer}] = {output.row_bytes, {output.bytes, output.bytes + bytes}};
    for (int r = 0; plant_ && r < output.rows; ++r) {
      plant_(output.role, output.layer, r, {output.row(r), output.row_bytes});
    }
  });
  for (int r = 0; r < length(); ++r) logits_.push_back(model.logits(r));
}

std::span<const std::byte> OracleText::row(Role role, int layer, int position) const {
  const Output& output = outputs_.at({role, layer});
  return {output.bytes.data() + output.row_bytes * position, output.row_bytes};
}

}  // namespace ra
