// Every kind of file, cut off at every byte and with a bit flipped at every byte: an error, or the same weights. What a
// flipped bit makes of settings and texts that any value of which is a good one (a RoPE base, a token) shows in the
// checkpoint's SHA-256.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>

#include "core/error.h"
#include "core/hash.h"
#include "core/llm/checkpoint.h"
#include "core/llm/gguf_split.h"
#include "core/llm/model.h"
#include "core/llm/tokenizer.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/golden.h"
#include "tests/support/tiny_tokenizer.h"

namespace ra {
namespace {

// What a model does depends on this and nothing else.
struct Loaded {
  std::string weights;   // hash of every weight's values
  std::string settings;  // shape, tokens that end a text, chat template, how a text is encoded
  std::string sha256;
};

std::string weights_of(const Checkpoint& checkpoint) {
  Sha256 hash;
  std::vector<float> values;
  for_each_weight(checkpoint.shape(), [&](Role role, int layer) {
    for (const RowSource& part : checkpoint.parts(role, layer)) {
      values.resize(static_cast<size_t>(part.rows) * static_cast<size_t>(part.columns));
      part.read(0, part.rows, values.data());
      hash.update(fmt::format("{} {} {}x{}\n", role_name(role), layer, part.rows, part.columns));
      hash.update(std::as_bytes(std::span(values)));
      if (!part.read_bias) continue;
      values.resize(static_cast<size_t>(part.rows));
      part.read_bias(values.data());
      hash.update(std::as_bytes(std::span(values)));
    }
  });
  return hex(hash.finish());
}

Loaded load(const std::string& path) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  const ModelShape& s = checkpoint.shape();
  const TokenizerSource& source = checkpoint.tokenizer();
  Loaded loaded{weights_of(checkpoint), "", checkpoint.sha256()};
  loaded.settings =
      fmt::format("{} {} {} {} {} {} {} {} {:a} {} {} {} {} {:a} {:a} {:a} {:a} {:a} [{}] {} ",
                  checkpoint.family(), s.layers, s.hidden, s.heads, s.kv_heads, s.head_dim, s.ffn, s.vocab,
                  s.norm_eps, s.qk_norm, s.tied, s.max_positions, static_cast<int>(s.rope.scaling),
                  s.rope.base, s.rope.factor, s.rope.low_frequency_factor, s.rope.high_frequency_factor,
                  s.rope.original_positions, fmt::join(source.stop_tokens, ","), source.chat_template);
  if (source.tokenizer_json || (!source.tokens.empty() && !source.pre.empty())) {
    const Tokenizer tokenizer = Tokenizer::open(source);
    for (int32_t id = 0; id < tokenizer.size(); ++id) loaded.settings += tokenizer.piece(id) + "\n";
    const std::vector<int32_t> ids = tokenizer.encode("ab<x>aabb", SpecialText::parse, true);
    loaded.settings += fmt::format("{}", fmt::join(ids, " "));
  }
  return loaded;
}

struct Outcomes {
  int errors = 0, same = 0, other_settings = 0;
};

class Damage : public testing::Test {
 protected:
  // Damages `file` in every way; `path` is what is opened, and undamaged it can be.
  void sweep(const std::string& path, const std::string& file, size_t header, int bits) {
    SCOPED_TRACE(file);
    const Loaded good = load(path);
    const std::string whole = read_file(file);
    const int descriptor = open(file.c_str(), O_RDWR);
    ASSERT_GE(descriptor, 0);
    Outcomes flipped;
    for (size_t at = 0; at < header; ++at) {
      for (int bit = 0; bit < bits; ++bit) {
        const int which = bits == 8 ? bit : static_cast<int>(at % 8);
        const char changed = static_cast<char>(whole[at] ^ (1 << which));
        ASSERT_EQ(pwrite(descriptor, &changed, 1, static_cast<off_t>(at)), 1);
        expect_error_or_same(path, good, flipped, fmt::format("bit {} of byte {}", which, at));
      }
      ASSERT_EQ(pwrite(descriptor, &whole[at], 1, static_cast<off_t>(at)), 1);
    }
    EXPECT_EQ(load(path).sha256, good.sha256);
    EXPECT_GT(flipped.errors, static_cast<int>(header) * bits / 4);
    std::printf("%s: %zu bytes, %d flips: %d errors, %d the same, %d with other settings\n",
                std::filesystem::path(file).filename().c_str(), whole.size(),
                flipped.errors + flipped.same + flipped.other_settings, flipped.errors, flipped.same,
                flipped.other_settings);
    for (size_t length = whole.size(); length-- > 0;) {
      ASSERT_EQ(ftruncate(descriptor, static_cast<off_t>(length)), 0);
      EXPECT_FALSE(loads(path)) << "cut to " << length << " bytes";
    }
    close(descriptor);
  }

  static bool loads(const std::string& path) {
    try {
      load(path);
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::bad_input) << error.what();
      return false;
    }
  }

  CheckpointFolder folder_;

 private:
  static void expect_error_or_same(const std::string& path, const Loaded& good, Outcomes& outcomes,
                                   const std::string& what) {
    try {
      const Loaded loaded = load(path);
      EXPECT_EQ(loaded.weights, good.weights) << what;
      ++(loaded.settings == good.settings ? outcomes.same : outcomes.other_settings);
      EXPECT_NE(loaded.sha256, good.sha256) << what;
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::bad_input) << what << ": " << error.what();
      ++outcomes.errors;
    }
  }
};

// Every value another one, so that two tensors in each other's place are seen.
std::string distinct_values(size_t bytes) {
  std::string data;
  for (uint32_t i = 0; data.size() < bytes; ++i)
    data += u32(std::bit_cast<uint32_t>(static_cast<float>(i + 1) / 1024));
  return data;
}

GgufParts distinct_gguf() {
  GgufParts parts = tiny_gguf();
  parts.data = distinct_values(parts.data.size());
  return parts;
}

void write_distinct_folder(const CheckpointFolder& folder, bool sharded) {
  folder.write("config.json", tiny_config());
  TinyTokenizerJson tokenizer;
  folder.write("tokenizer.json", tokenizer.text());
  const std::vector<TinyTensor> tensors = tiny_safetensors_tensors();
  if (!sharded) {
    const auto [header, data] = tiny_safetensors(tensors);
    folder.write("model.safetensors", safetensors_bytes(header, distinct_values(data.size())));
    return;
  }
  std::string map;
  for (size_t shard = 0; shard < 2; ++shard) {
    const std::string name = shard == 0 ? "a.safetensors" : "b.safetensors";
    const std::vector<TinyTensor> here(tensors.begin() + (shard == 0 ? 0 : 4),
                                       shard == 0 ? tensors.begin() + 4 : tensors.end());
    const auto [header, data] = tiny_safetensors(here);
    folder.write(name, safetensors_bytes(header, distinct_values(data.size())));
    for (const TinyTensor& tensor : here)
      map += fmt::format("{}\"{}\": \"{}\"", map.empty() ? "" : ", ", tensor.name, name);
  }
  folder.write("model.safetensors.index.json",
               R"({"metadata": {"total_size": 2208}, "weight_map": {)" + map + "}}");
}

// A whole folder's small configurations, each with what is read of it.
void write_configured_folder(const CheckpointFolder& folder) {
  write_distinct_folder(folder, false);
  folder.write("generation_config.json", R"({"eos_token_id": [3, 5]})");
  folder.write("tokenizer_config.json", R"({"chat_template": [{"name": "default", "template": "{{ a }}"}]})");
}

// The distinct model in parts, and the path of each.
std::vector<std::pair<std::string, GgufParts>> write_distinct_split(const CheckpointFolder& folder) {
  std::vector<std::pair<std::string, GgufParts>> files;
  std::string values = distinct_gguf().data;
  for (GgufParts& part : tiny_gguf_split()) {
    part.data = values.substr(0, part.data.size());
    values.erase(0, part.data.size());
    const std::string name = SplitName{"model", files.size() + 1, 3}.text();
    files.emplace_back(folder.write(name, part.bytes()), part);
  }
  return files;
}

class DamageLong : public Damage {};

TEST_F(Damage, Gguf) {
  const GgufParts parts = distinct_gguf();
  const std::string bytes = parts.bytes();
  const std::string file = folder_.write("model.gguf", bytes);
  sweep(file, file, bytes.size() - parts.data.size(), 1);
}

TEST_F(Damage, Safetensors) {
  write_distinct_folder(folder_, false);
  const auto header = tiny_safetensors(tiny_safetensors_tensors()).first;
  sweep(folder_.path(), folder_.file("model.safetensors"), 8 + header.size(), 1);
}

TEST_F(Damage, Index) {
  write_distinct_folder(folder_, true);
  const std::string file = folder_.file("model.safetensors.index.json");
  sweep(folder_.path(), file, std::filesystem::file_size(file), 1);
}

TEST_F(Damage, Config) {
  write_distinct_folder(folder_, false);
  sweep(folder_.path(), folder_.file("config.json"), tiny_config().size(), 1);
}

TEST_F(Damage, TokenizerJson) {
  write_distinct_folder(folder_, false);
  sweep(folder_.path(), folder_.file("tokenizer.json"), TinyTokenizerJson().text().size(), 1);
}

TEST_F(Damage, OtherConfigurations) {
  for (const char* name : {"generation_config.json", "tokenizer_config.json"}) {
    write_configured_folder(folder_);
    sweep(folder_.path(), folder_.file(name), std::filesystem::file_size(folder_.file(name)), 8);
  }
}

TEST_F(Damage, GgufInParts) {
  for (size_t part = 0; part < 3; ++part) {
    const auto files = write_distinct_split(folder_);
    const auto& [file, parts] = files[part];
    sweep(files[0].first, file, parts.bytes().size() - parts.data.size(), 1);
  }
}

TEST_F(DamageLong, EveryBitOfEveryKind) {
  const GgufParts parts = distinct_gguf();
  const std::string bytes = parts.bytes();
  const std::string file = folder_.write("model.gguf", bytes);
  sweep(file, file, bytes.size() - parts.data.size(), 8);
  write_distinct_folder(folder_, false);
  const std::string header = tiny_safetensors(tiny_safetensors_tensors()).first;
  sweep(folder_.path(), folder_.file("model.safetensors"), 8 + header.size(), 8);
  for (const char* name : {"config.json", "tokenizer.json"}) {
    write_distinct_folder(folder_, false);
    sweep(folder_.path(), folder_.file(name), std::filesystem::file_size(folder_.file(name)), 8);
  }
  write_distinct_folder(folder_, true);
  std::filesystem::remove(folder_.file("model.safetensors"));
  const std::string index = folder_.file("model.safetensors.index.json");
  sweep(folder_.path(), index, std::filesystem::file_size(index), 8);
  for (size_t part = 0; part < 3; ++part) {
    const auto files = write_distinct_split(folder_);
    sweep(files[0].first, files[part].first,
          files[part].second.bytes().size() - files[part].second.data.size(), 8);
  }
}

}  // namespace
}  // namespace ra
