#include "cli/dummy_weights.h"

#include "cli/arguments.h"

namespace ra {

void declare_dummy_weights(CLI::App& verb, std::optional<uint64_t>& seed) {
  add_number(verb, "--dummy-weights", seed, 0, UINT64_MAX,
             "Random weights of this seed for a model of which only config.json is needed")
      ->type_name("SEED");
}

Checkpoint open_checkpoint(const std::string& path, const std::optional<uint64_t>& seed) {
  return seed ? Checkpoint::open_dummy(path, *seed) : Checkpoint::open(path);
}

}  // namespace ra
