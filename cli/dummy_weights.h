// --dummy-weights SEED, which run and model take: a model of a configuration alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/llm/checkpoint.h"
#include "core/llm/dummy_weights.h"

namespace CLI {
class App;
}

namespace ra {

void declare_dummy_weights(CLI::App& verb, std::optional<uint64_t>& seed);

// The checkpoint at `path`, with weights drawn from `seed` if there is one.
Checkpoint open_checkpoint(const std::string& path, const std::optional<uint64_t>& seed);

}  // namespace ra
