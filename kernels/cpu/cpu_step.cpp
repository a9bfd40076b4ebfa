// A step of the CPU's Ops: which rows there are, with which choices each operation is launched, and what comes back.
#include "core/error.h"
#include "kernels/cpu/cpu_ops.h"

namespace ra {

void CpuOps::place_rows(const StepInput& input) {
  check_step(shape_, capacity_, input);
  rows_ = step_rows(input);
  tokens_ = chosen_tokens(input, rows_, next_tokens_);
  logit_rows_ = input.logit_rows;
  nonfinite_.assign(rows_.size(), 0);
}

void CpuOps::choose(const KernelSet& set, const StepInput& input) {
  check(set.storage == Storage::bf16, "a kernel set of bf16 storage");
  ChoiceSet choices;
  calls_blas_ = false;
  for (const LaunchShape& launch : launch_shapes(shape_, input, pool_.threads())) {
    const KernelChoice& made = choices.emplace(launch.role, set.choose(launch)).first->second;
    calls_blas_ =
        calls_blas_ || made.algorithm == Algorithm::blas_gemv || made.algorithm == Algorithm::blas_gemm;
  }
  current_.choice_set = choice_sets_.number_of(std::move(choices));
}

void CpuOps::step(const KernelSet& set, const StepInput& input, const std::function<void()>& body) {
  const StepAtWork at_work(in_step_);
  const DefaultFloatEnvironment environment;
  place_rows(input);
  current_ = {};
  choose(set, input);
  body();
  results_.push_back(std::move(current_));
}

StepResult CpuOps::next_result() {
  check(!results_.empty(), "a step whose result was not taken");
  StepResult result = std::move(results_.front());
  results_.pop_front();
  return result;
}

}  // namespace ra
