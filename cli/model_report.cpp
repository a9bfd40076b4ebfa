#include "cli/model_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/audit/plan.h"
#include "core/hash.h"
#include "core/json_values.h"
#include "core/llm/chat.h"
#include "core/llm/dummy_weights.h"
#include "core/printable.h"

namespace ra {
namespace {

using json::array;
using json::count;
using json::text;
using json::texts;

Json shape_json(const ModelShape& shape) {
  return Json{Json::Object{{"layers", count(shape.layers)},
                           {"hidden", count(shape.hidden)},
                           {"ffn", count(shape.ffn)},
                           {"heads", count(shape.heads)},
                           {"kv_heads", count(shape.kv_heads)},
                           {"head_dim", count(shape.head_dim)},
                           {"qk_norm", Json{shape.qk_norm}},
                           {"qkv_bias", Json{shape.qkv_bias}},
                           {"o_bias", Json{shape.o_bias}},
                           {"vocab", count(shape.vocab)},
                           {"tied", Json{shape.tied}},
                           {"positions", count(shape.max_positions)},
                           {"norm_epsilon", Json{double{shape.norm_eps}}}}};
}

Json rope_json(const RopeSpec& rope) {
  Json::Object object = {{"base", Json{rope.base}}};
  if (rope.scaling == RopeSpec::Scaling::none) {
    object.push_back({"scaling", Json{}});
  } else if (rope.scaling == RopeSpec::Scaling::linear) {
    object.push_back({"scaling", text("linear")});
    object.push_back({"factor", Json{rope.factor}});
  } else {
    object.push_back({"scaling", text("llama3")});
    object.push_back({"factor", Json{rope.factor}});
    object.push_back({"low_frequency_factor", Json{rope.low_frequency_factor}});
    object.push_back({"high_frequency_factor", Json{rope.high_frequency_factor}});
    object.push_back({"original_positions", Json{rope.original_positions}});
  }
  return Json{std::move(object)};
}

Json tokenizer_json(const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) return Json{};
  return Json{Json::Object{{"kind", text(tokenizer->kind())},
                           {"pre_tokenizer", text(tokenizer->pre_tokenizer())},
                           {"tokens", count(tokenizer->size())}}};
}

Json chat_json(const TokenizerSource& source) {
  const auto chat = recognize_chat_template(source.chat_template);
  const std::string& content = source.chat_template;
  return Json{Json::Object{{"format", chat ? text(name_of(chat->format)) : Json{}},
                           {"template_sha256", content.empty() ? Json{} : text(hex(sha256(content)))}}};
}

Json dummy_json(const std::optional<uint64_t>& seed) {
  if (!seed) return Json{};
  return Json{Json::Object{{"seed", Json{*seed}}, {"generator", text(kDummyGenerator)}}};
}

Json memory_json(const ModelShape& shape) {
  const MemoryNeed need = memory_needed(shape, stated_arms());
  return Json{Json::Object{{"sequences", count(kStatedSequences)},
                           {"positions", count(kStatedPositions)},
                           {"weights", count(need.weights)},
                           {"cache", count(need.cache)},
                           {"workspace", count(need.workspace)},
                           {"available", count(memory_available(stated_arms().device))}}};
}

}  // namespace

std::vector<TypeTotal> type_totals(const Checkpoint& checkpoint) {
  std::map<TensorType, TypeTotal> totals;
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    TypeTotal& total = totals[tensor.type];
    total.type = tensor.type;
    ++total.tensors;
    total.bytes += tensor.bytes;
  }
  std::vector<TypeTotal> sorted;
  for (const auto& entry : totals) sorted.push_back(entry.second);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return sorted;
}

int64_t weight_count(const Checkpoint& checkpoint) {
  int64_t count = 0;
  for (const StoredTensor& tensor : checkpoint.tensors()) count += tensor.rows * tensor.columns;
  return count;
}

ArmsSpec stated_arms() {
  ArmsSpec spec;
  spec.device = available_devices().front().id;
  spec.kernel_sets = {"standard", "invariant"};
  spec.max_rows = PlanSpec().max_rows;
  spec.capacity = {.rows = spec.max_rows,
                   .logit_rows = kStatedSequences,
                   .slots = kStatedSequences,
                   .pages = kStatedSequences * kStatedPositions / kPageKeys};
  return spec;
}

Json model_json(const Checkpoint& checkpoint, const Tokenizer* tokenizer, const std::string& hash_cache) {
  const TokenizerSource& source = checkpoint.tokenizer();
  const std::vector<std::string>& digests = checkpoint.file_digests(hash_cache);
  Json::Array files;
  for (size_t i = 0; i < digests.size(); ++i) {
    const CheckpointFile& file = checkpoint.files()[i];
    files.push_back(Json{
        Json::Object{{"path", text(file.path)}, {"bytes", count(file.bytes)}, {"sha256", text(digests[i])}}});
  }
  const auto type_json = [](const TypeTotal& total) {
    return Json{Json::Object{{"type", text(type_name(total.type))},
                             {"tensors", count(total.tensors)},
                             {"bytes", count(total.bytes)}}};
  };
  return Json{Json::Object{
      {"name", text(checkpoint.name())},
      {"format", text(checkpoint.format())},
      {"dummy_weights", dummy_json(checkpoint.dummy_seed())},
      {"family", text(checkpoint.family())},
      {"shape", shape_json(checkpoint.shape())},
      {"rope", rope_json(checkpoint.shape().rope)},
      {"weights", count(weight_count(checkpoint))},
      {"types", array(type_totals(checkpoint), type_json)},
      {"tokenizer", tokenizer_json(tokenizer)},
      {"chat", chat_json(source)},
      {"stop_tokens", array(source.stop_tokens, [](int32_t id) { return count(id); })},
      {"files", Json{std::move(files)}},
      {"sha256", text(checkpoint.sha256(hash_cache))},
      {"memory", memory_json(checkpoint.shape())},
      {"warnings", texts(checkpoint.warnings())},
  }};
}

Json check_json(const CheckpointCheck& check) {
  const auto known = [](const std::optional<uint64_t>& value) { return value ? count(*value) : Json{}; };
  const auto tensor_json = [&](const CheckedTensor& tensor) {
    return Json{Json::Object{{"name", text(tensor.name)},
                             {"type", text(tensor.type)},
                             {"shape", array(tensor.dims, count<uint64_t>)},
                             {"file", text(check.files[tensor.file].path)},
                             {"bytes", count(tensor.bytes)},
                             {"sha256", text(tensor.sha256)},
                             {"nan", known(tensor.nan)},
                             {"infinite", known(tensor.infinite)}}};
  };
  Json::Array files;
  for (size_t i = 0; i < check.files.size(); ++i) {
    files.push_back(Json{Json::Object{{"path", text(check.files[i].path)},
                                      {"bytes", count(check.files[i].bytes)},
                                      {"sha256", text(check.sha256[i])}}});
  }
  return Json{Json::Object{{"files", Json{std::move(files)}},
                           {"tensors", array(check.tensors, tensor_json)},
                           {"findings", texts(check.findings)}}};
}

std::string check_text(const CheckpointCheck& check) {
  std::string lines;
  for (const CheckedTensor& tensor : check.tensors)
    lines += fmt::format("{}  {}\n", tensor.sha256, printable(tensor.name, 300));
  for (size_t i = 0; i < check.files.size(); ++i)
    lines += fmt::format("{}  {}\n", check.sha256[i], printable(check.files[i].path, 300));
  for (const std::string& finding : check.findings) lines += fmt::format("finding:      {}\n", finding);
  return lines + fmt::format("check:        {} tensors in {} files, {} findings\n", check.tensors.size(),
                             check.files.size(), check.findings.size());
}

}  // namespace ra
