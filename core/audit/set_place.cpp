#include "core/audit/set_place.h"

#include <charconv>

#include "core/audit/store_codec.h"
#include "core/audit/store_time.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr std::string_view kBegin = "prompts.";

template <typename Integer>
Integer whole(const std::string& name, const std::string& text, Integer minimum, Integer maximum) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < minimum || value > maximum) {
    throw Error(Exit::bad_input, "setting " + name + ": found \"" + printable(text) +
                                     "\"; expected a number from " + std::to_string(minimum) + " to " +
                                     std::to_string(maximum));
  }
  return value;
}

}  // namespace

void record(const SetPlace& place, std::map<std::string, std::string>& settings) {
  settings[kSetSetting] = place.set;
  settings["prompts.place"] = std::to_string(place.place);
  settings["prompts.count"] = std::to_string(place.count);
  settings["prompts.name"] = place.name;
  settings["prompts.sha256"] = place.sha256;
  settings["prompts.seed"] = std::to_string(place.seed);
}

std::optional<SetPlace> set_place(const std::map<std::string, std::string>& settings) {
  if (!settings.contains(kSetSetting)) return std::nullopt;
  const auto value = [&](const std::string& name) {
    const auto found = settings.find(name);
    if (found == settings.end())
      throw Error(Exit::bad_input, "no setting " + name + "; expected it beside prompts.set");
    return found->second;
  };
  SetPlace place{.set = value(kSetSetting), .name = value("prompts.name"), .sha256 = value("prompts.sha256")};
  if (!is_plain_name(place.set)) {
    throw Error(Exit::bad_input, "setting prompts.set: found \"" + printable(place.set) +
                                     "\"; expected letters, digits and -_.:+");
  }
  place.count = whole<int64_t>("prompts.count", value("prompts.count"), 1, kMaxPrompts);
  place.place = whole<int64_t>("prompts.place", value("prompts.place"), 1, place.count);
  place.seed = whole<uint64_t>("prompts.seed", value("prompts.seed"), 0, UINT64_MAX);
  return place;
}

bool is_set_fact(std::string_view setting) {
  return setting.starts_with(kBegin);
}

std::string new_set_id() {
  return "set-" + new_audit_id();
}

uint64_t seed_of_prompt(uint64_t seed, std::string_view name) {
  std::string bytes("repro-audit.prompt-seed.v1\0", 27);
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(seed >> (8 * i) & 0xff);
  bytes += name;
  const Sha256Digest digest = sha256(bytes);
  uint64_t drawn = 0;
  for (size_t i = 0; i < 8; ++i) drawn |= static_cast<uint64_t>(digest.at(i)) << (8 * i);
  return drawn;
}

}  // namespace ra
