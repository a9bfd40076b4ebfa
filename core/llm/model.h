// The one forward pass, written against Ops: a device and a kernel set decide how each operation is computed.
#pragma once

#include <functional>

#include "core/llm/checkpoint.h"
#include "kernels/ops.h"

namespace ra {

// Calls load(role, layer) for everything that has weights in a model of this shape.
void for_each_weight(const ModelShape& shape, const std::function<void(Role, int)>& load);

// Loads every weight of the checkpoint into the device. Error(bad_input) if a tensor cannot be read.
void load_weights(const Checkpoint& checkpoint, Ops& ops);

// The operations of one step over the first `layers` layers, embedding to head; the body of Ops::step.
void forward(Ops& ops, int layers);

}  // namespace ra
