// repro-audit model: what was understood of a checkpoint, without running it.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/plan.h"
#include "core/json.h"
#include "core/llm/arms.h"
#include "core/llm/chat.h"
#include "core/llm/checkpoint.h"
#include "core/llm/tokenizer.h"

namespace ra {
namespace {

// What the memory is stated for: both arms of an audit of 32 sequences at once, with 256 positions each.
constexpr int kSequences = 32, kPositions = 256;

struct ModelOptions {
  std::optional<std::string> model;
};

std::string line(const std::string& label, const std::string& text) {
  return fmt::format("{:<14}{}\n", label + ":", text);
}

std::string mib(uint64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / (1 << 20));
}

std::string rope_text(const RopeSpec& rope) {
  if (rope.scaling == RopeSpec::Scaling::none) return fmt::format("base {}, not scaled", rope.base);
  return fmt::format("base {}, scaled as llama3: factor {}, low {}, high {}, {} original positions",
                     rope.base, rope.factor, rope.low_frequency_factor, rope.high_frequency_factor,
                     rope.original_positions);
}

// How many weights, and the types that hold them, the one of most bytes first.
std::string types_text(const Checkpoint& checkpoint) {
  struct Total {
    int tensors = 0;
    uint64_t bytes = 0;
  };
  std::map<TensorType, Total> totals;
  int64_t weights = 0;
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    Total& total = totals[tensor.type];
    ++total.tensors;
    total.bytes += tensor.bytes;
    weights += tensor.rows * tensor.columns;
  }
  std::vector<std::pair<TensorType, Total>> sorted(totals.begin(), totals.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  std::string text;
  for (const auto& [type, total] : sorted) {
    text += fmt::format("{}{} in {} tensors ({} MiB)", text.empty() ? "" : ", ", type_name(type),
                        total.tensors, mib(total.bytes));
  }
  return fmt::format("{} in all: {}", weights, text);
}

std::string tokenizer_text(const Tokenizer& tokenizer) {
  return fmt::format("{}, pre-tokenizer {}, {} tokens", tokenizer.kind(), tokenizer.pre_tokenizer(),
                     tokenizer.size());
}

std::string chat_text(const TokenizerSource& source) {
  if (source.chat_template.empty()) return "none: the checkpoint has no template; prompts need --raw";
  const auto chat = recognize_chat_template(source.chat_template);
  return chat ? name_of(chat->format) : "not recognised; prompts need --raw";
}

std::string stop_text(const TokenizerSource& source, const Tokenizer* tokenizer) {
  std::string text;
  for (const int32_t id : source.stop_tokens) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", id);
    if (tokenizer && id < tokenizer->size()) text += fmt::format(" \"{}\"", printable(tokenizer->piece(id)));
  }
  return text.empty() ? "none" : text;
}

std::string memory_text(const ModelShape& shape) {
  ArmsSpec spec;
  spec.device = available_devices().front().id;
  spec.kernel_sets = {"standard", "invariant"};
  spec.max_rows = PlanSpec().max_rows;
  spec.capacity = {.rows = spec.max_rows,
                   .logit_rows = kSequences,
                   .slots = kSequences,
                   .pages = kSequences * kPositions / kPageKeys};
  const MemoryNeed need = memory_needed(shape, spec);
  return fmt::format(
      "{} MiB (weights {}, cache {}, workspace {}) for {} sequences of {} positions, {}; {} MiB available",
      mib(need.weights + need.cache + need.workspace), mib(need.weights), mib(need.cache),
      mib(need.workspace), kSequences, kPositions, fmt::join(spec.kernel_sets, " and "),
      mib(memory_available()));
}

int run_model(const ModelOptions& options) {
  const Checkpoint checkpoint = Checkpoint::open(model_path(options.model, read_config(config_path())));
  const ModelShape& shape = checkpoint.shape();
  const TokenizerSource& source = checkpoint.tokenizer();
  std::optional<Tokenizer> tokenizer;
  if (source.tokenizer_json || !source.tokens.empty()) tokenizer = Tokenizer::open(source);

  std::string text;
  text += line("model", printable(checkpoint.name(), 200));
  text += line("format", checkpoint.format());
  text += line("family", checkpoint.family());
  text += line("layers", fmt::format("{}", shape.layers));
  text += line("hidden", fmt::format("{}, feed-forward {}", shape.hidden, shape.ffn));
  text += line("attention", fmt::format("{} heads of {}, {} key-value heads{}", shape.heads, shape.head_dim,
                                        shape.kv_heads, shape.qk_norm ? ", q and k norm" : ""));
  text += line("vocabulary",
               fmt::format("{}, {}", shape.vocab, shape.tied ? "head tied to the embedding" : "own head"));
  text += line("positions", fmt::format("{}", shape.max_positions));
  text += line("RoPE", rope_text(shape.rope));
  text += line("norm epsilon", fmt::format("{}", shape.norm_eps));
  text += line("weights", types_text(checkpoint));
  text += line("tokenizer", tokenizer ? tokenizer_text(*tokenizer) : "none: prompts need --prompt-ids");
  text += line("chat format", chat_text(source));
  text += line("stop tokens", stop_text(source, tokenizer ? &*tokenizer : nullptr));
  for (const CheckpointFile& file : checkpoint.files()) {
    text += line("file", fmt::format("{} ({} bytes)", printable(file.path, 300), file.bytes));
  }
  text += line("SHA-256", checkpoint.sha256());
  text += line("memory", memory_text(shape));
  for (const std::string& warning : checkpoint.warnings()) text += line("warning", warning);
  print(text);
  return 0;
}

}  // namespace

Verb add_model(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("model", "Say what is understood of a checkpoint");
  const auto options = std::make_shared<ModelOptions>();
  add_text(*verb, "path", options->model,
           "A GGUF file, or a folder as Hugging Face saves it (default: the configured one)", "PATH");
  verb->footer(
      "Of several files the SHA-256 is that of sha256sum's lines in the order of their names.\n\nExample:\n  "
      "repro-audit "
      "model SmolLM2-135M-Instruct.Q4_1.gguf");
  return {verb, [options] { return run_model(*options); }};
}

}  // namespace ra
