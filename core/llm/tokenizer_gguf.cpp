// The tokenizer in a GGUF file's metadata (tokenizer.ggml.*, ggml's docs/gguf.md).
#include <fmt/format.h>

#include "core/error.h"
#include "core/llm/byte_fallback.h"
#include "core/llm/tokenizer_definition.h"
#include "core/printable.h"

namespace ra {
namespace {

// llama.cpp's names of pre-tokenizers whose pattern is one of those known here (its src/llama-vocab.cpp), and what its
// loader sets along with them: whole pieces that are tokens are taken, and bos is added unless the file says otherwise.
// Left out: names with the same pattern whose models want tokens around a text that GGUF does not list, and two
// (pixtral, falcon-h1) whose own tokenizers cut otherwise.
struct PreName {
  std::string_view name;
  PreTokenizerKind kind;
  bool takes_whole_pieces = false;  // and adds bos
  bool nfc = false;                 // as the models' own tokenizers do, which GGUF does not say
};
constexpr PreName kPreNames[] = {
    {"gpt-2", PreTokenizerKind::gpt2},
    {"phi-2", PreTokenizerKind::gpt2},
    {"jina-es", PreTokenizerKind::gpt2},
    {"jina-de", PreTokenizerKind::gpt2},
    {"jina-v2-es", PreTokenizerKind::gpt2},
    {"jina-v2-de", PreTokenizerKind::gpt2},
    {"gigachat", PreTokenizerKind::gpt2},
    {"a.x-4.0", PreTokenizerKind::gpt2},
    {"mellum", PreTokenizerKind::gpt2},
    {"exaone4", PreTokenizerKind::gpt2},
    {"mpt", PreTokenizerKind::gpt2, false, true},
    {"olmo", PreTokenizerKind::gpt2, false, true},
    {"jais", PreTokenizerKind::gpt2},
    {"trillion", PreTokenizerKind::gpt2},
    {"granite-docling", PreTokenizerKind::gpt2},
    {"smollm", PreTokenizerKind::smollm},
    {"starcoder", PreTokenizerKind::smollm},
    {"refact", PreTokenizerKind::smollm},
    {"command-r", PreTokenizerKind::smollm, false, true},
    {"codeshell", PreTokenizerKind::smollm},
    {"exaone", PreTokenizerKind::smollm},
    {"minerva-7b", PreTokenizerKind::smollm},
    {"llama-bpe", PreTokenizerKind::llama3, true},
    {"llama3", PreTokenizerKind::llama3, true},
    {"llama-v3", PreTokenizerKind::llama3, true},
    {"falcon3", PreTokenizerKind::llama3, true},
    {"midm-2.0", PreTokenizerKind::llama3, true},
    {"lfm2", PreTokenizerKind::llama3, true},
    {"dbrx", PreTokenizerKind::llama3},
    {"smaug-bpe", PreTokenizerKind::llama3},
    {"qwen2", PreTokenizerKind::qwen2, false, true},
    {"deepseek-r1-qwen", PreTokenizerKind::qwen2},
    {"kormo", PreTokenizerKind::qwen2},
    {"megrez", PreTokenizerKind::qwen2},
    {"stablelm2", PreTokenizerKind::qwen2},
    {"hunyuan", PreTokenizerKind::qwen2},
    {"grok-2", PreTokenizerKind::qwen2},
};

// tokenizer.ggml.token_type
enum TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

constexpr std::string_view kBlank = "\xe2\x96\x81";  // U+2581, SentencePiece's blank

class Reader {
 public:
  explicit Reader(const TokenizerSource& source) : source_(source) {
    out_.name = printable(source.file.empty() ? "GGUF" : source.file, 300);
  }

  TokenizerDefinition read() {
    bool adds_bos = false;
    if (source_.model == "gpt2") {
      adds_bos = read_byte_level();
    } else if (source_.model == "llama") {
      read_sentencepiece();
      adds_bos = true;
    } else {
      fail("model", fmt::format("\"{}\"", printable(source_.model)),
           "\"gpt2\" (byte-level BPE) or \"llama\" (SentencePiece BPE)");
    }
    read_tokens();
    if (out_.kind == TokenizerKind::byte_level) read_merges();
    // Of SentencePiece the ids are known where a file does not say them.
    const auto known = [&](int32_t id) {
      return out_.kind == TokenizerKind::sentencepiece ? std::optional(id) : std::nullopt;
    };
    if (source_.add_bos.value_or(adds_bos)) {
      out_.prefix = {required_id("bos", source_.bos ? source_.bos : known(1))};
    }
    if (source_.add_eos.value_or(false)) {
      out_.suffix = {required_id("eos", source_.eos ? source_.eos : known(2))};
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(std::string_view key, const std::string& found, std::string_view expected) const {
    throw Error(Exit::bad_input,
                fmt::format("{}: tokenizer.ggml.{}: found {}; expected {}", out_.name, key, found, expected));
  }

  // Whether bos is usual.
  bool read_byte_level() {
    const PreName* pre = nullptr;
    for (const PreName& known : kPreNames) {
      if (known.name == source_.pre) pre = &known;
    }
    if (pre == nullptr) {
      fail("pre", fmt::format("\"{}\"", printable(source_.pre)),
           fmt::format("{}", fmt::join(gguf_pre_tokenizer_names(), ", ")));
    }
    out_.kind = TokenizerKind::byte_level;
    out_.pre = pre->kind;
    out_.ignore_merges = pre->takes_whole_pieces;
    if (pre->nfc) out_.normalizer.push_back({NormalizerStep::Kind::nfc, {}});
    out_.decoder.byte_level = true;
    return pre->takes_whole_pieces;
  }

  void read_sentencepiece() {
    if (source_.scores.size() != source_.tokens.size()) {
      fail("scores", fmt::format("{} scores of {} tokens", source_.scores.size(), source_.tokens.size()),
           "one a token");
    }
    if (source_.remove_extra_whitespaces.value_or(false)) fail("remove_extra_whitespaces", "true", "false");
    out_.kind = TokenizerKind::sentencepiece;
    out_.scores = source_.scores;
    out_.decoder.replacements = {{std::string(kBlank), " "}};
    out_.decoder.byte_fallback = true;
    if (source_.add_space_prefix.value_or(true)) {
      out_.normalizer.push_back({NormalizerStep::Kind::prepend, {"", std::string(kBlank)}});
      out_.decoder.strip = " ";
      out_.decoder.strip_start = 1;
    }
    out_.normalizer.push_back({NormalizerStep::Kind::replace, {" ", std::string(kBlank)}});
  }

  void read_tokens() {
    const size_t count = source_.tokens.size();
    if (count == 0 || count > INT32_MAX) fail("tokens", fmt::format("{} tokens", count), "a vocabulary");
    if (source_.token_types.size() != count) {
      fail("token_type", fmt::format("{} types of {} tokens", source_.token_types.size(), count),
           "one a token");
    }
    out_.tokens.resize(count);
    out_.unused.resize(count);
    for (size_t id = 0; id < count; ++id) read_token(id);
  }

  void read_token(size_t id) {
    const std::string& token = source_.tokens[id];
    if (token.empty()) fail("tokens", fmt::format("token {} without text", id), "tokens with text");
    switch (source_.token_types[id]) {
      case kNormal:
        out_.tokens[id] = token;
        return;
      case kUnknown:
      case kControl:
        out_.added.push_back({static_cast<int32_t>(id), token, true, false});
        return;
      case kUserDefined:
        out_.tokens[id] = token;
        out_.added.push_back({static_cast<int32_t>(id), token, false, false});
        return;
      case kUnused:
        out_.unused[id] = token;
        return;
      case kByte:
        if (out_.kind == TokenizerKind::sentencepiece) {
          if (!byte_of_token(token)) {
            fail("tokens", fmt::format("byte token {} as \"{}\"", id, printable(token)), "<0x00> to <0xFF>");
          }
          out_.tokens[id] = token;
          return;
        }
        break;
      default:
        break;
    }
    fail("token_type", fmt::format("type {} for token {}", source_.token_types[id], id),
         out_.kind == TokenizerKind::sentencepiece
             ? "1 to 6 (normal, unknown, control, user-defined, unused, byte)"
             : "1 to 5 (normal, unknown, control, user-defined, unused)");
  }

  void read_merges() {
    out_.merges.reserve(source_.merges.size());
    for (size_t rank = 0; rank < source_.merges.size(); ++rank) {
      const std::string& merge = source_.merges[rank];
      const size_t blank = merge.find(' ');
      if (blank == std::string::npos || blank == 0 || blank + 1 == merge.size() ||
          merge.find(' ', blank + 1) != std::string::npos) {
        fail("merges", fmt::format("merge {}: \"{}\"", rank, printable(merge)),
             "two parts with a blank between");
      }
      out_.merges.emplace_back(merge.substr(0, blank), merge.substr(blank + 1));
    }
  }

  int32_t required_id(const char* token, std::optional<int32_t> id) const {
    const std::string key = fmt::format("{}_token_id", token);
    if (!id) fail(key, "nothing", fmt::format("the token that add_{}_token asks for", token));
    if (*id < 0 || static_cast<size_t>(*id) >= source_.tokens.size()) {
      fail(key, fmt::format("{}", *id), fmt::format("an id below {}", source_.tokens.size()));
    }
    return *id;
  }

  const TokenizerSource& source_;
  TokenizerDefinition out_;
};

}  // namespace

std::vector<std::string> gguf_pre_tokenizer_names() {
  std::vector<std::string> names;
  for (const PreName& known : kPreNames) names.emplace_back(known.name);
  return names;
}

TokenizerDefinition define_from_gguf(const TokenizerSource& source) {
  return Reader(source).read();
}

}  // namespace ra
