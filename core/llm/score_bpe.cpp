#include "core/llm/score_bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <unordered_set>

#include "core/error.h"
#include "core/llm/byte_fallback.h"
#include "core/printable.h"
#include "core/utf8.h"

namespace ra {
namespace {

// A merge looks its text up, so that a hostile vocabulary of long pieces would make each merge slow. The longest of
// Llama 2 has 48 bytes.
constexpr size_t kMaxPieceBytes = 512;

std::vector<std::string> mergeable_pieces(const TokenizerDefinition& definition) {
  std::unordered_set<int32_t> special;
  for (const AddedToken& token : definition.added) {
    if (token.special) special.insert(token.id);
  }
  std::vector<std::string> pieces = definition.tokens;
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (byte_of_token(pieces[id]) || special.count(static_cast<int32_t>(id)) != 0) pieces[id].clear();
  }
  return pieces;
}

// The place of each token's score among all scores, the highest first.
std::vector<uint32_t> ranks_of(const TokenizerDefinition& definition) {
  std::vector<float> scores = definition.scores;
  for (size_t id = 0; id < scores.size(); ++id) {
    if (std::isnan(scores[id])) {
      throw Error(Exit::bad_input, fmt::format("{}: the score of token {} is no number; expected numbers",
                                               definition.name, id));
    }
  }
  std::sort(scores.begin(), scores.end(), std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  std::vector<uint32_t> ranks;
  ranks.reserve(definition.scores.size());
  for (const float score : definition.scores) {
    const auto place = std::lower_bound(scores.begin(), scores.end(), score, std::greater<>());
    ranks.push_back(static_cast<uint32_t>(place - scores.begin()));
  }
  return ranks;
}

}  // namespace

ScoreBpe::ScoreBpe(const TokenizerDefinition& definition)
    : pieces_(mergeable_pieces(definition)),
      ranks_(ranks_of(definition)),
      index_(pieces_, definition.name),
      byte_ids_(byte_token_ids(definition.tokens, definition.name)) {
  const auto fail = [&](const std::string& found, const std::string& expected) {
    throw Error(Exit::bad_input, fmt::format("{}: {}; expected {}", definition.name, found, expected));
  };
  check(ranks_.size() == pieces_.size(), "a score for each token");
  for (size_t id = 0; id < pieces_.size(); ++id) {
    if (pieces_[id].empty()) continue;
    longest_ = std::max(longest_, pieces_[id].size());
    if (pieces_[id].size() > kMaxPieceBytes) {
      fail(fmt::format("token {} of {} bytes", id, pieces_[id].size()),
           fmt::format("at most {}", kMaxPieceBytes));
    }
    if (const int32_t first = index_.find(pieces_[id]); first != static_cast<int32_t>(id)) {
      fail(fmt::format("tokens {} and {} are both \"{}\"", first, id, printable(pieces_[id])),
           "distinct tokens");
    }
  }
}

void ScoreBpe::encode(std::string_view text, std::vector<int32_t>& ids) const {
  check(text.size() < UINT32_MAX, "a text that 32 bits can count");
  struct Symbol {
    uint32_t begin;  // in the text; its end is where the next one begins
    uint32_t before,
        after;  // neighbours; kNone at the ends; a symbol merged into the one before has itself as `after`
  };
  constexpr uint32_t kNone = UINT32_MAX;
  size_t characters = 0;
  for (const char c : text) characters += (static_cast<uint8_t>(c) & 0xc0) != 0x80 ? 1 : 0;
  std::vector<Symbol> symbols;
  symbols.reserve(characters);
  for (size_t at = 0; at < text.size();) {
    const auto i = static_cast<uint32_t>(symbols.size());
    symbols.push_back({static_cast<uint32_t>(at), i == 0 ? kNone : i - 1, i + 1});
    next_code_point(text, at);
  }
  if (symbols.empty()) return;
  symbols.back().after = kNone;

  const auto end_of = [&](uint32_t i) {
    return symbols[i].after == kNone ? text.size() : symbols[symbols[i].after].begin;
  };
  // The rank of what a symbol and the next one are together; kNone: no piece.
  const auto rank_at = [&](uint32_t left) {
    const size_t length = end_of(symbols[left].after) - symbols[left].begin;
    if (length > longest_) return kNone;
    const int32_t id = index_.find(text.substr(symbols[left].begin, length));
    return id < 0 ? kNone : ranks_[static_cast<size_t>(id)];
  };
  // Rank and place of the left symbol in one number. An entry whose pair has changed meanwhile is passed over when it
  // comes up: the pair that is there now has its own.
  const auto entry = [](uint32_t rank, uint32_t left) { return static_cast<uint64_t>(rank) << 32 | left; };
  std::vector<uint64_t> entries;
  for (uint32_t i = 0; i + 1 < symbols.size(); ++i) {
    if (const uint32_t rank = rank_at(i); rank != kNone) entries.push_back(entry(rank, i));
  }
  std::priority_queue queue(std::greater<>(), std::move(entries));
  const auto offer = [&](uint32_t left) {
    if (left == kNone || symbols[left].after == kNone) return;
    if (const uint32_t rank = rank_at(left); rank != kNone) queue.push(entry(rank, left));
  };
  while (!queue.empty()) {
    const auto rank = static_cast<uint32_t>(queue.top() >> 32);
    const auto left = static_cast<uint32_t>(queue.top());
    queue.pop();
    const uint32_t right = symbols[left].after;
    if (right == left || right == kNone || rank_at(left) != rank) continue;
    const uint32_t after = symbols[right].after;
    symbols[left].after = after;
    if (after != kNone) symbols[after].before = left;
    symbols[right].after = right;
    offer(symbols[left].before);
    offer(left);
  }

  for (uint32_t i = 0; i != kNone; i = symbols[i].after) {
    const std::string_view symbol = text.substr(symbols[i].begin, end_of(i) - symbols[i].begin);
    if (const int32_t id = index_.find(symbol); id >= 0) {
      ids.push_back(id);
    } else {
      for (const char byte : symbol) ids.push_back(byte_ids_[static_cast<uint8_t>(byte)]);
    }
  }
}

}  // namespace ra
