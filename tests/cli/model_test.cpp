// The verb that says what was understood of a checkpoint, by the real program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.h"
#include "core/json.h"
#include "tests/cli/program.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

TEST(ModelVerb, SaysWhatWasUnderstoodOfAGgufFile) {
  const Finished finished = run_program({"model", golden_path("gguf/llama-tied-q8_0.gguf")});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.err, "");
  for (const char* line : {
           "model:        llama-tied-q8_0.gguf\n",
           "format:       GGUF v3\n",
           "family:       llama\n",
           "attention:    4 heads of 32, 2 key-value heads\n",
           "vocabulary:   640, head tied to the embedding\n",
           "RoPE:         base 10000, not scaled\n",
           "weights:      598912 in all: Q8_0 in 22 tensors (0.6 MiB), F32 in 7 tensors (0.0 MiB)\n",
           "tokenizer:    byte-level BPE, pre-tokenizer smollm, 640 tokens\n",
           "chat format:  none: the checkpoint has no template; prompts need --raw\n",
           "SHA-256:      91171ef35d5ce11cf9b0ce05261bf715569be83a2138c5b2371759b813eebe70\n",
           " MiB (weights ",
       }) {
    EXPECT_THAT(finished.out, HasSubstr(line));
  }
}

TEST(ModelVerb, SaysWhatWasUnderstoodOfAFolder) {
  const Finished finished = run_program({"model", golden_path("llama3-scaled-fp32-sharded")});
  EXPECT_EQ(finished.status, 0) << finished.err;
  for (const char* line : {
           "format:       safetensors\n",
           "vocabulary:   640, own head\n",
           "RoPE:         base 500000, scaled as llama3: factor 8, low 1, high 4, 64 original positions\n",
           "F32 in 30 tensors",
           "model.safetensors.index.json (2494 bytes)\n",
           "SHA-256:      203e7ba44fabb54e11d411bc0e7a06bf5d07ad85529efdc20a6964f93ddaf6ec\n",
       }) {
    EXPECT_THAT(finished.out, HasSubstr(line));
  }
}

TEST(ModelVerb, SaysTheSameAsJson) {
  const Finished finished = run_program({"model", golden_path("llama3-scaled-fp32-sharded"), "--json"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  const Json report = parse_json(finished.out, "report");
  EXPECT_EQ(member(report, "name").string("name"), "llama3-scaled-fp32-sharded");
  EXPECT_EQ(member(report, "sha256").string("sha256"),
            "203e7ba44fabb54e11d411bc0e7a06bf5d07ad85529efdc20a6964f93ddaf6ec");
  EXPECT_EQ(member(member(report, "shape"), "layers").integer("layers"), 3);
  EXPECT_EQ(member(member(report, "shape"), "norm_epsilon").number("norm_epsilon"), double{1e-6f});
  EXPECT_EQ(member(member(report, "rope"), "scaling").string("scaling"), "llama3");
  EXPECT_EQ(member(member(report, "rope"), "factor").number("factor"), 8);
  EXPECT_TRUE(member(member(report, "chat"), "format").is_null());
  const Json::Array& files = member(report, "files").array("files");
  ASSERT_EQ(files.size(), 8u);
  const std::string& path = member(files[0], "path").string("path");
  EXPECT_EQ(member(files[0], "sha256").string("sha256"), hex(sha256(read_file(path))));
  EXPECT_EQ(report.find("check"), nullptr);
}

TEST(ModelVerb, ChecksEveryTensor) {
  const std::string path = golden_path("gguf/llama-tied-q8_0.gguf");
  const Finished text = run_program({"model", path, "--check"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("\ncheck:        29 tensors in 1 files, 0 findings\n"));
  EXPECT_THAT(text.out,
              HasSubstr("91171ef35d5ce11cf9b0ce05261bf715569be83a2138c5b2371759b813eebe70  " + path));
  EXPECT_EQ(text.err, "") << "a progress bar is for terminals";

  CheckpointFolder folder;
  write_tiny_folder(folder);
  auto [header, data] = tiny_safetensors(tiny_safetensors_tensors());
  data.replace(0, 4, u32(0x7fc00000));
  folder.write("model.safetensors", safetensors_bytes(header, data));
  const Finished json = run_program({"model", folder.path(), "--check", "--json"});
  EXPECT_EQ(json.status, 3);
  const Json report = parse_json(json.out, "report");
  const Json& check = member(report, "check");
  const Json& first = member(check, "tensors").array("tensors").at(0);
  EXPECT_EQ(member(first, "name").string("name"), "model.embed_tokens.weight");
  EXPECT_EQ(member(first, "nan").integer("nan"), 1);
  EXPECT_EQ(member(first, "sha256").string("sha256"), hex(sha256(data.substr(0, 16 * 8 * 4))));
  EXPECT_EQ(member(check, "findings").array("findings").size(), 1u);
}

// What keeps a model from being used is a finding too, and the files that can be read are read.
TEST(ModelVerb, ACheckOfAModelThatCannotBeUsedSaysWhy) {
  CheckpointFolder folder;
  write_tiny_folder(folder);
  folder.write("config.json", tiny_config({{"vocab_size", "17"}}));
  const Finished finished = run_program({"model", folder.path(), "--check"});
  EXPECT_EQ(finished.status, 3);
  EXPECT_THAT(finished.out, HasSubstr("finding:      " + folder.file("model.safetensors") +
                                      ": tensor model.embed_tokens.weight: found shape [16, 8]; expected"));
  EXPECT_THAT(finished.out, HasSubstr("check:        11 tensors in 1 files, 1 findings\n"));
}

TEST(ModelVerb, FindsAnIdInTheHuggingFaceCache) {
  CheckpointFolder cache;
  const std::string hub = cache.file(".cache/huggingface/hub"), model = hub + "/models--org--name",
                    commit(40, 'c');
  std::filesystem::create_directories(model + "/refs");
  std::filesystem::create_directories(model + "/snapshots");
  std::filesystem::copy(golden_path("llama-tied-bf16"), model + "/snapshots/" + commit);
  cache.write(".cache/huggingface/hub/models--org--name/refs/main", commit);
  const std::map<std::string, std::optional<std::string>> settings[] = {
      {{"HF_HUB_CACHE", hub}, {"HF_HOME", "/nowhere"}},
      {{"HF_HOME", cache.file(".cache/huggingface")}, {"XDG_CACHE_HOME", "/nowhere"}},
      {{"XDG_CACHE_HOME", cache.file(".cache")}},
      {{"HOME", cache.path()}}};
  for (const auto& environment : settings) {
    const Finished found = launch_program({.arguments = {"model", "org/name"}, .environment = environment});
    EXPECT_EQ(found.status, 0) << found.err;
    EXPECT_THAT(found.out, HasSubstr("model:        org/name\n"));
    EXPECT_THAT(found.out, HasSubstr(model + "/snapshots/" + commit + "/config.json (718 bytes)\n"));
    const Finished absent = launch_program({.arguments = {"model", "org/none"}, .environment = environment});
    EXPECT_EQ(absent.status, 3);
    EXPECT_EQ(absent.err, "repro-audit: error: org/none: found neither a file or folder of this name nor " +
                              hub + "/models--org--none" + "; expected one of them: nothing is downloaded\n");
  }
}

TEST(ModelVerb, RemembersDigestsInTheCacheFolder) {
  CheckpointFolder folder;
  std::filesystem::copy(golden_path("gguf/llama-tied-q8_0.gguf"), folder.file("model.gguf"));
  std::filesystem::last_write_time(folder.file("model.gguf"),
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const Launch launch = {.arguments = {"model", folder.file("model.gguf")},
                         .environment = {{"XDG_CACHE_HOME", folder.path()}}};
  const std::string expected = "91171ef35d5ce11cf9b0ce05261bf715569be83a2138c5b2371759b813eebe70";
  EXPECT_THAT(launch_program(launch).out, HasSubstr(expected));
  EXPECT_THAT(read_file(folder.file("repro-audit/sha256")), HasSubstr(expected + " 656416 "));
  EXPECT_THAT(launch_program(launch).out, HasSubstr(expected));
}

TEST(ModelVerb, DescribesAModelThatIsOnlyAConfiguration) {
  const std::string folder = RA_SOURCE "/samples/configs/Qwen3-8B";
  const Finished finished = run_program({"model", folder, "--dummy-weights", "12"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  for (const char* line : {
           "model:        Qwen3-8B (dummy weights, seed 12)\n",
           "format:       dummy: weights drawn from seed 12 by repro-audit-dummy/1\n",
           "attention:    32 heads of 128, 8 key-value heads, q and k norm\n",
           "weights:      8190735360 in all: BF16 in 399 tensors (15622.6 MiB)\n",
           "tokenizer:    none: prompts need --prompt-ids\n",
           "stop tokens:  151645\n",
       }) {
    EXPECT_THAT(finished.out, HasSubstr(line));
  }
  const Finished json = run_program({"model", folder + "/config.json", "--dummy-weights", "12", "--json"});
  const Json report = parse_json(json.out, "report");
  EXPECT_EQ(member(member(report, "dummy_weights"), "seed").unsigned_integer("seed"), 12u);
  EXPECT_EQ(member(member(report, "dummy_weights"), "generator").string("generator"), "repro-audit-dummy/1");
  EXPECT_THAT(finished.out, HasSubstr(member(report, "sha256").string("sha256")));
}

TEST(ModelVerb, DummyWeightsAreNothingToCheckAndNeededOnlyWhereNoneAre) {
  const std::string folder = RA_SOURCE "/samples/configs/Qwen3-8B";
  const Finished check = run_program({"model", folder, "--dummy-weights", "1", "--check"});
  EXPECT_EQ(check.status, 2);
  EXPECT_THAT(check.err, HasSubstr("--check with --dummy-weights; expected weights that are read"));
  const Finished without = run_program({"model", folder});
  EXPECT_EQ(without.status, 3);
  EXPECT_THAT(without.err, HasSubstr("found a folder without weights; expected model.safetensors"));
}

TEST(ModelVerb, WarningsAndRefusalsAreSeen) {
  CheckpointFolder folder;
  auto tensors = tiny_safetensors_tensors();
  tensors.push_back({"extra", {3}});
  const auto [header, data] = tiny_safetensors(tensors);
  folder.write("config.json", tiny_config());
  folder.write("model.safetensors", safetensors_bytes(header, data));
  const Finished warned = run_program({"model", folder.path()});
  EXPECT_EQ(warned.status, 0) << warned.err;
  EXPECT_THAT(warned.out, HasSubstr("warning:      tensor extra is not used\n"));
  EXPECT_THAT(warned.out, HasSubstr("tokenizer:    none: prompts need --prompt-ids\n"));

  folder.write("model.safetensors", "");
  const Finished refused = run_program({"model", folder.path()});
  EXPECT_EQ(refused.status, 3);
  EXPECT_EQ(refused.out, "");
  EXPECT_EQ(refused.err, "repro-audit: error: " + folder.file("model.safetensors") +
                             "@0: found 0 bytes; expected a header's length of 8 bytes\n");
}

}  // namespace
}  // namespace ra
