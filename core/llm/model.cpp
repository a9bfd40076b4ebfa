#include "core/llm/model.h"

namespace ra {

void for_each_weight(const ModelShape& shape, const std::function<void(Role, int)>& load) {
  load(Role::embed, 0);
  for (int layer = 0; layer < shape.layers; ++layer) {
    load(Role::attention_norm, layer);
    load(Role::qkv, layer);
    if (shape.qk_norm) load(Role::qk_norm_rope, layer);
    load(Role::o, layer);
    load(Role::ffn_norm, layer);
    load(Role::gate_up, layer);
    load(Role::down, layer);
  }
  load(Role::final_norm, 0);
  if (!shape.tied) load(Role::lm_head, 0);
}

void load_weights(const Checkpoint& checkpoint, Ops& ops) {
  for_each_weight(ops.shape(),
                  [&](Role role, int layer) { ops.load(role, layer, checkpoint.parts(role, layer)); });
}

void forward(Ops& ops, int layers) {
  ops.embed();
  for (int layer = 0; layer < layers; ++layer) {
    ops.add_norm(layer, Role::attention_norm);
    ops.project(layer, Role::qkv);
    ops.qk_norm_rope_store(layer);
    ops.attend(layer);
    ops.project(layer, Role::o);
    ops.add_norm(layer, Role::ffn_norm);
    ops.project(layer, Role::gate_up);
    ops.swiglu(layer);
    ops.project(layer, Role::down);
  }
  ops.add_norm(0, Role::final_norm);
  ops.head();
}

}  // namespace ra
