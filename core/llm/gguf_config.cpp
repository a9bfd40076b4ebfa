// GGUF's metadata as a configuration. Keys and their defaults: ggml's docs/gguf.md and llama.cpp's
// llama-model.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/llm/checkpoint_source.h"
#include "core/llm/gguf_split.h"
#include "core/llm/rope_factors.h"
#include "core/printable.h"

namespace ra {
namespace {

// The metadata below "<architecture>.".
class Section {
 public:
  Section(const GgufMetadata& metadata, const std::string& architecture)
      : metadata_(metadata), prefix_(architecture + ".") {}

  std::optional<int> optional_integer(const char* key, uint64_t maximum) const {
    const auto value = metadata_.integer(prefix_ + key);
    if (value && (*value < 1 || *value > maximum))
      fail(key, std::to_string(*value), fmt::format("1 to {}", maximum));
    return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
  }
  int integer(const char* key, uint64_t maximum) const {
    const auto value = optional_integer(key, maximum);
    if (!value) fail(key, "nothing", "an integer");
    return *value;
  }
  std::optional<double> number(const char* key) const { return metadata_.number(prefix_ + key); }
  const std::string* string(const char* key) const { return metadata_.string(prefix_ + key); }
  bool has(const char* key) const { return metadata_.has(prefix_ + key); }

  [[noreturn]] void fail(const char* key, const std::string& found, const std::string& expected) const {
    throw Error(Exit::bad_input, fmt::format("{}: {}{}: found {}; expected {}", metadata_.file_name(),
                                             prefix_, key, found, expected));
  }

 private:
  const GgufMetadata& metadata_;
  std::string prefix_;
};

// What other models of the same architecture name have, and this forward pass does not compute.
void refuse_unsupported(const Section& section) {
  for (const char* key : {"attention.scale", "logit_scale", "residual_scale", "embedding_scale"}) {
    if (section.has(key) && section.number(key) != 1.0) section.fail(key, "a scale other than 1", "none");
  }
  for (const char* key : {"expert_count", "attention.clamp_kqv", "pooling_type"}) {
    if (section.has(key)) section.fail(key, "a setting", "none: such models are not supported");
  }
}

// A type that is absent is linear, and a factor that is absent or 0 scales nothing; rope.scale_linear is the factor's
// older name.
void read_rope_scaling(const Section& section, RopeSpec& rope) {
  const std::string* type = section.string("rope.scaling.type");
  if (type && *type == "none") return;
  if (type && *type != "linear") {
    section.fail("rope.scaling.type", fmt::format("\"{}\"", printable(*type)),
                 "none, linear, or llama3 by a tensor rope_freqs.weight");
  }
  const char* const key = section.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  const double factor = section.number(key).value_or(0);
  if (factor == 0 || factor == 1) return;
  rope.scaling = RopeSpec::Scaling::linear;
  rope.factor = factor;
}

std::optional<int32_t> token_id(const GgufMetadata& metadata, const std::string& key) {
  const auto id = metadata.integer(key);
  if (id && *id > kMaxVocab) {
    throw Error(Exit::bad_input,
                fmt::format("{}: {}: found {}; expected a token id", metadata.file_name(), key, *id));
  }
  return id ? std::optional<int32_t>(static_cast<int32_t>(*id)) : std::nullopt;
}

// Takes rope_freqs.weight out of the tensors and its meaning into the configuration.
void read_rope_factors(const std::vector<InputFile>& files, GgufFile& gguf, ModelConfig& config) {
  const auto tensor = std::find_if(gguf.tensors.begin(), gguf.tensors.end(), [](const TensorEntry& entry) {
    return entry.name == "rope_freqs.weight";
  });
  if (tensor == gguf.tensors.end()) return;
  const InputFile& file = files[static_cast<size_t>(tensor->file)];
  const auto fail = [&](const std::string& found, const std::string& expected) {
    throw Error(Exit::bad_input, fmt::format("{}@{}: tensor rope_freqs.weight: found {}; expected {}",
                                             file.name(), tensor->offset, found, expected));
  };
  if (config.shape.rope.scaling != RopeSpec::Scaling::none) {
    fail("it beside linear scaling", "one way of scaling RoPE");
  }
  const auto frequencies = static_cast<uint64_t>(config.shape.head_dim / 2);
  if (tensor->type != TensorType::f32 || tensor->dims != std::vector<uint64_t>{frequencies}) {
    fail(tensor->stored_type + " " + dims_text(tensor->dims), fmt::format("F32 [{}]", frequencies));
  }
  std::vector<uint8_t> raw(tensor->bytes);
  file.read(tensor->offset, raw.data(), raw.size());
  std::vector<float> factors(frequencies);
  dequantize(TensorType::f32, raw.data(), static_cast<int64_t>(frequencies), factors.data());
  const auto positions =
      gguf.metadata.integer(std::string(config.family->gguf) + ".rope.scaling.original_context_length");
  const auto scaled =
      llama3_scaling(config.shape.rope, factors,
                     positions ? std::optional<double>(static_cast<double>(*positions)) : std::nullopt);
  if (!scaled) fail("divisors of another scaling", "those of llama3's with factors 1 and 4");
  config.shape.rope = *scaled;
  check_shape(config.shape, file.name());
  gguf.tensors.erase(tensor);
}

}  // namespace

ModelConfig config_from_gguf(const GgufFile& gguf) {
  const GgufMetadata& metadata = gguf.metadata;
  ModelConfig config;
  const std::string* architecture = metadata.string("general.architecture");
  config.family = architecture ? find_gguf_architecture(*architecture) : nullptr;
  if (!config.family) {
    throw Error(Exit::bad_input,
                fmt::format("{}: general.architecture: found {}; expected {}", metadata.file_name(),
                            architecture ? fmt::format("\"{}\"", printable(*architecture)) : "nothing",
                            supported_gguf_architectures()));
  }
  const Section section(metadata, config.family->gguf);
  refuse_unsupported(section);

  ModelShape& shape = config.shape;
  shape.layers = section.integer("block_count", kMaxLayers);
  shape.hidden = section.integer("embedding_length", kMaxHidden);
  shape.ffn = section.integer("feed_forward_length", kMaxFfn);
  shape.heads = section.integer("attention.head_count", kMaxHeads);
  shape.kv_heads = section.optional_integer("attention.head_count_kv", kMaxHeads).value_or(shape.heads);
  shape.head_dim =
      section.optional_integer("attention.key_length", kMaxHeadDim).value_or(shape.hidden / shape.heads);
  if (section.optional_integer("attention.value_length", kMaxHeadDim).value_or(shape.head_dim) !=
      shape.head_dim) {
    section.fail("attention.value_length", "another length than of keys", fmt::format("{}", shape.head_dim));
  }
  if (section.optional_integer("rope.dimension_count", kMaxHeadDim).value_or(shape.head_dim) !=
      shape.head_dim) {
    section.fail("rope.dimension_count", "RoPE on a part of the head", fmt::format("{}", shape.head_dim));
  }
  shape.max_positions = section.integer("context_length", kMaxPositions);
  const auto epsilon = section.number("attention.layer_norm_rms_epsilon");
  if (!epsilon) section.fail("attention.layer_norm_rms_epsilon", "nothing", "a number");
  shape.norm_eps = static_cast<float>(*epsilon);
  shape.qk_norm = config.family->qk_norm;
  shape.rope.base = section.number("rope.freq_base").value_or(10000.0);
  read_rope_scaling(section, shape.rope);
  if (const auto window = metadata.integer(std::string(config.family->gguf) + ".attention.sliding_window");
      window && *window != 0 && *window < static_cast<uint64_t>(shape.max_positions)) {
    section.fail("attention.sliding_window", fmt::format("a window of {}", *window),
                 "none: sliding windows are not supported");
  }

  const auto has_tensor = [&](const char* name) {
    return std::any_of(gguf.tensors.begin(), gguf.tensors.end(),
                       [&](const auto& tensor) { return tensor.name == name; });
  };
  shape.tied = !has_tensor("output.weight");
  const bool optional_biases = config.family->bias == AttentionBias::configured;
  shape.qkv_bias =
      config.family->bias == AttentionBias::qkv || (optional_biases && has_tensor("blk.0.attn_q.bias"));
  shape.o_bias = optional_biases && has_tensor("blk.0.attn_output.bias");
  const GgufArray* tokens = metadata.array("tokenizer.ggml.tokens", kGgufString);
  const auto vocab = section.optional_integer("vocab_size", kMaxVocab);
  if (!vocab && (!tokens || tokens->count < 1))
    section.fail("vocab_size", "neither it nor a tokenizer", "one of them");
  shape.vocab = vocab ? *vocab : static_cast<int>(tokens->count);
  check_shape(shape, metadata.file_name());

  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const auto id = token_id(metadata, key);
    if (id && std::count(config.stop_tokens.begin(), config.stop_tokens.end(), *id) == 0) {
      config.stop_tokens.push_back(*id);
    }
  }
  check_stop_tokens(config.stop_tokens, shape.vocab, metadata.file_name());
  return config;
}

TokenizerSource tokenizer_from_gguf(const GgufMetadata& metadata) {
  TokenizerSource source;
  source.file = metadata.file_name();
  if (const std::string* model = metadata.string("tokenizer.ggml.model")) source.model = *model;
  if (const std::string* pre = metadata.string("tokenizer.ggml.pre")) source.pre = *pre;
  if (const GgufArray* tokens = metadata.array("tokenizer.ggml.tokens", kGgufString))
    source.tokens = tokens->strings;
  if (const GgufArray* types = metadata.array("tokenizer.ggml.token_type", kGgufInt32)) {
    source.token_types = types->integers;
  }
  if (const GgufArray* merges = metadata.array("tokenizer.ggml.merges", kGgufString))
    source.merges = merges->strings;
  if (const GgufArray* scores = metadata.array("tokenizer.ggml.scores", kGgufFloat32)) {
    source.scores = scores->floats;
  }
  if (!source.token_types.empty() && source.token_types.size() != source.tokens.size()) {
    throw Error(Exit::bad_input,
                fmt::format("{}: tokenizer.ggml.token_type: found {} elements; expected {}, as tokens",
                            metadata.file_name(), source.token_types.size(), source.tokens.size()));
  }
  source.bos = token_id(metadata, "tokenizer.ggml.bos_token_id");
  source.eos = token_id(metadata, "tokenizer.ggml.eos_token_id");
  source.add_bos = metadata.boolean("tokenizer.ggml.add_bos_token");
  source.add_eos = metadata.boolean("tokenizer.ggml.add_eos_token");
  source.add_space_prefix = metadata.boolean("tokenizer.ggml.add_space_prefix");
  source.remove_extra_whitespaces = metadata.boolean("tokenizer.ggml.remove_extra_whitespaces");
  if (const std::string* chat = metadata.string("tokenizer.chat_template")) source.chat_template = *chat;
  return source;
}

CheckpointSource open_gguf(InputFile file) {
  CheckpointSource source;
  source.format = CheckpointFormat::gguf;
  source.files.push_back(std::move(file));
  GgufFile gguf = read_gguf(source.files.front());
  read_other_parts(gguf, source.files);
  source.config = config_from_gguf(gguf);
  source.tokenizer = tokenizer_from_gguf(gguf.metadata);
  read_rope_factors(source.files, gguf, source.config);
  source.tensors = std::move(gguf.tensors);
  return source;
}

}  // namespace ra
