#include "tests/support/checked_device.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/llm/model.h"
#include "tests/support/bitwise_equal.h"

namespace ra {

struct CheckedDevice::Step {
  std::vector<Piece> pieces;
  StepInput input;
  struct Row {
    const OracleText* text = nullptr;
    int position = 0;
  };
  std::vector<Row> rows;  // of the whole step

  // The rows of an operation's output: all, or those that go through the head.
  std::vector<Row> rows_of(int count) const {
    if (count == static_cast<int>(rows.size())) return rows;
    check(count == static_cast<int>(input.logit_rows.size()), "an output of every row or of every logit row");
    std::vector<Row> chosen;
    for (const int32_t row : input.logit_rows) chosen.push_back(rows[row]);
    return chosen;
  }
  bool plants() const {
    return std::ranges::any_of(pieces, [](const Piece& piece) { return bool(piece.text->plant()); });
  }
};

CheckedDevice::CheckedDevice(const TinyModel& model, const std::string& device, const std::string& kernel_set,
                             int threads, const Capacity& capacity)
    : shape_(model.shape),
      set_(find_kernel_set(device, kernel_set)),
      ops_(open_ops(device, model.shape, {set_}, threads)) {
  load_model(model, *ops_);
  ops_->reserve(capacity);
  for (int page = 0; page < capacity.pages; ++page) free_pages_.push_back(page);
}

CheckedDevice::Step CheckedDevice::prepare(const std::vector<Piece>& pieces) {
  Step step{pieces, {}, {}};
  for (const Piece& piece : pieces) {
    std::vector<int32_t>& pages = pages_[piece.slot];
    const size_t needed = (piece.position + piece.rows + kPageKeys - 1) / kPageKeys;
    while (pages.size() < needed) {
      check(!free_pages_.empty(), "a test that fits its cache");
      pages.push_back(free_pages_.back());
      free_pages_.pop_back();
    }
    for (int r = 0; r < piece.rows; ++r) {
      step.rows.push_back({piece.text, piece.position + r});
      step.input.tokens.push_back(piece.text->tokens().at(piece.position + r));
    }
    step.input.logit_rows.push_back(static_cast<int32_t>(step.rows.size()) - 1);
  }
  for (const Piece& piece : pieces) {  // after every allocation: the page lists no longer move
    step.input.slices.push_back({piece.slot, piece.position, piece.rows, pages_[piece.slot].data()});
  }
  return step;
}

StepResult CheckedDevice::launch(const Step& step) {
  ops_->step(set_, step.input, [this] { forward(*ops_, shape_.layers); });
  return ops_->next_result();
}

std::vector<TracedOutput> CheckedDevice::trace(const std::vector<Piece>& pieces) {
  const Step step = prepare(pieces);
  trace_.clear();
  ops_->set_hook([&](const OpOutput& output) {
    if (fault_) fault_(output);
    const size_t bytes = output.row_bytes * output.rows;
    trace_.push_back(
        {output.role, output.layer, output.rows, output.row_bytes, {output.bytes, output.bytes + bytes}});
    const std::vector<Step::Row> rows = step.rows_of(output.rows);
    for (int r = 0; r < output.rows; ++r) {
      const Plant& plant = rows[r].text->plant();
      if (plant) plant(output.role, output.layer, rows[r].position, {output.row(r), output.row_bytes});
    }
  });
  traced_result_ = launch(step);
  ops_->set_hook({});
  return trace_;
}

testing::AssertionResult CheckedDevice::step(const std::vector<Piece>& pieces) {
  const Step step = prepare(pieces);
  if (!step.plants() && !fault_) {
    if (const auto heads = check_heads(step, launch(step)); !heads) return heads;
  }
  trace(pieces);
  if (const auto outputs = check_trace(step); !outputs) return outputs;
  return check_heads(step, traced_result_);
}

testing::AssertionResult CheckedDevice::check_heads(const Step& step, const StepResult& result) const {
  const std::vector<Step::Row> rows = step.rows_of(static_cast<int>(step.input.logit_rows.size()));
  if (result.heads.size() != rows.size()) {
    return testing::AssertionFailure() << result.heads.size() << " heads; expected " << rows.size();
  }
  std::vector<float> logits(shape_.vocab);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto& [text, position] = rows[i];
    const std::string what = fmt::format("logit row {} (position {})", i, position);
    if (const auto head = bitwise_equal(result.heads[i], text->head(position), what); !head) return head;
    if (!text->head(position).finite) continue;
    ops_->read_logits(static_cast<int>(i), logits.data());
    if (const auto equal = bitwise_equal(logits, text->logits(position), what + ", logits"); !equal)
      return equal;
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult CheckedDevice::check_trace(const Step& step) const {
  if (trace_.empty()) return testing::AssertionFailure() << "the hook saw nothing";
  for (const TracedOutput& output : trace_) {
    const std::vector<Step::Row> rows = step.rows_of(output.rows);
    for (int r = 0; r < output.rows; ++r) {
      const std::string what =
          fmt::format("{} of layer {}, row {} of {} (position {})", role_name(output.role), output.layer, r,
                      output.rows, rows[r].position);
      const auto equal =
          bitwise_equal(output.role == Role::lm_head ? Element::fp32 : Element::bf16, output.row(r),
                        rows[r].text->row(output.role, output.layer, rows[r].position), what);
      if (!equal) return equal;
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult CheckedDevice::feed(int slot, const OracleText& text, int begin, int end,
                                             int rows_a_step) {
  for (int position = begin; position < end; position += rows_a_step) {
    const auto equal = step({{slot, &text, position, std::min(rows_a_step, end - position)}});
    if (!equal) return equal;
  }
  return testing::AssertionSuccess();
}

void CheckedDevice::release(int slot) {
  const std::vector<int32_t>& pages = pages_[slot];
  free_pages_.insert(free_pages_.end(), pages.rbegin(), pages.rend());
  pages_.erase(slot);
}

std::vector<std::string> devices_with(const std::string& kernel_set) {
  std::vector<std::string> ids;
  for (const Device& device : available_devices()) {
    const std::vector<std::string> names = kernel_set_names(device.id);
    if (std::ranges::find(names, kernel_set) != names.end()) ids.push_back(device.id);
  }
  return ids;
}

oracle::SumOrder order_of(const std::string& device) {
  return oracle::sum_order_of(find_kernel_set(device, "invariant").sum_order_class);
}

}  // namespace ra
