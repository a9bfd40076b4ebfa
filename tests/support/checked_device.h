// A device with a small model on it, whose every step is held against the oracle: each operation's output rows, the
// logits, tops, accumulators and digest, bit for bit.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/ops.h"
#include "tests/support/oracle_text.h"
#include "tests/support/tiny_model.h"

namespace ra {

// Rows [position, position + rows) of a text, as one slice of a step.
struct Piece {
  int slot = 0;
  const OracleText* text = nullptr;
  int position = 0;
  int rows = 1;
};

// One operation's output on the device, copied.
struct TracedOutput {
  Role role = Role::embed;
  int layer = 0;
  int rows = 0;
  size_t row_bytes = 0;
  std::vector<std::byte> bytes;
  std::span<const std::byte> row(int r) const { return {bytes.data() + row_bytes * r, row_bytes}; }
};

class CheckedDevice {
 public:
  CheckedDevice(const TinyModel& model, const std::string& device, const std::string& kernel_set, int threads,
                const Capacity& capacity);

  // Runs the pieces as one step, twice: as a run does, then with a hook (which also plants what the texts plant; then
  // only with it). The last row of each piece goes through the head. False at the first difference, in the order of
  // execution: what was equal before it makes that operation the cause.
  testing::AssertionResult step(const std::vector<Piece>& pieces);
  // Whole texts or parts of them in steps of the given number of rows (the last one takes the rest).
  testing::AssertionResult feed(int slot, const OracleText& text, int begin, int end, int rows_a_step);

  // The step's outputs, compared with nothing.
  std::vector<TracedOutput> trace(const std::vector<Piece>& pieces);

  // Gives the slot's pages back; what they hold stays there for whoever takes them next (last returned, first taken).
  void release(int slot);
  // Changes outputs on the device alone: what a comparison must find.
  void set_fault(std::function<void(const OpOutput&)> fault) { fault_ = std::move(fault); }

  Ops& ops() { return *ops_; }
  // In which its kernel set must add.
  oracle::SumOrder order() const { return oracle::sum_order_of(set_.sum_order_class); }

 private:
  struct Step;
  Step prepare(const std::vector<Piece>& pieces);
  StepResult launch(const Step& step);
  testing::AssertionResult check_heads(const Step& step, const StepResult& result) const;
  testing::AssertionResult check_trace(const Step& step) const;

  ModelShape shape_;
  KernelSet set_;
  std::unique_ptr<Ops> ops_;
  std::vector<int32_t> free_pages_;
  std::map<int, std::vector<int32_t>> pages_;  // of each slot
  std::function<void(const OpOutput&)> fault_;
  std::vector<TracedOutput> trace_;  // of the last step with a hook
  StepResult traced_result_;
};

// The devices on which `kernel_set` can run here, by id.
std::vector<std::string> devices_with(const std::string& kernel_set);

// The order of sums in which `invariant` must add on this device.
oracle::SumOrder order_of(const std::string& device);

}  // namespace ra
