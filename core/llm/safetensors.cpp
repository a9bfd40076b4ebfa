#include "core/llm/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // safetensors' MAX_HEADER_SIZE
// A tensor has some 12 values; this bounds the tree to some 150 MB.
constexpr JsonLimits kHeaderLimits{16, 1'000'000};
constexpr size_t kMaxDims = 8;

// Bits of an element, by safetensors' Dtype; none if it is not one.
std::optional<uint64_t> bits_of(const std::string& dtype) {
  static constexpr std::pair<const char*, uint64_t> kTypes[] = {
      {"F32", 32},    {"F16", 16},    {"BF16", 16},   {"BOOL", 8},    {"U8", 8},
      {"I8", 8},      {"U16", 16},    {"I16", 16},    {"U32", 32},    {"I32", 32},
      {"U64", 64},    {"I64", 64},    {"F64", 64},    {"C64", 64},    {"F8_E5M2", 8},
      {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},
  };
  for (const auto& [name, bits] : kTypes) {
    if (dtype == name) return bits;
  }
  return std::nullopt;
}

[[noreturn]] void fail(const std::string& where, const std::string& found, const std::string& expected) {
  throw Error(Exit::bad_input, fmt::format("{}: found {}; expected {}", where, found, expected));
}

struct Header {
  Json json;
  uint64_t data_start;
};

Header read_header(const InputFile& file) {
  const auto fail_at_start = [&](const std::string& found, const std::string& expected) {
    fail(file.name() + "@0", found, expected);
  };
  if (file.size() < kLengthBytes) {
    fail_at_start(fmt::format("{} bytes", file.size()), "a header's length of 8 bytes");
  }
  uint8_t raw[kLengthBytes];
  file.read(0, raw, kLengthBytes);
  uint64_t length = 0;
  for (uint64_t i = 0; i < kLengthBytes; ++i) length |= static_cast<uint64_t>(raw[i]) << (8 * i);
  if (length > kMaxHeaderBytes) {
    fail_at_start(fmt::format("a header of {} bytes", length), fmt::format("at most {}", kMaxHeaderBytes));
  }
  if (length > file.size() - kLengthBytes) {
    fail_at_start(fmt::format("a header of {} bytes in a file of {}", length, file.size()),
                  "a complete file");
  }
  std::string text(static_cast<size_t>(length), '\0');
  file.read(kLengthBytes, text.data(), text.size());
  return {parse_json(text, file.name() + " header", kHeaderLimits), kLengthBytes + length};
}

// One entry of the header; its offset still counts from the data's start.
TensorEntry read_entry(const std::string& name, const Json& json, const std::string& where, int file_index) {
  TensorEntry tensor;
  tensor.name = name;
  tensor.file = file_index;
  for (const auto& [key, ignored] : json.object(where)) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      fail(where, "the key " + printable(key), "dtype, shape and data_offsets");
    }
  }
  const auto member = [&](const char* key) -> const Json& {
    const Json* found = json.find(key);
    if (!found) fail(where, fmt::format("no {}", key), "dtype, shape and data_offsets");
    return *found;
  };
  tensor.stored_type = member("dtype").string(where + ", dtype");
  const std::optional<uint64_t> element_bits = bits_of(tensor.stored_type);
  if (!element_bits)
    fail(where + ", dtype", fmt::format("\"{}\"", printable(tensor.stored_type)), "a type of safetensors");
  tensor.type = find_tensor_type(tensor.stored_type);

  const std::string shape_where = where + ", shape";
  uint64_t elements = 1, bits = 0;
  bool overflow = false;
  for (const Json& extent : member("shape").array(shape_where)) {
    tensor.dims.push_back(extent.unsigned_integer(shape_where));
    overflow |= __builtin_mul_overflow(elements, tensor.dims.back(), &elements);
  }
  overflow |= __builtin_mul_overflow(elements, *element_bits, &bits);
  if (tensor.dims.size() > kMaxDims) {
    fail(shape_where, fmt::format("{} dimensions", tensor.dims.size()), fmt::format("at most {}", kMaxDims));
  }
  if (overflow) fail(shape_where, dims_text(tensor.dims), "a size that 64 bits can hold");
  if (bits % 8 != 0)
    fail(shape_where, fmt::format("{} elements of {} bits", elements, *element_bits), "whole bytes");
  tensor.bytes = bits / 8;

  const std::string offsets_where = where + ", data_offsets";
  const Json::Array& offsets = member("data_offsets").array(offsets_where);
  if (offsets.size() != 2) fail(offsets_where, fmt::format("{} elements", offsets.size()), "begin and end");
  tensor.offset = offsets[0].unsigned_integer(offsets_where);
  const uint64_t end = offsets[1].unsigned_integer(offsets_where);
  if (end < tensor.offset || end - tensor.offset != tensor.bytes) {
    fail(
        offsets_where, fmt::format("[{}, {}]", tensor.offset, end),
        fmt::format("{} bytes, as {} of {} takes", tensor.bytes, dims_text(tensor.dims), tensor.stored_type));
  }
  return tensor;
}

void check_metadata(const Json& metadata, const std::string& where) {
  for (const auto& [key, value] : metadata.object(where)) value.string(where + ", " + printable(key));
}

}  // namespace

std::vector<TensorEntry> read_safetensors(const InputFile& file, int file_index) {
  const std::string& name = file.name();
  const Header header = read_header(file);
  std::vector<TensorEntry> tensors;
  for (const auto& [key, value] : header.json.object(name + " header")) {
    const std::string where = name + ": " + printable(key);
    if (key == "__metadata__") {
      check_metadata(value, where);
    } else if (tensors.size() == kMaxTensors) {
      fail(name, fmt::format("more than {} tensors", kMaxTensors), "fewer");
    } else {
      tensors.push_back(read_entry(key, value, where, file_index));
    }
  }
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  uint64_t end = 0;  // of the tensors so far, from the data's start
  for (TensorEntry& tensor : tensors) {
    if (tensor.offset != end) {
      fail(fmt::format("{}@{}", name, header.data_start + end),
           fmt::format("tensor {} at data offset {}", printable(tensor.name), tensor.offset),
           fmt::format("{}, where the one before ends", end));
    }
    end += tensor.bytes;
    tensor.offset += header.data_start;
  }
  if (const uint64_t data = file.size() - header.data_start; data != end) {
    fail(fmt::format("{}@{}", name, header.data_start), fmt::format("{} bytes of data", data),
         fmt::format("{}, where the last tensor ends", end));
  }
  return tensors;
}

}  // namespace ra
