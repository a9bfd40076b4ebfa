#include "tests/support/expected_stream.h"

#include <charconv>

#include "core/error.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

uint64_t digest(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  check(error == std::errc() && end == text.data() + text.size(), "a digest in hexadecimal");
  return value;
}

}  // namespace

std::vector<ExpectedStream> read_expected_streams(const std::string& name, oracle::SumOrder order) {
  const Json json =
      golden_json("numerics/" + name + (order == oracle::SumOrder::k16 ? ".k16.json" : ".fma.json"));
  check(oracle::sum_order_of(member(json, "class").string("class")) == order,
        "streams of the class asked for");
  std::vector<ExpectedStream> streams;
  for (const Json& item : member(json, "cases").array("cases")) {
    ExpectedStream& stream = streams.emplace_back();
    stream.prompt = ids_of(member(item, "prompt"));
    stream.run_digest = member(item, "run_digest").string("run_digest");
    const std::vector<int32_t> tokens = ids_of(member(item, "tokens")),
                               second = ids_of(member(item, "second"));
    const Json::Array& digests = member(item, "digests").array("digests");
    const Json::Array& tops = member(item, "top").array("top");
    for (size_t i = 0; i < tokens.size(); ++i) {
      HeadResult& step = stream.steps.emplace_back();
      step.top[0] = tokens[i];
      step.top[1] = second[i];
      const Json::Array& values = tops[i].array("top");
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
