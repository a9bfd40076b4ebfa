// Rows B27 to B34 of the list of bad inputs: a folder's index and configuration.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "core/llm/checkpoint.h"
#include "tests/support/checkpoint_files.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class BadConfig : public testing::Test {
 protected:
  void SetUp() override { write_tiny_folder(folder_); }
  void expect_refused(const Members& changes, const std::string& what) {
    SCOPED_TRACE(what);
    const std::string file = folder_.write("config.json", tiny_config(changes));
    expect_refusal(folder_.path(), file, what);
  }
  Checkpoint open(const Members& changes) {
    folder_.write("config.json", tiny_config(changes));
    return Checkpoint::open(folder_.path());
  }
  void write_weights(const std::vector<TinyTensor>& tensors, const std::string& name = "model.safetensors") {
    const auto [header, data] = tiny_safetensors(tensors);
    folder_.write(name, safetensors_bytes(header, data));
  }
  CheckpointFolder folder_;
};

class BadIndex : public BadConfig {
 protected:
  void SetUp() override {
    BadConfig::SetUp();
    std::filesystem::remove(folder_.file("model.safetensors"));
    const auto tensors = tiny_safetensors_tensors();
    write_weights({tensors.begin(), tensors.begin() + 3}, "a.safetensors");
    write_weights({tensors.begin() + 3, tensors.end()}, "b.safetensors");
  }
  // The true weight map, with entries changed or (empty) left out.
  std::string index(const Members& changes = {}) {
    const auto tensors = tiny_safetensors_tensors();
    Members entries;
    for (size_t i = 0; i < tensors.size(); ++i) {
      entries.push_back({tensors[i].name, i < 3 ? "\"a.safetensors\"" : "\"b.safetensors\""});
    }
    for (const auto& change : changes) {
      const auto same = std::find_if(entries.begin(), entries.end(),
                                     [&](const auto& entry) { return entry.first == change.first; });
      if (same == entries.end()) {
        entries.push_back(change);
      } else {
        same->second = change.second;
      }
    }
    std::string text = R"({"metadata":{"total_size":0},"weight_map":{)";
    bool first = true;
    for (const auto& [name, shard] : entries) {
      if (shard.empty()) continue;
      text += (first ? "\"" : ",\"") + name + "\":" + shard;
      first = false;
    }
    return text + "}}";
  }
  std::string write_index(const std::string& text) {
    return folder_.write("model.safetensors.index.json", text);
  }
};

TEST_F(BadIndex, TheGoodOneIsRead) {
  write_index(index());
  EXPECT_EQ(Checkpoint::open(folder_.path()).tensors().size(), 11u);
}

TEST_F(BadIndex, B27ShardsOutsideTheFolder) {
  for (const char* shard :
       {"../../etc/passwd", "/etc/passwd", "a/../../b", "..\\\\x", "", ".", "..", "a\\u0000b"}) {
    const std::string file = write_index(index({{"model.norm.weight", fmt::format("\"{}\"", shard)}}));
    expect_refusal(folder_.path(), file, "expected the name of a file in the same folder");
  }
}

TEST_F(BadIndex, B29ShardsAndIndexDisagree) {
  write_index(index({{"model.norm.weight", "\"absent.safetensors\""}}));
  expect_refusal(folder_.path(), folder_.file("absent.safetensors"), "No such file");
  write_index(index({{"model.norm.weight", "\"a.safetensors\""}}));
  expect_refusal(folder_.path(), folder_.file("b.safetensors"),
                 "tensor model.norm.weight; expected it in a.safetensors");
  write_index(index({{"model.norm.weight", ""}}));
  expect_refusal(folder_.path(), folder_.file("b.safetensors"), "expected only tensors that the index lists");
  const std::string file = write_index(index({{"one.more", "\"a.safetensors\""}}));
  expect_refusal(folder_.path(), file, "found 12 tensors; expected the 11 that the files hold");
}

TEST_F(BadIndex, B29TheSameTensorInTwoShards) {
  const auto tensors = tiny_safetensors_tensors();
  write_weights({tensors.begin() + 2, tensors.end()}, "b.safetensors");  // the third is in a.safetensors too
  write_index(index());
  expect_refusal(folder_.path(), folder_.file("b.safetensors"),
                 "found tensor " + tensors[2].name + "; expected it in a.safetensors");
}

TEST_F(BadIndex, B29AShardThatIsNotListedIsAWarning) {
  write_index(index());
  write_weights({{"one.more", {1}}}, "model-00003-of-00003.safetensors");
  folder_.write("model-notes.txt", "");
  EXPECT_THAT(Checkpoint::open(folder_.path()).warnings(),
              testing::Contains("file model-00003-of-00003.safetensors is not in the index and not used"));
  EXPECT_THAT(Checkpoint::open(folder_.path()).warnings(),
              testing::Not(testing::Contains(HasSubstr("notes"))));
}

TEST_F(BadIndex, B30WeightMapsThatAreNone) {
  std::string file = write_index(R"({"weight_map":["a"]})");
  expect_refusal(folder_.path(), file, "weight_map: found an array; expected an object");
  file = write_index(index({{"model.norm.weight", "7"}}));
  expect_refusal(folder_.path(), file, "found 7; expected a string");
  file = write_index(R"({"metadata":{}})");
  expect_refusal(folder_.path(), file, "found no weight_map");
  file = write_index(R"({"weight_map":{}})");
  expect_refusal(folder_.path(), file, "found no tensors");
  std::string many = R"({"weight_map":{)";
  for (int i = 0; i < 1'200'000; ++i) many += (i ? ",\"" : "\"") + std::to_string(i) + R"(":"a.safetensors")";
  file = write_index(many + "}}");
  expect_refusal(folder_.path(), file, "more than 1000000 values and keys");
  ASSERT_EQ(truncate(file.c_str(), 300'000'000),
            0);  // ten million entries are longer than what is read at all
  expect_refusal(folder_.path(), file, "is 300000000 bytes long; expected at most");
}

TEST_F(BadConfig, B31SizesThatAreNone) {
  for (const char* layers :
       {"0", "-1", "1000000000", "1e9", "\"32\"", "2147483648", "1.5", "true", "null", "[1]"}) {
    expect_refused({{"num_hidden_layers", layers}}, "num_hidden_layers: found ");
  }
  expect_refused({{"num_attention_heads", "3"}}, "hidden size 8 with 3 attention heads");
  expect_refused({{"num_key_value_heads", "4"}}, "4 key-value heads for 2 attention heads");
  expect_refused({{"head_dim", "3"}}, "head dimension of 3; expected an even one");
  folder_.write("config.json", tiny_config({{"vocab_size", "17"}}));
  expect_refusal(folder_.path(), folder_.file("model.safetensors"),
                 "tensor model.embed_tokens.weight: found shape [16, 8]; expected shape [17, 8]");
  folder_.write("config.json", tiny_config({{"num_hidden_layers", "2"}}));
  expect_refusal(folder_.path(), folder_.file("model.safetensors"),
                 "no tensor model.layers.1.input_layernorm.weight");
}

TEST_F(BadConfig, B32NumbersThatAreNone) {
  expect_refused({{"rope_theta", "0"}}, "rope_theta) of 0");
  expect_refused({{"rope_theta", "1"}}, "rope_theta) of 1; expected one above 1");
  expect_refused({{"rope_theta", "1e30"}}, "rope_theta) of 1e+30");
  expect_refused({{"rope_theta", "-10000.0"}}, "rope_theta) of -10000");
  expect_refused({{"rms_norm_eps", "-1e-05"}}, "epsilon of -1e-05");
  expect_refused({{"rms_norm_eps", "\"1e-05\""}}, "rms_norm_eps: found \"1e-05\"; expected a number");
  for (const char* literal : {"NaN", "Infinity", "1e400"}) {
    const std::string file = folder_.write("config.json", tiny_config({{"rope_theta", literal}}));
    expect_refusal(folder_.path(), file, "@");
  }
}

TEST_F(BadConfig, B33WhatIsNotSupportedNamesWhatIs) {
  expect_refused(
      {{"architectures", R"(["GPT2LMHeadModel"])"}},
      "found \"GPT2LMHeadModel\"; expected LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM or "
      "Qwen3ForCausalLM");
  expect_refused({{"architectures", ""}}, "architectures: found nothing; expected LlamaForCausalLM");
  expect_refused({{"architectures", "[]"}}, "architectures: found 0 names");
  expect_refused({{"model_type", R"("mistral")"}}, "model_type: found \"mistral\"; expected llama");
  expect_refused({{"torch_dtype", R"("float8_e4m3fn")"}},
                 "torch_dtype: found \"float8_e4m3fn\"; expected float32");
  expect_refused({{"dtype", R"("int8")"}}, "dtype: found \"int8\"; expected float32, float16 or bfloat16");
  expect_refused({{"quantization_config", R"({"quant_method":"gptq"})"}},
                 "expected weights in F32, F16 or BF16");
  expect_refused({{"mlp_bias", "true"}}, "mlp_bias: found true");
  expect_refused({{"hidden_act", R"("gelu")"}}, "hidden_act: found \"gelu\"; expected silu");
  expect_refused({{"partial_rotary_factor", "0.5"}}, "RoPE on a part of the head");
  expect_refused({{"sliding_window", "32"}},
                 "sliding_window: found a window of 32 in a context of 64; expected null");
  expect_refused({{"layer_types", R"(["sliding_attention"])"}},
                 "found \"sliding_attention\"; expected full_attention");
  expect_refused({{"rope_scaling", R"({"type":"yarn","factor":2.0})"}},
                 "found \"yarn\"; expected default, linear or llama3");
  expect_refused({{"rope_scaling", R"({"type":"linear"})"}}, "factor: found nothing");
  expect_refused({{"rope_scaling", R"({"type":"linear","factor":0.5})"}},
                 "linear RoPE scaling by a factor of 0.5");
  expect_refused({{"rope_scaling", R"({"rope_type":"llama3","factor":8.0})"}},
                 "low_freq_factor: found nothing");
  expect_refused({{"rope_parameters", R"({"rope_type":"default","rope_theta":5.0})"}},
                 "another base than outside");
  expect_refused({{"eos_token_id", "16"}}, "end-of-text token 16; expected an id below the vocabulary's 16");
  expect_refused({{"eos_token_id", "\"2\""}}, "eos_token_id: found \"2\"");
}

TEST_F(BadConfig, B34TiedAndYetWithAHead) {
  auto tensors = tiny_safetensors_tensors();
  tensors.push_back({"lm_head.weight", {15, 8}});
  write_weights(tensors);
  expect_refusal(folder_.path(), folder_.file("model.safetensors"),
                 "lm_head.weight: found F32 [15, 8]; expected none, or a copy of the embedding [16, 8]");
  tensors.back().dims = {16, 8};
  auto [header, data] = tiny_safetensors(tensors);
  folder_.write("model.safetensors", safetensors_bytes(header, data));
  EXPECT_THAT(Checkpoint::open(folder_.path()).warnings(),
              testing::Contains("tensor lm_head.weight is not used"));
  data.back() = 'x';
  folder_.write("model.safetensors", safetensors_bytes(header, data));
  expect_refusal(folder_.path(), folder_.file("model.safetensors"), "other values than the embedding's");
}

TEST_F(BadConfig, OldAndNewKeysMeanTheSame) {
  const Checkpoint old_keys =
      open({{"rope_theta", "500000.0"},
            {"rope_scaling", R"({"type":"llama3","factor":32.0,"low_freq_factor":1.0,"high_freq_factor":4.0,)"
                             R"("original_max_position_embeddings":8192})"}});
  const Checkpoint new_keys =
      open({{"rope_theta", ""},
            {"rope_scaling", ""},
            {"torch_dtype", ""},
            {"dtype", "\"float32\""},
            {"rope_parameters", R"({"rope_type":"llama3","factor":32.0,"low_freq_factor":1.0,)"
                                R"("high_freq_factor":4.0,"original_max_position_embeddings":8192,)"
                                R"("rope_theta":500000.0})"}});
  for (const Checkpoint* checkpoint : {&old_keys, &new_keys}) {
    const RopeSpec& rope = checkpoint->shape().rope;
    EXPECT_EQ(rope.scaling, RopeSpec::Scaling::llama3);
    EXPECT_EQ(rope.base, 500000.0);
    EXPECT_EQ(rope.factor, 32.0);
    EXPECT_EQ(rope.original_positions, 8192.0);
  }
  EXPECT_EQ(open({{"rope_theta", ""}}).shape().rope.base, 10000.0);
  EXPECT_EQ(open({{"num_key_value_heads", "1"}, {"head_dim", "4"}}).shape().head_dim, 4);
}

TEST_F(BadConfig, StopTokensComeFromBothConfigurations) {
  folder_.write("generation_config.json", R"({"eos_token_id": [3, 5]})");
  EXPECT_THAT(Checkpoint::open(folder_.path()).tokenizer().stop_tokens, ElementsAre(2, 3, 5));
  folder_.write("generation_config.json", R"({"eos_token_id": 99})");
  expect_refusal(folder_.path(), folder_.file("generation_config.json"), "end-of-text token 99");
}

TEST_F(BadConfig, ChatTemplatesComeFromTheirFileOrTheTokenizersConfiguration) {
  const auto chat_template = [&] { return Checkpoint::open(folder_.path()).tokenizer().chat_template; };
  EXPECT_EQ(chat_template(), "");
  folder_.write("tokenizer_config.json", R"({"chat_template": "{{ one }}"})");
  EXPECT_EQ(chat_template(), "{{ one }}");
  folder_.write("tokenizer_config.json",
                R"({"chat_template": [{"name":"tool","template":"t"},{"name":"default","template":"d"}]})");
  EXPECT_EQ(chat_template(), "d");
  folder_.write("chat_template.jinja", "{{ two }}");
  EXPECT_EQ(chat_template(), "{{ two }}");
  folder_.write("tokenizer_config.json", R"({"chat_template": 7})");
  expect_refusal(folder_.path(), folder_.file("tokenizer_config.json"),
                 "chat_template: found 7; expected a string");
}

TEST_F(BadConfig, FoldersThatAreNoModel) {
  CheckpointFolder empty;
  expect_refusal(empty.path(), empty.path(), "a folder without config.json");
  empty.write("config.json", tiny_config());
  expect_refusal(empty.path(), empty.path(), "a folder without weights; expected model.safetensors");
  expect_refusal(folder_.file("config.json"), folder_.file("config.json"), "expected the magic number GGUF");
  expect_refusal(folder_.file("absent"), folder_.file("absent"), "No such file");
}

}  // namespace
}  // namespace ra
