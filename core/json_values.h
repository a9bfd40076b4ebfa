// Values of the JSON that this program writes, from what it holds.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/json.h"

namespace ra::json {

inline Json text(std::string value) {
  return Json{std::move(value)};
}

// A count or size, which is not negative.
template <typename Integer>
Json count(Integer value) {
  return Json{static_cast<uint64_t>(value)};
}

inline Json integer(int64_t value) {
  return Json{value};
}

template <typename Values, typename Make>
Json array(const Values& values, const Make& make) {
  Json::Array made;
  for (const auto& value : values) made.push_back(make(value));
  return Json{std::move(made)};
}

template <typename Values>
Json texts(const Values& values) {
  return array(values, text);
}

}  // namespace ra::json
