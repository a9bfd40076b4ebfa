// Which kernel an operation runs, as a value: shape + kernel set -> KernelChoice. Pure; needs no device.
// A kernel set is a table of rules, one an operation; mixing sets is mixing rules.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ra {

// The operations of a forward pass, in the order in which a layer runs them.
enum class Role : uint8_t {
  embed,
  attention_norm,
  qkv,
  qk_norm_rope,  // optional q and k norm, RoPE, store to the cache
  attention,
  o,
  ffn_norm,
  gate_up,
  swiglu,
  down,
  final_norm,
  lm_head,
};
inline constexpr int kRoles = 12;
const char* role_name(Role role);

// What a rule may look at. Everything else about a launch cannot influence its kernel. A norm's n is the
// number of values it sums: head_dim for the q and k norms, 0 in qk_norm_rope of a model that has none.
struct LaunchShape {
  Role role = Role::embed;
  int rows = 0;       // rows of this operation in this launch
  int n = 0;          // outputs a row
  int k = 0;          // inputs a row
  int sequences = 0;  // attention: sequences in the launch
  int max_keys = 0;   // attention: the longest context among them
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int threads = 0;
};

enum class Algorithm : uint8_t {
  rowwise,       // no sum across elements
  lanes,         // a norm: `lanes` partial sums, then a tree (numerics.md rule 6)
  fma_chain,     // a product: ascending fma in chunks of 512 (rule 2, cpu-fma512/1)
  blas_gemv,     // the library's matrix-vector product
  blas_gemm,     // the library's matrix-matrix product
  segments,      // attention: absolute segments of `split_keys` keys, merged ascending (rules 12, 13)
  splits,        // attention: `splits` shares of a sequence's keys, `split_keys` keys each, merged ascending
  fp64,          // reference: a double sum
  k16_steps,     // a product: ascending k16 steps of Hopper's tensor cores (rule 2, hopper-k16/1)
  lt_heuristic,  // the first choice of cuBLASLt's heuristic
};

// The value a launch is made with.
struct KernelChoice {
  Algorithm algorithm = Algorithm::rowwise;
  int lanes = 0;  // lanes
  // segments: keys of each. splits: share s is keys [s * split_keys, (s + 1) * split_keys), in tiles of 64
  // from its first key; with one split it is 0 and the share is all keys.
  int split_keys = 0;
  int splits = 0;              // splits: most shares; a sequence that is shorter has fewer
  std::string library;         // blas_*, lt_*: "openblas 0.3.21 Zen, 2 threads"
  int n = 0, k = 0, rows = 0;  // blas_*, lt_*: what the library saw; it alone may let them decide bits
  std::string kernel;          // k16_steps, lt_*: which one computes it. Of k16_steps it decides no bits

  std::string sum_order() const;  // the part that decides bits; equal text, equal order
  std::string text() const;       // all of it
  auto operator<=>(const KernelChoice&) const = default;
};

// How weights, activations and cache are stored. Arms of one storage share weights and cache.
enum class Storage : uint8_t { bf16, fp32 };

struct Rule {
  const char* name;  // "first heuristic of the BLAS", ...
  KernelChoice (*choose)(const LaunchShape& shape);
};

struct KernelSet {
  std::string name;
  // "cpu-fma512/1": bits are equal wherever they were made. "opaque": on the same processor and library only.
  // "fp64": double sums and the system's exp, sin and cos: to be compared with a tolerance.
  std::string sum_order_class;
  Storage storage = Storage::bf16;
  std::array<Rule, kRoles> rules{};

  KernelChoice choose(const LaunchShape& shape) const {
    return rules[static_cast<size_t>(shape.role)].choose(shape);
  }
};

// The named sets a device offers: "standard", "invariant", "reference". `device` is what --device takes;
// every target of one device ("cpu", "cpu:avx2") has the same sets. Throws Error(usage) naming the known
// ones, Error(device) for a device of another kind.
KernelSet find_kernel_set(const std::string& device, const std::string& name);
std::vector<std::string> kernel_set_names(const std::string& device);

}  // namespace ra
