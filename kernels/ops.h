// THE header of ra_kernels: what a device can do for a language model's forward pass.
//
// A caller loads weights once, reserves capacity, and then runs steps. A step is a ragged batch of rows; its
// body calls the operations below in the model's order. Activations, cache, page table and next tokens belong
// to the device; only a step's results come back. A CPU runs the body; a GPU may capture it once and replay
// it.
//
// Not thread-safe: one caller at a time. Every failure is an Error with the status it leads to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/dummy_weights.h"
#include "kernels/kernel_choice.h"

namespace ra {

// --- devices -------------------------------------------------------------------------------------

struct Device {
  std::string id;           // what --device takes: "cpu", "cpu:avx2", "cuda:0"
  std::string description;  // one line for people
};
// Every device this build can use here; the first is the default: a GPU, if there is one.
std::vector<Device> available_devices();
// What is known of one of them, in order: memory, driver, libraries, ... Opens what it asks, so it may take a second.
std::vector<std::pair<std::string, std::string>> device_facts(const std::string& device);
// Why "cuda:N", or with "cuda" any GPU, is not among them: what was found, and what is expected. One sentence.
std::string gpu_absence(const std::string& device);

// --- what is loaded ------------------------------------------------------------------------------

// RoPE's frequencies: base, and how a long-context checkpoint rescales them.
struct RopeSpec {
  enum class Scaling : uint8_t { none, linear, llama3 } scaling = Scaling::none;
  double base = 10000.0;
  double factor = 1.0;  // linear: of every wavelength; llama3: of the long ones, by the numbers below
  double low_frequency_factor = 1.0;
  double high_frequency_factor = 4.0;
  double original_positions = 8192;
};

struct ModelShape {
  int layers = 0;
  int hidden = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int ffn = 0;
  int vocab = 0;
  float norm_eps = 0;
  bool qk_norm = false;
  bool qkv_bias = false;  // the projections of q, k and v add one
  bool o_bias = false;
  bool tied = false;  // lm_head is the embedding
  int max_positions = 0;
  RopeSpec rope;
};

// Whether the product of `role` adds a bias to each output (numerics.md rule 3).
inline bool has_bias(const ModelShape& shape, Role role) {
  return role == Role::qkv ? shape.qkv_bias : role == Role::o && shape.o_bias;
}

// A matrix whose rows are read on demand as the fp32 values they stand for. `read(first, count, out)` fills
// out[count][columns]; it is called from several threads at once. `read_bias(out)` fills out[rows]; empty where the
// product has no bias. Of dummy weights `dummy` and `dummy_bias` say how a device makes the same values itself: element
// (r, c) is number r * columns + c.
struct RowSource {
  int rows = 0;
  int columns = 0;
  std::function<void(int first, int count, float* out)> read;
  std::function<void(float* out)> read_bias = {};
  std::optional<DummyTensor> dummy = {};
  std::optional<DummyTensor> dummy_bias = {};
};

// Which stored tensor a load() is for. Matrices are [n, k], row n holding the weights of output n.
//   embed [vocab, hidden]   qkv: parts q, k, v   o   gate_up: parts gate, up   down   lm_head (absent when
//   tied) attention_norm, ffn_norm, final_norm: one row of `hidden`   qk_norm_rope: parts q norm, k norm, one
//   row of head_dim
using Parts = std::vector<RowSource>;

// --- a step --------------------------------------------------------------------------------------

inline constexpr int kPageKeys = 64;       // positions a page of the cache holds
inline constexpr int32_t kNextToken = -1;  // in StepInput::tokens: what this slot's head chose last

struct Capacity {
  int rows = 0;        // most rows in one step
  int logit_rows = 0;  // most rows that go through the head in one step
  int slots = 0;       // sequences alive at once
  int pages = 0;       // pages of the cache
};

// One sequence's part of a step: `rows` consecutive rows, at positions [position, position + rows) of `slot`. A step has one
// slice of a slot at most, and no page is two slots': keys below `position` are those of earlier steps.
struct Slice {
  int slot = 0;
  int position = 0;
  int rows = 0;
  const int32_t* pages = nullptr;  // [ceil((position + rows) / kPageKeys)], read during step() only
};

struct StepInput {
  std::vector<Slice> slices;
  std::vector<int32_t> tokens;  // [rows], slice after slice
  std::vector<int32_t>
      logit_rows;  // rows that go through the head, ascending; their slot's next token is the result
};

// What the head found for one logit row (numerics.md rule 16).
struct HeadResult {
  int32_t top[2] = {-1, -1};
  float value[2] = {0, 0};
  float accumulator[2] = {0, 0};
  uint64_t digest = 0;
  bool finite =
      true;  // false: a NaN or infinity in the row, or in a sum before it; the rest then holds nothing
};

struct StepResult {
  std::vector<HeadResult> heads;  // [logit_rows]
  int choice_set = 0;             // for Ops::choice_set
};

// An operation's output as a hook sees it: `rows` rows of `row_bytes` bytes in host memory, writable (what is
// written is what the next operation reads). Norms: x; qk_norm_rope: q after RoPE; lm_head: fp32 sums,
// [logit_rows, vocab]. final_norm and lm_head have the logit rows only, every other operation all rows of the
// step.
struct OpOutput {
  Role role = Role::embed;
  int layer = 0;
  int rows = 0;
  size_t row_bytes = 0;
  std::byte* bytes = nullptr;
  std::byte* row(int r) const { return bytes + static_cast<size_t>(r) * row_bytes; }
};
using OpHook = std::function<void(const OpOutput&)>;

using ChoiceSet = std::map<Role, KernelChoice>;

class Ops {
 public:
  virtual ~Ops() = default;

  virtual const ModelShape& shape() const = 0;

  // Loading, before the first step. `layer` is 0 for embed, final_norm and lm_head.
  virtual void load(Role role, int layer, const Parts& parts) = 0;
  // Makes room for steps of this size; may be called again, which empties the cache.
  virtual void reserve(const Capacity& capacity) = 0;

  // Does before any step of `set` within the reserved capacity what its first one would do: where several kernels compute
  // one sum order they are timed, and show its bits. Error(device) naming an operation that no kernel is left for.
  virtual void prepare(const KernelSet& /*set*/) {}
  // Those timings, as text for another process on this machine, which takes them before its first step. They decide no
  // bits; a text of another machine, or damaged, is not taken.
  virtual std::string timings() const { return ""; }
  virtual void take_timings(const std::string& /*text*/) {}

  // Runs `body` once for this input with the set's choices, and queues its results. Results come back in
  // order by next_result(); a device may still be computing when step() returns.
  virtual void step(const KernelSet& set, const StepInput& input, const std::function<void()>& body) = 0;
  virtual StepResult next_result() = 0;

  // The operations; only inside a step's body. h is the residual stream, x an operation's input, y its
  // output.
  virtual void embed() = 0;  // h[r,:] = E[token_r,:]
  virtual void add_norm(int layer,
                        Role role) = 0;  // h += the last o or down output (none before layer 0); x = norm(h)
  virtual void project(int layer,
                       Role role) = 0;  // y[r,n] = sum over k of x[r,k] w[n,k], plus bias[n] if it has one
  virtual void qk_norm_rope_store(int layer) = 0;  // q, k: optional norm, RoPE; k, v into the cache
  virtual void attend(int layer) = 0;              // x = attention of q over the cache
  virtual void swiglu(int layer) = 0;              // x = silu(gate) * up
  virtual void head() = 0;                         // logits of the logit rows: both tops, digest, next token

  // The choices a step was made with; ids are small and stay valid.
  virtual const ChoiceSet& choice_set(int id) const = 0;
  // Logits as used, [vocab], of logit row `row` of the last finished step.
  virtual void read_logits(int row, float* out) const = 0;
  // Called after every operation until reset with {}; makes the device synchronous. So that every output exists, a device
  // then runs operations one by one that it runs in one launch otherwise, with the same bits.
  virtual void set_hook(OpHook hook) = 0;
  // Logits as fp32 sums instead of their bf16 rounding (--logits fp32).
  virtual void set_fp32_logits(bool on) = 0;
  // Facts for the record: processor, instruction set, libraries, threads, floating-point environment.
  virtual std::map<std::string, std::string> environment() const = 0;
  // RoPE's table as used, fp32 [max positions reserved][head_dim / 2][cos, sin], to be hashed for the record.
  virtual const std::vector<float>& rope_table() const = 0;
};

// Opens the device for a model of this shape, to run steps with any of `sets`, which must share one Storage;
// weights are kept in each layout that one of them needs. `threads` 0 means one for each available core.
// Error(device) if the device does not exist or lacks hardware fma.
std::unique_ptr<Ops> open_ops(const std::string& device, const ModelShape& shape,
                              const std::vector<KernelSet>& sets, int threads);

// Bytes that open_ops, load and reserve will take, for the plan's memory estimate.
struct MemoryNeed {
  uint64_t weights = 0;
  uint64_t cache = 0;
  uint64_t workspace = 0;
};
MemoryNeed memory_need(const std::string& device, const ModelShape& shape, const std::vector<KernelSet>& sets,
                       const Capacity& capacity);
// Bytes that this process may still take on the device: of a GPU's memory, or of the system's within its control group.
uint64_t memory_available(const std::string& device);

// Empty if OpenBLAS computes right products at this model's shapes; else one sentence with the first wrong
// output. Takes well under a second. `threads` as in open_ops. (Some processors get a wrong kernel;
// OPENBLAS_CORETYPE=Haswell, set before the process starts, picks another.)
std::string blas_fault(const ModelShape& shape, int threads = 0);
// One sentence if OpenBLAS computes here with kernels for processors without AVX, to which it falls back where it does not
// know the processor; else empty. The same remedy.
std::string blas_lag();

// Versions and features of everything the kernels of this build use, for --version: name -> value, in order.
std::vector<std::pair<std::string, std::string>> kernel_versions();

}  // namespace ra
