// The one forward pass, written against Ops: a device and a kernel set decide how each operation is computed.
#pragma once

#include "core/llm/checkpoint.h"
#include "kernels/ops.h"

namespace ra {

// Loads every weight of the checkpoint into the device. `threads` rows are read at once where the device asks for it.
void load_weights(const Checkpoint& checkpoint, Ops& ops);

// The operations of one step, embedding to head; the body of Ops::step.
void forward(Ops& ops);

}  // namespace ra
