#include "core/llm/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <unordered_set>

#include "core/error.h"
#include "core/llm/byte_alphabet.h"
#include "core/llm/byte_fallback.h"
#include "core/printable.h"
#include "core/utf8.h"

namespace ra {
namespace {

uint64_t pair_of(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// Up to here looking through all pairs for each merge is faster than a queue.
constexpr size_t kShortPiece = 48;

}  // namespace

Bpe::Bpe(const TokenizerDefinition& definition) {
  const auto fail = [&](const std::string& found, const char* expected) {
    throw Error(Exit::bad_input, fmt::format("{}: {}; expected {}", definition.name, found, expected));
  };
  std::unordered_set<int32_t> special;
  for (const AddedToken& token : definition.added) {
    if (token.special) special.insert(token.id);
  }

  const TextIndex ids(definition.tokens, definition.name);
  for (size_t id = 0; id < definition.tokens.size(); ++id) {
    const std::string& token = definition.tokens[id];
    if (token.empty()) continue;
    if (const int32_t first = ids.find(token); first != static_cast<int32_t>(id)) {
      fail(fmt::format("tokens {} and {} are both \"{}\"", first, id, printable(token)), "distinct tokens");
    }
  }
  const auto refuse_special = [&](int32_t id, std::string_view how) {
    if (special.count(id) == 0) return;
    fail(fmt::format("special token \"{}\" is {}", printable(definition.tokens[id]), how),
         "special tokens that plain text cannot become");
  };

  if (definition.kind == TokenizerKind::byte_fallback) {
    byte_ids_ =
        byte_token_ids(definition.tokens, definition.name);  // these may be special: their texts are not they
    character_ids_.emplace();
    for (size_t id = 0; id < definition.tokens.size(); ++id) {
      const auto character = single_character(definition.tokens[id]);
      if (!character) continue;
      refuse_special(static_cast<int32_t>(id), "a single character");
      character_ids_->emplace(*character, static_cast<int32_t>(id));
    }
  } else {
    for (size_t byte = 0; byte < 256; ++byte) {
      byte_ids_[byte] = ids.find(byte_symbols()[byte]);
      if (byte_ids_[byte] >= 0) refuse_special(byte_ids_[byte], "a single byte");
    }
  }

  slot_bits_ = 4;
  while ((size_t{1} << slot_bits_) < 2 * definition.merges.size()) ++slot_bits_;
  merges_.resize(size_t{1} << slot_bits_);
  std::string joined;
  for (size_t rank = 0; rank < definition.merges.size(); ++rank) {
    const auto& [left, right] = definition.merges[rank];
    joined.assign(left).append(right);
    const int32_t left_id = ids.find(left), right_id = ids.find(right), id = ids.find(joined);
    if (left_id < 0 || right_id < 0 || id < 0) {
      const std::string& unknown = left_id < 0 ? left : right_id < 0 ? right : joined;
      fail(fmt::format("merge {} (\"{}\" and \"{}\") needs \"{}\", which is no token", rank, printable(left),
                       printable(right), printable(unknown)),
           "merges of tokens into tokens");
    }
    refuse_special(id, "what a merge makes");
    add_merge(left_id, right_id, static_cast<uint32_t>(rank), id, definition.name);
  }

  if (!definition.ignore_merges) return;
  whole_texts_.resize(definition.tokens.size());
  for (size_t id = 0; id < whole_texts_.size(); ++id) {
    if (special.count(static_cast<int32_t>(id)) != 0) continue;
    const std::string& token = definition.tokens[id];
    whole_texts_[id] = character_ids_ ? token : bytes_of_symbols(token).value_or("");
  }
  whole_.emplace(whole_texts_, definition.name);
}

size_t Bpe::slot(uint64_t pair) const {
  return static_cast<size_t>(pair * 0x9e3779b97f4a7c15u >> (64 - slot_bits_));
}

void Bpe::add_merge(int32_t left, int32_t right, uint32_t rank, int32_t id, const std::string& name) {
  const uint64_t pair = pair_of(left, right);
  size_t at = slot(pair);
  while (merges_[at].id >= 0) {
    if (merges_[at].pair == pair) {
      throw Error(Exit::bad_input, fmt::format("{}: merges {} and {} are the same; expected distinct merges",
                                               name, merges_[at].rank, rank));
    }
    at = (at + 1) & (merges_.size() - 1);
  }
  merges_[at] = {pair, rank, id};
}

Bpe::Merge Bpe::find(int32_t left, int32_t right) const {
  const uint64_t pair = pair_of(left, right);
  size_t at = slot(pair);
  while (merges_[at].id >= 0 && merges_[at].pair != pair) at = (at + 1) & (merges_.size() - 1);
  return merges_[at];
}

void Bpe::encode(std::string_view piece, std::vector<int32_t>& ids) const {
  if (whole_) {
    if (const int32_t id = whole_->find(piece); id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  const size_t first = ids.size();
  append_first(piece, ids);
  if (ids.size() - first <= kShortPiece) {
    merge_short(ids, first);
  } else {
    merge_long(ids, first);
  }
}

void Bpe::append_first(std::string_view piece, std::vector<int32_t>& ids) const {
  const auto append_bytes = [&](std::string_view bytes) {
    for (const char c : bytes) {
      const int32_t id = byte_ids_[static_cast<uint8_t>(c)];
      if (id >= 0) ids.push_back(id);
    }
  };
  if (!character_ids_) return append_bytes(piece);
  for (size_t at = 0; at < piece.size();) {
    const size_t begin = at;
    const auto found = character_ids_->find(next_code_point(piece, at));
    if (found != character_ids_->end()) {
      ids.push_back(found->second);
    } else {
      append_bytes(piece.substr(begin, at - begin));
    }
  }
}

void Bpe::merge_short(std::vector<int32_t>& ids, size_t first) const {
  size_t count = ids.size() - first;
  int32_t* id = ids.data() + first;
  Merge merge[kShortPiece];  // of id[i] and id[i + 1]
  for (size_t i = 0; i + 1 < count; ++i) merge[i] = find(id[i], id[i + 1]);
  while (count > 1) {
    const Merge* best = std::min_element(merge, merge + count - 1,
                                         [](const Merge& a, const Merge& b) { return a.rank < b.rank; });
    if (best->rank == kNoRank) break;
    const size_t at = static_cast<size_t>(best - merge);
    id[at] = best->id;
    std::copy(id + at + 2, id + count, id + at + 1);
    std::copy(merge + at + 1, merge + count - 1, merge + at);
    --count;
    if (at > 0) merge[at - 1] = find(id[at - 1], id[at]);
    if (at + 1 < count) merge[at] = find(id[at], id[at + 1]);
  }
  ids.resize(first + count);
}

void Bpe::merge_long(std::vector<int32_t>& ids, size_t first) const {
  struct Symbol {
    int32_t id;              // -1: merged into the one before
    uint32_t before, after;  // neighbours; kNone at the ends
  };
  constexpr uint32_t kNone = UINT32_MAX;
  const auto count = static_cast<uint32_t>(ids.size() - first);
  std::vector<Symbol> symbols(count);
  for (uint32_t i = 0; i < count; ++i) {
    symbols[i] = {ids[first + i], i == 0 ? kNone : i - 1, i + 1 == count ? kNone : i + 1};
  }
  const auto merge_at = [&](uint32_t left) {
    return find(symbols[left].id, symbols[symbols[left].after].id);
  };
  // Rank and place of the left symbol in one number. An entry whose pair has changed meanwhile is passed over when it
  // comes up: the pair that is there now has its own.
  const auto entry = [](uint32_t rank, uint32_t left) { return static_cast<uint64_t>(rank) << 32 | left; };
  std::vector<uint64_t> entries;
  entries.reserve(count);
  for (uint32_t i = 0; i + 1 < count; ++i) {
    if (const Merge merge = merge_at(i); merge.rank != kNoRank) entries.push_back(entry(merge.rank, i));
  }
  std::priority_queue queue(std::greater<>(), std::move(entries));
  const auto offer = [&](uint32_t left) {
    if (left == kNone || symbols[left].after == kNone) return;
    if (const Merge merge = merge_at(left); merge.rank != kNoRank) queue.push(entry(merge.rank, left));
  };
  while (!queue.empty()) {
    const auto rank = static_cast<uint32_t>(queue.top() >> 32);
    const auto left = static_cast<uint32_t>(queue.top());
    queue.pop();
    const uint32_t right = symbols[left].after;
    if (symbols[left].id < 0 || right == kNone) continue;
    const Merge merge = merge_at(left);
    if (merge.rank != rank) continue;
    symbols[left].id = merge.id;
    symbols[left].after = symbols[right].after;
    if (symbols[right].after != kNone) symbols[symbols[right].after].before = left;
    symbols[right].id = -1;
    offer(symbols[left].before);
    offer(left);
  }
  ids.resize(first);
  for (uint32_t i = 0; i != kNone && count > 0; i = symbols[i].after) ids.push_back(symbols[i].id);
}

}  // namespace ra
