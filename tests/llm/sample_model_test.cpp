// The sample model (SmolLM2-135M-Instruct, Q4_1) against an independent fp32 implementation. Skipped, and
// counted as skipped, where the model is not on the machine.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/golden.h"
#include "tests/support/loaded_model.h"

namespace ra {
namespace {

const std::atomic<bool> kNeverStop{false};

struct GoldenPrompt {
  std::string name;
  std::vector<int32_t> prompt;
  std::vector<int32_t> greedy;
  std::vector<double> margins;  // fp32 gap of the two best logits, a step
  std::vector<std::vector<int32_t>> top5_ids;
  std::vector<std::vector<double>> top5_logits;
};

std::vector<GoldenPrompt> golden_prompts() {
  std::vector<GoldenPrompt> prompts;
  const Json golden = golden_json("smollm2-135m-instruct-q4_1/golden.json");
  for (const Json& entry : member(golden, "cases").array("cases")) {
    GoldenPrompt prompt{.name = member(entry, "name").string("name"),
                        .prompt = ids_of(member(entry, "prompt")),
                        .greedy = ids_of(member(entry, "greedy"))};
    for (const Json& margin : member(entry, "margins").array("margins")) {
      prompt.margins.push_back(margin.number("margin"));
    }
    for (const Json& ids : member(entry, "top5_ids").array("top5_ids"))
      prompt.top5_ids.push_back(ids_of(ids));
    for (const Json& logits : member(entry, "top5_logits").array("top5_logits")) {
      prompt.top5_logits.emplace_back();
      for (const Json& logit : logits.array("logits"))
        prompt.top5_logits.back().push_back(logit.number("logit"));
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

TrialResult run_all(LoadedModel& model, const std::vector<GoldenPrompt>& prompts, size_t steps) {
  std::vector<std::vector<int32_t>> texts;
  Trial trial;
  for (const GoldenPrompt& prompt : prompts) {
    texts.push_back(prompt.prompt);
    trial.sequences.push_back(
        planned_run(texts, static_cast<int32_t>(texts.size()) - 1, static_cast<int32_t>(steps)));
  }
  return model.engine(0).run(trial, texts, kNeverStop);
}

// `steps` greedy tokens of each prompt, and their two best logits, equal the golden ones.
void expect_reference_agrees(const std::vector<GoldenPrompt>& prompts, size_t steps) {
  LoadedModel model(sample_model(), {"reference"});
  const TrialResult result = run_all(model, prompts, steps);
  ASSERT_FALSE(result.failed) << result.failure;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const GoldenPrompt& golden = prompts[i];
    const std::vector<int32_t> expected(golden.greedy.begin(),
                                        golden.greedy.begin() + static_cast<long>(steps));
    EXPECT_EQ(result.sequences[i].tokens, expected) << golden.name;
    for (size_t s = 0; s < steps; ++s) {
      const StepRecord& step = result.sequences[i].steps[s];
      for (size_t place : {0u, 1u}) {
        EXPECT_EQ(step.top[place], golden.top5_ids[s][place]) << golden.name << ", step " << s;
        EXPECT_NEAR(step.value[place], golden.top5_logits[s][place], 5e-4) << golden.name << ", step " << s;
      }
    }
  }
}

class SampleModel : public testing::Test {
 protected:
  void SetUp() override {
    if (sample_model().empty()) GTEST_SKIP() << "the sample model is not on this machine";
  }
};

TEST_F(SampleModel, ReferenceBeginsEachShortPromptWithTheGoldenTokens) {
  std::vector<GoldenPrompt> prompts = golden_prompts();
  std::erase_if(prompts, [](const GoldenPrompt& prompt) { return prompt.prompt.size() > 100; });
  ASSERT_EQ(prompts.size(), 3u);
  expect_reference_agrees(prompts, 24);
}

using SampleModelLong = SampleModel;
TEST_F(SampleModelLong, ReferenceGivesEveryGoldenTokenOfAllFivePrompts) {
  const std::vector<GoldenPrompt> prompts = golden_prompts();
  ASSERT_EQ(prompts.size(), 5u);
  expect_reference_agrees(prompts, 128);
}

TEST_F(SampleModel, Bf16TokensLeaveTheGoldenOnesOnlyWhereTheMarginIsSmall) {
  const std::vector<GoldenPrompt> prompts = golden_prompts();
  LoadedModel model(sample_model(), {"invariant"});
  const TrialResult result = run_all(model, prompts, 128);
  ASSERT_FALSE(result.failed) << result.failure;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const std::vector<int32_t>& tokens = result.sequences[i].tokens;
    const auto [own, golden] = std::mismatch(tokens.begin(), tokens.end(), prompts[i].greedy.begin());
    if (own == tokens.end()) continue;
    const size_t step = static_cast<size_t>(own - tokens.begin());
    EXPECT_LE(prompts[i].margins[step], 0.3) << prompts[i].name << " parts at step " << step;
  }
}

}  // namespace
}  // namespace ra
