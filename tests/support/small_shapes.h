// Shapes of the small models that kernels are tested on.
#pragma once

#include "kernels/ops.h"

namespace ra {

// Every width a multiple of 32, two layers: fast enough for every number of rows.
inline ModelShape tiny_shape() {
  return {.layers = 2,
          .hidden = 128,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 32,
          .ffn = 320,
          .vocab = 640,
          .norm_eps = 1e-5f,
          .max_positions = 2048};
}

// One layer as SmolLM2-135M has them, with a vocabulary that no vector width divides and that needs two chunks of the
// digest.
inline ModelShape smollm2_layer_shape() {
  return {.layers = 1,
          .hidden = 576,
          .heads = 9,
          .kv_heads = 3,
          .head_dim = 64,
          .ffn = 1536,
          .vocab = 1037,
          .norm_eps = 1e-5f,
          .tied = true,
          .max_positions = 2048};
}

// Qwen3's kind: heads of 128 with a norm of their own, more of them than hidden / 128.
inline ModelShape qk_norm_shape() {
  return {.layers = 1,
          .hidden = 192,
          .heads = 4,
          .kv_heads = 1,
          .head_dim = 128,
          .ffn = 544,
          .vocab = 333,
          .norm_eps = 1e-6f,
          .qk_norm = true,
          .max_positions = 2048,
          .rope = {.base = 1e6}};
}

// The same with more heads than 256 threads take at once by eights, and a number of them that fills no warp.
inline ModelShape many_heads_shape() {
  ModelShape shape = qk_norm_shape();
  shape.heads = 15;
  shape.kv_heads = 3;
  return shape;
}

// Biases on both projections of attention, whose outputs fill no tile of 16; RoPE scaled by a factor.
inline ModelShape bias_shape() {
  return {.layers = 2,
          .hidden = 140,
          .heads = 7,
          .kv_heads = 1,
          .head_dim = 20,
          .ffn = 100,
          .vocab = 333,
          .norm_eps = 1e-6f,
          .qkv_bias = true,
          .o_bias = true,
          .max_positions = 2048,
          .rope = {.scaling = RopeSpec::Scaling::linear, .factor = 4.0}};
}

}  // namespace ra
