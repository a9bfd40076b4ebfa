#include "core/llm/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace ra {

void check_shape(const ModelShape& shape, const std::string& file) {
  const auto fail = [&](const std::string& found, const std::string& expected) {
    throw Error(Exit::bad_input, fmt::format("{}: found {}; expected {}", file, found, expected));
  };
  if (shape.hidden % shape.heads != 0) {
    fail(fmt::format("hidden size {} with {} attention heads", shape.hidden, shape.heads),
         "a multiple of the heads");
  }
  if (shape.kv_heads > shape.heads || shape.heads % shape.kv_heads != 0) {
    fail(fmt::format("{} key-value heads for {} attention heads", shape.kv_heads, shape.heads),
         "a divisor of the heads");
  }
  if (shape.head_dim % 2 != 0) fail(fmt::format("a head dimension of {}", shape.head_dim), "an even one");
  if (!(shape.norm_eps > 0) || !(shape.norm_eps < 1)) {
    fail(fmt::format("a norm's epsilon of {}", shape.norm_eps), "one between 0 and 1");
  }
  const RopeSpec& rope = shape.rope;
  if (!(rope.base > 1 && rope.base < 0x1p60)) {
    fail(fmt::format("a RoPE base (rope_theta) of {}", rope.base), "one above 1 and below 2^60");
  }
  if (rope.scaling == RopeSpec::Scaling::linear && !(rope.factor >= 1 && std::isfinite(rope.factor))) {
    fail(fmt::format("linear RoPE scaling by a factor of {}", rope.factor), "a finite one from 1");
  }
  if (rope.scaling == RopeSpec::Scaling::llama3 &&
      !(rope.factor >= 1 && rope.low_frequency_factor > 0 && rope.original_positions >= 1 &&
        rope.high_frequency_factor > rope.low_frequency_factor)) {
    fail(fmt::format("llama3 RoPE scaling with factor {}, low_freq_factor {}, high_freq_factor {}, "
                     "original_max_position_embeddings {}",
                     rope.factor, rope.low_frequency_factor, rope.high_frequency_factor,
                     rope.original_positions),
         "a factor from 1 and 0 < low < high");
  }
}

void check_stop_tokens(const std::vector<int32_t>& stop_tokens, int vocab, const std::string& file) {
  for (int32_t id : stop_tokens) {
    if (id >= vocab) {
      throw Error(Exit::bad_input,
                  fmt::format("{}: found end-of-text token {}; expected an id below the vocabulary's {}",
                              file, id, vocab));
    }
  }
}

}  // namespace ra
