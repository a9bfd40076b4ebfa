#include "kernels/cuda/kernel_sets.h"

#include <algorithm>
#include <cmath>

#include "kernels/set_rules.h"

namespace ra {
namespace {

constexpr int kTileKeys = 64;

KernelChoice of(Algorithm algorithm) {
  KernelChoice choice;
  choice.algorithm = algorithm;
  return choice;
}

// --- invariant -----------------------------------------------------------------------------------------------

KernelChoice product_by_steps(const LaunchShape&) {
  return of(Algorithm::k16_steps);
}

// --- standard ------------------------------------------------------------------------------------------------

// A row a sequence is a step of decoding, which the stack pads; the head's rows always are.
KernelChoice product_by_heuristic(const LaunchShape& shape) {
  const bool decodes = shape.role == Role::lm_head || shape.rows == shape.sequences;
  KernelChoice choice = of(Algorithm::lt_heuristic);
  choice.rows = decodes ? captured_rows(shape.rows) : shape.rows;
  choice.n = shape.n;
  choice.k = shape.k;
  return choice;
}

KernelChoice attention_by_occupancy(const LaunchShape& shape) {
  constexpr int kMostSplits = 128;
  KernelChoice choice = of(Algorithm::splits);
  choice.splits = 1;
  if (shape.rows != shape.sequences) return choice;  // prefill: one split
  const int key_blocks = (shape.max_keys + kTileKeys - 1) / kTileKeys;
  const int splits = flash_splits(shape.sequences * shape.kv_heads, shape.threads, key_blocks, kMostSplits);
  if (splits == 1) return choice;
  choice.split_keys = (key_blocks + splits - 1) / splits * kTileKeys;
  choice.splits = (shape.max_keys + choice.split_keys - 1) / choice.split_keys;
  return choice;
}

}  // namespace

int captured_rows(int rows) {
  if (rows <= 2) return rows;
  if (rows <= 4) return 4;
  const int step = rows <= 256 ? 8 : 16;
  return (rows + step - 1) / step * step;
}

int flash_splits(int blocks, int multiprocessors, int key_blocks, int most) {
  if (blocks >= 0.8 * multiprocessors) return 1;
  const int limit = std::min({most, multiprocessors, key_blocks});
  const auto blocks_a_split = [&](int splits) { return (key_blocks + splits - 1) / splits; };
  // A number that leaves the longest split as long as one fewer does is no choice.
  const auto eligible = [&](int splits) {
    return splits == 1 || blocks_a_split(splits) != blocks_a_split(splits - 1);
  };
  const auto efficiency = [&](int splits) {
    const double waves = static_cast<double>(blocks) * splits / multiprocessors;
    return waves / std::ceil(waves);
  };
  double best = 0;
  for (int splits = 1; splits <= limit; ++splits) {
    if (eligible(splits)) best = std::max(best, efficiency(splits));
  }
  for (int splits = 1; splits <= limit; ++splits) {
    if (eligible(splits) && efficiency(splits) >= 0.85 * best) return splits;
  }
  return 1;
}

std::vector<KernelSet> cuda_kernel_sets() {
  return {
      make_kernel_set("standard", "opaque", Storage::bf16, {"width by rows", norm_by_rows},
                      {"first heuristic of cuBLASLt", product_by_heuristic},
                      {"splits by occupancy", attention_by_occupancy}),
      make_kernel_set("invariant", "hopper-k16/1", Storage::bf16, {"width by size", norm_by_size},
                      {"ascending k16 steps", product_by_steps},
                      {"absolute segments", attention_by_segments}),
  };
}

}  // namespace ra
