// A whole GGUF file: metadata, directory, configuration, weights and the tokenizer in it.
#include "core/llm/checkpoint.h"
#include "core/llm/model.h"
#include "core/llm/tokenizer.h"
#include "tests/fuzz/fuzz_input.h"

namespace ra {
namespace {

void read_all(const Parts& parts) {
  for (const RowSource& part : parts) {
    std::vector<float> row(static_cast<size_t>(part.columns));
    for (int r = 0; r < part.rows; ++r) part.read(r, 1, row.data());
    if (!part.read_bias) continue;
    row.resize(static_cast<size_t>(part.rows));
    part.read_bias(row.data());
  }
}

}  // namespace
}  // namespace ra

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ra::FuzzFile file;
  ra::accepts([&] {
    const ra::Checkpoint checkpoint = ra::Checkpoint::open(file.with(ra::as_text(data, size)));
    ra::for_each_weight(checkpoint.shape(),
                        [&](ra::Role role, int layer) { ra::read_all(checkpoint.parts(role, layer)); });
    ra::accepts([&] { ra::Tokenizer::open(checkpoint.tokenizer()); });
  });
  return 0;
}
