#include "tests/support/scripted_audit.h"

#include <numeric>

namespace ra {

std::vector<Subject*> ScriptedAudit::arms() const {
  std::vector<Subject*> pointers;
  for (const auto& subject : subjects) pointers.push_back(subject.get());
  return pointers;
}

PlanSpec scripted_spec() {
  PlanSpec spec;
  spec.prompt.resize(9);
  std::iota(spec.prompt.begin(), spec.prompt.end(), 40);
  spec.vocab = 500;
  spec.max_positions = 100;
  spec.runs = 24;
  spec.max_tokens = 12;
  spec.batch_sizes = {1, 2, 3, 4, 5, 6, 7, 8};
  spec.seed = 11;
  spec.arms = {"standard", "invariant"};
  return spec;
}

ScriptedAudit scripted_audit(const PlanSpec& spec, const Script& standard, const Script& invariant) {
  ScriptedAudit made;
  made.audit.tool = "repro-audit test";
  made.audit.plan = make_plan(spec);
  made.audit.subject.model_name = "scripted";
  made.audit.subject.model_sha256 = std::string(64, 'a');
  made.audit.subject.model = {{"family", "script"}, {"layers", "0"}};
  made.audit.subject.settings = {{"runs", std::to_string(spec.runs)}};
  made.audit.subject.prompt_text = "Tell me about\n<b>\x01 \xe2\x80\xae";
  made.audit.subject.prompt_sha256 = std::string(64, 'b');
  for (int32_t token : spec.prompt) {
    made.audit.subject.prompt_pieces.push_back(scripted_piece(token));
    made.audit.pieces[token] = scripted_piece(token);
  }
  for (size_t i = 0; i < spec.arms.size(); ++i) {
    made.subjects.push_back(
        std::make_unique<ScriptedSubject>(spec.arms[i], spec, i == 0 ? standard : invariant));
    made.audit.arms.push_back({static_cast<int32_t>(i), spec.arms[i], made.subjects.back()->facts()});
  }
  return made;
}

std::string scripted_piece(int32_t token) {
  return std::string("t").append(std::to_string(token)).append(" ");
}

RunnerOptions scripted_options() {
  return {.piece = scripted_piece};
}

std::string difference(const Audit& a, const Audit& b) {
  const auto arms_equal = [](const Arm& x, const Arm& y) {
    return x.id == y.id && x.name == y.name && x.facts.device == y.facts.device &&
           x.facts.kernel_set == y.facts.kernel_set && x.facts.sum_order_class == y.facts.sum_order_class &&
           x.facts.environment == y.facts.environment && x.facts.anchor_outputs == y.facts.anchor_outputs;
  };
  if (a.id != b.id || a.tool != b.tool) return "identity";
  if (a.subject.model_name != b.subject.model_name || a.subject.model_sha256 != b.subject.model_sha256 ||
      a.subject.model != b.subject.model || a.subject.settings != b.subject.settings ||
      a.subject.prompt_text != b.subject.prompt_text || a.subject.prompt_sha256 != b.subject.prompt_sha256 ||
      a.subject.prompt_pieces != b.subject.prompt_pieces) {
    return "subject";
  }
  if (plan_sha256(a.plan) != plan_sha256(b.plan)) return "plan";
  if (!std::equal(a.arms.begin(), a.arms.end(), b.arms.begin(), b.arms.end(), arms_equal)) return "arms";
  if (a.choice_sets != b.choice_sets) return "choice sets";
  if (a.pieces != b.pieces) return "pieces";
  const auto launches_equal = [](const LaunchRecord& x, const LaunchRecord& y) {
    return x.rows == y.rows && x.logit_rows == y.logit_rows && x.choice_set == y.choice_set;
  };
  const auto attempts_equal = [&](const Attempt& x, const Attempt& y) {
    return x.arm == y.arm && x.trial == y.trial && x.attempt == y.attempt && x.outcome == y.outcome &&
           x.failure == y.failure &&
           std::equal(x.launches.begin(), x.launches.end(), y.launches.begin(), y.launches.end(),
                      launches_equal);
  };
  if (!std::equal(a.attempts.begin(), a.attempts.end(), b.attempts.begin(), b.attempts.end(),
                  attempts_equal)) {
    return "attempts: " + std::to_string(a.attempts.size()) + " and " + std::to_string(b.attempts.size());
  }
  const auto streams_equal = [](const Stream& x, const Stream& y) {
    return x.tokens == y.tokens && x.steps == y.steps && x.end == y.end && x.token_hash == y.token_hash &&
           x.token_sha256 == y.token_sha256 && x.digest == y.digest;
  };
  if (!std::equal(a.streams.begin(), a.streams.end(), b.streams.begin(), b.streams.end(), streams_equal)) {
    return "streams: " + std::to_string(a.streams.size()) + " and " + std::to_string(b.streams.size());
  }
  const auto facts_equal = [](const SequenceFact& x, const SequenceFact& y) {
    return x.arm == y.arm && x.trial == y.trial && x.attempt == y.attempt && x.sequence == y.sequence &&
           x.stream == y.stream && x.chain == y.chain;
  };
  if (!std::equal(a.sequences.begin(), a.sequences.end(), b.sequences.begin(), b.sequences.end(),
                  facts_equal)) {
    return "sequences: " + std::to_string(a.sequences.size()) + " and " + std::to_string(b.sequences.size());
  }
  return "";
}

}  // namespace ra
