#include "tests/support/golden.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"

namespace ra {

std::string golden_path(const std::string& relative) {
  const char* elsewhere = std::getenv("RA_GOLDEN");  // where the sources are not
  return std::string(elsewhere != nullptr ? elsewhere : RA_GOLDEN) + "/" + relative;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  check(file.good(), ("a golden file at " + path).c_str());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Json golden_json(const std::string& relative) {
  return parse_json(read_file(golden_path(relative)), relative);
}

const Json& member(const Json& object, const std::string& key) {
  const Json* found = object.find(key);
  check(found != nullptr, ("a golden member " + key).c_str());
  return *found;
}

std::vector<int32_t> ids_of(const Json& array) {
  std::vector<int32_t> ids;
  for (const Json& id : array.array("ids")) ids.push_back(static_cast<int32_t>(id.integer("id")));
  return ids;
}

GoldenTensor golden_tensor(const std::string& relative, const std::string& name) {
  const std::string file = read_file(golden_path(relative));
  uint64_t header_size = 0;
  check(file.size() > sizeof header_size, "a safetensors header");
  std::memcpy(&header_size, file.data(), sizeof header_size);
  const Json header = parse_json(std::string_view(file).substr(8, header_size), relative);
  const Json& entry = member(header, name);
  check(member(entry, "dtype").string("dtype") == "F32", "an F32 golden tensor");
  GoldenTensor tensor;
  for (const Json& extent : member(entry, "shape").array("shape"))
    tensor.shape.push_back(extent.integer("extent"));
  const Json::Array& offsets = member(entry, "data_offsets").array("data_offsets");
  const uint64_t begin = offsets.at(0).unsigned_integer("offset");
  const uint64_t end = offsets.at(1).unsigned_integer("offset");
  check(begin <= end && 8 + header_size + end <= file.size(), "offsets inside the golden file");
  tensor.values.resize((end - begin) / sizeof(float));
  std::memcpy(tensor.values.data(), file.data() + 8 + header_size + begin,
              tensor.values.size() * sizeof(float));
  return tensor;
}

std::string sample_model() {
  std::string path;
  if (const char* named = std::getenv("REPRO_AUDIT_MODEL"); named != nullptr && *named != '\0') {
    path = named;
  } else {
    const char* data = std::getenv("XDG_DATA_HOME");
    const char* home = std::getenv("HOME");
    const std::string base =
        data != nullptr && *data == '/' ? data : std::string(home ? home : "") + "/.local/share";
    path = base + "/repro-audit/models/SmolLM2-135M-Instruct.Q4_1.gguf";
  }
  return std::filesystem::exists(path) ? path : "";
}

}  // namespace ra
