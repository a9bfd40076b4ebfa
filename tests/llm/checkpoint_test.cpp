// Checkpoints as published: shapes, values, tokenizer source and hashes of the fixtures. Expected hashes were computed
// apart from this program, by a script over the files' bytes (Q8_0 as q * d, llama's rows put back in order).
#include "core/llm/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <thread>

#include "core/error.h"
#include "core/hash.h"
#include "core/llm/tokenizer.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/golden.h"
#include "tests/support/same_model.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string hash_of(const Checkpoint& checkpoint, Role role, int layer, size_t part) {
  const std::vector<float> values = values_of(checkpoint, role, layer, part);
  Sha256 hash;
  hash.update(std::as_bytes(std::span(values)));
  return hex(hash.finish());
}

TEST(Checkpoint, ReadsLlamaFromSafetensors) {
  const Checkpoint checkpoint = Checkpoint::open(golden_path("llama-tied-bf16"));
  EXPECT_EQ(checkpoint.name(), "llama-tied-bf16");
  EXPECT_EQ(checkpoint.family(), "llama");
  EXPECT_EQ(checkpoint.format(), "safetensors");
  const ModelShape& shape = checkpoint.shape();
  EXPECT_EQ(shape.layers, 3);
  EXPECT_EQ(shape.hidden, 128);
  EXPECT_EQ(shape.heads, 4);
  EXPECT_EQ(shape.kv_heads, 2);
  EXPECT_EQ(shape.head_dim, 32);
  EXPECT_EQ(shape.ffn, 320);
  EXPECT_EQ(shape.vocab, 640);
  EXPECT_EQ(shape.norm_eps, 1e-6f);
  EXPECT_EQ(shape.max_positions, 512);
  EXPECT_FALSE(shape.qk_norm);
  EXPECT_TRUE(shape.tied);
  EXPECT_EQ(shape.rope.scaling, RopeSpec::Scaling::none);
  EXPECT_EQ(shape.rope.base, 10000.0);
  EXPECT_THAT(checkpoint.warnings(), IsEmpty());
  EXPECT_THAT(checkpoint.tokenizer().stop_tokens, ElementsAre(2));
  EXPECT_EQ(checkpoint.tokenizer().tokenizer_json, golden_path("llama-tied-bf16/tokenizer.json"));
  EXPECT_EQ(checkpoint.tensors().size(), 29u);
  EXPECT_EQ(checkpoint.tensors().front().name, "model.embed_tokens.weight");
  EXPECT_EQ(hash_of(checkpoint, Role::qkv, 1, 0),
            "232f0b523b151994e3444885695fa51a0d29d367e5baeaa04e705ea546336580");
  EXPECT_EQ(hash_of(checkpoint, Role::final_norm, 0, 0),
            "b6a370dd3a21fa68eb3c3bde709506925fd0c6787dedb36d4204c33fb78602c5");
  EXPECT_EQ(hash_of(checkpoint, Role::down, 2, 0),
            "e4ab8be0c55eb0a0f52ea1dbd5f31f752eed71e817cce96d86199201c45ae8df");
  EXPECT_THAT(checkpoint.parts(Role::lm_head, 0), IsEmpty());
  EXPECT_THAT(checkpoint.parts(Role::qk_norm_rope, 0), IsEmpty());
  EXPECT_THAT(checkpoint.parts(Role::attention, 0), IsEmpty());
}

TEST(Checkpoint, ReadsShardsAndLlama3Scaling) {
  const Checkpoint checkpoint = Checkpoint::open(golden_path("llama3-scaled-fp32-sharded") + "/");
  EXPECT_EQ(checkpoint.name(), "llama3-scaled-fp32-sharded");
  EXPECT_FALSE(checkpoint.shape().tied);
  const RopeSpec& rope = checkpoint.shape().rope;
  EXPECT_EQ(rope.scaling, RopeSpec::Scaling::llama3);
  EXPECT_EQ(rope.base, 500000.0);
  EXPECT_EQ(rope.factor, 8.0);
  EXPECT_EQ(rope.low_frequency_factor, 1.0);
  EXPECT_EQ(rope.high_frequency_factor, 4.0);
  EXPECT_EQ(rope.original_positions, 64.0);
  EXPECT_EQ(checkpoint.tensors().size(), 30u);
  EXPECT_EQ(hash_of(checkpoint, Role::lm_head, 0, 0),
            "adc73a95e3084e6c6cc3e57892ae94a22621c7dc23d40e3a592b8537560617f0");
  EXPECT_EQ(hash_of(checkpoint, Role::qkv, 2, 2),
            "245d2217a2cfc077db30cc8ab40556fefed8fd3184f6c7f855d6fcb5d3e186fd");
}

TEST(Checkpoint, ReadsQwen3WithItsOwnHeadDimensionAndNorms) {
  const Checkpoint checkpoint = Checkpoint::open(golden_path("qwen3-bf16"));
  EXPECT_EQ(checkpoint.family(), "qwen3");
  EXPECT_EQ(checkpoint.shape().head_dim, 64);
  EXPECT_TRUE(checkpoint.shape().qk_norm);
  EXPECT_FALSE(checkpoint.shape().tied);
  EXPECT_EQ(checkpoint.shape().rope.base, 1e6);
  EXPECT_THAT(checkpoint.tokenizer().stop_tokens, IsEmpty());
  const Parts norms = checkpoint.parts(Role::qk_norm_rope, 1);
  ASSERT_EQ(norms.size(), 2u);
  EXPECT_EQ(norms[0].rows, 1);
  EXPECT_EQ(norms[0].columns, 64);
  EXPECT_EQ(hash_of(checkpoint, Role::qk_norm_rope, 1, 1),
            "a2c8f5073819f1ae39eb3babd1fec405bf75d279c765a1f836be536c2faa1b07");
  EXPECT_EQ(hash_of(checkpoint, Role::lm_head, 0, 0),
            "bf1aad995794df2259ca4a5dd070e486b9ddb8311d1ada7fb35fc7561029dea1");
}

TEST(Checkpoint, GgufHoldsTheSameModelAsItsSafetensorsTwin) {
  for (const std::string name : {"llama-tied-bf16", "qwen3-bf16"}) {
    const Checkpoint gguf = Checkpoint::open(golden_path("gguf/" + name + ".gguf"));
    const Checkpoint folder = Checkpoint::open(golden_path(name));
    EXPECT_EQ(gguf.format(), "GGUF v3");
    EXPECT_EQ(gguf.family(), folder.family());
    EXPECT_EQ(gguf.tokenizer().stop_tokens, folder.tokenizer().stop_tokens);
    expect_same_model(gguf, folder);
  }
}

TEST(Checkpoint, GgufGivesTheTokenizersMetadata) {
  const Checkpoint checkpoint = Checkpoint::open(golden_path("gguf/llama-tied-bf16.gguf"));
  const TokenizerSource& source = checkpoint.tokenizer();
  EXPECT_EQ(source.file, golden_path("gguf/llama-tied-bf16.gguf"));
  EXPECT_FALSE(source.tokenizer_json);
  EXPECT_EQ(source.model, "gpt2");
  EXPECT_EQ(source.pre, "smollm");
  EXPECT_EQ(source.tokens.size(), 640u);
  EXPECT_EQ(source.tokens[2], "#");
  EXPECT_EQ(source.token_types.size(), 640u);
  EXPECT_EQ(source.merges.size(), 381u);
  EXPECT_EQ(source.merges[0], "\xc4\xa0 \xc4\xa0");
  EXPECT_EQ(source.bos, 1);
  EXPECT_EQ(source.eos, 2);
  EXPECT_EQ(source.add_bos, false);
  EXPECT_EQ(source.chat_template, "");
  EXPECT_THAT(source.stop_tokens, ElementsAre(2));
}

TEST(Checkpoint, TokensThatTheModelHasNoRowForAreRefused) {
  for (const char* name : {"llama-tied-bf16", "gguf/llama-tied-bf16.gguf"}) {
    TokenizerSource source = Checkpoint::open(golden_path(name)).tokenizer();
    EXPECT_EQ(source.vocab, 640);
    EXPECT_EQ(Tokenizer::open(source).size(), 640);
    source.vocab = 639;
    try {
      Tokenizer::open(source);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::bad_input);
      EXPECT_THAT(error.what(), testing::HasSubstr("found token id 639; expected ids below the model's 639"));
    }
  }
}

TEST(Checkpoint, Q8_0BlocksAreDequantisedInTheModelsRowOrder) {
  const Checkpoint checkpoint = Checkpoint::open(golden_path("gguf/llama-tied-q8_0.gguf"));
  EXPECT_EQ(checkpoint.tensors().front().type, TensorType::q8_0);
  EXPECT_EQ(hash_of(checkpoint, Role::qkv, 1, 0),
            "e4b1504929fde4f6216db5f8599b460d89c52a07e09240af564d5cc861237bc3");
  EXPECT_EQ(hash_of(checkpoint, Role::qkv, 1, 2),
            "62e9c023511e7cb5ddcd61343869989893d0c9437f8a489b96eb4e0c89f26ad2");
  EXPECT_EQ(hash_of(checkpoint, Role::qkv, 0, 1),
            "2c074f389636f01d27c65532a36b9bc40fa56744672ddc934bcd8e4538f4d6fc");
}

TEST(Checkpoint, RowsReadInPiecesAndByThreadsAreTheSameRows) {
  const Checkpoint checkpoint = Checkpoint::open(golden_path("gguf/llama-tied-q8_0.gguf"));
  for (size_t part : {0u, 2u}) {
    const std::vector<float> whole = values_of(checkpoint, Role::qkv, 2, part);
    const RowSource source = checkpoint.parts(Role::qkv, 2).at(part);
    std::vector<float> pieces(whole.size());
    std::vector<std::thread> threads;
    for (int piece = 0; piece < 4; ++piece) {
      threads.emplace_back([&, piece] {
        for (int first = piece * 7; first < source.rows; first += 28) {
          source.read(first, std::min(7, source.rows - first), pieces.data() + first * source.columns);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(bitwise_equal(pieces, whole, "part " + std::to_string(part)));
    std::vector<float> none;
    EXPECT_THROW(source.read(source.rows, 1, none.data()), Error);
  }
}

TEST(Checkpoint, Sha256IsWhatSha256sumGives) {
  EXPECT_EQ(Checkpoint::open(golden_path("gguf/llama-tied-bf16.gguf")).sha256(),
            "cafe1b4cf2a401eac7765384ca9d74c17f7635caff3afe6f028bd246097ee37d");
  // LC_ALL=C sha256sum config.json generation_config.json model*safetensors* tokenizer.json | sha256sum
  EXPECT_EQ(Checkpoint::open(golden_path("llama-tied-bf16")).sha256(),
            "b3b2c355a4e786019db9560bd5acaa07a9a8f90dd9bb30132ad0bfcba47c3fcf");
  EXPECT_EQ(Checkpoint::open(golden_path("llama3-scaled-fp32-sharded")).sha256(),
            "203e7ba44fabb54e11d411bc0e7a06bf5d07ad85529efdc20a6964f93ddaf6ec");
}

TEST(Checkpoint, ReadsTheSampleModel) {
  const std::string path = sample_model();
  if (path.empty()) GTEST_SKIP() << "the sample model is not on this machine";
  const Checkpoint checkpoint = Checkpoint::open(path);
  EXPECT_EQ(checkpoint.sha256(), "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
  EXPECT_EQ(checkpoint.shape().layers, 30);
  EXPECT_EQ(checkpoint.shape().rope.base, 100000.0);
  EXPECT_EQ(checkpoint.shape().vocab, 49152);
  EXPECT_TRUE(checkpoint.shape().tied);
  EXPECT_THAT(checkpoint.warnings(), IsEmpty());
  EXPECT_THAT(checkpoint.tokenizer().stop_tokens, ElementsAre(2));
  EXPECT_NE(checkpoint.tokenizer().chat_template.find("<|im_start|>"), std::string::npos);
}

}  // namespace
}  // namespace ra
