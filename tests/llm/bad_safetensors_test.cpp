// Rows B01 to B26 of the list of bad inputs: safetensors files that are wrong, and one that only looks so.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/llm/checkpoint.h"
#include "core/llm/input_file.h"
#include "tests/support/as_nobody.h"
#include "tests/support/checkpoint_files.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BadSafetensors : public testing::Test {
 protected:
  void SetUp() override { write_tiny_folder(folder_); }
  void expect_refused(const std::string& bytes, const std::string& what, double seconds = 2) {
    SCOPED_TRACE(testing::PrintToString(bytes.substr(0, 120)));
    const std::string file = folder_.write("model.safetensors", bytes);
    expect_refusal(folder_.path(), file, what, seconds);
  }
  // A header of tensors alone: `entries` between the braces.
  void expect_header_refused(const std::string& entries, const std::string& data, const std::string& what) {
    expect_refused(safetensors_bytes("{" + entries + "}", data), what);
  }
  void expect_accepted(const std::string& bytes) {
    folder_.write("model.safetensors", bytes);
    const Opening opening = open_apart(folder_.path());
    EXPECT_EQ(opening.status, 0) << opening.message;
  }
  CheckpointFolder folder_;
};

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
         "}";
}

TEST_F(BadSafetensors, B01NoRoomForALength) {
  expect_refused("", "found 0 bytes");
  expect_refused("1234567", "found 7 bytes");
}

TEST_F(BadSafetensors, B02LengthAndNothingElse) {
  expect_refused(u64(0x3c), "header of 60 bytes");
}

TEST_F(BadSafetensors, B03LengthsBeyondReason) {
  for (uint64_t length : {uint64_t{100'000'001}, uint64_t{1} << 63, UINT64_MAX}) {
    expect_refused(safetensors_bytes(length, "{}", ""), "expected at most 100000000");
  }
}

TEST_F(BadSafetensors, B04LengthOneTooMany) {
  expect_refused(safetensors_bytes(3, "{}", ""), "header of 3 bytes in a file of 10");
}

TEST_F(BadSafetensors, B05HeaderIsNoUtf8) {
  expect_refused(safetensors_bytes("{\"\xff\":1}", ""), "UTF-8");
}

TEST_F(BadSafetensors, B06HeaderIsNoObject) {
  expect_refused(safetensors_bytes("{", ""), "header@");
  expect_refused(safetensors_bytes("[]", ""), "found an array; expected an object");
  expect_refused(safetensors_bytes("null", ""), "found null; expected an object");
  expect_refused(safetensors_bytes("", ""), "header@0");
}

TEST_F(BadSafetensors, B07ByteOrderMarkAndNul) {
  expect_refused(safetensors_bytes("\xef\xbb\xbf{}", ""), "byte order mark");
  expect_refused(safetensors_bytes(std::string("{}\0garbage", 10), ""), "NUL");
}

TEST_F(BadSafetensors, B08BlanksAroundTheHeaderAreAccepted) {
  const auto [header, data] = tiny_safetensors(tiny_safetensors_tensors());
  expect_accepted(safetensors_bytes(header + "      ", data));
  expect_accepted(safetensors_bytes("\t\n" + header, data));
}

TEST_F(BadSafetensors, B09KeysGivenTwice) {
  const std::string one = entry("a", "\"U8\"", "[1]", "[0,1]");
  expect_header_refused(one + "," + one, "x", "two members \"a\"");
  expect_header_refused(R"("a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]})", "x",
                        "two members \"dtype\"");
  expect_header_refused(R"("__metadata__":{},"__metadata__":{})", "", "two members \"__metadata__\"");
}

TEST_F(BadSafetensors, B10TensorsThatOverlap) {
  std::string entries;
  for (int i = 0; i < 10; ++i) {
    entries += (i ? "," : "") + entry("t" + std::to_string(i), "\"F32\"", "[2,2]", "[0,16]");
  }
  expect_header_refused(entries, std::string(16, 'x'), "at data offset 0; expected 16");
}

TEST_F(BadSafetensors, B11Holes) {
  expect_header_refused(entry("a", "\"U8\"", "[4]", "[0,4]") + "," + entry("b", "\"U8\"", "[4]", "[5,9]"),
                        "123456789", "tensor b at data offset 5; expected 4");
  expect_header_refused(entry("a", "\"U8\"", "[4]", "[1,5]"), "12345",
                        "tensor a at data offset 1; expected 0");
}

TEST_F(BadSafetensors, B12TrailingAndMissingBytes) {
  const auto [header, data] = tiny_safetensors(tiny_safetensors_tensors());
  expect_refused(safetensors_bytes(header, data + "extra_bogus_data_for_polyglot_file"),
                 "bytes of data; expected");
  expect_refused(safetensors_bytes(header, data.substr(2)), "bytes of data; expected");
}

TEST_F(BadSafetensors, B13ShapeAndOffsetsDisagree) {
  expect_header_refused(entry("a", "\"I32\"", "[2,2]", "[0,4]"), "1234", "found [0, 4]; expected 16 bytes");
}

TEST_F(BadSafetensors, B14ShapesThatOverflow) {
  for (const char* shape : {"[2,18446744073709551614]", "[2,9223372036854775807]"}) {
    expect_header_refused(entry("a", "\"F32\"", shape, "[0,4]"), "1234",
                          "expected a size that 64 bits can hold");
  }
}

TEST_F(BadSafetensors, B15ShapesThatAreNoIntegers) {
  for (const char* extent : {"-1", "1.5", "1e3", "\"4\"", "true"}) {
    expect_header_refused(entry("a", "\"F32\"", "[" + std::string(extent) + "]", "[0,4]"), "1234",
                          "a, shape: found");
  }
  expect_header_refused(entry("a", "\"F32\"", "[18446744073709551616]", "[0,4]"), "1234",
                        "integer 18446744073709551616");
}

TEST_F(BadSafetensors, B16OffsetsThatAreNone) {
  expect_header_refused(entry("a", "\"U8\"", "[16]", "[16,0]"), std::string(16, 'x'), "found [16, 0]");
  expect_header_refused(entry("a", "\"U8\"", "[1]", "[0,1,2]"), "x", "3 elements; expected begin and end");
  expect_header_refused(entry("a", "\"U8\"", "[1]", R"(["0","1"])"), "x", "found \"0\"");
}

TEST_F(BadSafetensors, B17UnknownTypes) {
  expect_header_refused(entry("a", "\"F12\"", "[1]", "[0,1]"), "x", "\"F12\"");
  expect_header_refused(entry("a", "\"\"", "[1]", "[0,1]"), "x", "\"\"");
  expect_header_refused(entry("a", "null", "[1]", "[0,1]"), "x", "expected a string");
  expect_header_refused(entry("a", "7", "[1]", "[0,1]"), "x", "found 7");
  expect_header_refused(entry("a", "\"F4\"", "[3]", "[0,1]"), "x",
                        "3 elements of 4 bits; expected whole bytes");
}

TEST_F(BadSafetensors, B18EmptyAndScalarTensors) {
  auto tensors = tiny_safetensors_tensors();
  tensors.push_back({"empty", {2, 0}});
  tensors.push_back({"scalar", {}});
  const auto [header, data] = tiny_safetensors(tensors);
  folder_.write("model.safetensors", safetensors_bytes(header, data));
  EXPECT_THAT(Checkpoint::open(folder_.path()).warnings(),
              testing::IsSupersetOf({"tensor empty is not used", "tensor scalar is not used"}));

  for (const std::vector<uint64_t>& dims : {std::vector<uint64_t>{2, 0}, std::vector<uint64_t>{}}) {
    auto needed = tiny_safetensors_tensors();
    needed.back().dims = dims;
    const auto [bad_header, bad_data] = tiny_safetensors(needed);
    expect_refused(safetensors_bytes(bad_header, bad_data), "; expected shape [8]");
  }
}

TEST_F(BadSafetensors, B19AMillionTensors) {
  std::string header = "{";
  for (int i = 0; i < 1'000'000; ++i) {
    header += (i ? ",\"" : "\"") + std::to_string(i) +
              R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]                                 })";
  }
  expect_refused(safetensors_bytes(header + "}", ""), "more than 1000000 values and keys", 5);
}

TEST_F(BadSafetensors, B20DeepNesting) {
  expect_refused(safetensors_bytes(std::string(200'000, '['), ""), "levels of nesting");
}

TEST_F(BadSafetensors, B21MetadataAndEmptyEntries) {
  expect_header_refused(R"("__metadata__":{"a":1})", "", "expected a string");
  expect_header_refused(R"("a":{})", "", "a: found no dtype");
}

TEST_F(BadSafetensors, B22NamesThatWouldSpoilAMessage) {
  expect_header_refused(entry(std::string(1 << 20, 'n'), "\"F12\"", "[1]", "[0,1]"), "x", "nnn...");
  expect_header_refused(entry("a\\u0000\\u001b[2J\\u202e\\n", "\"F12\"", "[1]", "[0,1]"), "x",
                        "a\\u{0}\\u{1b}[2J\\u{202e}\\n, dtype");
}

TEST_F(BadSafetensors, B23NanAndInfinityAreLoadedAndCounted) {
  auto [header, data] = tiny_safetensors(tiny_safetensors_tensors());
  data.replace(data.size() - 4, 4, u32(0x7fc00000));  // model.norm.weight
  data.replace(0, 4, u32(0xff800000));                // model.embed_tokens.weight
  folder_.write("model.safetensors", safetensors_bytes(header, data));
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  EXPECT_THAT(checkpoint.non_finite_tensors(), IsEmpty());
  std::vector<float> values(16 * 8);
  checkpoint.parts(Role::embed, 0).at(0).read(0, 16, values.data());
  EXPECT_TRUE(std::isinf(values[0]));
  checkpoint.parts(Role::final_norm, 0).at(0).read(0, 1, values.data());
  EXPECT_TRUE(std::isnan(values[7]));
  checkpoint.parts(Role::o, 0).at(0).read(0, 8, values.data());
  EXPECT_THAT(checkpoint.non_finite_tensors(), ElementsAre("model.embed_tokens.weight", "model.norm.weight"));
}

TEST_F(BadSafetensors, B24TruncatedWhileLoadingIsAnErrorAndNoSignal) {
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  ASSERT_EQ(truncate(folder_.file("model.safetensors").c_str(), 1200), 0);
  std::vector<float> values(8);
  try {
    checkpoint.parts(Role::final_norm, 0).at(0).read(0, 1, values.data());
    FAIL() << "the truncated file was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::bad_input);
    EXPECT_THAT(error.what(), HasSubstr("became shorter"));
  }
  EXPECT_THROW(checkpoint.sha256(), Error);
}

TEST_F(BadSafetensors, B24ReplacedWhileLoadingTheOldFileIsRead) {
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  folder_.write("new", "something else");
  std::filesystem::rename(folder_.file("new"), folder_.file("model.safetensors"));
  std::vector<float> values(8);
  checkpoint.parts(Role::final_norm, 0).at(0).read(0, 1, values.data());
  EXPECT_EQ(values[7], 0.5f);
}

TEST_F(BadSafetensors, B25PathsThatAreNoRegularFiles) {
  const std::string file = folder_.file("model.safetensors");
  const auto replace = [&](const std::string& what, auto make) {
    SCOPED_TRACE(what);
    std::filesystem::remove(file);
    make();
    expect_refusal(folder_.path(), file, what == "a device" ? "a link to /dev/zero" : what);
    if (what != "a directory") expect_refusal(file, file, what);
  };
  replace("a directory", [&] { std::filesystem::create_directory(file); });
  replace("a FIFO", [&] { ASSERT_EQ(mkfifo(file.c_str(), 0600), 0); });
  replace("a device", [&] { std::filesystem::create_symlink("/dev/zero", file); });
  replace("No such file", [&] { std::filesystem::create_symlink("nowhere", file); });
  replace("symbolic links", [&] { std::filesystem::create_symlink("model.safetensors", file); });
  replace("cannot be opened", [&] {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(file.size(), sizeof address.sun_path);
    std::strcpy(address.sun_path, file.c_str());
    ASSERT_EQ(bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(descriptor);
  });
}

TEST_F(BadSafetensors, B25AFileWithoutReadPermission) {
  const std::string file = folder_.file("model.safetensors");
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(file.c_str(), 0), 0);
  const CallOutcome outcome =
      as_nobody([&] { return outcome_of([&] { Checkpoint::open(folder_.path()); }); });
  EXPECT_EQ(outcome.status, Exit::bad_input);
  EXPECT_EQ(outcome.message, file + ": cannot be opened (Permission denied); expected a readable file");
}

TEST_F(BadSafetensors, B26SparseFileOfATebibyte) {
  folder_.write("model.safetensors",
                safetensors_bytes(entry("a", "\"U8\"", "[1]", "[0,1]").insert(0, "{") + "}", "x"));
  if (truncate(folder_.file("model.safetensors").c_str(), off_t{1} << 40) != 0)
    GTEST_SKIP() << "no sparse files here";
  expect_refusal(folder_.path(), folder_.file("model.safetensors"), "expected 1, where the last tensor ends");
}

TEST_F(BadSafetensors, AFileTruncatedAnywhereIsRefused) {
  const auto [header, data] = tiny_safetensors(tiny_safetensors_tensors());
  const std::string whole = safetensors_bytes(header, data);
  folder_.write("model.safetensors", whole);
  for (size_t length = whole.size() - 1; length > 0; length -= std::min<size_t>(length, 7)) {
    ASSERT_EQ(truncate(folder_.file("model.safetensors").c_str(), static_cast<off_t>(length)), 0);
    EXPECT_THROW(Checkpoint::open(folder_.path()), Error) << length;
  }
}

TEST_F(BadSafetensors, ABiasInALayerIsRefusedRatherThanIgnored) {
  auto tensors = tiny_safetensors_tensors();
  tensors.push_back({"model.layers.0.self_attn.q_proj.bias", {8}});
  auto [header, data] = tiny_safetensors(tensors);
  expect_refused(safetensors_bytes(header, data),
                 "q_proj.bias: found a weight that is no part of this model");
  tensors.back().name = "model.layers.0.self_attn.rotary_emb.inv_freq";
  std::tie(header, data) = tiny_safetensors(tensors);
  expect_accepted(safetensors_bytes(header, data));
}

}  // namespace
}  // namespace ra
