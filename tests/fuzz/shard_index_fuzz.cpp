// model.safetensors.index.json.
#include "core/llm/shard_index.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ra::FuzzFile file;
  ra::accepts([&] {
    const ra::ShardIndex index =
        ra::read_shard_index(ra::InputFile::open(file.with(ra::as_text(data, size))));
    for (const std::string& name : index.file_names()) {
      ra::check(name != "." && name != ".." && name.find('/') == name.npos, "a file of the same folder");
    }
  });
  return 0;
}
