// What the tests of kernel sets ask their rules.
#pragma once

#include <set>
#include <string>

#include "kernels/kernel_choice.h"

namespace ra {

inline constexpr Role kAllRoles[] = {
    Role::embed,    Role::attention_norm, Role::qkv,    Role::qk_norm_rope, Role::attention,  Role::o,
    Role::ffn_norm, Role::gate_up,        Role::swiglu, Role::down,         Role::final_norm, Role::lm_head};
inline constexpr Role kProducts[] = {Role::qkv, Role::o, Role::gate_up, Role::down, Role::lm_head};

// SmolLM2-135M's launch of this role.
inline LaunchShape launch(Role role, int rows, int keys = 100, int threads = 2) {
  LaunchShape shape{.role = role,
                    .rows = rows,
                    .sequences = rows,
                    .max_keys = keys,
                    .heads = 9,
                    .kv_heads = 3,
                    .head_dim = 64,
                    .threads = threads};
  switch (role) {
    case Role::qkv:
      shape.n = 960, shape.k = 576;
      break;
    case Role::o:
      shape.n = 576, shape.k = 576;
      break;
    case Role::gate_up:
      shape.n = 3072, shape.k = 576;
      break;
    case Role::down:
      shape.n = 576, shape.k = 1536;
      break;
    case Role::lm_head:
      shape.n = 49152, shape.k = 576;
      break;
    case Role::attention_norm:
    case Role::ffn_norm:
    case Role::final_norm:
      shape.n = 576;
      break;
    case Role::qk_norm_rope:
      shape.n = 64;
      break;
    default:
      break;
  }
  return shape;
}

// The sum orders that a set uses for a role over rows 1 to 1024, contexts to 8192 keys and 1 to 64 threads.
inline std::set<std::string> sum_orders(const KernelSet& set, Role role) {
  std::set<std::string> orders;
  for (int rows = 1; rows <= 1024; ++rows) {
    for (int keys : {1, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1025, 4097, 8192}) {
      for (int threads : {1, 2, 3, 64})
        orders.insert(set.choose(launch(role, rows, keys, threads)).sum_order());
    }
  }
  return orders;
}

}  // namespace ra
