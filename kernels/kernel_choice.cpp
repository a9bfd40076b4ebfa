#include "kernels/kernel_choice.h"

namespace ra {

const char* role_name(Role role) {
  static constexpr const char* kNames[kRoles] = {"embed",    "attention_norm", "qkv",    "qk_norm_rope",
                                                 "attention", "o",             "ffn_norm", "gate_up",
                                                 "swiglu",   "down",           "final_norm", "lm_head"};
  return kNames[static_cast<size_t>(role)];
}

}  // namespace ra
