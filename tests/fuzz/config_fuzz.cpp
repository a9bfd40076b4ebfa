// config.json.
#include "core/llm/config.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ra::accepts([&] {
    const ra::Json json = ra::parse_json(ra::as_text(data, size), "config.json", {64, 500'000});
    const ra::ModelConfig config = ra::config_from_json(json, "config.json");
    const ra::ModelShape& shape = config.shape;
    ra::check(shape.layers > 0 && shape.hidden > 0 && shape.heads > 0 && shape.kv_heads > 0 &&
                  shape.head_dim > 0 && shape.ffn > 0 && shape.vocab > 0 && shape.max_positions > 0,
              "positive sizes");
    ra::check(shape.heads % shape.kv_heads == 0, "key-value heads that divide the heads");
    for (const int32_t id : config.stop_tokens) ra::check(id >= 0 && id < shape.vocab, "a token's id");
  });
  return 0;
}
