#include "tests/support/expected_stream.h"

#include <charconv>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "core/json.h"

namespace ra {
namespace {

const Json::Array& array(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  if (found == nullptr)
    throw Error(Exit::bad_input, "no member " + std::string(key) + "; expected one in a fixture");
  return found->array(key);
}

int32_t token(const Json& value) {
  return static_cast<int32_t>(value.unsigned_integer("token"));
}

uint64_t digest(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  check(error == std::errc() && end == text.data() + text.size(), "a digest in hexadecimal");
  return value;
}

}  // namespace

std::vector<ExpectedStream> read_expected_streams(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(Exit::bad_input, path + ": cannot be opened; expected a fixture");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const Json json = parse_json(text, path);
  std::vector<ExpectedStream> streams;
  for (const Json& item : array(json, "cases")) {
    ExpectedStream& stream = streams.emplace_back();
    for (const Json& id : array(item, "prompt")) stream.prompt.push_back(token(id));
    stream.run_digest = item.find("run_digest")->string("run_digest");
    const Json::Array &tokens = array(item, "tokens"), &second = array(item, "second"),
                      &top = array(item, "top"), &digests = array(item, "digests");
    for (size_t i = 0; i < tokens.size(); ++i) {
      HeadResult& step = stream.steps.emplace_back();
      step.top[0] = token(tokens[i]);
      step.top[1] = token(second[i]);
      const Json::Array& values = top[i].array("top");
      for (int place = 0; place < 2; ++place) {
        step.value[place] = static_cast<float>(values.at(place).number("top"));
        step.accumulator[place] = static_cast<float>(values.at(2 + place).number("top"));
      }
      step.digest = digest(digests[i].string("digests"));
    }
  }
  return streams;
}

}  // namespace ra
