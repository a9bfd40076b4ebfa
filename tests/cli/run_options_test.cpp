#include "cli/run_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"

namespace ra {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunOptions typed() {
  RunOptions options;
  options.model = "model.gguf";
  options.prompt = "prompt.txt";
  return options;
}

std::string usage(const RunOptions& options) {
  return refusal(Exit::usage, [&] { resolve(options, {}); });
}

TEST(RunOptions, TheDefaultIsAHundredRunsOfAHundredTokensInTwoArms) {
  const RunSettings settings = resolve(typed(), {});
  EXPECT_EQ(settings.runs, 100);
  EXPECT_EQ(settings.max_tokens, 100);
  EXPECT_THAT(settings.kernels, ElementsAre("standard", "invariant"));
  EXPECT_EQ(settings.batch_sizes.size(), 32u);
  EXPECT_THAT(settings.strata, ElementsAre(Stratum::rows));
  EXPECT_FALSE(settings.fp32_logits);
  EXPECT_GE(settings.threads, 1);
}

TEST(RunOptions, AProfileSetsWhatNoOptionDoes) {
  RunOptions options = typed();
  options.profile = "tml";
  EXPECT_EQ(resolve(options, {}).runs, 1000);
  EXPECT_EQ(resolve(options, {}).max_tokens, 1000);
  options.runs = 7;
  EXPECT_EQ(resolve(options, {}).runs, 7);
  EXPECT_EQ(resolve(options, {}).max_tokens, 1000);
  options = typed();
  options.profile = "evidence";
  EXPECT_EQ(resolve(options, {}).min_random_trials, 300);
  options.profile = "evidense";
  EXPECT_EQ(usage(options),
            "--profile: found \"evidense\"; expected one of quick, default, tml, evidence, perhaps evidence");
}

TEST(RunOptions, ProbesStandAroundTheEndsOfSegmentsUnlessAskedElsewhere) {
  RunOptions options = typed();
  EXPECT_THAT(resolve(options, {}).probe_contexts, ElementsAre(1, 63, 64, 65, 255, 256, 257, 511, 512, 513));
  options.profile = "evidence";
  EXPECT_THAT(resolve(options, {}).probe_contexts,
              ElementsAre(1, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1025, 4097));
  options.probe_contexts = "4-6,4097";
  EXPECT_THAT(resolve(options, {}).probe_contexts, ElementsAre(4, 5, 6, 4097));
  options.probe_contexts = "0";
  EXPECT_THAT(usage(options), HasSubstr("--probe-contexts"));
}

TEST(RunOptions, ThePromptComesFromExactlyOnePlace) {
  RunOptions options = typed();
  options.prompt_ids = "ids.json";
  EXPECT_THAT(usage(options), HasSubstr("two of --prompt, --prompt-ids and --prompts"));
  options.prompt.reset();
  EXPECT_EQ(resolve(options, {}).prompt_source, PromptSource::ids);
  options.prompts = "list.jsonl";
  EXPECT_THAT(usage(options), HasSubstr("two of --prompt, --prompt-ids and --prompts"));
  options.prompt_ids.reset();
  EXPECT_EQ(resolve(options, {}).prompt_source, PromptSource::list);
  options.baseline = "nightly";
  EXPECT_THAT(usage(options), HasSubstr("--baseline with a list of prompts; expected one prompt"));
  options = typed();
  options.prompt.reset();
  EXPECT_THAT(usage(options), HasSubstr("no prompt; expected --prompt FILE"));
}

TEST(RunOptions, OptionsThatContradictEachOtherAreRefused) {
  RunOptions options = typed();
  options.raw = true;
  options.system = "Be brief.";
  EXPECT_NE(usage(options), "accepted");
  options = typed();
  options.prompt = "-";
  options.companions = "-";
  EXPECT_NE(usage(options), "accepted");
  options = typed();
  options.prompt.reset();
  options.prompt_ids = "ids.json";
  options.parse_special = true;
  EXPECT_NE(usage(options), "accepted");
}

TEST(RunOptions, NamesThatDoNotExistAreRefused) {
  RunOptions options = typed();
  options.kernels = "standard,fast";
  EXPECT_THAT(usage(options), HasSubstr("fast"));
  options = typed();
  options.kernels = "standard,standard";
  EXPECT_NE(usage(options), "accepted");
  options = typed();
  options.strata = "rows,columns";
  EXPECT_THAT(usage(options), HasSubstr("columns"));
  options = typed();
  options.logits = "fp16";
  EXPECT_THAT(usage(options), HasSubstr("expected one of bf16, fp32"));
  options = typed();
  options.device = "tpu:0";
  EXPECT_THAT(refusal(Exit::device, [&] { resolve(options, {}); }), HasSubstr("--device: found \"tpu:0\""));
}

TEST(RunOptions, AResumedAuditKeepsItsSettings) {
  RunOptions options = typed();
  options.kernels = "invariant";
  Audit audit;
  audit.subject.settings = recorded(resolve(options, {}));
  audit.arms = {{.id = 0, .name = "invariant"}};

  RunOptions resumed;
  resumed.resume = "latest";
  const RunSettings settings = resolve_resumed(resumed, audit);
  EXPECT_EQ(settings.model, "model.gguf");
  EXPECT_THAT(settings.kernels, ElementsAre("invariant"));
  resumed.model = "moved.gguf";
  EXPECT_EQ(resolve_resumed(resumed, audit).model, "moved.gguf");
  resumed.runs = 5;
  EXPECT_EQ(refusal(Exit::usage, [&] { resolve_resumed(resumed, audit); }),
            "--runs with --resume; expected the audit's own settings to be kept");
}

}  // namespace
}  // namespace ra
