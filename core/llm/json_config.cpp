// config.json as Hugging Face transformers writes it: version 5's keys (rope_parameters, dtype) and the older
// ones (rope_theta and rope_scaling, torch_dtype). Defaults of absent keys are those of the families'
// configuration classes.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/llm/config.h"
#include "core/printable.h"

namespace ra {
namespace {

// An object of the configuration, with the name it has in messages.
class Section {
 public:
  Section(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  std::string where(const char* key) const { return where_ + ": " + key; }
  // The member; none if absent or null.
  const Json* find(const char* key) const {
    const Json* found = json_.find(key);
    return found && !found->is_null() ? found : nullptr;
  }
  int integer(const char* key, uint64_t maximum, std::optional<int> fallback = std::nullopt) const {
    const Json* found = find(key);
    if (!found && fallback) return *fallback;
    if (!found) fail(key, "nothing", "an integer");
    const uint64_t value = found->unsigned_integer(where(key), maximum);
    if (value == 0) fail(key, "0", fmt::format("1 to {}", maximum));
    return static_cast<int>(value);
  }
  double number(const char* key, std::optional<double> fallback = std::nullopt) const {
    const Json* found = find(key);
    if (!found && fallback) return *fallback;
    if (!found) fail(key, "nothing", "a number");
    return found->number(where(key));
  }
  bool boolean(const char* key) const {
    const Json* found = find(key);
    return found && found->boolean(where(key));
  }
  const std::string* string(const char* key) const {
    const Json* found = find(key);
    return found ? &found->string(where(key)) : nullptr;
  }
  [[noreturn]] void fail(const char* key, const std::string& found, const std::string& expected) const {
    throw Error(Exit::bad_input, fmt::format("{}: found {}; expected {}", where(key), found, expected));
  }

 private:
  const Json& json_;
  std::string where_;
};

std::string quoted(const std::string& text) {
  return fmt::format("\"{}\"", printable(text));
}

const Family* read_family(const Section& config) {
  const Json* architectures = config.find("architectures");
  if (!architectures) config.fail("architectures", "nothing", supported_architectures());
  const Json::Array& list = architectures->array(config.where("architectures"));
  if (list.size() != 1)
    config.fail("architectures", fmt::format("{} names", list.size()), supported_architectures());
  const std::string& name = list.front().string(config.where("architectures"));
  const Family* family = find_architecture(name);
  if (!family) config.fail("architectures", quoted(name), supported_architectures());
  const std::string* model_type = config.string("model_type");
  if (model_type && *model_type != family->name) config.fail("model_type", quoted(*model_type), family->name);
  return family;
}

void refuse_unsupported(const Section& config, const Family& family) {
  for (const char* key : {"torch_dtype", "dtype"}) {
    const std::string* type = config.string(key);
    if (type && *type != "float32" && *type != "float16" && *type != "bfloat16") {
      config.fail(key, quoted(*type), "float32, float16 or bfloat16");
    }
  }
  if (config.find("quantization_config")) {
    config.fail("quantization_config", "a quantised checkpoint",
                "weights in " + supported_types(false) + ", or a GGUF file");
  }
  if (config.boolean("mlp_bias")) config.fail("mlp_bias", "true", "false: such biases are not supported");
  if (family.bias == AttentionBias::none && config.boolean("attention_bias")) {
    config.fail("attention_bias", "true", fmt::format("false in a {} model", family.name));
  }
  if (const std::string* activation = config.string("hidden_act"); activation && *activation != "silu") {
    config.fail("hidden_act", quoted(*activation), "silu");
  }
  if (config.number("partial_rotary_factor", 1.0) != 1.0) {
    config.fail("partial_rotary_factor", "RoPE on a part of the head", "1");
  }
  if (const Json* types = config.find("layer_types")) {
    for (const Json& type : types->array(config.where("layer_types"))) {
      const std::string& name = type.string(config.where("layer_types"));
      if (name != "full_attention") config.fail("layer_types", quoted(name), "full_attention");
    }
  }
}

// A window as long as the context, or in layers that the model does not have, changes nothing.
void refuse_sliding_window(const Json& json, const Section& config, const Family& family,
                           const ModelShape& shape) {
  constexpr int kDefaultWindow = 4096;      // transformers: MistralConfig, Qwen2Config, Qwen3Config
  constexpr int kDefaultWindowLayers = 28;  // the latter two
  if (family.window == SlidingWindow::switched) {
    if (!config.boolean("use_sliding_window")) return;
    const Json* full = config.find("max_window_layers");
    const uint64_t first =
        full ? full->unsigned_integer(config.where("max_window_layers")) : kDefaultWindowLayers;
    if (first >= static_cast<uint64_t>(shape.layers)) return;
  }
  const bool absent = !json.find("sliding_window");  // null is: none
  if (absent && family.window == SlidingWindow::stated) return;
  if (!absent && !config.find("sliding_window")) return;
  const int window = config.integer("sliding_window", kMaxPositions, kDefaultWindow);
  if (window >= shape.max_positions) return;
  config.fail("sliding_window",
              fmt::format("a window of {}{} in a context of {}", window, absent ? " by default" : "",
                          shape.max_positions),
              "null: sliding windows are not supported");
}

// rope_parameters, or rope_theta beside rope_scaling.
RopeSpec read_rope(const Json& json, const Section& config) {
  constexpr double kDefaultBase = 10000.0;
  RopeSpec rope;
  const char* const key = config.find("rope_parameters") ? "rope_parameters" : "rope_scaling";
  if (config.find("rope_parameters") && config.find("rope_scaling")) {
    config.fail("rope_scaling", "it beside rope_parameters", "one of them");
  }
  rope.base = config.number("rope_theta", kDefaultBase);
  const Json* parameters = config.find(key);
  if (!parameters) return rope;
  parameters->object(config.where(key));
  const Section section(*parameters, config.where(key));
  if (section.find("rope_theta")) {
    const double base = section.number("rope_theta");
    if (json.find("rope_theta") && base != rope.base)
      section.fail("rope_theta", "another base than outside", "the same");
    rope.base = base;
  }
  const std::string* type = section.string("rope_type");
  if (!type) type = section.string("type");
  if (section.number("partial_rotary_factor", 1.0) != 1.0) {
    section.fail("partial_rotary_factor", "RoPE on a part of the head", "1");
  }
  if (!type || *type == "default") return rope;
  if (*type == "linear") {
    rope.scaling = RopeSpec::Scaling::linear;
    rope.factor = section.number("factor");
    return rope;
  }
  if (*type != "llama3") section.fail("rope_type", quoted(*type), "default, linear or llama3");
  rope.scaling = RopeSpec::Scaling::llama3;
  rope.factor = section.number("factor");
  rope.low_frequency_factor = section.number("low_freq_factor");
  rope.high_frequency_factor = section.number("high_freq_factor");
  rope.original_positions = section.number("original_max_position_embeddings");
  return rope;
}

}  // namespace

void add_stop_tokens(const Json& config, const std::string& file, std::vector<int32_t>& stop_tokens) {
  const Section section(config, file);
  const Json* eos = section.find("eos_token_id");
  if (!eos) return;
  const auto add = [&](const Json& id) {
    const auto token = static_cast<int32_t>(id.unsigned_integer(section.where("eos_token_id"), kMaxVocab));
    if (std::count(stop_tokens.begin(), stop_tokens.end(), token) == 0) stop_tokens.push_back(token);
  };
  if (eos->is_array()) {
    if (eos->array(file).size() > 1000) section.fail("eos_token_id", "more than 1000 ids", "fewer");
    for (const Json& id : eos->array(file)) add(id);
  } else {
    add(*eos);
  }
}

ModelConfig config_from_json(const Json& json, const std::string& file) {
  json.object(file);
  const Section section(json, file);
  ModelConfig config;
  config.family = read_family(section);
  refuse_unsupported(section, *config.family);
  ModelShape& shape = config.shape;
  shape.layers = section.integer("num_hidden_layers", kMaxLayers);
  shape.hidden = section.integer("hidden_size", kMaxHidden);
  shape.ffn = section.integer("intermediate_size", kMaxFfn);
  shape.heads = section.integer("num_attention_heads", kMaxHeads);
  shape.kv_heads = section.integer("num_key_value_heads", kMaxHeads, shape.heads);
  const int default_head_dim = config.family->default_head_dim;
  shape.head_dim = section.integer("head_dim", kMaxHeadDim,
                                   default_head_dim ? default_head_dim : shape.hidden / shape.heads);
  shape.vocab = section.integer("vocab_size", kMaxVocab);
  shape.max_positions = section.integer("max_position_embeddings", kMaxPositions);
  shape.norm_eps = static_cast<float>(section.number("rms_norm_eps"));
  shape.qk_norm = config.family->qk_norm;
  const bool biases = config.family->bias == AttentionBias::configured && section.boolean("attention_bias");
  shape.qkv_bias = biases || config.family->bias == AttentionBias::qkv;
  shape.o_bias = biases;
  refuse_sliding_window(json, section, *config.family, shape);
  shape.tied = section.boolean("tie_word_embeddings");
  shape.rope = read_rope(json, section);
  check_shape(shape, file);
  add_stop_tokens(json, file, config.stop_tokens);
  check_stop_tokens(config.stop_tokens, shape.vocab, file);
  return config;
}

}  // namespace ra
