// Families: what each one's configuration means, in old keys and new, and in either format.
#include "core/llm/family.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <numeric>
#include <regex>
#include <set>

#include "core/error.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/gguf_model.h"
#include "tests/support/golden.h"
#include "tests/support/loaded_model.h"
#include "tests/support/same_model.h"

namespace ra {
namespace {

using testing::HasSubstr;

const char* const kFixtures[] = {"llama-tied-bf16", "llama3-scaled-fp32-sharded", "mistral-fp16",
                                 "qwen2-bf16", "qwen3-bf16"};

TEST(Families, EachHasAFixture) {
  std::set<std::string> covered;
  for (const char* fixture : kFixtures) covered.insert(Checkpoint::open(golden_path(fixture)).family());
  for (const Family& family : families()) EXPECT_TRUE(covered.contains(family.name)) << family.name;
}

// A copy of a fixture's folder, to be changed.
class FixtureCopy {
 public:
  explicit FixtureCopy(const std::string& name) {
    for (const auto& file : std::filesystem::directory_iterator(golden_path(name))) {
      folder_.write(file.path().filename().string(), read_file(file.path().string()));
    }
  }
  std::string text(const std::string& file) const { return read_file(folder_.file(file)); }
  void write(const std::string& file, const std::string& text) const { folder_.write(file, text); }
  // Replaces what the pattern finds in config.json, which must be there.
  void replace(const std::string& pattern, const std::string& with) const {
    const std::string config = text("config.json");
    ASSERT_TRUE(std::regex_search(config, std::regex(pattern))) << pattern;
    write("config.json", std::regex_replace(config, std::regex(pattern), with));
  }
  Checkpoint open() const { return Checkpoint::open(folder_.path()); }
  const std::string& path() const { return folder_.path(); }

 private:
  CheckpointFolder folder_;
};

// config.json of transformers 5 with the keys that version 4 wrote: rope_theta and rope_scaling outside, torch_dtype, and
// no layer_types.
std::string in_old_keys(const std::string& config) {
  std::smatch found;
  if (!std::regex_search(config, found, std::regex(R"re("rope_parameters": (\{[^}]*\}))re"))) return "";
  const std::string parameters = found[1];
  const Json json = parse_json(parameters, "rope_parameters");
  const bool scaled = member(json, "rope_type").string("rope_type") != "default";
  const std::string base = std::to_string(member(json, "rope_theta").number("rope_theta"));
  const std::string scaling =
      std::regex_replace(parameters, std::regex(R"re("rope_theta": [0-9.e+]+,)re"), "");
  std::string text = found.prefix().str() + R"("rope_scaling": )" + (scaled ? scaling : "null") +
                     R"(, "rope_theta": )" + base + found.suffix().str();
  text = std::regex_replace(text, std::regex(R"re("dtype")re"), R"("torch_dtype")");
  return std::regex_replace(text, std::regex(R"re("layer_types": \[[^\]]*\],)re"), "");
}

TEST(Families, OldAndNewKeysLoadToTheSameModel) {
  for (const char* name : kFixtures) {
    SCOPED_TRACE(name);
    const FixtureCopy fixture(name);
    const std::string config = fixture.text("config.json");
    EXPECT_THAT(config, HasSubstr("rope_parameters")) << "the new keys";
    fixture.write("config.json", in_old_keys(config));
    const Json old_keys = parse_json(fixture.text("config.json"), "config.json");
    for (const char* key : {"rope_theta", "rope_scaling", "torch_dtype"})
      EXPECT_TRUE(old_keys.find(key)) << key;
    for (const char* key : {"rope_parameters", "dtype", "layer_types"})
      EXPECT_FALSE(old_keys.find(key)) << key;
    const Checkpoint a = Checkpoint::open(golden_path(name)), b = fixture.open();
    EXPECT_EQ(a.family(), b.family());
    EXPECT_EQ(a.tokenizer().stop_tokens, b.tokenizer().stop_tokens);
    expect_same_model(a, b);
  }
}

TEST(Families, LinearScalingInOldAndNewKeysIsTheSame) {
  const FixtureCopy new_keys("llama-tied-bf16"), old_keys("llama-tied-bf16");
  new_keys.replace(R"("rope_type": "default")", R"("rope_type": "linear", "factor": 4.0)");
  old_keys.write("config.json", std::regex_replace(in_old_keys(new_keys.text("config.json")),
                                                   std::regex("\"rope_type\""), "\"type\""));
  EXPECT_THAT(old_keys.text("config.json"), HasSubstr(R"("type": "linear")"));
  const Checkpoint a = new_keys.open(), b = old_keys.open();
  EXPECT_EQ(a.shape().rope.scaling, RopeSpec::Scaling::linear);
  EXPECT_EQ(a.shape().rope.factor, 4.0);
  expect_same_model(a, b);
}

TEST(Families, ASlidingWindowInUseIsRefusedAndOneThatIsNotIsRead) {
  const auto refused = [](const FixtureCopy& fixture, const std::string& what) {
    expect_refusal(fixture.path(), fixture.path() + "/config.json", what);
  };
  {
    const FixtureCopy mistral("mistral-fp16");
    const std::string config = mistral.text("config.json");
    mistral.replace(R"("sliding_window": null)", R"("sliding_window": 511)");
    refused(mistral,
            "sliding_window: found a window of 511 in a context of 512; expected null: sliding windows are");
    mistral.replace(R"("sliding_window": 511)", R"("sliding_window": 512)");
    EXPECT_EQ(mistral.open().shape().max_positions, 512);
    // Mistral's windows are 4096 where its configuration says nothing.
    mistral.write("config.json", std::regex_replace(config, std::regex(R"("sliding_window": null,)"), ""));
    EXPECT_EQ(mistral.open().shape().max_positions, 512);
    mistral.replace(R"("max_position_embeddings": 512)", R"("max_position_embeddings": 4097)");
    refused(mistral, "sliding_window: found a window of 4096 by default in a context of 4097");
    mistral.write("config.json", config);
    mistral.replace(R"("max_position_embeddings": 512)", R"("max_position_embeddings": 4097)");
    EXPECT_EQ(mistral.open().shape().max_positions, 4097) << "null is: none";
  }
  for (const char* name : {"qwen2-bf16", "qwen3-bf16"}) {
    SCOPED_TRACE(name);
    const FixtureCopy qwen(name);
    qwen.replace(R"("sliding_window": null)", R"("sliding_window": 64)");
    EXPECT_EQ(qwen.open().shape().layers, 3) << "it is not switched on";
    qwen.replace(R"("use_sliding_window": false)", R"("use_sliding_window": true)");
    EXPECT_EQ(qwen.open().shape().layers, 3) << "its layers begin at 28";
    qwen.replace(R"("max_window_layers": 28)", R"("max_window_layers": 2)");
    refused(qwen, "sliding_window: found a window of 64 in a context of 512");
    qwen.replace(R"("sliding_window": 64)", R"("sliding_window": null)");
    EXPECT_EQ(qwen.open().shape().layers, 3);
    qwen.replace(R"re("full_attention"\s*\])re", R"("sliding_attention"])");
    refused(qwen, "layer_types: found \"sliding_attention\"; expected full_attention");
  }
}

// The tiny llama with attention_bias: q's, k's, v's and o's are 1, 2, 3, ... one after the other.
void write_biased_llama(const CheckpointFolder& folder) {
  std::vector<TinyTensor> tensors = tiny_safetensors_tensors();
  const std::string attention = "model.layers.0.self_attn.";
  tensors.push_back({attention + "q_proj.bias", {8}});
  tensors.push_back({attention + "k_proj.bias", {4}});
  tensors.push_back({attention + "v_proj.bias", {4}});
  tensors.push_back({attention + "o_proj.bias", {8}});
  auto [header, data] = tiny_safetensors(tensors);
  for (uint32_t i = 0; i < 24; ++i) {
    const std::string value = u32(std::bit_cast<uint32_t>(static_cast<float>(i + 1)));
    data.replace(data.size() - 96 + 4 * i, 4, value);
  }
  folder.write("config.json", tiny_config({{"attention_bias", "true"}}));
  folder.write("model.safetensors", safetensors_bytes(header, data));
}

TEST(Families, AttentionBiasOfALlamaIsOnFourProjections) {
  const CheckpointFolder folder;
  write_biased_llama(folder);
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  EXPECT_TRUE(checkpoint.shape().qkv_bias);
  EXPECT_TRUE(checkpoint.shape().o_bias);
  const auto counted = [](int first, int last) {
    std::vector<float> values(static_cast<size_t>(last - first + 1));
    std::iota(values.begin(), values.end(), static_cast<float>(first));
    return values;
  };
  EXPECT_EQ(bias_of(checkpoint, Role::qkv, 0, 0), counted(1, 8));
  EXPECT_EQ(bias_of(checkpoint, Role::qkv, 0, 1), counted(9, 12));
  EXPECT_EQ(bias_of(checkpoint, Role::qkv, 0, 2), counted(13, 16));
  EXPECT_EQ(bias_of(checkpoint, Role::o, 0, 0), counted(17, 24));
  EXPECT_TRUE(bias_of(checkpoint, Role::gate_up, 0, 0).empty());

  folder.write("config.json", tiny_config());
  expect_refusal(folder.path(), folder.file("model.safetensors"),
                 "q_proj.bias: found a weight that is no part of this model");
  folder.write("config.json", tiny_config({{"attention_bias", "true"}}));
  const auto [header, data] = tiny_safetensors(tiny_safetensors_tensors());
  folder.write("model.safetensors", safetensors_bytes(header, data));
  expect_refusal(folder.path(), folder.file("model.safetensors"),
                 "found no tensor model.layers.0.self_attn.q_proj.bias");
}

TEST(Families, ABiasOfAnotherShapeOrFamilyIsRefused) {
  const CheckpointFolder folder;
  write_biased_llama(folder);
  folder.write("config.json", tiny_config({{"attention_bias", "true"},
                                           {"architectures", R"(["MistralForCausalLM"])"},
                                           {"model_type", R"("mistral")"}}));
  expect_refusal(folder.path(), folder.file("config.json"),
                 "attention_bias: found true; expected false in a mistral");
  std::vector<TinyTensor> tensors = tiny_safetensors_tensors();
  for (const auto& [part, rows] : {std::pair("q", 8), {"k", 8}, {"v", 4}, {"o", 8}}) {
    tensors.push_back(
        {fmt::format("model.layers.0.self_attn.{}_proj.bias", part), {static_cast<uint64_t>(rows)}});
  }
  const auto [header, data] = tiny_safetensors(tensors);
  folder.write("model.safetensors", safetensors_bytes(header, data));
  folder.write("config.json", tiny_config({{"attention_bias", "true"}}));
  expect_refusal(folder.path(), folder.file("model.safetensors"),
                 "k_proj.bias: found shape [8]; expected shape [4]");
}

// Expects that the GGUF file of `model` was read as that model.
void expect_gguf_of(const TinyModel& model, const std::string& architecture, const Checkpoint& gguf) {
  EXPECT_EQ(gguf.family(), architecture);
  EXPECT_EQ(gguf.shape().qkv_bias, model.shape.qkv_bias);
  EXPECT_EQ(gguf.shape().o_bias, model.shape.o_bias);
  EXPECT_EQ(gguf.shape().qk_norm, model.shape.qk_norm);
  EXPECT_EQ(gguf.shape().tied, model.shape.tied);
  for (const auto& [key, parts] : model.weights) {
    for (size_t part = 0; part < parts.size(); ++part) {
      EXPECT_EQ(values_of(gguf, key.first, key.second, part), parts[part].values) << role_name(key.first);
      EXPECT_EQ(bias_of(gguf, key.first, key.second, part), parts[part].bias) << role_name(key.first);
    }
  }
}

TEST(Families, GgufFilesOfQwen2AndMistralHoldTheSameModelAsTheirFolders) {
  const CheckpointFolder folder;
  for (const auto& [fixture, architecture] : {std::pair("qwen2-bf16", "qwen2"), {"mistral-fp16", "llama"}}) {
    SCOPED_TRACE(fixture);
    const std::string file =
        folder.write(std::string(fixture) + ".gguf", gguf_of(read_fixture(fixture), architecture).bytes());
    const Checkpoint gguf = Checkpoint::open(file);
    EXPECT_EQ(gguf.family(), architecture);
    expect_same_model(gguf, Checkpoint::open(golden_path(fixture)));
  }
}

ModelShape small_shape() {
  return {.layers = 2,
          .hidden = 16,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 8,
          .ffn = 32,
          .vocab = 32,
          .norm_eps = 1e-5f,
          .max_positions = 64};
}

TEST(Families, GgufFilesOfALlamaHaveItsBiasesInTheModelsOrderAndItsScaling) {
  ModelShape shape = small_shape();
  shape.qkv_bias = shape.o_bias = true;
  const TinyModel model = random_model(shape, 5);
  GgufModel gguf = gguf_of(model, "llama");
  set_key(gguf.keys, "llama.rope.scaling.type", 8, gguf_string("linear"));
  set_key(gguf.keys, "llama.rope.scaling.factor", 6, u32(std::bit_cast<uint32_t>(4.0f)));
  set_key(gguf.keys, "llama.attention.sliding_window", 4, u32(64));
  const CheckpointFolder folder;
  const Checkpoint checkpoint = Checkpoint::open(folder.write("model.gguf", gguf.bytes()));
  expect_gguf_of(model, "llama", checkpoint);
  EXPECT_EQ(checkpoint.shape().rope.scaling, RopeSpec::Scaling::linear);
  EXPECT_EQ(checkpoint.shape().rope.factor, 4.0);

  set_key(gguf.keys, "llama.rope.scaling.type", 8, gguf_string("none"));
  EXPECT_EQ(Checkpoint::open(folder.write("model.gguf", gguf.bytes())).shape().rope.scaling,
            RopeSpec::Scaling::none);
}

TEST(Families, AGgufFileOfATiedQwen3IsRead) {
  ModelShape shape = small_shape();
  shape.layers = 1;
  shape.qk_norm = shape.tied = true;
  const TinyModel model = random_model(shape, 6);
  const CheckpointFolder folder;
  expect_gguf_of(model, "qwen3",
                 Checkpoint::open(folder.write("model.gguf", gguf_of(model, "qwen3").bytes())));
}

// Of the fixture an untied twin whose head is a copy of the embedding, and a tied one without a head of its own.
TEST(Families, ATiedQwen3GivesTheBitsOfAnUntiedOneWithTheSameHead) {
  const FixtureCopy tied("qwen3-bf16"), untied("qwen3-bf16");
  std::string weights = untied.text("model.safetensors");
  uint64_t header = 0;
  std::memcpy(&header, weights.data(), sizeof header);
  constexpr size_t kTable =
      size_t{640} * 128 * 2;  // bytes of the head, which comes first, and of the embedding
  weights.replace(8 + header, kTable, weights.substr(8 + header + kTable, kTable));
  untied.write("model.safetensors", weights);
  weights.replace(weights.find("lm_head.weight"), 14, "unused1.weight");
  tied.write("model.safetensors", weights);
  tied.replace(R"("tie_word_embeddings": false)", R"("tie_word_embeddings": true)");

  const std::vector<std::vector<int32_t>> texts{{168, 3, 77, 400}};
  const Trial trial{.sequences = {planned_run(texts, 0, 12)}};
  const std::atomic<bool> never_stop{false};
  std::vector<std::vector<StepRecord>> steps;
  for (const FixtureCopy* fixture : {&tied, &untied}) {
    LoadedModel model(fixture->path(), {"invariant"});
    EXPECT_EQ(model.ops->shape().tied, fixture == &tied);
    const TrialResult result = model.engine(0).run(trial, texts, never_stop);
    ASSERT_FALSE(result.failed) << result.failure;
    steps.push_back(result.sequences[0].steps);
  }
  EXPECT_EQ(steps[0].size(), 12u);
  EXPECT_EQ(steps[0], steps[1]);
}

}  // namespace
}  // namespace ra
