// A whole GGUF file: metadata, directory, configuration, weights and the tokenizer in it.
#include "core/llm/checkpoint.h"
#include "core/llm/tokenizer.h"
#include "tests/fuzz/fuzz_input.h"

namespace ra {
namespace {

void read_all(const Parts& parts) {
  for (const RowSource& part : parts) {
    std::vector<float> row(static_cast<size_t>(part.columns));
    for (int r = 0; r < part.rows; ++r) part.read(r, 1, row.data());
  }
}

}  // namespace
}  // namespace ra

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ra::Role;
  static const ra::FuzzFile file;
  ra::accepts([&] {
    const ra::Checkpoint checkpoint = ra::Checkpoint::open(file.with(ra::as_text(data, size)));
    for (const Role role : {Role::embed, Role::final_norm, Role::lm_head})
      ra::read_all(checkpoint.parts(role, 0));
    for (int layer = 0; layer < checkpoint.shape().layers; ++layer) {
      for (const Role role : {Role::attention_norm, Role::qkv, Role::qk_norm_rope, Role::o, Role::ffn_norm,
                              Role::gate_up, Role::down}) {
        ra::read_all(checkpoint.parts(role, layer));
      }
    }
    ra::accepts([&] { ra::Tokenizer::open(checkpoint.tokenizer()); });
  });
  return 0;
}
