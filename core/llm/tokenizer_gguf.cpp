// The tokenizer in a GGUF file's metadata (tokenizer.ggml.*, ggml's docs/gguf.md).
#include <fmt/format.h>

#include <array>

#include "core/error.h"
#include "core/json.h"
#include "core/llm/tokenizer_definition.h"

namespace ra {
namespace {

// llama.cpp's names of pre-tokenizers. What its loader sets along with them: Llama 3 takes whole pieces that are tokens
// and adds bos unless the file says otherwise. Qwen2's own tokenizer normalises, which GGUF does not say.
struct PreName {
  std::string_view name;
  PreTokenizerKind kind;
};
constexpr std::array<PreName, 6> kPreNames = {{{"gpt-2", PreTokenizerKind::gpt2},
                                               {"smollm", PreTokenizerKind::smollm},
                                               {"llama-bpe", PreTokenizerKind::llama3},
                                               {"llama3", PreTokenizerKind::llama3},
                                               {"llama-v3", PreTokenizerKind::llama3},
                                               {"qwen2", PreTokenizerKind::qwen2}}};

// tokenizer.ggml.token_type
enum TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5 };

}  // namespace

TokenizerDefinition define_from_gguf(const TokenizerSource& source) {
  TokenizerDefinition out;
  out.name = printable(source.file.empty() ? "GGUF" : source.file, 300);
  const auto fail = [&](std::string_view key, const std::string& found, std::string_view expected) {
    throw Error(Exit::bad_input,
                fmt::format("{}: tokenizer.ggml.{}: found {}; expected {}", out.name, key, found, expected));
  };

  if (source.model != "gpt2") {
    fail("model", fmt::format("\"{}\"", printable(source.model)), "\"gpt2\" (byte-level BPE)");
  }
  const PreName* pre = nullptr;
  for (const PreName& known : kPreNames) {
    if (known.name == source.pre) pre = &known;
  }
  if (pre == nullptr) {
    fail("pre", fmt::format("\"{}\"", printable(source.pre)), "gpt-2, smollm, llama-bpe or qwen2");
  }
  out.pre = pre->kind;
  out.ignore_merges = pre->kind == PreTokenizerKind::llama3;
  out.nfc = pre->kind == PreTokenizerKind::qwen2;

  const size_t count = source.tokens.size();
  if (count == 0 || count > INT32_MAX) fail("tokens", fmt::format("{} tokens", count), "a vocabulary");
  if (source.token_types.size() != count) {
    fail("token_type", fmt::format("{} types of {} tokens", source.token_types.size(), count), "one a token");
  }
  out.tokens.resize(count);
  out.unused.resize(count);
  for (size_t id = 0; id < count; ++id) {
    const std::string& token = source.tokens[id];
    if (token.empty()) fail("tokens", fmt::format("token {} without text", id), "tokens with text");
    switch (source.token_types[id]) {
      case kNormal:
        out.tokens[id] = token;
        break;
      case kUnknown:
      case kControl:
        out.added.push_back({static_cast<int32_t>(id), token, true, false});
        break;
      case kUserDefined:
        out.tokens[id] = token;
        out.added.push_back({static_cast<int32_t>(id), token, false, false});
        break;
      case kUnused:
        out.unused[id] = token;
        break;
      default:
        fail("token_type", fmt::format("type {} for token {}", source.token_types[id], id),
             "1 to 5 (normal, unknown, control, user-defined, unused)");
    }
  }

  out.merges.reserve(source.merges.size());
  for (size_t rank = 0; rank < source.merges.size(); ++rank) {
    const std::string& merge = source.merges[rank];
    const size_t blank = merge.find(' ');
    if (blank == std::string::npos || blank == 0 || blank + 1 == merge.size() ||
        merge.find(' ', blank + 1) != std::string::npos) {
      fail("merges", fmt::format("merge {}: \"{}\"", rank, printable(merge)),
           "two parts with a blank between");
    }
    out.merges.emplace_back(merge.substr(0, blank), merge.substr(blank + 1));
  }

  if (source.add_bos.value_or(pre->kind == PreTokenizerKind::llama3)) {
    if (!source.bos) fail("bos_token_id", "nothing", "the token that add_bos_token asks for");
    if (*source.bos < 0 || static_cast<size_t>(*source.bos) >= count) {
      fail("bos_token_id", fmt::format("{}", *source.bos), fmt::format("an id below {}", count));
    }
    out.prefix = {*source.bos};
  }
  return out;
}

}  // namespace ra
