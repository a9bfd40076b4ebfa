#include "kernels/step_plan.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "kernels/product_shape.h"

namespace ra {

int reserved_positions(const ModelShape& shape, const Capacity& capacity) {
  const int64_t positions = static_cast<int64_t>(capacity.pages) * kPageKeys;
  return static_cast<int>(std::min<int64_t>(positions, shape.max_positions));
}

void check_step(const ModelShape& shape, const Capacity& capacity, const StepInput& input) {
  const int64_t positions = reserved_positions(shape, capacity);
  int64_t rows = 0;
  std::vector<bool> has_slice(static_cast<size_t>(capacity.slots));
  for (const Slice& slice : input.slices) {
    check(slice.slot >= 0 && slice.slot < capacity.slots, "a slice's slot within what was reserved");
    check(!has_slice[static_cast<size_t>(slice.slot)], "one slice of a slot at most");
    has_slice[static_cast<size_t>(slice.slot)] = true;
    check(slice.rows > 0 && slice.position >= 0, "a slice of at least one row");
    const int64_t end = static_cast<int64_t>(slice.position) + slice.rows;
    check(end <= positions, "positions within what was reserved");
    for (int64_t page = 0; page * kPageKeys < end; ++page)
      check(slice.pages[page] >= 0 && slice.pages[page] < capacity.pages, "a page of the cache");
    rows += slice.rows;
  }
  check(rows > 0 && rows <= capacity.rows, "a step's rows within what was reserved");
  check(static_cast<int64_t>(input.tokens.size()) == rows, "a token for every row");
  for (const int32_t token : input.tokens)
    check(token == kNextToken || (token >= 0 && token < shape.vocab), "a token of the vocabulary");
  check(static_cast<int64_t>(input.logit_rows.size()) <= capacity.logit_rows,
        "logit rows within what was reserved");
  for (size_t i = 0; i < input.logit_rows.size(); ++i)
    check(input.logit_rows[i] >= 0 && input.logit_rows[i] < rows &&
              (i == 0 || input.logit_rows[i - 1] < input.logit_rows[i]),
          "logit rows of the step, ascending");
}

std::vector<StepRow> step_rows(const StepInput& input) {
  std::vector<StepRow> rows;
  rows.reserve(input.tokens.size());
  for (const Slice& slice : input.slices) {
    for (int r = 0; r < slice.rows; ++r) rows.push_back({slice.slot, slice.position + r, slice.pages});
  }
  return rows;
}

std::vector<int32_t> chosen_tokens(const StepInput& input, const std::vector<StepRow>& rows,
                                   const std::vector<int32_t>& next_tokens) {
  std::vector<int32_t> tokens = input.tokens;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (tokens[r] == kNextToken) tokens[r] = next_tokens[static_cast<size_t>(rows[r].slot)];
    check(tokens[r] >= 0, "a token that the slot's head has chosen");
  }
  return tokens;
}

std::vector<LaunchShape> launch_shapes(const ModelShape& shape, const StepInput& input, int threads) {
  LaunchShape launch;
  int rows = 0;
  for (const Slice& slice : input.slices) {
    rows += slice.rows;
    launch.max_keys = std::max(launch.max_keys, slice.position + slice.rows);
  }
  const int logit_rows = static_cast<int>(input.logit_rows.size());
  launch.sequences = static_cast<int>(input.slices.size());
  launch.heads = shape.heads;
  launch.kv_heads = shape.kv_heads;
  launch.head_dim = shape.head_dim;
  launch.threads = threads;

  std::vector<LaunchShape> launches;
  const auto add = [&](Role role, int role_rows, int n, int k) {
    if (role_rows == 0) return;
    launch.role = role;
    launch.rows = role_rows;
    launch.n = n;
    launch.k = k;
    launches.push_back(launch);
  };
  const int hidden = shape.hidden, q_width = shape.heads * shape.head_dim;
  add(Role::embed, rows, hidden, hidden);
  add(Role::attention_norm, rows, hidden, hidden);
  add(Role::qk_norm_rope, rows, shape.qk_norm ? shape.head_dim : 0, shape.head_dim);
  add(Role::attention, rows, q_width, q_width);
  add(Role::ffn_norm, rows, hidden, hidden);
  add(Role::swiglu, rows, shape.ffn, 2 * shape.ffn);
  add(Role::final_norm, logit_rows, hidden, hidden);
  for (const Role role : {Role::qkv, Role::o, Role::gate_up, Role::down, Role::lm_head}) {
    add(role, role == Role::lm_head ? logit_rows : rows, product_outputs(shape, role),
        product_inputs(shape, role));
  }
  return launches;
}

int ChoiceSets::number_of(ChoiceSet set) {
  const auto [entry, added] = numbers_.try_emplace(std::move(set), static_cast<int>(sets_.size()));
  if (added) sets_.push_back(entry);
  return entry->second;
}

}  // namespace ra
