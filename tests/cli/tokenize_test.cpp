// repro-audit tokenize, from its options to what it prints.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "cli/verbs.h"
#include "core/json.h"
#include "tests/cli/program.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/golden.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::HasSubstr;

class Tokenize : public testing::Test {
 protected:
  // What the verb prints for a file with these bytes.
  std::string run(const std::string& bytes, std::vector<std::string> options) {
    const std::string input = folder.write("input.txt", bytes);
    options.insert(options.begin(), {"repro-audit", "tokenize", input, "--model", model});
    std::vector<char*> argv;
    for (std::string& option : options) argv.push_back(option.data());
    CLI::App app;
    const Verb verb = add_tokenize(app);
    app.parse(static_cast<int>(argv.size()), argv.data());
    testing::internal::CaptureStdout();
    try {
      EXPECT_EQ(verb.run(), 0);
    } catch (...) {
      testing::internal::GetCapturedStdout();
      throw;
    }
    return testing::internal::GetCapturedStdout();
  }
  std::string refuse(const std::string& bytes, const std::vector<std::string>& options) {
    return refusal(Exit::bad_input, [&] { run(bytes, options); });
  }

  std::string model;
  TemporaryFolder folder;
};

TEST_F(Tokenize, ShowsIdsAndPieces) {
  model = golden_path("gguf/llama-tied-bf16.gguf");
  EXPECT_EQ(run("se\x1b é<|im_end|>\n", {"--parse-special"}),
            "    260  \"se\"\n"
            "    215  \"\\u{1b}\"\n"
            "    220  \" \"\n"
            "    127  \"\\xc3\"\n"
            "    102  \"\\xa9\"\n"
            "    639  \"<|im_end|>\"\n"
            "6 tokens\n");
}

TEST_F(Tokenize, SaysTheSameAsJsonWithTheBytesOfWhatIsNoText) {
  model = golden_path("gguf/llama-tied-bf16.gguf");
  const Json json = parse_json(run("se\x1b é", {"--json"}), "json");
  const Json::Array& tokens = json.find("tokens")->array("tokens");
  std::vector<uint64_t> ids;
  for (const Json& token : tokens) ids.push_back(token.find("id")->unsigned_integer("id"));
  EXPECT_EQ(ids, (std::vector<uint64_t>{260, 215, 220, 127, 102}));
  EXPECT_EQ(tokens[1].find("text")->string("text"), "\x1b");
  EXPECT_EQ(tokens[1].find("base64"), nullptr);
  EXPECT_EQ(tokens[3].find("text")->string("text"), "\ufffd");
  EXPECT_EQ(tokens[3].find("base64")->string("base64"), "ww==");
  EXPECT_THAT(refusal(Exit::usage, [&] { run("a", {"--json", "--ndjson"}); }), HasSubstr("one of them"));
}

TEST_F(Tokenize, AnswersEveryJsonLineWithTheReferencesIds) {
  model = golden_path("qwen3-bf16");
  const Json cases = golden_json("tokenizer-qwen2/golden.json");
  std::string lines, expected;
  for (const Json& one : cases.array("cases")) {
    std::string escaped;
    for (const char c : member(one, "text").string("text")) {
      escaped += c == '"' || c == '\\' || static_cast<uint8_t>(c) < 0x20
                     ? fmt::format("\\u{:04x}", static_cast<int>(c))
                     : std::string(1, c);
    }
    lines += '"' + escaped + "\"\n";
    expected += fmt::format("[{}]\n", fmt::join(ids_of(member(one, "ids")), ","));
  }
  EXPECT_EQ(run(lines, {"--ndjson", "--parse-special"}), expected);
}

// Llama 2's kind: a blank before the text, bytes of characters that are no token.
TEST_F(Tokenize, ShowsThePiecesOfByteFallback) {
  const CheckpointFolder checkpoint;
  write_tiny_folder(checkpoint);
  checkpoint.write("config.json", tiny_config({{"vocab_size", "640"}}));
  std::vector<TinyTensor> tensors = tiny_safetensors_tensors();
  tensors.front().dims = {640, 8};
  const auto [header, data] = tiny_safetensors(tensors);
  checkpoint.write("model.safetensors", safetensors_bytes(header, data));
  checkpoint.write("tokenizer.json", read_file(golden_path("tokenizer-spm/tokenizer.json")));
  model = checkpoint.path();
  EXPECT_EQ(run("the é\xe6\x9f\xbf\n", {}),
            "      1  \"<s>\"\n"
            "    370  \" \"\n"
            "    418  \"the \"\n"
            "    354  \"é\"\n"
            "    233  \"\\xe6\"\n"
            "    162  \"\\x9f\"\n"
            "    194  \"\\xbf\"\n"
            "7 tokens\n");
  checkpoint.write("chat_template.jinja", "{{ bos_token }}{{ '[INST] ' + message['content'] + ' [/INST]' }}");
  const Finished understood = run_program({"model", model});
  EXPECT_THAT(understood.out,
              HasSubstr("tokenizer:    BPE with byte fallback, pre-tokenizer none, 640 tokens\n"));
  EXPECT_THAT(understood.out, HasSubstr("chat format:  Mistral [INST]\n"));
}

TEST_F(Tokenize, LeavesBosOutWhenAskedTo) {
  model = golden_path("llama3-scaled-fp32-sharded");
  EXPECT_EQ(run("\"a\"", {"--ndjson"}), "[637,64]\n");
  EXPECT_EQ(run("\"a\"", {"--ndjson", "--no-bos"}), "[64]\n");
}

TEST_F(Tokenize, NamesTheLineOfABadString) {
  model = golden_path("qwen3-bf16");
  for (const char* bad : {"\"\\ud800\"", "\"\xff\"", "", "[1]", "\"a", "\"a\"\r", "\"a\" \"b\""}) {
    const std::string message = refuse(std::string("\"ok\"\n") + bad + "\n", {"--ndjson"});
    EXPECT_THAT(message, HasSubstr("input.txt: line 2")) << bad;
    EXPECT_THAT(message, HasSubstr("; expected ")) << bad;
  }
  EXPECT_THAT(refuse("one\ntwo\xff\n", {}), HasSubstr("line 2: byte 0xff is not UTF-8"));
}

}  // namespace
}  // namespace ra
