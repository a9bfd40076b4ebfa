// GGUF files that are wrong: what has broken other readers, and the rows of the list of bad inputs that fit.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>

#include "core/error.h"
#include "core/llm/arms.h"
#include "core/llm/checkpoint.h"
#include "tests/support/checkpoint_files.h"

namespace ra {
namespace {

using testing::HasSubstr;

constexpr uint32_t kUint32 = 4, kInt32 = 5, kFloat32 = 6, kBool = 7, kString = 8, kArray = 9, kUint64 = 10;
constexpr uint32_t kF32 = 0, kIq2Xxs = 16;

class BadGguf : public testing::Test {
 protected:
  void expect_refused(const std::string& bytes, const std::string& what) {
    SCOPED_TRACE(what);
    const std::string file = folder_.write("model.gguf", bytes);
    expect_refusal(file, file, what);
  }
  void expect_refused(const GgufParts& parts, const std::string& what) {
    expect_refused(parts.bytes(), what);
  }
  void expect_key_refused(const std::string& key, uint32_t type, const std::string& value,
                          const std::string& what) {
    GgufParts parts = tiny_gguf();
    set_key(parts, key, type, value);
    expect_refused(parts, what);
  }
  // The tiny file with its embedding's entry in the directory replaced.
  void expect_tensor_refused(const std::string& entry, const std::string& what) {
    GgufParts parts = tiny_gguf();
    parts.tensors[0] = entry;
    expect_refused(parts, what);
  }
  Checkpoint open(const GgufParts& parts) {
    return Checkpoint::open(folder_.write("model.gguf", parts.bytes()));
  }
  CheckpointFolder folder_;
};

TEST_F(BadGguf, TheGoodOneIsRead) {
  const Checkpoint checkpoint = open(tiny_gguf());
  EXPECT_EQ(checkpoint.tensors().size(), 11u);
  EXPECT_EQ(checkpoint.shape().head_dim, 4);
  EXPECT_EQ(checkpoint.shape().rope.base, 10000.0);
  EXPECT_EQ(checkpoint.tokenizer().tokens.at(15), "p");
}

TEST_F(BadGguf, MagicAndVersion) {
  expect_refused("", "the magic number of 4 bytes");
  expect_refused("GGU", "the file's end after 3 bytes");
  expect_refused("GGJT" + u32(3), "found \"GGJT\"; expected the magic number GGUF");
  expect_refused(std::string("\0\x1b[2", 4) + u32(3), "found \"\\u{0}\\u{1b}[2\"");
  for (uint32_t version : {0u, 1u, 2u, 4u}) {
    GgufParts parts = tiny_gguf();
    parts.version = version;
    expect_refused(parts, "found version " + std::to_string(version) + "; expected version 3");
  }
  GgufParts swapped = tiny_gguf();
  swapped.version = 0x03000000;
  expect_refused(swapped, "endianness");
}

TEST_F(BadGguf, CountsThatWrap) {
  for (uint64_t count : {uint64_t{1} << 31, uint64_t{1} << 61, (uint64_t{1} << 63) - 1, UINT64_MAX - 1}) {
    GgufParts parts = tiny_gguf();
    parts.n_tensors = count;
    expect_refused(parts, std::to_string(count) + " tensors in a file of");
    parts = tiny_gguf();
    parts.n_keys = count;
    expect_refused(parts, std::to_string(count) + " metadata keys in a file of");
    expect_key_refused("a", kArray, u32(kUint64) + u64(count), std::to_string(count) + " elements for a");
    expect_key_refused("a", kArray, u32(kString) + u64(count), std::to_string(count) + " elements for a");
    expect_key_refused("tokenizer.ggml.tokens", kArray, u32(kString) + u64(count),
                       "expected at most 1048576");
    expect_key_refused("a", kString, u64(count) + "text", "a string of " + std::to_string(count) + " bytes");
    parts = tiny_gguf();
    parts.keys.insert(parts.keys.begin(), u64(count) + "key");
    expect_refused(parts, "a metadata key of " + std::to_string(count) + " bytes; expected at most 65535");
  }
  // Within the bounds, but not within the file.
  expect_key_refused("a", kArray, u32(kUint64) + u64(1 << 29), "an array of 4294967296 bytes");
  expect_key_refused("a", kString, u64(1 << 29) + "text", "a string of 536870912 bytes");
  GgufParts parts = tiny_gguf();
  parts.n_tensors = parts.tensors.size() + 1;
  expect_refused(parts, "@");
}

TEST_F(BadGguf, Dimensions) {
  expect_tensor_refused(gguf_tensor("token_embd.weight", {8, 16, 1, 1, 1}, kF32, 0),
                        "5 dimensions of tensor");
  expect_tensor_refused(gguf_tensor("token_embd.weight", {}, kF32, 0), "0 dimensions of tensor");
  expect_tensor_refused(gguf_tensor("token_embd.weight", {8, 0}, kF32, 0), "dimension 0 of tensor");
  expect_tensor_refused(gguf_tensor("token_embd.weight", {8, UINT64_MAX}, kF32, 0),
                        "found dimension 18446744073709551615");
  expect_tensor_refused(gguf_tensor("token_embd.weight", {uint64_t{1} << 32, uint64_t{1} << 32}, kF32, 0),
                        "found dimension 4294967296");
  // Elements that a signed 64-bit count holds, and bytes that it does not; modulo 2^64 they would be few.
  expect_tensor_refused(gguf_tensor("token_embd.weight", {uint64_t{1} << 62}, kF32, 0),
                        "of more than 2^63 bytes");
  expect_tensor_refused(gguf_tensor("token_embd.weight", {16, 8}, kF32, 0),
                        "found shape [8, 16]; expected shape [16, 8]");
  expect_tensor_refused(gguf_tensor("token_embd.weight", {8, 16}, 8, 0),
                        "rows of 8 elements; expected a multiple of Q8_0");
}

TEST_F(BadGguf, Types) {
  expect_tensor_refused(
      gguf_tensor("token_embd.weight", {8, 16}, kIq2Xxs, 0),
      "token_embd.weight of type IQ2_XXS; expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, "
      "Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL or IQ4_XS");
  expect_tensor_refused(gguf_tensor("token_embd.weight", {8, 16}, 4, 0), "of type 4; expected");
  expect_tensor_refused(gguf_tensor("token_embd.weight", {8, 16}, 0xffffffff, 0), "of type 4294967295");
  expect_key_refused("a", 13, u32(0), "value type 13 for a");
  expect_key_refused("a", kBool, "\x02", "2 as a boolean");
  expect_key_refused("a", kArray, u32(kArray) + u64(1) + u32(kUint32) + u64(0),
                     "an array of array (9) for a");
  expect_key_refused("a", kArray, u32(77) + u64(1), "an array of unknown type (77)");
  expect_key_refused("llama.block_count", kString, gguf_string("1"), "found string; expected an integer");
  expect_key_refused("llama.block_count", kFloat32, u32(0x3f800000), "found float32; expected an integer");
  expect_key_refused("llama.block_count", kInt32, u32(0xffffffff),
                     "found int32 -1; expected an integer that is not");
  expect_key_refused("llama.feed_forward_length", kArray, u32(kUint32) + u64(1) + u32(8),
                     "found array of uint32");
  expect_key_refused("tokenizer.ggml.scores", kArray, u32(kString) + u64(1) + gguf_string("1"),
                     "scores: found array of string; expected an array of float32");
  expect_key_refused("tokenizer.ggml.token_type", kArray, u32(kFloat32) + u64(1) + u32(0),
                     "token_type: found array of float32; expected an array of int32");
  expect_key_refused("tokenizer.ggml.token_type", kArray, u32(kInt32) + u64(1) + u32(1),
                     "found 1 elements; expected 16");
  expect_key_refused("tokenizer.ggml.tokens", kArray, u32(kInt32) + u64(1) + u32(1),
                     "expected an array of string");
  expect_key_refused("tokenizer.chat_template", kUint32, u32(1), "expected a string");
}

TEST_F(BadGguf, Alignment) {
  expect_key_refused("general.alignment", kUint32, u32(0), "general.alignment 0; expected a power of two");
  expect_key_refused("general.alignment", kUint32, u32(13), "general.alignment 13");
  expect_key_refused("general.alignment", kUint64, u64(uint64_t{1} << 63),
                     "general.alignment 9223372036854775808");
  expect_key_refused("general.alignment", kString, gguf_string("32"), "expected an integer");
  GgufParts parts = tiny_gguf();
  set_key(parts, "general.alignment", kUint32, u32(8));
  parts.alignment = 8;
  EXPECT_EQ(open(parts).tensors().size(), 11u);
}

TEST_F(BadGguf, Offsets) {
  expect_tensor_refused(gguf_tensor("token_embd.weight", {8, 16}, kF32, 1), "at data offset 1; expected 0");
  expect_tensor_refused(gguf_tensor("token_embd.weight", {8, 16}, kF32, uint64_t{1} << 63),
                        "at data offset 9223372036854775808");
  GgufParts parts = tiny_gguf();
  parts.tensors[1] = gguf_tensor("blk.0.attn_norm.weight", {8}, kF32, 0);
  expect_refused(parts, "tensor blk.0.attn_norm.weight at data offset 0; expected 512");
  parts = tiny_gguf();
  parts.data += "x";
  expect_refused(parts, "1 bytes after the last tensor");
  parts = tiny_gguf();
  parts.data.pop_back();
  expect_refused(parts, "before the 32 bytes of tensor output_norm.weight");
}

TEST_F(BadGguf, NamesGivenTwiceOrTooLong) {
  GgufParts parts = tiny_gguf();
  parts.keys.push_back(parts.keys[0]);
  expect_refused(parts, "the key general.architecture again");
  parts = tiny_gguf();
  parts.tensors[1] = gguf_tensor("token_embd.weight", {8}, kF32, 512);
  expect_refused(parts, "tensor token_embd.weight again");
  expect_tensor_refused(gguf_tensor(std::string(64, 'n'), {8, 16}, kF32, 0),
                        "a tensor's name of 64 bytes; expected at most 63");
  expect_tensor_refused(gguf_tensor("a\x1b[2J\n", {8, 16}, 77, 0), "tensor a\\u{1b}[2J\\n of type 77");
}

TEST_F(BadGguf, SettingsThatAreNotSupportedOrNotSane) {
  expect_key_refused("general.architecture", kString, gguf_string("gpt2"),
                     "found \"gpt2\"; expected llama, qwen2 or qwen3");
  for (uint32_t layers : {0u, 4097u, 0xffffffffu}) {
    expect_key_refused("llama.block_count", kUint32, u32(layers),
                       "found " + std::to_string(layers) + "; expected 1 to 4096");
  }
  expect_key_refused("llama.block_count", kUint32, u32(2), "no tensor blk.1.attn_norm.weight");
  expect_key_refused("llama.vocab_size", kUint32, u32(17), "found shape [16, 8]; expected shape [17, 8]");
  expect_key_refused("llama.attention.head_count_kv", kUint32, u32(3), "3 key-value heads for 2");
  expect_key_refused("llama.rope.dimension_count", kUint32, u32(2), "RoPE on a part of the head");
  expect_key_refused("llama.rope.freq_base", kFloat32, u32(0x7fc00000), "RoPE base");
  expect_key_refused("llama.attention.layer_norm_rms_epsilon", kFloat32, u32(0x7f800000), "epsilon of inf");
  expect_key_refused("llama.rope.scaling.type", kString, gguf_string("yarn"),
                     "found \"yarn\"; expected none, linear, or llama3");
  expect_key_refused("llama.rope.scaling.factor", kFloat32, u32(0x7f800000),
                     "linear RoPE scaling by a factor of inf");
  expect_key_refused("llama.rope.scale_linear", kFloat32, u32(0x3f000000),
                     "linear RoPE scaling by a factor of 0.5");
  expect_key_refused("llama.attention.sliding_window", kUint32, u32(63),
                     "found a window of 63; expected none");
  expect_key_refused("llama.expert_count", kUint32, u32(8), "expert_count");
  expect_key_refused("tokenizer.ggml.eos_token_id", kUint32, u32(16), "end-of-text token 16");
  expect_key_refused("tokenizer.ggml.eos_token_id", kUint32, u32(0xffffffff), "expected a token id");
  GgufParts parts = tiny_gguf();
  parts.keys.erase(parts.keys.begin() + 1);
  expect_refused(parts, "llama.block_count: found nothing");
  parts = tiny_gguf();
  parts.tensors.push_back(gguf_tensor("blk.0.ffn_up.bias", {8}, kF32, parts.data.size()));
  parts.data += std::string(32, '\0');
  expect_refused(parts, "blk.0.ffn_up.bias: found a weight that is no part of this model");
  parts.tensors.back() = gguf_tensor("blk.0.attn_q.bias", {8}, kF32, parts.data.size() - 32);
  expect_refused(parts, "found no tensor blk.0.attn_k.bias");
}

TEST_F(BadGguf, SparseFileOfATebibyteWithArraysWithoutEnd) {
  GgufParts parts = tiny_gguf();
  parts.keys.push_back(gguf_key("zeros", kArray, u32(kString) + u64(1 << 30)));
  parts.n_keys = parts.keys.size();
  const std::string file = folder_.write("model.gguf", parts.bytes());
  if (truncate(file.c_str(), off_t{1} << 40) != 0) GTEST_SKIP() << "no sparse files here";
  expect_refusal(file, file, "before the tensors' data");
  parts.keys.back() = gguf_key("tokenizer.ggml.merges", kArray, u32(kString) + u64(1 << 20));
  folder_.write("model.gguf", parts.bytes());
  ASSERT_EQ(truncate(file.c_str(), off_t{1} << 40), 0);
  expect_refusal(file, file, "@");
}

TEST_F(BadGguf, AFileTruncatedAnywhereIsRefused) {
  const std::string whole = tiny_gguf().bytes();
  const std::string file = folder_.write("model.gguf", whole);
  for (size_t length = whole.size() - 1; length > 0; length -= std::min<size_t>(length, 5)) {
    ASSERT_EQ(truncate(file.c_str(), static_cast<off_t>(length)), 0);
    EXPECT_THROW(Checkpoint::open(file), Error) << length;
  }
}

// Whatever a byte of the metadata becomes, the file is read or refused: no crash, nothing but Error.
TEST_F(BadGguf, AChangedByteIsReadOrRefused) {
  const GgufParts parts = tiny_gguf();
  const std::string whole = parts.bytes();
  int refused = 0;
  const std::string file = folder_.write("model.gguf", whole);
  const int descriptor = ::open(file.c_str(), O_WRONLY);
  for (size_t at = 0; at < whole.size() - parts.data.size(); ++at) {
    const char changed = static_cast<char>(whole[at] ^ (at % 2 == 0 ? 0x80 : 0xff));
    ASSERT_EQ(pwrite(descriptor, &changed, 1, static_cast<off_t>(at)), 1);
    try {
      Checkpoint::open(file);
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::bad_input) << error.what();
      ++refused;
    }
    ASSERT_EQ(pwrite(descriptor, &whole[at], 1, static_cast<off_t>(at)), 1);
  }
  close(descriptor);
  EXPECT_GT(refused, 300);
}

// GGUF has Llama 3's scaling as divisors only; the parameters are found again, or the file is refused.
TEST_F(BadGguf, RopeDivisorsAreLlama3sOrRefused) {
  const auto with_divisors = [](double original_positions, double factor) {
    GgufParts parts = tiny_gguf();
    // head_dim 64, so that divisors lie on the ramp too: hidden 128, 2 heads, 1 key-value head.
    set_key(parts, "llama.embedding_length", kUint32, u32(128));
    set_key(parts, "llama.rope.dimension_count", kUint32, u32(64));
    set_key(parts, "llama.rope.freq_base", kFloat32, u32(std::bit_cast<uint32_t>(500000.0f)));
    parts.tensors.clear();
    parts.data.clear();
    const auto add = [&](const std::string& name, const std::vector<uint64_t>& ne) {
      parts.tensors.push_back(gguf_tensor(name, ne, kF32, parts.data.size()));
      uint64_t count = 1;
      for (uint64_t extent : ne) count *= extent;
      parts.data += std::string(count * 4, '\0');
    };
    add("token_embd.weight", {128, 16});
    for (const char* norm : {"blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"})
      add(norm, {128});
    add("blk.0.attn_q.weight", {128, 128});
    add("blk.0.attn_output.weight", {128, 128});
    for (const char* kv : {"blk.0.attn_k.weight", "blk.0.attn_v.weight"}) add(kv, {128, 64});
    for (const char* up : {"blk.0.ffn_gate.weight", "blk.0.ffn_up.weight"}) add(up, {128, 8});
    add("blk.0.ffn_down.weight", {8, 128});
    parts.tensors.push_back(gguf_tensor("rope_freqs.weight", {32}, kF32, parts.data.size()));
    for (int j = 0; j < 32; ++j) {
      // As llama.cpp's converter has it: wavelengths of fp32 frequencies.
      const float frequency = 1.0f / std::pow(500000.0f, static_cast<float>(2 * j) / 64.0f);
      const double wavelength = 2 * 3.141592653589793 / static_cast<double>(frequency);
      double divisor = 1;
      if (wavelength > original_positions) {
        divisor = factor;
      } else if (wavelength >= original_positions / 4) {
        const double smooth = (original_positions / wavelength - 1) / 3;
        divisor = 1 / ((1 - smooth) / factor + smooth);
      }
      parts.data += u32(std::bit_cast<uint32_t>(static_cast<float>(divisor)));
    }
    return parts;
  };
  const Checkpoint checkpoint = open(with_divisors(8192, 32));
  const RopeSpec& rope = checkpoint.shape().rope;
  EXPECT_EQ(rope.scaling, RopeSpec::Scaling::llama3);
  EXPECT_EQ(rope.factor, 32.0);
  EXPECT_EQ(rope.original_positions, 8192.0);
  EXPECT_EQ(rope.low_frequency_factor, 1.0);
  EXPECT_EQ(rope.high_frequency_factor, 4.0);
  EXPECT_TRUE(checkpoint.warnings().empty());
  expect_refused(with_divisors(8200, 32), "rope_freqs.weight: found divisors of another scaling");
  GgufParts both = with_divisors(8192, 32);
  set_key(both, "llama.rope.scaling.factor", kFloat32, u32(std::bit_cast<uint32_t>(2.0f)));
  expect_refused(both, "rope_freqs.weight: found it beside linear scaling");
  GgufParts stated = with_divisors(4096, 8);
  set_key(stated, "llama.rope.scaling.original_context_length", kUint32, u32(4096));
  EXPECT_EQ(open(stated).shape().rope.original_positions, 4096.0);
}

// B35: what it would take is known before anything is loaded.
TEST_F(BadGguf, B35AModelThatIsTooLargeForTheMemoryIsADevicesError) {
  constexpr uint32_t kQ4_1 = 3;
  constexpr uint64_t kLayers = 60, kHidden = 65536, kFfn = 262144, kKv = 8 * 128;
  GgufParts parts = tiny_gguf();
  const std::pair<const char*, uint32_t> numbers[] = {
      {"block_count", kLayers},      {"embedding_length", kHidden},  {"feed_forward_length", kFfn},
      {"attention.head_count", 512}, {"attention.head_count_kv", 8}, {"rope.dimension_count", 128}};
  for (const auto& [key, value] : numbers) set_key(parts, std::string("llama.") + key, kUint32, u32(value));
  parts.tensors.clear();
  parts.data.clear();
  uint64_t size = 0;
  const auto add = [&](const std::string& name, const std::vector<uint64_t>& ne) {
    parts.tensors.push_back(gguf_tensor(name, ne, kQ4_1, size));
    uint64_t count = 1;
    for (uint64_t extent : ne) count *= extent;
    size += count / 32 * 20;
  };
  add("token_embd.weight", {kHidden, 16});
  add("output_norm.weight", {kHidden});
  for (uint64_t layer = 0; layer < kLayers; ++layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    add(prefix + "attn_norm.weight", {kHidden});
    add(prefix + "ffn_norm.weight", {kHidden});
    for (const char* square : {"attn_q.weight", "attn_output.weight"})
      add(prefix + square, {kHidden, kHidden});
    for (const char* kv : {"attn_k.weight", "attn_v.weight"}) add(prefix + kv, {kHidden, kKv});
    for (const char* up : {"ffn_gate.weight", "ffn_up.weight"}) add(prefix + up, {kHidden, kFfn});
    add(prefix + "ffn_down.weight", {kFfn, kHidden});
  }
  const std::string bytes = parts.bytes();
  const std::string file = folder_.write("model.gguf", bytes);
  if (truncate(file.c_str(), static_cast<off_t>(bytes.size() + size)) != 0)
    GTEST_SKIP() << "no sparse files here";
  const Checkpoint checkpoint = Checkpoint::open(file);
  ArmsSpec spec;
  spec.device = "cpu";
  spec.kernel_sets = {"invariant"};
  spec.max_rows = 16;
  spec.capacity = {.rows = 16, .logit_rows = 1, .slots = 1, .pages = 1};
  try {
    Arms::open(checkpoint, spec, [](const std::string& stage) { ADD_FAILURE() << stage; });
    FAIL() << "terabytes of weights were loaded";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::device);
    EXPECT_THAT(error.what(), testing::ContainsRegex("needs [0-9]+ MiB of memory, [0-9]+ MiB are available"));
  }
}

}  // namespace
}  // namespace ra
