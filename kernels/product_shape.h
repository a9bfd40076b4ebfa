// How many outputs and inputs the products of a model have. Every device needs it.
#pragma once

#include "kernels/ops.h"

namespace ra {

// Outputs a row of the product of `role`: qkv, o, gate_up, down or lm_head.
inline int product_outputs(const ModelShape& shape, Role role) {
  switch (role) {
    case Role::qkv:
      return (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
    case Role::gate_up:
      return 2 * shape.ffn;
    case Role::lm_head:
      return shape.vocab;
    default:
      return shape.hidden;  // o, down
  }
}

// Its inputs a row.
inline int product_inputs(const ModelShape& shape, Role role) {
  switch (role) {
    case Role::o:
      return shape.heads * shape.head_dim;
    case Role::down:
      return shape.ffn;
    default:
      return shape.hidden;  // qkv, gate_up, lm_head
  }
}

}  // namespace ra
