// The header of a safetensors file.
#include "core/llm/safetensors.h"
#include "tests/fuzz/fuzz_input.h"

namespace ra {
namespace {

// Reads a file of these bytes and, if it is accepted, checks that its tensors fill it without a gap.
void read(std::string_view bytes) {
  static const FuzzFile file;
  accepts([&] {
    const InputFile input = InputFile::open(file.with(bytes));
    const std::vector<TensorEntry> tensors = read_safetensors(input, 0);
    for (size_t i = 0; i + 1 < tensors.size(); ++i) {
      check(tensors[i].offset + tensors[i].bytes == tensors[i + 1].offset, "tensors one after the other");
    }
    if (!tensors.empty()) {
      check(tensors.back().offset + tensors.back().bytes == input.size(), "tensors up to the file's end");
    }
  });
}

}  // namespace
}  // namespace ra

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = ra::as_text(data, size);
  ra::read(bytes);
  // Most changes leave the stated length wrong. The same header behind the right one:
  const size_t end = bytes.rfind('}');
  if (end == bytes.npos || end < 8) return 0;
  std::string whole;
  for (uint64_t length = end - 7, i = 0; i < 8; ++i) whole += static_cast<char>(length >> (8 * i) & 0xff);
  whole += bytes.substr(8);
  ra::read(whole);
  return 0;
}
