// The finished audits in samples/audits: what README says of them is in them, and the pages hold what the JSON does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <sstream>

#include "core/json.h"

namespace ra {
namespace {

using testing::HasSubstr;

const std::string kFolder = RA_SOURCE "/samples/audits/";

std::string unzipped(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return "";
  std::string text, buffer(1 << 16, '\0');
  for (int count = 0; (count = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;)
    text.append(buffer, 0, static_cast<size_t>(count));
  gzclose(file);
  return text;
}

std::string page(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const Json& at(const Json& object, const char* key) {
  const Json* found = object.find(key);
  if (found == nullptr) throw std::runtime_error(std::string("no ") + key);
  return *found;
}

struct Sample {
  const char* name;
  const char* standard_verdict;
  uint64_t standard_streams;
};

TEST(SampleAudits, HoldWhatTheirReadmeSays) {
  for (const Sample& sample :
       {Sample{"qwen3-8b-shape-h100", "diverged", 175}, Sample{"smollm2-135m-h100", "tokens-identical", 1}}) {
    SCOPED_TRACE(sample.name);
    const Json report = parse_json(unzipped(kFolder + sample.name + ".json.gz"), sample.name);
    EXPECT_EQ(at(report, "format").string("format"), "repro-audit-report");
    const Json::Array& arms = at(report, "arms").array("arms");
    ASSERT_EQ(arms.size(), 2u);
    EXPECT_EQ(at(arms[0], "name").string("name"), "standard");
    EXPECT_EQ(at(arms[0], "verdict").string("verdict"), sample.standard_verdict);
    EXPECT_EQ(at(arms[0], "distinct_streams").unsigned_integer("streams"), sample.standard_streams);
    EXPECT_EQ(at(arms[1], "sum_order_class").string("class"), "hopper-k16/1");
    EXPECT_EQ(at(arms[1], "verdict").string("verdict"), "identical");
    EXPECT_EQ(at(arms[1], "distinct_streams").unsigned_integer("streams"), 1u);
    const std::string html = page(kFolder + sample.name + ".html");
    EXPECT_THAT(html, HasSubstr("1000 runs, bit for bit"));
    EXPECT_THAT(page(kFolder + "README.md"), HasSubstr(sample.name));
  }
}

}  // namespace
}  // namespace ra
