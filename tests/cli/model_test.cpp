// The verb that says what was understood of a checkpoint, by the real program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
