// repro-audit model: what was understood of a checkpoint, without running it.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/arguments.h"
#include "cli/byte_bar.h"
#include "cli/config.h"
#include "cli/dummy_weights.h"
#include "cli/locations.h"
#include "cli/model_report.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/error.h"
#include "core/json.h"
#include "core/llm/chat.h"
#include "core/llm/checkpoint.h"
#include "core/llm/tokenizer.h"
#include "core/printable.h"

namespace ra {
namespace {

struct ModelOptions {
  std::optional<std::string> model;
  std::optional<uint64_t> dummy_weights;
  bool json = false;
  bool check = false;
};

std::string line(const std::string& label, const std::string& text) {
  return fmt::format("{:<14}{}\n", label + ":", text);
}

std::string mib(uint64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / (1 << 20));
}

std::string rope_text(const RopeSpec& rope) {
  if (rope.scaling == RopeSpec::Scaling::none) return fmt::format("base {}, not scaled", rope.base);
  if (rope.scaling == RopeSpec::Scaling::linear)
    return fmt::format("base {}, scaled linearly by {}", rope.base, rope.factor);
  return fmt::format("base {}, scaled as llama3: factor {}, low {}, high {}, {} original positions",
                     rope.base, rope.factor, rope.low_frequency_factor, rope.high_frequency_factor,
                     rope.original_positions);
}

std::string bias_text(const ModelShape& shape) {
  if (!shape.qkv_bias) return shape.o_bias ? ", bias on o" : "";
  return shape.o_bias ? ", bias on q, k, v and o" : ", bias on q, k and v";
}

// How many weights, and the types that hold them, the one of most bytes first.
std::string types_text(const Checkpoint& checkpoint) {
  std::string text;
  for (const TypeTotal& total : type_totals(checkpoint)) {
    text += fmt::format("{}{} in {} tensors ({} MiB)", text.empty() ? "" : ", ", type_name(total.type),
                        total.tensors, mib(total.bytes));
  }
  return fmt::format("{} in all: {}", weight_count(checkpoint), text);
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

std::string format_text(const Checkpoint& checkpoint) {
  const std::optional<uint64_t> seed = checkpoint.dummy_seed();
  if (!seed) return checkpoint.format();
  return fmt::format("{}: weights drawn from seed {} by {}", checkpoint.format(), *seed, kDummyGenerator);
}

std::string memory_text(const ModelShape& shape) {
  const ArmsSpec spec = stated_arms();
  const MemoryNeed need = memory_needed(shape, spec);
  return fmt::format(
      "{} MiB (weights {}, cache {}, workspace {}) for {} sequences of {} positions, {}; {} MiB available",
      mib(need.weights + need.cache + need.workspace), mib(need.weights), mib(need.cache),
      mib(need.workspace), kStatedSequences, kStatedPositions, fmt::join(spec.kernel_sets, " and "),
      mib(memory_available(spec.device)));
}

std::string model_text(const Checkpoint& checkpoint, const Tokenizer* tokenizer) {
  const ModelShape& shape = checkpoint.shape();
  const TokenizerSource& source = checkpoint.tokenizer();
  std::string text;
  text += line("model", printable(checkpoint.name(), 200));
  text += line("format", format_text(checkpoint));
  text += line("family", checkpoint.family());
  text += line("layers", fmt::format("{}", shape.layers));
  text += line("hidden", fmt::format("{}, feed-forward {}", shape.hidden, shape.ffn));
  text +=
      line("attention", fmt::format("{} heads of {}, {} key-value heads{}{}", shape.heads, shape.head_dim,
                                    shape.kv_heads, shape.qk_norm ? ", q and k norm" : "", bias_text(shape)));
  text += line("vocabulary",
               fmt::format("{}, {}", shape.vocab, shape.tied ? "head tied to the embedding" : "own head"));
  text += line("positions", fmt::format("{}", shape.max_positions));
  text += line("RoPE", rope_text(shape.rope));
  text += line("norm epsilon", fmt::format("{}", shape.norm_eps));
  text += line("weights", types_text(checkpoint));
  text += line("tokenizer", tokenizer ? tokenizer_text(*tokenizer) : "none: prompts need --prompt-ids");
  text += line("chat format", chat_text(source));
  text += line("stop tokens", stop_text(source, tokenizer));
  for (const CheckpointFile& file : checkpoint.files()) {
    text += line("file", fmt::format("{} ({} bytes)", printable(file.path, 300), file.bytes));
  }
  text += line("SHA-256", checkpoint.sha256(hash_cache_path()));
  text += line("memory", memory_text(shape));
  for (const std::string& warning : checkpoint.warnings()) text += line("warning", warning);
  return text;
}

// Reads everything; a bar tells how far, on a terminal.
CheckpointCheck check_with_progress(const std::string& path) {
  const bool bar = stderr_is_terminal();
  ByteBar progress("checking", terminal_width());
  return check_checkpoint(path, [&](uint64_t done, uint64_t total) {
    if (bar) progress.show(done, total);
  });
}

int run_model(const ModelOptions& options) {
  if (options.check && options.dummy_weights)
    throw Error(Exit::usage, "--check with --dummy-weights; expected weights that are read");
  const std::string path = model_path(options.model, read_config(config_path()));
  std::optional<CheckpointCheck> check;
  if (options.check) check = check_with_progress(path);
  std::optional<Checkpoint> checkpoint;
  std::optional<Tokenizer> tokenizer;
  try {
    checkpoint = open_checkpoint(path, options.dummy_weights);
    if (checkpoint->tokenizer().present()) tokenizer = Tokenizer::open(checkpoint->tokenizer());
  } catch (const Error& error) {
    if (!check) throw;
    // What it cannot be used for is a finding like any other, unless it is one already.
    if (std::count(check->findings.begin(), check->findings.end(), error.what()) == 0)
      check->findings.emplace_back(error.what());
  }

  const Tokenizer* known = tokenizer ? &*tokenizer : nullptr;
  if (options.json) {
    Json report = checkpoint ? model_json(*checkpoint, known, hash_cache_path()) : Json{Json::Object{}};
    if (check) std::get<Json::Object>(report.value).push_back({"check", check_json(*check)});
    print(json_text(report));
  } else {
    print((checkpoint ? model_text(*checkpoint, known) : "") + (check ? check_text(*check) : ""));
  }
  return check && !check->findings.empty() ? static_cast<int>(Exit::bad_input) : 0;
}

}  // namespace

Verb add_model(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("model", "Say what is understood of a checkpoint");
  const auto options = std::make_shared<ModelOptions>();
  add_text(*verb, "path", options->model,
           "A GGUF file, a folder as Hugging Face saves it, or org/name[@revision] in the Hugging Face cache "
           "(default: "
           "the configured one)",
           "PATH");
  declare_dummy_weights(*verb, options->dummy_weights);
  add_flag(*verb, "--json", options->json, "The same as JSON");
  add_flag(*verb, "--check", options->check,
           "Read every tensor: hashes, NaN and infinities, the index; exit status 3 if something is wrong");
  verb->footer(
      "Of several files the SHA-256 is that of sha256sum's lines in the order of their names.\n\nExamples:\n"
      "  repro-audit model SmolLM2-135M-Instruct.Q4_1.gguf\n"
      "  repro-audit model HuggingFaceTB/SmolLM2-135M-Instruct --check --json\n"
      "  repro-audit model samples/configs/Qwen3-8B --dummy-weights 1");
  return {verb, [options] { return run_model(*options); }};
}

}  // namespace ra
