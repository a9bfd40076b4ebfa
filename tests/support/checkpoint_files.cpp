#include "tests/support/checkpoint_files.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "core/llm/checkpoint.h"

namespace ra {
namespace {

std::string half_values(uint64_t count) {
  std::string bytes;
  for (uint64_t i = 0; i < count; ++i) bytes += u32(0x3f000000);  // 0.5f
  return bytes;
}

uint64_t count_of(const std::vector<uint64_t>& dims) {
  uint64_t count = 1;
  for (uint64_t extent : dims) count *= extent;
  return count;
}

}  // namespace

CheckpointFolder::CheckpointFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "checkpoint-XXXXXX").string();
  check(mkdtemp(pattern.data()) != nullptr, "a temporary folder");
  path_ = pattern;
}
CheckpointFolder::~CheckpointFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}
std::string CheckpointFolder::write(const std::string& name, const std::string& bytes) const {
  std::ofstream out(file(name), std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  check(out.good(), "a temporary file written");
  return file(name);
}

std::string u32(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}
std::string u64(uint64_t value) {
  return u32(static_cast<uint32_t>(value)) + u32(static_cast<uint32_t>(value >> 32));
}

std::string safetensors_bytes(uint64_t length, const std::string& header, const std::string& data) {
  return u64(length) + header + data;
}
std::string safetensors_bytes(const std::string& header, const std::string& data) {
  return safetensors_bytes(header.size(), header, data);
}

std::vector<TinyTensor> tiny_safetensors_tensors() {
  const std::string layer = "model.layers.0.";
  return {{"model.embed_tokens.weight", {16, 8}},
          {layer + "input_layernorm.weight", {8}},
          {layer + "self_attn.q_proj.weight", {8, 8}},
          {layer + "self_attn.k_proj.weight", {4, 8}},
          {layer + "self_attn.v_proj.weight", {4, 8}},
          {layer + "self_attn.o_proj.weight", {8, 8}},
          {layer + "post_attention_layernorm.weight", {8}},
          {layer + "mlp.gate_proj.weight", {8, 8}},
          {layer + "mlp.up_proj.weight", {8, 8}},
          {layer + "mlp.down_proj.weight", {8, 8}},
          {"model.norm.weight", {8}}};
}

std::pair<std::string, std::string> tiny_safetensors(const std::vector<TinyTensor>& tensors) {
  std::string header = "{", data;
  for (const TinyTensor& tensor : tensors) {
    const size_t begin = data.size();
    data += half_values(count_of(tensor.dims));
    header += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}})", begin ? "," : "",
                          tensor.name, fmt::join(tensor.dims, ","), begin, data.size());
  }
  return {header + "}", data};
}

std::string tiny_config(const Members& changes) {
  Members members = {{"architectures", R"(["LlamaForCausalLM"])"},
                     {"model_type", R"("llama")"},
                     {"hidden_size", "8"},
                     {"intermediate_size", "8"},
                     {"num_hidden_layers", "1"},
                     {"num_attention_heads", "2"},
                     {"num_key_value_heads", "1"},
                     {"vocab_size", "16"},
                     {"max_position_embeddings", "64"},
                     {"rms_norm_eps", "1e-05"},
                     {"rope_theta", "10000.0"},
                     {"rope_scaling", "null"},
                     {"torch_dtype", R"("float32")"},
                     {"tie_word_embeddings", "true"},
                     {"eos_token_id", "[2, 3]"}};
  for (const auto& change : changes) {
    const auto same =
        std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.first == change.first; });
    if (same == members.end()) {
      members.push_back(change);
    } else {
      same->second = change.second;
    }
  }
  std::string text;
  for (const auto& [key, value] : members) {
    if (!value.empty()) text += fmt::format("{}\"{}\": {}", text.empty() ? "{" : ", ", key, value);
  }
  return text + "}";
}

void write_tiny_folder(const CheckpointFolder& folder) {
  const auto [header, data] = tiny_safetensors(tiny_safetensors_tensors());
  folder.write("config.json", tiny_config());
  folder.write("model.safetensors", safetensors_bytes(header, data));
}

std::string gguf_string(const std::string& text) {
  return u64(text.size()) + text;
}
std::string gguf_key(const std::string& key, uint32_t type, const std::string& value) {
  return gguf_string(key) + u32(type) + value;
}
std::string gguf_tensor(const std::string& name, const std::vector<uint64_t>& ne, uint32_t type,
                        uint64_t offset) {
  std::string bytes = gguf_string(name) + u32(static_cast<uint32_t>(ne.size()));
  for (uint64_t extent : ne) bytes += u64(extent);
  return bytes + u32(type) + u64(offset);
}

std::string GgufParts::bytes() const {
  std::string file = "GGUF" + u32(version) + u64(n_tensors == UINT64_MAX ? tensors.size() : n_tensors) +
                     u64(n_keys == UINT64_MAX ? keys.size() : n_keys);
  for (const std::string& key : keys) file += key;
  for (const std::string& tensor : tensors) file += tensor;
  while (file.size() % alignment != 0) file += '\0';
  return file + data;
}

std::vector<TinyTensor> tiny_gguf_tensors() {
  const std::string layer = "blk.0.";
  return {{"token_embd.weight", {8, 16}},    {layer + "attn_norm.weight", {8}},
          {layer + "attn_q.weight", {8, 8}}, {layer + "attn_k.weight", {8, 4}},
          {layer + "attn_v.weight", {8, 4}}, {layer + "attn_output.weight", {8, 8}},
          {layer + "ffn_norm.weight", {8}},  {layer + "ffn_gate.weight", {8, 8}},
          {layer + "ffn_up.weight", {8, 8}}, {layer + "ffn_down.weight", {8, 8}},
          {"output_norm.weight", {8}}};
}

GgufParts tiny_gguf() {
  constexpr uint32_t kUint32 = 4, kFloat32 = 6, kString = 8, kArray = 9;
  GgufParts parts;
  set_key(parts, "general.architecture", kString, gguf_string("llama"));
  const std::pair<const char*, uint32_t> numbers[] = {
      {"block_count", 1},          {"context_length", 64},      {"embedding_length", 8},
      {"feed_forward_length", 8},  {"attention.head_count", 2}, {"attention.head_count_kv", 1},
      {"rope.dimension_count", 4}, {"vocab_size", 16}};
  for (const auto& [key, value] : numbers) set_key(parts, std::string("llama.") + key, kUint32, u32(value));
  set_key(parts, "llama.attention.layer_norm_rms_epsilon", kFloat32, u32(0x3727c5ac));  // 1e-5f
  std::string tokens;
  for (char c = 'a'; c < 'a' + 16; ++c) tokens += gguf_string(std::string(1, c));
  set_key(parts, "tokenizer.ggml.tokens", kArray, u32(kString) + u64(16) + tokens);
  set_key(parts, "tokenizer.ggml.eos_token_id", kUint32, u32(2));

  for (const TinyTensor& tensor : tiny_gguf_tensors()) {
    parts.tensors.push_back(gguf_tensor(tensor.name, tensor.dims, 0, parts.data.size()));
    parts.data += half_values(count_of(tensor.dims));  // a multiple of 32 bytes each
  }
  return parts;
}

void set_key(GgufParts& parts, const std::string& key, uint32_t type, const std::string& value) {
  const std::string prefix = gguf_string(key);
  const auto same = std::find_if(parts.keys.begin(), parts.keys.end(), [&](const std::string& entry) {
    return entry.compare(0, prefix.size(), prefix) == 0;
  });
  const std::string entry = gguf_key(key, type, value);
  if (same == parts.keys.end()) {
    parts.keys.push_back(entry);
  } else {
    *same = entry;
  }
}

void set_split(GgufParts& part, uint32_t number, uint32_t count, uint32_t tensors) {
  constexpr uint32_t kUint16 = 2, kInt32 = 5;
  set_key(part, "split.no", kUint16, u32(number).substr(0, 2));
  set_key(part, "split.count", kUint16, u32(count).substr(0, 2));
  set_key(part, "split.tensors.count", kInt32, u32(tensors));
}

std::vector<GgufParts> tiny_gguf_split() {
  const GgufParts whole = tiny_gguf();
  std::vector<GgufParts> parts(3);
  parts[0].keys = whole.keys;
  const std::vector<TinyTensor> tensors = tiny_gguf_tensors();
  uint64_t from = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    GgufParts& part = parts[(i + 4) / 5];
    const uint64_t bytes = 4 * count_of(tensors[i].dims);
    part.tensors.push_back(gguf_tensor(tensors[i].name, tensors[i].dims, 0, part.data.size()));
    part.data += whole.data.substr(from, bytes);
    from += bytes;
  }
  for (uint32_t i = 0; i < 3; ++i) set_split(parts[i], i, 3, 11);
  return parts;
}

Opening open_apart(const std::string& path) {
  int pipe_ends[2];
  check(pipe(pipe_ends) == 0, "a pipe");
  rusage own{};
  getrusage(RUSAGE_SELF, &own);
  const pid_t child = fork();
  check(child >= 0, "a child process");
  if (child == 0) {
    close(pipe_ends[0]);
    std::string text;
    int status = 0;
    try {
      const Checkpoint checkpoint = Checkpoint::open(path);
      for (const std::string& warning : checkpoint.warnings()) text += warning + "\n";
    } catch (const Error& error) {
      text = error.what();
      status = static_cast<int>(error.status());
    } catch (const std::exception& error) {
      text = error.what();
      status = 99;
    }
    if (write(pipe_ends[1], text.data(), text.size()) < 0) status = 98;
    _exit(status);
  }
  close(pipe_ends[1]);
  Opening opening;
  char buffer[4096];
  for (ssize_t got; (got = read(pipe_ends[0], buffer, sizeof buffer)) > 0;) {
    opening.message.append(buffer, static_cast<size_t>(got));
  }
  close(pipe_ends[0]);
  int status = 0;
  rusage used{};
  wait4(child, &status, 0, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  opening.seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  opening.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  opening.peak_bytes = static_cast<uint64_t>(std::max(0L, used.ru_maxrss - own.ru_maxrss)) * 1024;
  return opening;
}

void expect_refusal(const std::string& path, const std::string& file, const std::string& what,
                    double seconds) {
  const Opening opening = open_apart(path), again = open_apart(path);
  EXPECT_EQ(opening.status, static_cast<int>(Exit::bad_input)) << opening.message;
  EXPECT_EQ(opening.message, again.message);
  EXPECT_THAT(opening.message, testing::StartsWith(file));
  EXPECT_THAT(opening.message, testing::HasSubstr("; expected "));
  EXPECT_THAT(opening.message, testing::HasSubstr(what));
  EXPECT_THAT(opening.message, testing::Not(testing::HasSubstr("\n")));
#ifndef __SANITIZE_ADDRESS__
  EXPECT_LT(opening.seconds, seconds);
  std::error_code ignored;
  const bool regular = std::filesystem::is_regular_file(file, ignored);
  const uint64_t size = regular ? std::min<uint64_t>(std::filesystem::file_size(file), 1 << 30) : 0;
  EXPECT_LT(opening.peak_bytes, (uint64_t{256} << 20) + size) << opening.message;
#else
  static_cast<void>(seconds);
#endif
}

}  // namespace ra
