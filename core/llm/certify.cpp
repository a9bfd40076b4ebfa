#include "core/llm/certify.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/hash.h"
#include "core/llm/model.h"
#include "core/llm/page_pool.h"

namespace ra {
namespace {

constexpr int kContext = 300;   // the anchor's cached positions: two attention segments, five tiles
constexpr int kMostSlots = 65;  // row counts up to here are one row a sequence, as in decoding
constexpr int kAnchorSlot = 0;
// Around powers of two, and around the row counts at which OpenBLAS was seen to change its kernel.
constexpr int kRowCounts[] = {2,  3,  4,  5,  6,  7,  8,  9,  12, 13,  15, 16,
                              17, 24, 25, 31, 32, 33, 48, 64, 65, 128, 257};
// Where nothing is promised, fewer counts in more layers: rounding to bf16 hides most differences of one product.
constexpr int kRecordedRowCounts[] = {2, 3, 4, 8, 13, 16, 24, 32, 257};
constexpr int kRecordedLayers = 8;

using Bytes = std::vector<std::byte>;

int32_t token_at(const ModelShape& shape, int slot, int position) {
  return static_cast<int32_t>((7919LL * (position + 1) + 104729LL * slot) % shape.vocab);
}

bool has_logit_rows(Role role) {
  return role == Role::final_norm || role == Role::lm_head;
}

// A step in which the anchor is row `anchor_row` and logit row `anchor_logit_row`.
struct AnchorStep {
  StepInput input;
  int anchor_row = 0;
  int anchor_logit_row = 0;
};

class Certifier {
 public:
  Certifier(Ops& ops, const KernelSet& set)
      : ops_(ops),
        set_(set),
        must_hold_(set.sum_order_class != "opaque"),
        layers_(must_hold_ ? 1 : std::min(kRecordedLayers, ops.shape().layers)),
        context_(std::min(kContext, ops.shape().max_positions - 1)),
        pages_(kPages, kMostSlots) {
    ops_.reserve({.rows = kMostRows, .logit_rows = kMostSlots, .slots = kMostSlots, .pages = kPages});
  }
  ~Certifier() { ops_.set_hook({}); }

  Certificate run() {
    if (must_hold_) check_chunks();
    fill_context();
    observe(step_with(1, 0), "alone");
    int counts = 1;
    const std::span<const int> row_counts =
        must_hold_ ? std::span<const int>(kRowCounts) : kRecordedRowCounts;
    for (int rows : row_counts) {
      if (rows > kMostSlots && rows > ops_.shape().max_positions) continue;
      ++counts;
      const auto where = [&](int place) {
        return std::to_string(rows) + " rows, place " + std::to_string(place);
      };
      observe(step_with(rows, 0), where(0));
      if (!must_hold_) continue;
      observe(step_with(rows, rows - 1), where(rows - 1));
      run_unobserved(step_with(rows, rows / 2), where(rows / 2));
    }
    certificate_.summary = std::to_string(counts) + " row counts up to " + std::to_string(row_counts.back()) +
                           (must_hold_ ? ", first, middle and last place, 3 chunkings: equal bits"
                                       : ", first place: recorded, not promised");
    return std::move(certificate_);
  }

 private:
  static constexpr int kMostRows = kContext + 1;
  static constexpr int kPages = (kContext + 1 + kPageKeys - 1) / kPageKeys + kMostSlots + 8;

  void add_slice(StepInput& input, int slot, int position, int rows) {
    input.slices.push_back(
        {.slot = slot, .position = position, .rows = rows, .pages = pages_.hold(slot, position + rows)});
    for (int r = 0; r < rows; ++r) input.tokens.push_back(token_at(ops_.shape(), slot, position + r));
  }

  StepResult launch(const StepInput& input) {
    ops_.step(set_, input, [this] { forward(ops_, layers_); });
    return ops_.next_result();
  }

  void fill_context() {
    ops_.set_hook({});
    StepInput input;
    add_slice(input, kAnchorSlot, 0, context_);
    launch(input);
  }

  // The anchor decodes at position `context_`; fillers stand before and behind it.
  AnchorStep step_with(int rows, int place) {
    AnchorStep step{.anchor_row = place};
    const bool decode = rows <= kMostSlots;
    int slot = 1;
    auto fill = [&](int count) {
      for (int left = count; left > 0;) {
        const int take = decode ? 1 : left;
        pages_.release(slot);
        add_slice(step.input, slot++, 0, take);
        left -= take;
      }
    };
    fill(place);
    add_slice(step.input, kAnchorSlot, context_, 1);
    fill(rows - 1 - place);
    int end = 0;
    for (const Slice& slice : step.input.slices) {
      end += slice.rows;
      if (end - 1 == place) step.anchor_logit_row = static_cast<int>(step.input.logit_rows.size());
      step.input.logit_rows.push_back(end - 1);
    }
    return step;
  }

  // Runs the step; the first call keeps the anchor's outputs, later ones compare with them and put them back.
  void observe(const AnchorStep& step, const std::string& where) {
    std::map<Role, uint64_t> hashes;
    ops_.set_hook([&](const OpOutput& output) {
      std::byte* row = output.row(has_logit_rows(output.role) ? step.anchor_logit_row : step.anchor_row);
      uint64_t& hash = hashes[output.role];  // over the layers so far
      const uint64_t chained[2] = {hash, xxh3_64(std::span(row, output.row_bytes))};
      hash = xxh3_64(std::as_bytes(std::span(chained)));
      const auto [kept, first] = alone_.try_emplace({output.role, output.layer}, row, row + output.row_bytes);
      if (first) return;
      if (must_hold_ && std::memcmp(kept->second.data(), row, output.row_bytes) != 0)
        refuse(output.role, where);
      std::memcpy(row, kept->second.data(), output.row_bytes);
    });
    const StepResult result = launch(step.input);
    if (!alone_head_) alone_head_ = result.heads.at(static_cast<size_t>(step.anchor_logit_row));
    for (const auto& [role, choice] : ops_.choice_set(result.choice_set)) {
      const auto hash = hashes.find(role);
      if (hash != hashes.end())
        certificate_.outputs[role_name(role)].try_emplace(choice.sum_order(), hex(hash->second));
    }
  }

  // Runs the step as a trial does: where nobody looks between operations, a device may do several at once.
  void run_unobserved(const AnchorStep& step, const std::string& where) {
    ops_.set_hook({});
    const StepResult result = launch(step.input);
    const HeadResult& anchor = result.heads.at(static_cast<size_t>(step.anchor_logit_row));
    if (anchor.finite != alone_head_->finite || (anchor.finite && anchor.digest != alone_head_->digest))
      refuse(Role::lm_head, where + ", all operations unobserved");
  }

  // A prefill in pieces gives every position the bits of the whole one, and so does decoding its last
  // position.
  void check_chunks() {
    const int positions = context_ + 1;
    std::map<Role, Bytes> whole;
    prefill({positions}, [&](const OpOutput& output, int) {
      whole[output.role].assign(output.bytes,
                                output.bytes + static_cast<size_t>(output.rows) * output.row_bytes);
    });
    const std::vector<std::vector<int>> chunkings = {
        {context_, 1}, {context_ / 5, context_ / 3, positions - context_ / 5 - context_ / 3}, {1, context_}};
    for (const std::vector<int>& chunks : chunkings) {
      prefill(chunks, [&](const OpOutput& output, int position) {
        const Bytes& expected = whole.at(output.role);
        const size_t offset = static_cast<size_t>(position) * output.row_bytes;
        if (std::memcmp(expected.data() + offset, output.bytes,
                        static_cast<size_t>(output.rows) * output.row_bytes) != 0) {
          refuse(output.role, "a prefill in " + std::to_string(chunks.size()) + " chunks");
        }
      });
    }
  }

  template <typename Look>
  void prefill(const std::vector<int>& chunks, const Look& look) {
    pages_.release(kAnchorSlot);
    int position = 0;
    for (int rows : chunks) {
      if (rows == 0) continue;
      StepInput input;
      add_slice(input, kAnchorSlot, position, rows);
      ops_.set_hook([&](const OpOutput& output) {
        if (!has_logit_rows(output.role)) look(output, position);
      });
      launch(input);
      position += rows;
    }
  }

  [[noreturn]] void refuse(Role role, const std::string& where) const {
    throw Error(Exit::device, "certification failed: with kernel set '" + set_.name + "' the bits of " +
                                  role_name(role) + " depend on the launch (" + where +
                                  "); expected the bits of the row alone");
  }

  Ops& ops_;
  const KernelSet& set_;
  const bool must_hold_;
  const int layers_;
  const int context_;
  PagePool pages_;
  std::map<std::pair<Role, int>, Bytes> alone_;
  std::optional<HeadResult> alone_head_;  // the anchor's
  Certificate certificate_;
};

}  // namespace

Certificate certify(Ops& ops, const KernelSet& set) {
  const auto start = std::chrono::steady_clock::now();
  Certificate certificate = Certifier(ops, set).run();
  certificate.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return certificate;
}

}  // namespace ra
