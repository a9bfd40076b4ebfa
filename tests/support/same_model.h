// Whether two checkpoints hold one model.
#pragma once

#include <string>
#include <vector>

#include "core/llm/checkpoint.h"

namespace ra {

// One part of an operation's weight, [rows, columns], and its bias, [rows] or empty.
std::vector<float> values_of(const Checkpoint& checkpoint, Role role, int layer, size_t part);
std::vector<float> bias_of(const Checkpoint& checkpoint, Role role, int layer, size_t part);

// Expects equal shapes, and equal bits of every weight and bias.
void expect_same_model(const Checkpoint& a, const Checkpoint& b);

}  // namespace ra
