#include "core/llm/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "core/error.h"
#include "core/llm/added_tokens.h"
#include "core/llm/bpe.h"
#include "core/llm/normalizer.h"
#include "core/llm/pre_tokenizer.h"
#include "core/llm/score_bpe.h"
#include "core/llm/tokenizer_definition.h"
#include "core/printable.h"
#include "core/utf8.h"

namespace ra {
namespace {

// B41: a hostile list of added tokens shall not make the search in a text slow.
constexpr size_t kMaxAddedTokens = 1 << 16;
constexpr size_t kMaxAddedBytes = 512;

void check_added_tokens(const TokenizerDefinition& definition) {
  const auto fail = [&](const std::string& found, const std::string& expected) {
    throw Error(Exit::bad_input, fmt::format("{}: {}; expected {}", definition.name, found, expected));
  };
  const std::vector<AddedToken>& added = definition.added;
  if (added.size() > kMaxAddedTokens) {
    fail(fmt::format("{} added tokens", added.size()), fmt::format("at most {}", kMaxAddedTokens));
  }
  for (const AddedToken& token : added) {
    if (token.text.empty()) fail(fmt::format("added token {} without text", token.id), "tokens with text");
    if (token.text.size() > kMaxAddedBytes) {
      fail(fmt::format("added token {} of {} bytes", token.id, token.text.size()),
           fmt::format("at most {}", kMaxAddedBytes));
    }
    if (const size_t bad = valid_utf8_prefix(token.text); bad != token.text.size()) {
      fail(fmt::format("added token {} (\"{}\") is not UTF-8", token.id, printable(token.text)), "UTF-8");
    }
  }
  const AddedTokens by_text(added);
  for (size_t i = 0; i + 1 < by_text.all().size(); ++i) {
    const AddedToken &a = by_text.all()[i], &b = by_text.all()[i + 1];
    if (a.text == b.text) {
      fail(fmt::format("added tokens {} and {} are both \"{}\"", a.id, b.id, printable(a.text)),
           "distinct texts");
    }
  }
  for (const AddedToken& outer : added) {
    for (size_t at = 0; at < outer.text.size(); ++at) {
      const AddedToken* inner = by_text.longest_at(std::string_view(outer.text).substr(at));
      if (inner == nullptr || inner->id == outer.id || !(inner->special || outer.special)) continue;
      fail(fmt::format("added token \"{}\" holds \"{}\"", printable(outer.text), printable(inner->text)),
           "special tokens that overlap no other");
    }
  }
}

}  // namespace

struct Tokenizer::State {
  explicit State(TokenizerDefinition definition);
  // `first`: the segment begins the text.
  void encode_segment(std::string_view text, bool first, SpecialText special,
                      std::vector<int32_t>& ids) const;
  void merge(std::string_view segment, bool first, std::vector<int32_t>& ids) const;

  TokenizerKind kind;
  std::optional<Bpe> by_rank;  // one of the two
  std::optional<ScoreBpe> by_score;
  PreTokenizer pre_tokenizer;
  std::vector<NormalizerStep> normalizer;
  std::optional<Metaspace> metaspace;
  Decoder decoder;
  AddedTokens added_raw, added_normalized;
  std::unordered_map<std::string, int32_t> added_ids;
  std::vector<int32_t> prefix, suffix;
  std::vector<std::string> pieces;  // by id
};

Tokenizer::State::State(TokenizerDefinition definition)
    : kind(definition.kind),
      pre_tokenizer(definition.pre),
      normalizer(std::move(definition.normalizer)),
      metaspace(std::move(definition.metaspace)),
      decoder(std::move(definition.decoder)),
      prefix(std::move(definition.prefix)),
      suffix(std::move(definition.suffix)) {
  const auto fail = [&](const std::string& found, const std::string& expected) {
    throw Error(Exit::bad_input, fmt::format("{}: {}; expected {}", definition.name, found, expected));
  };
  if (kind == TokenizerKind::sentencepiece) {
    by_score.emplace(definition);
  } else {
    by_rank.emplace(definition);
  }
  check_added_tokens(definition);

  // The vocabulary's size is only an upper bound where added tokens repeat its tokens.
  pieces.resize(definition.tokens.size());
  std::vector<bool> is_token(pieces.size());
  for (size_t id = 0; id < pieces.size(); ++id) {
    const std::string& token = definition.tokens[id];
    if (!token.empty()) {
      pieces[id] = decoder.bytes_of(token, false);
      is_token[id] = true;
    } else if (id < definition.unused.size() && !definition.unused[id].empty()) {
      pieces[id] = decoder.bytes_of(definition.unused[id], true);
      is_token[id] = true;
    }
  }
  std::vector<AddedToken> raw, normalized;
  std::vector<bool> is_added(pieces.size());
  for (AddedToken& token : definition.added) {
    const auto id = static_cast<size_t>(token.id);
    if (is_added[id] || (!definition.tokens[id].empty() && definition.tokens[id] != token.text)) {
      fail(fmt::format("added token \"{}\" has id {}, which is another token's", printable(token.text), id),
           "distinct ids");
    }
    is_added[id] = true;
    is_token[id] = true;
    pieces[id] = decoder.bytes_of(token.text, true);
    added_ids.emplace(token.text, token.id);
    if (token.normalized) token.text = ra::normalized(token.text, normalizer);
    (token.normalized ? normalized : raw).push_back(std::move(token));
  }
  size_t size = pieces.size();
  while (size > 0 && !is_token[size - 1]) --size;
  pieces.resize(size);
  for (size_t id = 0; id < size; ++id) {
    if (!is_token[id])
      fail(fmt::format("no token has id {}, but one has {}", id, size - 1), "ids without gaps");
  }
  for (const std::vector<int32_t>& ids : {prefix, suffix}) {
    for (const int32_t id : ids) {
      if (static_cast<size_t>(id) >= size) fail(fmt::format("the post-processor's id {}", id), "a token's");
    }
  }
  for (const AddedToken& token : normalized) {
    if (token.text.empty()) fail(fmt::format("added token {} is empty when normalised", token.id), "a text");
  }
  added_raw = AddedTokens(std::move(raw));
  added_normalized = AddedTokens(std::move(normalized));
  for (size_t i = 0; i + 1 < added_normalized.all().size(); ++i) {
    const AddedToken &a = added_normalized.all()[i], &b = added_normalized.all()[i + 1];
    if (a.text == b.text) {
      fail(fmt::format("added tokens {} and {} are both \"{}\" when normalised", a.id, b.id,
                       printable(a.text)),
           "distinct texts");
    }
  }
}

void Tokenizer::State::merge(std::string_view segment, bool first, std::vector<int32_t>& ids) const {
  const std::string blanks = metaspace ? with_blanks(segment, *metaspace, first) : std::string();
  for (const std::string_view piece : pre_tokenizer.split(metaspace ? blanks : segment)) {
    by_rank ? by_rank->encode(piece, ids) : by_score->encode(piece, ids);
  }
}

void Tokenizer::State::encode_segment(std::string_view text, bool first, SpecialText special,
                                      std::vector<int32_t>& ids) const {
  const std::string changed = normalizer.empty() ? std::string() : ra::normalized(text, normalizer);
  const std::string_view searched = normalizer.empty() ? text : changed;
  added_normalized.split(
      searched, special,
      [&](std::string_view segment) { merge(segment, first && segment.data() == searched.data(), ids); },
      [&](int32_t id) { ids.push_back(id); });
}

Tokenizer Tokenizer::open(const TokenizerSource& source) {
  const std::string file = source.file.empty() ? "the model" : printable(source.file, 300);
  if (!source.tokenizer_json && source.model.empty() && source.tokens.empty()) {
    throw Error(Exit::bad_input,
                fmt::format("{}: has no tokenizer; expected a tokenizer.json or GGUF's tokenizer.ggml, or "
                            "prompts as token ids",
                            file));
  }
  Tokenizer tokenizer(std::make_unique<State>(
      source.tokenizer_json ? read_tokenizer_json(*source.tokenizer_json) : define_from_gguf(source)));
  if (source.vocab > 0 && tokenizer.size() > source.vocab) {
    throw Error(Exit::bad_input, fmt::format("{}: found token id {}; expected ids below the model's {}", file,
                                             tokenizer.size() - 1, source.vocab));
  }
  return tokenizer;
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text, SpecialText special, bool add_special) const {
  if (text.size() > kMaxTextBytes) {
    throw Error(Exit::bad_input,
                fmt::format("text: is {} bytes long; expected at most {}", text.size(), kMaxTextBytes));
  }
  if (const size_t valid = valid_utf8_prefix(text); valid != text.size()) {
    throw Error(Exit::bad_input, fmt::format("text@{}: byte {:#04x} is not UTF-8; expected UTF-8", valid,
                                             static_cast<uint8_t>(text[valid])));
  }
  std::vector<int32_t> ids;
  if (add_special) ids = state_->prefix;
  state_->added_raw.split(
      text, special,
      [&](std::string_view segment) {
        state_->encode_segment(segment, segment.data() == text.data(), special, ids);
      },
      [&](int32_t id) { ids.push_back(id); });
  if (add_special) ids.insert(ids.end(), state_->suffix.begin(), state_->suffix.end());
  return ids;
}

const std::string& Tokenizer::piece(int32_t id) const {
  static const std::string kNone;
  check(id >= 0, "a token id, not a negative number");
  return static_cast<size_t>(id) < state_->pieces.size() ? state_->pieces[id] : kNone;
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids) const {
  std::string text;
  for (const int32_t id : ids) text += piece(id);
  return std::string(state_->decoder.without_ends(text));
}

int32_t Tokenizer::special_id(std::string_view text) const {
  const auto found = state_->added_ids.find(std::string(text));
  return found == state_->added_ids.end() ? -1 : found->second;
}

const std::vector<int32_t>& Tokenizer::prefix() const {
  return state_->prefix;
}

int32_t Tokenizer::size() const {
  return static_cast<int32_t>(state_->pieces.size());
}
const char* Tokenizer::kind() const {
  switch (state_->kind) {
    case TokenizerKind::byte_level:
      return "byte-level BPE";
    case TokenizerKind::byte_fallback:
      return "BPE with byte fallback";
    case TokenizerKind::sentencepiece:
      break;
  }
  return "SentencePiece BPE";
}
const std::string& Tokenizer::pre_tokenizer() const {
  return name_of(state_->pre_tokenizer.kind());
}

}  // namespace ra
