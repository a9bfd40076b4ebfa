// usage: write_seeds FOLDER: writes the seeds of the fuzz targets that read checkpoints to FOLDER/<target>/: small good
// files, and the files of the list of bad inputs that a fuzzer would need long to find.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/checkpoint_files.h"

namespace ra {
namespace {

class Seeds {
 public:
  Seeds(const std::string& folder, const std::string& target) : folder_(folder + "/" + target) {
    std::filesystem::create_directories(folder_);
  }
  void add(const std::string& bytes) {
    std::ofstream(folder_ + "/" + std::to_string(count_++), std::ios::binary) << bytes;
  }

 private:
  std::string folder_;
  int count_ = 0;
};

std::string golden(const std::string& name) {
  std::ifstream file(std::string(RA_GOLDEN) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_safetensors(Seeds seeds) {
  const auto [header, data] = tiny_safetensors(tiny_safetensors_tensors());
  seeds.add(safetensors_bytes(header, data));
  seeds.add(safetensors_bytes("\t\n" + header + "  ", data));
  seeds.add(safetensors_bytes(100'000'001, header, data));
  seeds.add(safetensors_bytes(UINT64_MAX, "{}", ""));
  for (const char* entry :
       {R"("a":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]})",
        R"("a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]})",
        R"("a":{"dtype":"U8","shape":[2,18446744073709551614],"data_offsets":[16,0]})",
        R"("__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]})",
        R"("a":{"dtype":"F8_E4M3","shape":[2,0],"data_offsets":[0,0]},"a":{}})"}) {
    seeds.add(safetensors_bytes("{" + std::string(entry) + "}", std::string(16, '\x7f')));
  }
  seeds.add(safetensors_bytes(std::string(100, '['), ""));
  seeds.add(safetensors_bytes("\xef\xbb\xbf{}", ""));
}

void write_index(Seeds seeds) {
  seeds.add(golden("llama3-scaled-fp32-sharded/model.safetensors.index.json"));
  for (const char* shard :
       {"a.safetensors", "../../etc/passwd", "/etc/passwd", "..\\\\x", "", ".", "a\\u0000b"})
    seeds.add(R"({"metadata":{"total_size":7},"weight_map":{"w":")" + std::string(shard) + R"("}})");
  seeds.add(R"({"weight_map":["w"]})");
  seeds.add(R"({"weight_map":{"w":7}})");
}

void write_config(Seeds seeds) {
  for (const char* model : {"llama-tied-bf16", "llama3-scaled-fp32-sharded", "qwen3-bf16"})
    seeds.add(golden(std::string(model) + "/config.json"));
  const Members changes[] = {
      {},
      {{"num_hidden_layers", "2147483648"}},
      {{"hidden_size", "-1"}},
      {{"rope_theta", "1e400"}},
      {{"rope_theta", "NaN"}},
      {{"eos_token_id", "[2, 3, 15]"}},
      {{"head_dim", "4"}, {"attention_bias", "true"}},
      {{"sliding_window", "4096"}, {"use_sliding_window", "false"}},
      {{"layer_types", R"(["full_attention"])"}},
      {{"rope_scaling", R"({"type":"linear","factor":2.0})"}},
      {{"rope_theta", ""}, {"rope_parameters", R"({"rope_type":"default","rope_theta":5e5})"}},
      {{"quantization_config", R"({"quant_method":"gptq"})"}},
  };
  for (const Members& change : changes) seeds.add(tiny_config(change));
}

void write_gguf(Seeds seeds) {
  constexpr uint32_t kArray = 9, kString = 8, kFloat32 = 6, kInt32 = 5;
  seeds.add(tiny_gguf().bytes());
  const std::string fixed[] = {"1", "1", "22", "22", "4444", "4444", "4444", std::string(1, '\x01')};
  for (uint32_t type = 0; type < 13; ++type) {
    const std::string value = type < std::size(fixed) ? fixed[type] : "88888888";
    GgufParts parts = tiny_gguf();
    if (type == kArray) continue;
    set_key(parts, "a", type, type == kString ? gguf_string("text") : value);
    set_key(parts, "b", kArray, u32(type) + u64(1) + (type == kString ? gguf_string("text") : value));
    seeds.add(parts.bytes());
  }
  for (const char* token : {"<0x-1>", "<0xZZ>", "<0x41>"}) {
    GgufParts parts = tiny_gguf();
    std::string tokens, scores, types;
    for (int i = 0; i < 16; ++i) {
      tokens += gguf_string(token + std::to_string(i));
      scores += u32(0x3f800000);
      types += u32(i % 7);
    }
    set_key(parts, "tokenizer.ggml.tokens", kArray, u32(kString) + u64(16) + tokens);
    set_key(parts, "tokenizer.ggml.scores", kArray, u32(kFloat32) + u64(16) + scores);
    set_key(parts, "tokenizer.ggml.token_type", kArray, u32(kInt32) + u64(16) + types);
    set_key(parts, "tokenizer.ggml.merges", kArray, u32(kString) + u64(1) + gguf_string("a b"));
    set_key(parts, "tokenizer.ggml.model", kString, gguf_string("gpt2"));
    set_key(parts, "tokenizer.ggml.pre", kString, gguf_string("smollm"));
    set_key(parts, "tokenizer.chat_template", kString, gguf_string("{{ '<|im_start|>' }}"));
    seeds.add(parts.bytes());
  }
  for (const uint32_t alignment : {0u, 8u, 13u}) {
    GgufParts parts = tiny_gguf();
    set_key(parts, "general.alignment", 4, u32(alignment));
    parts.alignment = 8;
    seeds.add(parts.bytes());
  }
}

}  // namespace
}  // namespace ra

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  ra::write_safetensors({folder, "safetensors"});
  ra::write_index({folder, "shard_index"});
  ra::write_config({folder, "config"});
  ra::write_gguf({folder, "gguf"});
  return 0;
}
