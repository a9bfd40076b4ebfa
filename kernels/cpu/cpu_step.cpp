// A step of the CPU's Ops: which rows there are, with which choices each operation is launched, and what comes back.
#include <algorithm>
#include <tuple>

#include "core/error.h"
#include "kernels/cpu/cpu_ops.h"

namespace ra {
namespace {

bool same(const KernelChoice& a, const KernelChoice& b) {
  const auto fields = [](const KernelChoice& c) {
    return std::tie(c.algorithm, c.lanes, c.split_keys, c.splits, c.library, c.n, c.k, c.rows);
  };
  return fields(a) == fields(b);
}

bool same(const ChoiceSet& a, const ChoiceSet& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& left, const auto& right) {
    return left.first == right.first && same(left.second, right.second);
  });
}

}  // namespace

void CpuOps::place_rows(const StepInput& input) {
  rows_.clear();
  for (const Slice& slice : input.slices) {
    check(slice.slot >= 0 && slice.slot < capacity_.slots, "a slice's slot within what was reserved");
    check(slice.rows > 0 && slice.position >= 0, "a slice of at least one row");
    const int64_t end = static_cast<int64_t>(slice.position) + slice.rows;
    check(end * shape_.head_dim <= static_cast<int64_t>(rope_table_.size()),
          "positions within what was reserved");
    for (int64_t page = 0; page * kPageKeys < end; ++page)
      check(slice.pages[page] >= 0 && slice.pages[page] < capacity_.pages, "a page of the cache");
    for (int r = 0; r < slice.rows; ++r)
      rows_.push_back({slice.slot, slice.position + r, static_cast<int>(end), slice.pages});
  }
  const int rows = static_cast<int>(rows_.size());
  check(rows > 0 && rows <= capacity_.rows, "a step's rows within what was reserved");
  check(input.tokens.size() == rows_.size(), "a token for every row");
  tokens_.resize(rows);
  for (int r = 0; r < rows; ++r) {
    tokens_[r] = input.tokens[r] == kNextToken ? next_tokens_[rows_[r].slot] : input.tokens[r];
    check(tokens_[r] >= 0 && tokens_[r] < shape_.vocab, "a token of the vocabulary");
  }
  check(static_cast<int>(input.logit_rows.size()) <= capacity_.logit_rows,
        "logit rows within what was reserved");
  for (size_t i = 0; i < input.logit_rows.size(); ++i)
    check(input.logit_rows[i] >= 0 && input.logit_rows[i] < rows &&
              (i == 0 || input.logit_rows[i - 1] < input.logit_rows[i]),
          "logit rows of the step, ascending");
  logit_rows_ = input.logit_rows;
  nonfinite_.assign(rows, 0);
}

void CpuOps::choose(const KernelSet& set, const StepInput& input) {
  check(set.storage == Storage::bf16, "a kernel set of bf16 storage");
  const int rows = static_cast<int>(rows_.size()), logit_rows = static_cast<int>(logit_rows_.size());
  LaunchShape launch;
  launch.sequences = static_cast<int>(input.slices.size());
  for (const Row& row : rows_) launch.max_keys = std::max(launch.max_keys, row.sequence_end);
  launch.heads = shape_.heads;
  launch.kv_heads = shape_.kv_heads;
  launch.head_dim = shape_.head_dim;
  launch.threads = pool_.threads();

  ChoiceSet choices;
  const auto add = [&](Role role, int role_rows, int n, int k) {
    if (role_rows == 0) return;
    launch.role = role;
    launch.rows = role_rows;
    launch.n = n;
    launch.k = k;
    const KernelChoice& made = choices.emplace(role, set.choose(launch)).first->second;
    calls_blas_ =
        calls_blas_ || made.algorithm == Algorithm::blas_gemv || made.algorithm == Algorithm::blas_gemm;
  };
  calls_blas_ = false;
  const int hidden = shape_.hidden;
  add(Role::embed, rows, hidden, hidden);
  add(Role::attention_norm, rows, hidden, hidden);
  add(Role::qk_norm_rope, rows, shape_.qk_norm ? shape_.head_dim : 0, shape_.head_dim);
  add(Role::attention, rows, q_width(), q_width());
  add(Role::ffn_norm, rows, hidden, hidden);
  add(Role::swiglu, rows, shape_.ffn, 2 * shape_.ffn);
  add(Role::final_norm, logit_rows, hidden, hidden);
  for (const Role role : {Role::qkv, Role::o, Role::gate_up, Role::down, Role::lm_head}) {
    add(role, role == Role::lm_head ? logit_rows : rows, CpuWeights::outputs(shape_, role),
        CpuWeights::inputs(shape_, role));
  }
  size_t id = 0;
  while (id < choice_sets_.size() && !same(choice_sets_[id], choices)) ++id;
  if (id == choice_sets_.size()) choice_sets_.push_back(std::move(choices));
  current_.choice_set = static_cast<int>(id);
}

void CpuOps::step(const KernelSet& set, const StepInput& input, const std::function<void()>& body) {
  check(!in_step_, "no step inside a step");
  const DefaultFloatEnvironment environment;
  place_rows(input);
  current_ = {};
  choose(set, input);
  in_step_ = true;
  try {
    body();
  } catch (...) {
    in_step_ = false;
    throw;
  }
  in_step_ = false;
  results_.push_back(std::move(current_));
}

StepResult CpuOps::next_result() {
  check(!results_.empty(), "a step whose result was not taken");
  StepResult result = std::move(results_.front());
  results_.pop_front();
  return result;
}

}  // namespace ra
