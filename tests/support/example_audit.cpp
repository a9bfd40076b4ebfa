#include "tests/support/example_audit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "core/audit/store_codec.h"
#include "core/hash.h"

namespace ra {
namespace {

// Continuations of one prompt. All but the first leave it at a word of their own.
constexpr std::array kTexts = {
    "Richard Feynman was an American physicist who changed how people think about light and matter. He was "
    "born in New "
    "York in 1918 and grew up taking radios apart. At Princeton he asked how a single electron travels, and "
    "answered that "
    "it takes every path at once. His small diagrams turned long integrals into pictures that a student can "
    "draw. He "
    "shared the Nobel Prize in 1965, taught at Caltech for most of his life, and played the bongos with real "
    "pride. His "
    "lectures are still read because they begin with a question and do not pretend to know the answer before "
    "the reader.",
    "Richard Feynman was an American physicist who changed how people think about light and matter. He was "
    "born in New "
    "York in 1918 and grew up taking radios apart. At Princeton he asked how a single electron travels, and "
    "answered that "
    "it takes every path at once. His little drawings replaced pages of algebra, and a generation learned to "
    "think in them. "
    "In 1965 he shared the Nobel Prize. He taught at Caltech, picked locks for fun, and told stories about "
    "both. His books "
    "are still read because they sound like somebody talking, slowly and gladly, about a thing he has only "
    "just understood.",
    "Richard Feynman was an American physicist who changed how people think about light and matter. He was "
    "born in New "
    "York in 1918 and grew up taking radios apart. At Princeton he asked how a single electron travels, and "
    "answered that "
    "it takes every path at once. His small diagrams turned long integrals into pictures that a student can "
    "draw. He "
    "shared the Nobel Prize in 1965, taught at Caltech for many years, and wrote letters that are worth "
    "reading today. Near "
    "the end he put a piece of rubber into ice water and showed a commission why a rocket had failed on a "
    "cold morning.",
    "Richard Feynman was an American theoretical physicist, known for his work on quantum electrodynamics "
    "and for the way "
    "he explained it. He was born in Queens in 1918. During the war he worked at Los Alamos, where he was "
    "the youngest "
    "group leader and the best known opener of safes. Later he described how liquid helium flows without "
    "friction. He "
    "shared the Nobel Prize in 1965 with two colleagues who had found the same answers by other means. He "
    "thought that "
    "what he could not build he did not understand, and wrote it on his blackboard, where it was found when "
    "he had died.",
};
constexpr std::array kHostilePieces = {"</script><script>alert(1)</script>",
                                       "<img src=x onerror=alert(1)>",
                                       "<!--",
                                       "]]>",
                                       "javascript:alert(1)",
                                       "\x1b]52;c;AAAA\x07",
                                       "\x1b[2J",
                                       "\u202e rtl",
                                       "\u200b",
                                       "\u2028",
                                       "\xff\xfe",
                                       "\xe2\x82",
                                       "\" onmouseover=\"alert(1)",
                                       "&lt;b&gt;",
                                       "@import url(http://example.invalid/x.css);"};
constexpr const char* kPrompt = "Tell me about Richard Feynman, in plain words.";

// Words with the blank in front of them, and punctuation, by order of appearance.
class Vocabulary {
 public:
  explicit Vocabulary(bool hostile) : hostile_(hostile) {}
  std::vector<int32_t> ids(const std::string& text) {
    std::vector<int32_t> result;
    std::string piece;
    for (const char c : text) {
      if (!piece.empty() && (c == ' ' || c == '.' || c == ',')) {
        result.push_back(id(std::exchange(piece, {})));
      }
      piece += c;
    }
    if (!piece.empty()) result.push_back(id(piece));
    return result;
  }
  const std::map<int32_t, std::string>& pieces() const { return pieces_; }

 private:
  int32_t id(const std::string& piece) {
    const auto [at, is_new] = ids_.try_emplace(piece, static_cast<int32_t>(200 + 7 * ids_.size()));
    if (is_new) {
      pieces_[at->second] = hostile_ ? kHostilePieces[ids_.size() % kHostilePieces.size()] : piece;
    }
    return at->second;
  }
  const bool hostile_;
  std::map<std::string, int32_t> ids_;
  std::map<int32_t, std::string> pieces_;
};

uint64_t mix(std::initializer_list<uint64_t> values) {
  const std::vector<uint64_t> all(values);
  return xxh3_64(std::as_bytes(std::span(all)));
}
double unit(uint64_t hash) {
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

class Example {
 public:
  explicit Example(const ExampleSpec& spec) : spec_(spec), vocabulary_(spec.hostile) {
    prompt_ = vocabulary_.ids(kPrompt);
    for (const char* text : kTexts) {
      texts_.push_back(vocabulary_.ids(text));
      texts_.back().resize(static_cast<size_t>(std::min<int32_t>(spec.max_tokens, 100)));
    }
  }

  Audit make() {
    describe();
    size_t turns = audit_.plan.order.size();
    if (!spec_.finished) turns = turns * 2 / 3;
    for (size_t i = 0; i < turns; ++i) {
      const Turn turn = audit_.plan.order[i];
      const Trial& trial = audit_.plan.trials[static_cast<size_t>(turn.trial)];
      const bool fails = !spec_.finished && turn.arm == 1 && trial.kind == TrialKind::random &&
                         !std::exchange(failed_, true);
      if (fails) {
        audit_.attempts.push_back({.arm = turn.arm,
                                   .trial = turn.trial,
                                   .outcome = Outcome::failed,
                                   .failure = "not enough memory: 1.6 GiB needed; 1.2 GiB free"});
      } else {
        add(turn.arm, trial);
      }
    }
    audit_.pieces = vocabulary_.pieces();
    return std::move(audit_);
  }

 private:
  void describe() {
    audit_.id = "20261122T081500Z-4f2a";
    audit_.created = "2026-11-22T08:15:00Z";
    audit_.tool = "0.1.0";
    audit_.segments = {{audit_.created, audit_.tool}};
    AuditSubject& subject = audit_.subject;
    subject.model_name =
        spec_.hostile ? "<b>model</b>\x1b[31m\u202e.gguf" : "Example-135M-Instruct.Q4_1.gguf";
    subject.model_sha256 = "5f0b17c2a7d94e1c6be08a64d3a2f7e9104cb85d27f36a90be51c84d6f2e7a13";
    subject.model = {{"family", "llama"},       {"layers", "30"},
                     {"hidden", "576"},         {"heads", "9"},
                     {"kv heads", "3"},         {"vocabulary", "49152"},
                     {"weights", "Q4_1"},       {"parameters", "135M"},
                     {"chat format", "ChatML"}, {"tokenizer", "byte-level BPE, smollm"}};
    subject.settings = {{"batch sizes", "1-" + std::to_string(spec_.max_batch_size)},
                        {"kernels", "standard,invariant"},
                        {"logits", "bf16"},
                        {"threads", "2"},
                        {"system", "none"}};
    subject.prompt_text =
        spec_.hostile ? std::string(kPrompt) + "</pre><script>alert(2)</script>\xff" : kPrompt;
    subject.prompt_sha256 = hex(sha256(subject.prompt_text));
    PlanSpec plan;
    plan.prompt = prompt_;
    for (const int32_t id : prompt_) subject.prompt_pieces.push_back(vocabulary_.pieces().at(id));
    plan.vocab = 49152;
    plan.max_positions = 2048;
    plan.runs = spec_.runs;
    plan.max_tokens = static_cast<int32_t>(texts_[0].size());
    plan.batch_sizes.resize(static_cast<size_t>(spec_.max_batch_size));
    std::iota(plan.batch_sizes.begin(), plan.batch_sizes.end(), 1);
    plan.seed = 20261122;
    plan.arms = {"standard", "invariant"};
    audit_.plan = make_plan(plan);
    const std::map<std::string, std::string> environment = {
        {"cpu", "AMD EPYC 9R14, 2 threads"},       {"instruction set", "AVX-512"},
        {"floating-point environment", "default"}, {"openblas", "0.3.21, core SkylakeX"},
        {"highway", "1.0.3, AVX3_ZEN4"},           {"kernel", "Linux 6.1"}};
    audit_.arms = {{0, "standard", {"cpu", "standard", "opaque", environment, {}}},
                   {1, "invariant", {"cpu", "invariant", "cpu-fma512/1", environment, {}}}};
  }

  // Which of the texts a run of standard takes: alone the first; the fuller the batch, the rather another.
  size_t text_of(int32_t arm, const Trial& trial, size_t sequence) const {
    if (arm == 1 || !spec_.parts || trial.batch_size == 1) return 0;
    const auto origin = static_cast<uint64_t>(trial.repeat_of < 0 ? trial.id : trial.repeat_of);
    const double drawn = unit(mix({1, origin, sequence}));
    if (trial.batch_size > 16 && drawn < 0.05) return 3;
    if (drawn < 0.14) return 1;
    return trial.batch_size > 3 && drawn < 0.23 ? 2 : 0;
  }

  StepRecord step(const std::vector<int32_t>& tokens, size_t i, uint64_t salt) const {
    const uint64_t prefix = xxh3_64(std::as_bytes(std::span(tokens.data(), i)));
    int32_t best = tokens[i];
    // The runner-up is what another text says after the same prefix, else any word.
    int32_t second = static_cast<int32_t>(200 + 7 * (prefix % 90));
    if (second == best) second += 7;
    double gap = 0.2 + 7 * unit(mix({2, prefix})) * unit(mix({3, prefix}));
    for (const std::vector<int32_t>& other : texts_) {
      if (i >= other.size() || other[i] == best ||
          !std::equal(tokens.begin(), tokens.begin() + static_cast<int>(i), other.begin())) {
        continue;
      }
      second = other[i];
      gap = 0.004 + 0.02 * unit(mix({4, prefix, static_cast<uint64_t>(best)}));
      break;
    }
    if (salt != 0) gap += 0.012 * unit(mix({5, prefix, salt}));
    const double top = 18 + 9 * unit(mix({6, prefix}));
    const auto rounded = [](double value) { return static_cast<float>(std::round(value * 8) / 8); };
    return {.top = {best, second},
            .value = {rounded(top), rounded(top - gap)},
            .accumulator = {static_cast<float>(top), static_cast<float>(top - gap)},
            .digest = mix({7, prefix, salt == 0 ? 0 : salt + static_cast<uint64_t>(best)})};
  }

  int32_t stream(int32_t arm, size_t text, uint64_t salt, int32_t probe_steps) {
    const auto [at, is_new] = streams_.try_emplace({arm, static_cast<int32_t>(text), salt, probe_steps},
                                                   static_cast<int32_t>(audit_.streams.size()));
    if (!is_new) return at->second;
    Stream stream;
    const std::vector<int32_t>& tokens = texts_[text];
    const size_t length = probe_steps > 0 ? static_cast<size_t>(probe_steps) : tokens.size();
    std::vector<uint64_t> digests;
    for (size_t i = 0; i < length; ++i) {
      stream.steps.push_back(step(tokens, i % tokens.size(), salt + (arm == 1 ? 1000 : 0)));
      digests.push_back(stream.steps.back().digest);
    }
    if (probe_steps == 0) stream.tokens = tokens;
    stream.token_hash = token_hash(stream.tokens);
    stream.token_sha256 = hex(token_sha256(stream.tokens));
    stream.digest = run_digest(digests);
    audit_.streams.push_back(std::move(stream));
    return at->second;
  }

  int32_t choice_set(int32_t arm, int32_t rows) {
    constexpr std::array kRoles = {"embed",      "attention_norm", "qkv",     "qk_norm_rope", "attention",
                                   "o",          "ffn_norm",       "gate_up", "swiglu",       "down",
                                   "final_norm", "lm_head"};
    const auto [at, is_new] =
        choice_sets_.try_emplace({arm, rows}, static_cast<int32_t>(audit_.choice_sets.size()));
    if (!is_new) return at->second;
    ChoiceSetRecord set;
    for (const std::string role : kRoles) {
      const bool product =
          role == "qkv" || role == "o" || role == "gate_up" || role == "down" || role == "lm_head";
      const bool norm = role.find("norm") != std::string::npos && role != "qk_norm_rope";
      std::string order = product ? "ascending fma, chunks of 512" : norm ? "256 lanes, tree" : "no sum";
      if (role == "attention") order = "segments of 256 keys, ascending";
      std::string output = "a0";
      if (arm == 0 && product) {
        order = rows == 1 ? "openblas 0.3.21 SkylakeX: sgemv"
                          : "openblas 0.3.21 SkylakeX: sgemm m=" + std::to_string(rows);
        output = rows == 1 ? "a1" : rows % 16 == 0 ? "a2" : "a3";
      }
      if (arm == 0 && role == "attention") {
        order = rows < 8 ? "4 shares of keys, ascending" : "one share of all keys";
        output = rows < 8 ? "b1" : "b2";
      }
      set.push_back({role, order, order});
      audit_.arms[static_cast<size_t>(arm)].facts.anchor_outputs[role][order] = output;
    }
    audit_.choice_sets.push_back(std::move(set));
    return at->second;
  }

  void add(int32_t arm, const Trial& trial) {
    Attempt attempt{.arm = arm, .trial = trial.id};
    int64_t emitted = 0;
    for (const ScheduledStep& step : schedule(trial, audit_.plan.spec.max_rows)) {
      LaunchRecord launch;
      for (const ScheduledSlice& slice : step) {
        launch.rows += slice.rows;
        launch.logit_rows += slice.emits ? 1 : 0;
      }
      launch.choice_set = choice_set(arm, launch.rows);
      emitted += launch.logit_rows;
      attempt.launches.push_back(launch);
    }
    const double speed =
        (arm == 0 ? 88 : 108) * std::pow(trial.batch_size, arm == 0 ? 0.44 : 0.49) *
        (0.97 + 0.06 * unit(mix({8, static_cast<uint64_t>(arm), static_cast<uint64_t>(trial.id)})));
    attempt.seconds = static_cast<double>(emitted) / speed;
    for (size_t i = 0; i < trial.sequences.size(); ++i) {
      const PlannedSequence& sequence = trial.sequences[i];
      if (sequence.kind == SequenceKind::companion) continue;
      const bool probe = sequence.kind == SequenceKind::probe;
      const uint64_t salt = arm == 1 ? 0 : static_cast<uint64_t>(trial.batch_size - 1);
      const int32_t index = stream(arm, probe ? 0 : text_of(arm, trial, i), salt, probe ? sequence.steps : 0);
      audit_.sequences.push_back(
          {.arm = arm, .trial = trial.id, .sequence = static_cast<int32_t>(i), .stream = index});
    }
    audit_.attempts.push_back(std::move(attempt));
  }

  const ExampleSpec spec_;
  Vocabulary vocabulary_;
  std::vector<int32_t> prompt_;
  std::vector<std::vector<int32_t>> texts_;
  std::map<std::tuple<int32_t, int32_t, uint64_t, int32_t>, int32_t> streams_;
  std::map<std::pair<int32_t, int32_t>, int32_t> choice_sets_;
  bool failed_ = false;
  Audit audit_;
};

}  // namespace

Audit example_audit(const ExampleSpec& spec) {
  return Example(spec).make();
}

Audit example_of_a_hundred_streams() {
  Audit audit = example_audit({.runs = 1000, .parts = false});
  std::map<std::pair<int32_t, size_t>, int32_t> made;  // stream, place -> the stream that parts there
  for (SequenceFact& fact : audit.sequences) {
    const PlannedSequence& planned =
        audit.plan.trials[static_cast<size_t>(fact.trial)].sequences[static_cast<size_t>(fact.sequence)];
    if (fact.arm != 0 || planned.kind != SequenceKind::run || planned.index < 0) continue;
    const auto place = static_cast<size_t>(planned.index % 100);
    const Stream& solo = audit.streams[static_cast<size_t>(fact.stream)];
    if (place == 0 || place >= solo.tokens.size()) continue;
    const auto [other, is_new] =
        made.try_emplace({fact.stream, place}, static_cast<int32_t>(audit.streams.size()));
    fact.stream = other->second;
    if (!is_new) continue;
    std::vector<int32_t> tokens = solo.tokens;
    std::vector<StepRecord> steps = solo.steps;
    tokens[place] = steps[place].top[1];
    std::swap(steps[place].top[0], steps[place].top[1]);
    for (size_t i = place; i < steps.size(); ++i) steps[i].digest += place;
    audit.streams.push_back(stream_of(std::move(tokens), std::move(steps), solo.end));
  }
  return audit;
}

std::pair<Audit, Audit> example_update() {
  Audit before = example_audit({.runs = 200, .parts = false}), after = example_audit({.runs = 200});
  after.id = "20261129T081500Z-77c1";
  after.created = "2026-11-29T08:15:00Z";
  after.tool = "0.2.0";
  for (Arm& arm : after.arms) arm.facts.environment["openblas"] = "0.3.29, core SkylakeX";
  for (ChoiceSetRecord& set : after.choice_sets) {
    for (ChoiceRecord& record : set) {
      if (record.role == "qkv" || record.role == "down")
        record.choice = record.sum_order = record.choice + ", 2 parts";
    }
  }
  // The last run of invariant takes standard's way.
  const auto is_run = [&after](const SequenceFact& fact) {
    const Trial& trial = after.plan.trials[static_cast<size_t>(fact.trial)];
    return trial.kind == TrialKind::random &&
           trial.sequences[static_cast<size_t>(fact.sequence)].kind == SequenceKind::run;
  };
  const auto last = std::find_if(after.sequences.rbegin(), after.sequences.rend(),
                                 [&](const SequenceFact& fact) { return fact.arm == 1 && is_run(fact); });
  const auto parted =
      std::find_if(after.sequences.begin(), after.sequences.end(), [&](const SequenceFact& fact) {
        return fact.arm == 0 && is_run(fact) &&
               after.streams[static_cast<size_t>(fact.stream)].tokens !=
                   after.streams[static_cast<size_t>(last->stream)].tokens;
      });
  last->stream = parted->stream;
  return {std::move(before), std::move(after)};
}

}  // namespace ra
