#include "core/llm/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <unordered_set>

#include "core/error.h"
#include "core/llm/gguf_reader.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr uint64_t kMaxKeys = 65536;
constexpr uint64_t kMaxKeyBytes = 65535;         // gguf.md
constexpr uint64_t kMaxElements = 1u << 30;      // of an array that is passed over, and bytes of a string
constexpr uint64_t kMaxKeptElements = 1u << 20;  // of the tokenizer's arrays
constexpr uint64_t kMaxNameBytes = 63;           // GGML_MAX_NAME less its NUL
constexpr uint64_t kMaxAlignment = 1u << 20;
constexpr uint64_t kCheckedPadding = 256;  // bytes after each tensor

// Bytes of a value of a fixed size; 0 for strings, arrays and unknown types.
uint64_t fixed_size(uint32_t type) {
  constexpr uint8_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < std::size(kSizes) ? kSizes[type] : 0;
}

// Tokenizer arrays are all that is needed of arrays.
bool is_kept(const std::string& key) {
  return key == "tokenizer.ggml.tokens" || key == "tokenizer.ggml.merges" ||
         key == "tokenizer.ggml.token_type" || key == "tokenizer.ggml.scores";
}

GgufArray read_array(GgufReader& reader, const std::string& key) {
  GgufArray array;
  const uint64_t at = reader.position();
  array.type = reader.number<uint32_t>("an array's type");
  if (array.type != kGgufString && fixed_size(array.type) == 0) {
    reader.fail(
        at, fmt::format("an array of {} ({}) for {}", gguf_type_name(array.type), array.type, printable(key)),
        "an array of numbers, booleans or strings");
  }
  array.count = reader.number<uint64_t>("an array's length");
  const uint64_t maximum = is_kept(key) ? kMaxKeptElements : kMaxElements;
  if (array.count > maximum) {
    reader.fail(at + 4, fmt::format("{} elements for {}", array.count, printable(key)),
                fmt::format("at most {}", maximum));
  }
  const uint64_t least = array.type == kGgufString ? 8 : fixed_size(array.type);
  reader.require(array.count * least, "an array");
  const bool kept_numbers = is_kept(key) && (array.type == kGgufInt32 || array.type == kGgufFloat32);
  if (array.type != kGgufString && !kept_numbers) {
    reader.skip(array.count * least, "an array");
  } else if (array.type == kGgufFloat32) {
    array.floats.reserve(static_cast<size_t>(array.count));
    for (uint64_t i = 0; i < array.count; ++i)
      array.floats.push_back(std::bit_cast<float>(reader.number<uint32_t>("an array's element")));
  } else if (array.type == kGgufInt32) {
    array.integers.reserve(static_cast<size_t>(array.count));
    for (uint64_t i = 0; i < array.count; ++i)
      array.integers.push_back(reader.number<int32_t>("an array's element"));
  } else if (is_kept(key)) {
    array.strings.reserve(static_cast<size_t>(array.count));
    for (uint64_t i = 0; i < array.count; ++i)
      array.strings.push_back(reader.string("a string", kMaxElements));
  } else {
    for (uint64_t i = 0; i < array.count; ++i) {
      reader.skip(reader.number<uint64_t>("a string's length"), "a string of an array");
    }
  }
  return array;
}

GgufValue read_value(GgufReader& reader, const std::string& key) {
  const uint64_t at = reader.position();
  GgufValue value;
  value.type = reader.number<uint32_t>("a value's type");
  switch (value.type) {
    case 0:
      value.value = uint64_t{reader.number<uint8_t>("a value")};
      break;
    case 1:
      value.value = int64_t{reader.number<int8_t>("a value")};
      break;
    case 2:
      value.value = uint64_t{reader.number<uint16_t>("a value")};
      break;
    case 3:
      value.value = int64_t{reader.number<int16_t>("a value")};
      break;
    case 4:
      value.value = uint64_t{reader.number<uint32_t>("a value")};
      break;
    case kGgufInt32:
      value.value = int64_t{reader.number<int32_t>("a value")};
      break;
    case kGgufFloat32:
      value.value = double{std::bit_cast<float>(reader.number<uint32_t>("a value"))};
      break;
    case kGgufBool: {
      const auto byte = reader.number<uint8_t>("a value");
      if (byte > 1) reader.fail(at + 4, fmt::format("{} as a boolean", byte), "0 or 1");
      value.value = byte == 1;
      break;
    }
    case kGgufString:
      value.value = reader.string("a string", kMaxElements);
      break;
    case kGgufArray:
      value.value = read_array(reader, key);
      break;
    case 10:
      value.value = reader.number<uint64_t>("a value");
      break;
    case 11:
      value.value = reader.number<int64_t>("a value");
      break;
    case 12:
      value.value = std::bit_cast<double>(reader.number<uint64_t>("a value"));
      break;
    default:
      reader.fail(at, fmt::format("value type {} for {}", value.type, printable(key)), "a type from 0 to 12");
  }
  return value;
}

// ggml's name of a type by its number (enum ggml_type); empty for one that was withdrawn or is not known.
const char* ggml_type_name(uint32_t number) {
  constexpr const char* kNames[] = {
      "F32",    "F16",   "Q4_0",  "Q4_1",   "",      "",      "Q5_0",    "Q5_1",   "Q8_0",    "Q8_1",
      "Q2_K",   "Q3_K",  "Q4_K",  "Q5_K",   "Q6_K",  "Q8_K",  "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S",
      "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8",    "I16",   "I32",     "I64",    "F64",     "IQ1_M",
      "BF16",   "",      "",      "",       "TQ1_0", "TQ2_0", "",        "",       "",        "MXFP4"};
  return number < std::size(kNames) ? kNames[number] : "";
}

// One line of the directory; its offset still counts from the data's start.
TensorEntry read_tensor(GgufReader& reader) {
  TensorEntry tensor;
  uint64_t at = reader.position();
  tensor.name = reader.string("a tensor's name", kMaxNameBytes);
  const std::string name = "tensor " + printable(tensor.name);
  at = reader.position();
  const auto n_dims = reader.number<uint32_t>("a tensor's number of dimensions");
  if (n_dims < 1 || n_dims > 4) reader.fail(at, fmt::format("{} dimensions of {}", n_dims, name), "1 to 4");
  uint64_t elements = 1;
  for (uint32_t d = 0; d < n_dims; ++d) {
    at = reader.position();
    const auto extent = reader.number<uint64_t>("a tensor's dimension");
    if (extent < 1 || extent > INT64_MAX || elements > INT64_MAX / extent) {
      reader.fail(at, fmt::format("dimension {} of {}", extent, name),
                  "from 1 to what a 64-bit product can hold");
    }
    elements *= extent;
    tensor.dims.insert(tensor.dims.begin(), extent);
  }
  at = reader.position();
  const auto number = reader.number<uint32_t>("a tensor's type");
  const std::string type_name = ggml_type_name(number);
  tensor.type = find_tensor_type(type_name);
  if (!tensor.type) {
    reader.fail(at,
                fmt::format("{} of type {}", name, type_name.empty() ? std::to_string(number) : type_name),
                supported_types(true));
  }
  tensor.stored_type = type_name;
  const auto block = static_cast<uint64_t>(block_elements(*tensor.type));
  if (tensor.dims.back() % block != 0) {
    reader.fail(at, fmt::format("{} with rows of {} elements", name, tensor.dims.back()),
                fmt::format("a multiple of {}'s {}", type_name, block));
  }
  if (__builtin_mul_overflow(elements / block, static_cast<uint64_t>(block_bytes(*tensor.type)),
                             &tensor.bytes) ||
      tensor.bytes > INT64_MAX) {
    reader.fail(at, name + " of more than 2^63 bytes", "fewer");
  }
  tensor.offset = reader.number<uint64_t>("a tensor's offset");
  return tensor;
}

// Tensors lie one after the other, each at the next multiple of the alignment, up to the file's end. What is between
// them is zero (gguf.md); anything else there belongs to a tensor that is longer than its type and dimensions say.
void place_tensors(GgufReader& reader, uint64_t file_size, uint64_t alignment,
                   std::vector<TensorEntry>& tensors) {
  const auto aligned = [&](uint64_t offset) { return (offset + alignment - 1) / alignment * alignment; };
  const uint64_t start = aligned(reader.position());
  uint64_t end = 0;  // from start
  for (TensorEntry& tensor : tensors) {
    if (tensor.offset != aligned(end)) {
      reader.fail(reader.position(),
                  fmt::format("tensor {} at data offset {}", printable(tensor.name), tensor.offset),
                  fmt::format("{}, the next multiple of {}", aligned(end), alignment));
    }
    const uint64_t room = start <= file_size ? file_size - start : 0;
    if (tensor.offset > room || tensor.bytes > room - tensor.offset) {
      reader.fail(start + tensor.offset,
                  fmt::format("the file's end at {} before the {} bytes of tensor {}", file_size,
                              tensor.bytes, printable(tensor.name)),
                  "a complete file");
    }
    end = tensor.offset + tensor.bytes;
    tensor.offset += start;
    reader.require_zeros(start + end, std::min({aligned(end) - end, room - end, kCheckedPadding}));
  }
  if (!tensors.empty() && file_size > start + aligned(end)) {
    reader.fail(start + end, fmt::format("{} bytes after the last tensor", file_size - (start + end)),
                "none");
  }
}

void read_magic(GgufReader& reader) {
  char magic[4];
  reader.bytes(magic, 4, "the magic number");
  if (std::memcmp(magic, "GGUF", 4) != 0) {
    reader.fail(0, fmt::format("\"{}\"", printable(std::string_view(magic, 4))),
                "the magic number GGUF (a safetensors checkpoint is given as its folder)");
  }
  const auto version = reader.number<uint32_t>("the version");
  if (version != 0 && (version & 0xffff) == 0) {
    reader.fail(4, fmt::format("version {:#x}, a file of the other endianness", version),
                "little-endian version 3");
  }
  if (version != 3) reader.fail(4, fmt::format("version {}", version), "version 3");
}

}  // namespace

GgufFile read_gguf(const InputFile& file) {
  GgufReader reader(file);
  read_magic(reader);
  const auto n_tensors = reader.number<uint64_t>("the number of tensors");
  const auto n_keys = reader.number<uint64_t>("the number of metadata keys");
  // The least that an entry takes: a name's length, one dimension, type and offset; a key's length, a type
  // and a byte.
  if (n_tensors > kMaxTensors || n_tensors > reader.remaining() / 32) {
    reader.fail(8, fmt::format("{} tensors in a file of {} bytes", n_tensors, file.size()),
                fmt::format("at most {}, of 32 bytes or more each", kMaxTensors));
  }
  if (n_keys > kMaxKeys || n_keys > reader.remaining() / 13) {
    reader.fail(16, fmt::format("{} metadata keys in a file of {} bytes", n_keys, file.size()),
                fmt::format("at most {}, of 13 bytes or more each", kMaxKeys));
  }

  GgufFile gguf{GgufMetadata(file.name()), {}};
  for (uint64_t i = 0; i < n_keys; ++i) {
    const uint64_t at = reader.position();
    std::string key = reader.string("a metadata key", kMaxKeyBytes);
    const std::string shown = printable(key);
    GgufValue value = read_value(reader, key);
    if (!gguf.metadata.add(std::move(key), std::move(value)))
      reader.fail(at, "the key " + shown + " again", "it once");
  }

  uint64_t alignment = 32;
  if (gguf.metadata.has("general.alignment")) {
    alignment = gguf.metadata.integer("general.alignment").value();
    if (!std::has_single_bit(alignment) || alignment > kMaxAlignment) {
      throw Error(Exit::bad_input,
                  fmt::format("{}: found general.alignment {}; expected a power of two up to {}", file.name(),
                              alignment, kMaxAlignment));
    }
  }

  std::unordered_set<std::string> names;
  gguf.tensors.reserve(static_cast<size_t>(n_tensors));
  for (uint64_t i = 0; i < n_tensors; ++i) {
    const uint64_t at = reader.position();
    gguf.tensors.push_back(read_tensor(reader));
    const std::string& name = gguf.tensors.back().name;
    if (!names.insert(name).second) reader.fail(at, "tensor " + printable(name) + " again", "it once");
  }
  place_tensors(reader, file.size(), alignment, gguf.tensors);
  return gguf;
}

}  // namespace ra
