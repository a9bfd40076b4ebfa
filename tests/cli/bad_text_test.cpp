// Tokenizers and prompts that the real program refuses (bad-inputs B36 to B47): the exit status, one line that says what
// was found and expected, nothing on stdout, no database, within 2 s and 256 MiB beside the file, and again the same.
// Every single defect of a tokenizer is in tests/llm; here are those that cost, and one of each kind.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/hash.h"
#include "tests/cli/program.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/golden.h"
#include "tests/support/tiny_tokenizer.h"

namespace ra {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The line that both of two runs end with, without its beginning and newline. `file_bytes`: of what is read.
std::string refused(const Launch& launch, uint64_t file_bytes, int status = 3) {
  std::string line;
  for (int time = 0; time < 2; ++time) {
    const Finished finished = launch_program(launch);
    EXPECT_EQ(finished.status, status) << finished.err;
    EXPECT_EQ(finished.out, "");
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_THAT(finished.err, StartsWith("repro-audit: error: "));
    EXPECT_THAT(finished.err, HasSubstr("; expected "));
#ifndef __SANITIZE_ADDRESS__
    EXPECT_LT(finished.cpu_seconds, 2) << finished.err;
    EXPECT_LT(finished.peak_bytes, (uint64_t{256} << 20) + file_bytes) << finished.err;
#endif
    if (time > 0) {
      EXPECT_EQ(finished.err, "repro-audit: error: " + line + "\n");
    }
    line = finished.err.size() < 21 ? "" : finished.err.substr(20, finished.err.size() - 21);
  }
  return line;
}

// Writes `part` so many times between a beginning and an end, without holding all of it.
void write_repeated(const std::string& path, const std::string& begin, const std::string& part, int times,
                    const std::string& end) {
  std::ofstream file(path, std::ios::binary);
  file << begin;
  std::string parts;
  for (int i = 0; i < 1000; ++i) parts += part;
  for (int i = 0; i < times / 1000; ++i) file << parts;
  file << end;
  ASSERT_TRUE(file.good());
}

class BadTokenizerFile : public testing::Test {
 protected:
  BadTokenizerFile() { write_tiny_folder(folder); }
  // The line that a tokenizer.json with these bytes gets, without the file's name, which it begins with.
  std::string refuse(const std::string& bytes) {
    folder.write("tokenizer.json", bytes);
    return refuse_file();
  }
  std::string refuse_file() const {
    const uint64_t size = std::filesystem::file_size(path);
    const std::string line =
        refused({.arguments = {"model", folder.path()}}, std::min<uint64_t>(size, 1 << 30));
    EXPECT_THAT(line, StartsWith(path));
    return line.substr(std::min(path.size(), line.size()));
  }

  CheckpointFolder folder;
  std::string path = folder.file("tokenizer.json");
};

TEST_F(BadTokenizerFile, B36TruncatedHugeOrDeep) {
  const std::string whole = TinyTokenizerJson().text();
  EXPECT_THAT(refuse(whole.substr(0, whole.size() / 2)), StartsWith(fmt::format("@{}: ", whole.size() / 2)));
  EXPECT_THAT(refuse(""), StartsWith("@0: "));
  EXPECT_THAT(refuse(std::string(200'000, '[')), StartsWith("@64: more than 64 levels"));
  std::string objects;
  for (int i = 0; i < 200'000; ++i) objects += "{\"a\":";
  EXPECT_THAT(refuse(objects), StartsWith("@320: more than 64 levels"));
  std::filesystem::resize_file(path, uint64_t{2} << 30);  // sparse
  EXPECT_THAT(refuse_file(), HasSubstr("2147483648"));
  std::filesystem::resize_file(path, uint64_t{1} << 40);
  EXPECT_THAT(refuse_file(), HasSubstr("1099511627776"));
}

TEST_F(BadTokenizerFile, B37Ids) {
  TinyTokenizerJson json;
  json.vocab = R"({"a": 0, "b": 0})";
  EXPECT_THAT(refuse(json.text()), HasSubstr("id 0 twice"));
  json.vocab = R"({"a": 0, "b": -1})";
  EXPECT_THAT(refuse(json.text()), HasSubstr("model.vocab[\"b\"]: found -1"));
  TinyTokenizerJson beyond;  // the tiny model has 16 rows
  beyond.added = "[";
  for (int id = 6; id < 17; ++id)
    beyond.added += fmt::format(R"({}{{"id": {}, "content": "<{}>"}})", id > 6 ? "," : "", id, id);
  beyond.added += "]";
  EXPECT_THAT(refuse(beyond.text()), HasSubstr("found token id 16; expected ids below the model's 16"));
}

TEST_F(BadTokenizerFile, B38TenMillionMerges) {
  TinyTokenizerJson json;
  json.merges = "[@]";
  const std::string text = json.text();
  const size_t at = text.find('@');
  for (const char* merge : {R"(["a","b"],)", R"("a b",)"}) {
    write_repeated(path, text.substr(0, at), merge, 10'000'000, "7" + text.substr(at + 1));
    EXPECT_THAT(refuse_file(), HasSubstr("more than 4000000 values and keys; expected fewer")) << merge;
  }
}

TEST_F(BadTokenizerFile, B39ByteTokens) {
  TinyTokenizerJson json;
  json.model_rest = R"("byte_fallback": true)";
  json.pre_tokenizer = "null";
  json.decoder = R"({"type": "ByteFallback"})";
  EXPECT_THAT(refuse(json.text()), HasSubstr("no token <0x00>; expected each of <0x00> to <0xFF> once"));
  for (const char* token : {"<0x-1>", "<0xZZ>", "<0x100>"}) {
    json.vocab = fmt::format(R"({{"{}": 0}})", token);
    json.merges = "[]";
    json.added = "[]";
    EXPECT_THAT(refuse(json.text()), HasSubstr(fmt::format("token 0 is \"{}\", which is no byte", token)));
  }
}

TEST_F(BadTokenizerFile, B40Patterns) {
  for (const std::string& pattern : {std::string("(a+)+$"), std::string("("), std::string(1 << 20, 'a'),
                                     std::string("\\\\C"), std::string("(?R)")}) {
    TinyTokenizerJson json;
    json.pre_tokenizer =
        R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": ")" + pattern +
        R"("}, "behavior": "Isolated"}, {"type": "ByteLevel", "add_prefix_space": false,
                         "use_regex": false}]})";
    EXPECT_THAT(refuse(json.text()), HasSubstr("unsupported pattern"));
  }
}

TEST_F(BadTokenizerFile, B41AddedTokens) {
  TinyTokenizerJson json;
  json.added = R"([{"id": 6, "content": ""}])";
  EXPECT_THAT(refuse(json.text()), HasSubstr("added token 6 without text"));
  json.added = R"([{"id": 6, "content": "<x>"}, {"id": 7, "content": "<x>"}])";
  EXPECT_THAT(refuse(json.text()), HasSubstr("added tokens 6 and 7 are both \"<x>\""));
}

// Runs with a prompt, the model of the folder `llama-tied-bf16` and no chat format unless told otherwise.
class BadPrompt : public testing::Test {
 protected:
  std::string refuse_file(const std::vector<std::string>& more = {"--raw"}) const {
    Launch launch{.arguments = {"run", "--model", golden_path("llama-tied-bf16"), "--prompt", path, "--db",
                                folder.file("audits.sqlite"), "-n", "2"}};
    launch.arguments.insert(launch.arguments.end(), more.begin(), more.end());
    const std::string line = refused(launch, std::min<uint64_t>(std::filesystem::file_size(path), 1 << 30));
    EXPECT_FALSE(std::filesystem::exists(folder.file("audits.sqlite")));
    return line.substr(line.starts_with(path) ? path.size() : 0);
  }
  std::string refuse(const std::string& bytes, const std::vector<std::string>& more = {"--raw"}) const {
    folder.write("prompt.txt", bytes);
    return refuse_file(more);
  }

  CheckpointFolder folder;
  std::string path = folder.file("prompt.txt");
};

TEST_F(BadPrompt, B43TextThatIsNotPlainUtf8) {
  EXPECT_EQ(refuse("one\ntwo\xff"), "@7: line 2: byte 0xff is not UTF-8; expected UTF-8 text");
  EXPECT_THAT(refuse("one\n\xed\xa0\x80"), StartsWith("@4: line 2: byte 0xed is not UTF-8"));
  EXPECT_THAT(refuse(std::string("a\n\n\0", 4)), StartsWith("@3: line 3: a NUL"));
  EXPECT_THAT(refuse("one\r\ntwo\r\n"), StartsWith("@3: line 1: a carriage return"));
  EXPECT_THAT(refuse("\xef\xbb\xbfone"), StartsWith("@0: line 1: a byte order mark"));
  EXPECT_THAT(refuse(""), StartsWith(": is empty"));
  EXPECT_THAT(refuse("\n"), StartsWith(": is empty"));
}

TEST_F(BadPrompt, B44Lengths) {
  constexpr const char* kContext = "tokens; expected fewer than the model's context of ";
  EXPECT_THAT(refuse(std::string(1'000'000, '^')), HasSubstr(kContext));
  EXPECT_THAT(refuse(std::string(4 << 20, ' ')), HasSubstr(kContext));
  EXPECT_THAT(refuse(std::string(10'000'000, 'a')),
              StartsWith(": larger; expected a text file of at most 8388608 bytes"));
  std::filesystem::resize_file(path, uint64_t{1} << 31);  // sparse
  EXPECT_THAT(refuse_file(), StartsWith(": larger; expected a text file of at most 8388608 bytes"));
}

TEST_F(BadPrompt, B42UnknownChatFormatsNeedRaw) {
  EXPECT_THAT(
      refuse("Hi", {}),
      HasSubstr("expected ChatML, Llama 2 [INST], Mistral [INST] or Llama 3; or --raw for the text alone"));
}

TEST_F(BadPrompt, B46NoneOrTwo) {
  EXPECT_THAT(refused({.arguments = {"run", "--model", golden_path("llama-tied-bf16")}}, 0, 2),
              HasSubstr("--prompt"));
  EXPECT_THAT(refused({.arguments = {"run", "--prompt", "a", "--prompt", "b"}}, 0, 2),
              HasSubstr("expected once"));
}

TEST_F(BadPrompt, B47TokenIds) {
  const auto refuse_ids = [&](const std::string& json) {
    const std::string file = folder.write("ids.json", json);
    const std::string line =
        refused({.arguments = {"run", "--model", golden_path("llama-tied-bf16"), "--prompt-ids", file, "--db",
                               folder.file("audits.sqlite")}},
                json.size());
    EXPECT_THAT(line, StartsWith(file));
    EXPECT_FALSE(std::filesystem::exists(folder.file("audits.sqlite")));
    return line;
  };
  EXPECT_THAT(refuse_ids("[1, 640]"), HasSubstr("[1]: found 640; expected an integer from 0 to 639"));
  EXPECT_THAT(refuse_ids("[-1]"), HasSubstr("found -1"));
  EXPECT_THAT(refuse_ids("[1.0]"), HasSubstr("found 1.0"));
  std::string many = "[0";
  for (int i = 0; i < 1'000'000; ++i) many += ",0";
  EXPECT_THAT(refuse_ids(many + "]"), HasSubstr("1000001 tokens; expected fewer than the model's context"));
}

// The same of a list of prompts; every single defect is in tests/llm/prompt_list_test.cpp.
class BadPromptList : public BadPrompt {
 protected:
  std::string refuse_list(const std::string& bytes, int status = 3) const {
    const std::string file = folder.write("prompts.jsonl", bytes);
    const std::string line = refused({.arguments = {"run", "--model", golden_path("llama-tied-bf16"), "--raw",
                                                    "--prompts", file, "--db", folder.file("audits.sqlite")}},
                                     bytes.size(), status);
    EXPECT_THAT(line, StartsWith(file));
    EXPECT_FALSE(std::filesystem::exists(folder.file("audits.sqlite")));
    return line.substr(std::min(file.size(), line.size()));
  }
  static std::string line(const std::string& id) { return "{\"id\":\"" + id + "\",\"prompt\":\"x\"}\n"; }
};

TEST_F(BadPromptList, B43IsRefusedWithTheLine) {
  EXPECT_THAT(refuse_list(line("a") + "\xff"), StartsWith("@24: line 2: byte 0xff is not UTF-8"));
  EXPECT_THAT(refuse_list(line("a") + R"({"id":"b","prompt":"\ud800"})"), StartsWith(": line 2@"));
  EXPECT_THAT(refuse_list(line("a") + '\0'), StartsWith("@24: line 2: a NUL"));
  EXPECT_THAT(refuse_list("{\"id\":\"a\",\"prompt\":\"x\"}\r\n"),
              StartsWith("@23: line 1: a carriage return"));
  EXPECT_THAT(refuse_list("\xef\xbb\xbf" + line("a")), StartsWith("@0: line 1: a byte order mark"));
  EXPECT_THAT(refuse_list(line("a") + "\n" + line("b")), StartsWith(": line 2: an empty line"));
  EXPECT_THAT(refuse_list(line("a") + "{\"prompt\":\"x\"}\n"), StartsWith(": line 2: no id"));
  EXPECT_THAT(refuse_list(line("a") + line("a")), StartsWith(": line 2: id \"a\" is that of line 1"));
}

TEST_F(BadPromptList, B44APromptLongerThanTheContextIsRefusedWithItsLine) {
  EXPECT_THAT(refuse_list(line("a") + R"({"id":"b","prompt":")" + std::string(100'000, '^') + "\"}\n"),
              testing::ContainsRegex("^: line 2: [0-9]+ tokens; expected fewer than the model's context"));
}

TEST_F(BadPromptList, B46NoneAndAMillionAndOne) {
  EXPECT_THAT(refuse_list("", 2), HasSubstr("no prompt; expected a JSON object a line"));
  std::string many;
  for (int i = 0; i < 1'000'001; ++i) many += line(std::to_string(i));
  EXPECT_THAT(refuse_list(many), StartsWith(": line 10001: more prompts; expected at most 10000"));
  EXPECT_THAT(refuse_list(std::string(65 << 20, ' ')),
              StartsWith(": larger; expected a text file of at most"));
}

TEST_F(BadPromptList, B47TokenIds) {
  EXPECT_THAT(refuse_list(R"({"id":"a","prompt_ids":[1, 640]})"),
              StartsWith(": line 1: prompt_ids: [1]: found 640"));
}

// B42, B45: hostile templates and the texts of special tokens are data. The audit runs, and says what it was given.
TEST(GoodPrompt, TemplatesAreHashedAndSpecialTextIsTextUnlessParsed) {
  const CheckpointFolder folder;
  std::filesystem::copy(golden_path("llama-tied-bf16"), folder.path(),
                        std::filesystem::copy_options::recursive);
  const std::string hostile = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}" + std::string(6000, '(') +
                              "{{ x.__class__ }}{% for i in range(100000000) %}x{% endfor %}";
  folder.write("chat_template.jinja", hostile);
  const std::string prompt = folder.write("prompt.txt", "<|im_start|>");
  const auto report = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run",
                                          "--model",
                                          folder.path(),
                                          "--prompt",
                                          prompt,
                                          "--raw",
                                          "-n",
                                          "1",
                                          "--db",
                                          folder.file("audits.sqlite"),
                                          "--max-tokens",
                                          "1",
                                          "--batch-sizes",
                                          "1",
                                          "--json",
                                          "-"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = run_program(arguments);
    EXPECT_EQ(finished.status, 0) << finished.err;
    return finished.out;
  };
  const std::string plain = report({}), parsed = report({"--parse-special"});
  EXPECT_THAT(plain, HasSubstr(hex(sha256(hostile))));
  EXPECT_THAT(plain, HasSubstr(R"("parse_special": "no")"));
  EXPECT_THAT(parsed, HasSubstr(R"("parse_special": "yes")"));
  EXPECT_THAT(parsed, testing::Not(testing::HasSubstr(R"("parse_special": "no")")));
}

}  // namespace
}  // namespace ra
