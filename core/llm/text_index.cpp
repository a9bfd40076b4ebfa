#include "core/llm/text_index.h"

#include <fmt/format.h>

#include <bit>
#include <functional>

#include "core/error.h"

namespace ra {
namespace {

// At most half full, linear probing passes a hundred slots by chance less than once in 10^9 tables.
constexpr size_t kMaxProbes = 1000;

uint32_t hash_of(std::string_view text) {
  const uint64_t hash = std::hash<std::string_view>()(text);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace

TextIndex::TextIndex(const std::vector<std::string>& texts, const std::string& name) : texts_(texts) {
  check(texts.size() <= INT32_MAX, "texts that int32 can count");
  slots_.resize(std::bit_ceil(2 * texts.size() + 2));
  for (size_t place = 0; place < texts.size(); ++place) {
    if (texts[place].empty()) continue;
    const uint32_t hash = hash_of(texts[place]);
    size_t at = hash & (slots_.size() - 1), probes = 0;
    while (slots_[at].place >= 0 && !(slots_[at].hash == hash && texts_[slots_[at].place] == texts[place])) {
      at = (at + 1) & (slots_.size() - 1);
      if (++probes > kMaxProbes) {
        throw Error(Exit::bad_input,
                    fmt::format("{}: more than {} tokens with colliding hashes; expected a vocabulary "
                                "that was not made to be slow",
                                name, kMaxProbes));
      }
    }
    if (slots_[at].place < 0) slots_[at] = {hash, static_cast<int32_t>(place)};
  }
}

int32_t TextIndex::find(std::string_view text) const {
  const uint32_t hash = hash_of(text);
  size_t at = hash & (slots_.size() - 1);
  while (slots_[at].place >= 0 && !(slots_[at].hash == hash && texts_[slots_[at].place] == text)) {
    at = (at + 1) & (slots_.size() - 1);
  }
  return slots_[at].place;
}

}  // namespace ra
