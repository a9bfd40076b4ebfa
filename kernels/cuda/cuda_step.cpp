// A step of a GPU's Ops: its words, its plans, its launch, and what comes back a step later.
#include <algorithm>
#include <limits>
#include <string>

#include "core/error.h"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/product_shape.h"

namespace ra::cuda {

void CudaOps::note(const Operation& operation) {
  check(in_step_, "an operation inside a step");
  program_.push_back(operation);
}

// A row a sequence, each with logits: the shape that recurs, and that graphs are for.
bool CudaOps::is_decode(const StepInput& input) const {
  return rows_ == logit_rows_ && input.slices.size() == static_cast<size_t>(rows_);
}

// gate_up and SwiGLU come in pairs, and nobody looks in between.
bool CudaOps::swiglu_follows() const {
  if (hook_) return false;
  for (size_t i = 0; i < program_.size(); ++i) {
    const auto [role, layer] = program_[i];
    const bool begins = role == Role::gate_up, ends = role == Role::swiglu;
    if (begins && (i + 1 == program_.size() || program_[i + 1] != Operation{Role::swiglu, layer}))
      return false;
    if (ends && (i == 0 || program_[i - 1] != Operation{Role::gate_up, layer})) return false;
  }
  return true;
}

void CudaOps::plan_products(const KernelSet& set, const StepInput& input) {
  check(set.storage == Storage::bf16, "a kernel set of bf16 storage");
  ChoiceSet choices;
  plans_.clear();
  for (const LaunchShape& launch : launch_shapes(shape_, input, launch_.multiprocessors)) {
    KernelChoice& made = choices.emplace(launch.role, set.choose(launch)).first->second;
    if (made.algorithm != Algorithm::k16_steps && made.algorithm != Algorithm::lt_heuristic) continue;
    const bool with_swiglu =
        launch.role == Role::gate_up && made.algorithm == Algorithm::k16_steps && swiglu_follows();
    const ProductPlan& plan =
        products_.plan(made, launch.rows, with_swiglu ? activated_site() : product_site(launch.role));
    if (made.algorithm == Algorithm::lt_heuristic) {
      made.library = "cuBLASLt " + products_.library_version();
      made.rows = plan.padded_to;
    }
    made.kernel = plan.text;
    plans_.emplace(launch.role, &plan);
  }
  current_set_ = choice_sets_.number_of(std::move(choices));
}

void CudaOps::prepare(const KernelSet& set) {
  for (const Role role : {Role::qkv, Role::o, Role::gate_up, Role::down, Role::lm_head}) {
    const ProductSite site = product_site(role);
    const int most = role == Role::lm_head ? capacity_.logit_rows : capacity_.rows;
    for (int rows = 1; rows <= most; rows = planned_rows(rows) + 1) {
      const KernelChoice choice = set.choose({.role = role, .rows = rows, .n = site.n, .k = site.k});
      if (choice.algorithm != Algorithm::k16_steps) continue;
      products_.plan(choice, rows, role == Role::gate_up ? activated_site() : site);
    }
  }
}

int CudaOps::write_words(const StepInput& input, int32_t* words, int most) {
  StepWords head;
  head.rows = rows_;
  head.logit_rows = logit_rows_;
  const KernelChoice& attention = choice(Role::attention);
  head.split_keys = attention.split_keys > 0 ? attention.split_keys : std::numeric_limits<int32_t>::max();
  int at = kStepHeadWords;
  const auto put = [&](int32_t value) {
    check(at < most, "a step's words within what was reserved");
    words[at++] = value;
  };
  head.tokens_at = at;
  for (const int32_t token : input.tokens) put(token);
  head.slots_at = at;
  for (const Slice& slice : input.slices) {
    for (int r = 0; r < slice.rows; ++r) put(slice.slot);
  }
  head.positions_at = at;
  for (const Slice& slice : input.slices) {
    for (int r = 0; r < slice.rows; ++r) put(slice.position + r);
  }
  head.logit_rows_at = at;
  for (const int32_t row : input.logit_rows) put(row);

  while (at % kDecodeItemWords != 0) put(0);  // items are read whole
  head.decode_items_at = at;
  struct DecodedRow {
    int row, slot, keys, shares;
  };
  std::vector<DecodedRow> decoded;
  int64_t all_shares = 0;
  int row = 0;
  for (const Slice& slice : input.slices) {
    if (slice.rows == 1) {
      decoded.push_back({row, slice.slot, slice.position + 1, slice.position / head.split_keys + 1});
      all_shares += decoded.back().shares;
    }
    row += slice.rows;
  }
  // The longest first, so that none is left for the end.
  std::stable_sort(decoded.begin(), decoded.end(),
                   [](const DecodedRow& a, const DecodedRow& b) { return a.keys > b.keys; });
  const int limit = decode_share_limit(static_cast<int>(decoded.size()), all_shares, shape_.kv_heads,
                                       launch_.multiprocessors);
  for (const DecodedRow& d : decoded) {
    const bool whole = d.shares <= limit;
    const int items = whole ? 1 : d.shares;
    head.decode_items += items;
    for (int share = 0; share < items; ++share) {
      put(d.row);
      put(d.slot);
      put(d.keys);
      put(whole ? kWholeRow : share);
    }
  }
  head.prefill_tiles_at = at;
  row = 0;
  const int queries = prefill_queries(shape_.heads, shape_.kv_heads);
  for (const Slice& slice : input.slices) {
    for (int first = 0; slice.rows > 1 && first < slice.rows; first += queries) {
      ++head.prefill_tiles;
      put(row + first);
      put(std::min(queries, slice.rows - first));
      put(slice.position + first);
      put(slice.slot);
    }
    row += slice.rows;
  }
  head.page_updates_at = at;
  for (const Slice& slice : input.slices) {
    int32_t* mirror =
        page_mirror_.data() + static_cast<size_t>(slice.slot) * static_cast<size_t>(pages_a_slot_);
    for (int page = 0; page * kPageKeys < slice.position + slice.rows; ++page) {
      if (mirror[page] == slice.pages[page]) continue;
      mirror[page] = slice.pages[page];
      ++head.page_updates;
      put(slice.slot);
      put(page);
      put(slice.pages[page]);
    }
  }
  std::memcpy(words, &head, sizeof(head));
  decode_items_ = head.decode_items;
  prefill_tiles_ = head.prefill_tiles;
  return at;
}

void CudaOps::step(const KernelSet& set, const StepInput& input, const std::function<void()>& body) {
  check_step(shape_, capacity_, input);
  rows_ = static_cast<int>(input.tokens.size());
  logit_rows_ = static_cast<int>(input.logit_rows.size());
  program_.clear();
  {
    const StepAtWork at_work(in_step_);
    body();
  }

  check(queued_.size() < transfers_.size(), "results that are taken before so many more steps");
  plan_products(set, input);
  const int place = static_cast<int>(next_transfer_);
  Transfer& transfer = transfers_[next_transfer_];
  next_transfer_ = (next_transfer_ + 1) % transfers_.size();
  transfer.done.wait();  // its words may still be read by the step that used it last
  try {
    const int count = write_words(input, transfer.words.data(), static_cast<int>(transfer.words.size()));
    cuda_check(
        cudaMemcpyAsync(words_.data(), transfer.words.data(), static_cast<size_t>(count) * sizeof(int32_t),
                        cudaMemcpyHostToDevice, stream_.get()),
        "a step's words");
    if (hook_ || !is_decode(input)) {
      run_operations();
    } else {
      graphs_.launch({rows_, graph_kernels(), program_}, stream_.get(), [this] { run_operations(); });
    }
    if (logit_rows_ > 0)
      cuda_check(cudaMemcpyAsync(transfer.heads.data(), heads_.data(),
                                 static_cast<size_t>(logit_rows_) * sizeof(HeadOutput),
                                 cudaMemcpyDeviceToHost, stream_.get()),
                 "a step's results");
    transfer.done.record(stream_.get());
    queued_.push_back({place, logit_rows_, current_set_});
  } catch (...) {
    // Whether the device took the page updates is not known: it gets all of them again.
    std::fill(page_mirror_.begin(), page_mirror_.end(), -1);
    throw;
  }
}

// What a launch depends on beside the rows: products and norms. Attention reads its shares from the step's words.
std::string CudaOps::graph_kernels() const {
  std::string text = fp32_logits_ ? "fp32" : "bf16";
  for (const auto& [role, choice] : choice_sets_.at(current_set_)) {
    if (role != Role::attention) text += '\n' + choice.text();
  }
  return text;
}

StepResult CudaOps::next_result() {
  check(!queued_.empty(), "a step whose result was not taken");
  const Queued queued = queued_.front();
  queued_.pop_front();
  Transfer& transfer = transfers_[static_cast<size_t>(queued.transfer)];
  transfer.done.wait();
  StepResult result;
  result.choice_set = queued.choice_set;
  for (int i = 0; i < queued.logit_rows; ++i) {
    const HeadOutput& output = transfer.heads.data()[i];
    HeadResult head;
    head.finite = output.finite != 0;
    if (head.finite) {
      for (int k = 0; k < 2; ++k) {
        head.top[k] = output.top[k];
        head.value[k] = output.value[k];
        head.accumulator[k] = output.accumulator[k];
      }
      head.digest = output.digest;
    }
    result.heads.push_back(head);
  }
  return result;
}

}  // namespace ra::cuda
