#include "kernels/cpu/simd_target.h"

#include "hwy/targets.h"

namespace ra {
namespace {

struct Known {
  long long bit;
  const char* name;
};
constexpr Known kKnown[] = {{HWY_AVX3, "avx512"}, {HWY_AVX2, "avx2"}, {HWY_NEON, "neon"}};

// Where HWY_EXPORT puts a target: after the entry that chooses by itself; alone, there is but one entry.
size_t table_index(long long bit) {
  if constexpr ((HWY_TARGETS & (HWY_TARGETS - 1)) == 0) return 0;
  return hwy::Num0BitsBelowLS1Bit_Nonzero64(static_cast<uint64_t>(HWY_CHOSEN_TARGET_SHIFT(bit)));
}

}  // namespace

const std::vector<SimdTarget>& simd_targets() {
  static const std::vector<SimdTarget> targets = [] {
    std::vector<SimdTarget> found;
    const long long supported = HWY_SUPPORTED_TARGETS;
    for (const Known& known : kKnown) {
      if (HWY_TARGETS & supported & known.bit) found.push_back({known.name, table_index(known.bit)});
    }
    return found;
  }();
  return targets;
}

std::vector<std::string> generated_targets() {
  std::vector<std::string> names;
  for (const Known& known : kKnown) {
    if (HWY_TARGETS & known.bit) names.push_back(known.name);
  }
  return names;
}

}  // namespace ra
