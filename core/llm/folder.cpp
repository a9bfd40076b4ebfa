// A folder as Hugging Face's save_pretrained writes it: config.json, model.safetensors or shards with an
// index, and beside them generation_config.json, tokenizer.json, tokenizer_config.json and
// chat_template.jinja where they exist.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/llm/checkpoint_source.h"
#include "core/llm/model_folder.h"
#include "core/llm/safetensors.h"
#include "core/llm/shard_index.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kMaxConfigBytes = 16 << 20;
constexpr size_t kMaxTokenizerBytes = 256 << 20;
constexpr JsonLimits kConfigLimits{64, 500'000};
constexpr size_t kMaxUnlisted = 8;  // warnings

[[noreturn]] void fail(const std::string& where, const std::string& found, const std::string& expected) {
  throw Error(Exit::bad_input, fmt::format("{}: found {}; expected {}", where, found, expected));
}

void read_shards(const ModelFolder& folder, CheckpointSource& source, InputFile index_file) {
  const ShardIndex index = read_shard_index(index_file);
  size_t listed = 0;
  for (const std::string& name : index.file_names()) {
    source.files.push_back(folder.open(name));
    const InputFile& file = source.files.back();
    for (TensorEntry& tensor : read_safetensors(file, static_cast<int>(source.files.size()) - 1)) {
      const auto entry = index.files.find(tensor.name);
      const bool absent = entry == index.files.end();
      if (absent || entry->second != name) {
        fail(file.name(), "tensor " + printable(tensor.name),
             absent ? "only tensors that the index lists" : "it in " + printable(entry->second));
      }
      if (source.tensors.size() == kMaxTensors) {
        fail(file.name(), fmt::format("more than {} tensors", kMaxTensors), "fewer");
      }
      ++listed;
      source.tensors.push_back(std::move(tensor));
    }
  }
  if (listed != index.files.size()) {
    fail(index_file.name(), fmt::format("{} tensors", index.files.size()),
         fmt::format("the {} that the files hold", listed));
  }
  source.files.push_back(std::move(index_file));
  const std::vector<std::string> used = index.file_names();
  size_t unlisted = 0;
  for (const std::string& name : folder.names()) {
    if (!name.starts_with("model") || !name.ends_with(".safetensors")) continue;
    if (std::binary_search(used.begin(), used.end(), name) || ++unlisted > kMaxUnlisted) continue;
    source.warnings.push_back(fmt::format("file {} is not in the index and not used", printable(name)));
  }
}

void read_weights(const ModelFolder& folder, CheckpointSource& source) {
  if (folder.has("model.safetensors")) {
    source.files.push_back(folder.open("model.safetensors"));
    source.tensors = read_safetensors(source.files.back(), 0);
  } else if (folder.has(kIndexName)) {
    read_shards(folder, source, folder.open(kIndexName));
  } else {
    fail(folder.shown(), "a folder without weights",
         "model.safetensors, or model.safetensors.index.json and its files");
  }
}

bool equal_bytes(const std::vector<InputFile>& files, const TensorEntry& a, const TensorEntry& b) {
  std::vector<char> left(1 << 20), right(1 << 20);
  for (uint64_t done = 0; done < a.bytes;) {
    const auto part = static_cast<size_t>(std::min<uint64_t>(left.size(), a.bytes - done));
    files[static_cast<size_t>(a.file)].read(a.offset + done, left.data(), part);
    files[static_cast<size_t>(b.file)].read(b.offset + done, right.data(), part);
    if (std::memcmp(left.data(), right.data(), part) != 0) return false;
    done += part;
  }
  return true;
}

// A file that says "tied" and yet has a head of its own: harmless as a copy of the embedding, a contradiction
// otherwise.
void check_tied_head(const CheckpointSource& source) {
  const auto find = [&](const char* name) {
    const auto found = std::find_if(source.tensors.begin(), source.tensors.end(),
                                    [&](const TensorEntry& tensor) { return tensor.name == name; });
    return found == source.tensors.end() ? nullptr : &*found;
  };
  const TensorEntry* head = find("lm_head.weight");
  const TensorEntry* embedding = find("model.embed_tokens.weight");
  if (!source.config.shape.tied || !head || !embedding) return;
  const std::string where = source.files[static_cast<size_t>(head->file)].name() + ": tensor lm_head.weight";
  if (head->dims != embedding->dims || head->stored_type != embedding->stored_type) {
    fail(where, head->stored_type + " " + dims_text(head->dims),
         "none, or a copy of the embedding " + dims_text(embedding->dims) +
             ", as tie_word_embeddings is true");
  }
  if (!equal_bytes(source.files, *head, *embedding)) {
    fail(where, "other values than the embedding's", "none, or a copy, as tie_word_embeddings is true");
  }
}

// tokenizer_config.json's template: one, or a list of named ones with a default.
std::string template_of(const Json& config, const std::string& file) {
  const std::string where = file + ": chat_template";
  const Json* found = config.find("chat_template");
  if (!found || found->is_null()) return {};
  if (!found->is_array()) return found->string(where);
  for (const Json& entry : found->array(where)) {
    const Json* name = entry.find("name");
    const Json* text = entry.find("template");
    if (!name || !text) fail(where, "an entry without name and template", "both");
    if (name->string(where) == "default") return text->string(where);
  }
  return {};
}

void read_config(CheckpointSource& source, const InputFile& file) {
  const Json config = parse_json(file.read_text(kMaxConfigBytes), file.name(), kConfigLimits);
  source.config = config_from_json(config, file.name());
}

InputFile open_config(const ModelFolder& folder) {
  if (!folder.has("config.json"))
    fail(folder.shown(), "a folder without config.json", "a model's folder or a GGUF file");
  return folder.open("config.json");
}

// Everything beside configuration and weights: generation, chat format, tokenizer.
void read_beside(const ModelFolder& folder, CheckpointSource& source) {
  const auto open_json = [&](const char* name) {
    source.files.push_back(folder.open(name));
    const InputFile& file = source.files.back();
    Json json = parse_json(file.read_text(kMaxConfigBytes), file.name(), kConfigLimits);
    json.object(file.name());
    return json;
  };
  if (folder.has("generation_config.json")) {
    const Json generation = open_json("generation_config.json");
    const std::string& name = source.files.back().name();
    add_stop_tokens(generation, name, source.config.stop_tokens);
    check_stop_tokens(source.config.stop_tokens, source.config.shape.vocab, name);
  }
  if (folder.has("tokenizer_config.json")) {
    const Json tokenizer = open_json("tokenizer_config.json");
    source.tokenizer.chat_template = template_of(tokenizer, source.files.back().name());
  }
  if (folder.has("chat_template.jinja")) {
    source.files.push_back(folder.open("chat_template.jinja"));
    source.tokenizer.chat_template = source.files.back().read_text(kMaxConfigBytes);
  }
  if (folder.has("tokenizer.json")) {
    source.files.push_back(folder.open("tokenizer.json"));
    if (source.files.back().size() > kMaxTokenizerBytes) {
      fail(source.files.back().name(), fmt::format("{} bytes", source.files.back().size()),
           fmt::format("at most {}", kMaxTokenizerBytes));
    }
    source.tokenizer.file = source.files.back().name();
    source.tokenizer.tokenizer_json = source.files.back().path();
  } else {
    source.warnings.push_back("the folder has no tokenizer.json: prompts can only be given as token ids");
  }
}

}  // namespace

CheckpointSource open_folder(const std::string& path) {
  const ModelFolder folder(path);
  CheckpointSource source;
  source.format = CheckpointFormat::safetensors;
  InputFile config = open_config(folder);
  read_config(source, config);
  read_weights(folder, source);
  check_tied_head(source);
  source.files.push_back(std::move(config));
  read_beside(folder, source);
  return source;
}

CheckpointSource open_weightless(const std::string& path) {
  CheckpointSource source;
  source.format = CheckpointFormat::safetensors;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    const ModelFolder folder(path);
    source.files.push_back(open_config(folder));
    read_config(source, source.files.back());
    read_beside(folder, source);
    if (folder.has("model.safetensors") || folder.has(kIndexName))
      source.warnings.push_back("the folder's own weights are not read");
  } else {
    source.files.push_back(InputFile::open(path));
    read_config(source, source.files.back());
    source.warnings.push_back(
        "a configuration alone has no tokenizer: prompts can only be given as token ids");
  }
  return source;
}

}  // namespace ra
