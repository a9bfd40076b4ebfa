#include "core/audit/plan.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/audit/plan_text.h"
#include "core/error.h"
#include "core/hash.h"

namespace ra {
namespace {

// What a draw is for: part of its key, so never renumbered.
enum Purpose : uint64_t {
  kTextToken = 1,
  kArmOrder,
  kBatchSize,
  kCompanionSteps,
  kCompanionPrompt,
  kCompanionOffset,
  kPlace,
  kArrival,
  kTouched,
  kTouchedAlways,
  kChunk,
  kPreemptions,
  kPreemptAfter,
  kPreemptPause,
  kRepeated,
  kRepeatPlace,
};

// Random trials at least: one for 16 runs, within these. Of 50 without a difference the bound is 5.8%.
constexpr int32_t kRunsPerRandomTrial = 16;
constexpr int32_t kLeastRandomTrials = 8;
constexpr int32_t kEnoughRandomTrials = 50;
constexpr int32_t kLeastRepeats = 20;
constexpr int32_t kMaxChunks = 4;
// A step costs nearly the same at 4 rows and at 32, so stretched trials and slots without a run are what an audit's time
// goes to: arrivals are spread over a sixteenth of a run, and one slot of a batch is a probe's or a companion's.
constexpr int32_t kArrivalShare = 16;
constexpr int32_t kMaxPause = 8;          // steps
constexpr int32_t kCompanionSlack = 512;  // text beyond the longest companion, so that cuts vary
constexpr uint64_t kRedraws = 64;         // attempts at a schedule that no earlier random trial has

// The draws of one trial: `key` is its number among its kind and the attempt at drawing it.
struct TrialDraw {
  uint64_t seed;
  uint64_t key;
  int32_t operator()(Purpose purpose, uint64_t b, int32_t bound) const {
    return static_cast<int32_t>(draw(seed, purpose, key, b, static_cast<uint64_t>(bound)));
  }
};

// 1, 2, powers of two and their neighbours, and the largest, as far as the spec has them.
std::vector<int32_t> edge_sizes(const std::vector<int32_t>& batch_sizes) {
  std::set<int32_t> edges{batch_sizes.back()};
  for (int32_t power = 1; power <= batch_sizes.back() + 1; power *= 2) {
    for (int32_t size : {power - 1, power, power + 1}) {
      if (std::binary_search(batch_sizes.begin(), batch_sizes.end(), size)) edges.insert(size);
    }
  }
  return {edges.begin(), edges.end()};
}

// `count` of them, evenly spread and with the largest.
std::vector<int32_t> thin(const std::vector<int32_t>& edges, int32_t count) {
  const int32_t size = static_cast<int32_t>(edges.size());
  if (count >= size) return edges;
  std::vector<int32_t> kept;
  for (int32_t i = 1; i <= count; ++i) kept.push_back(edges[i == count ? size - 1 : (size - 1) * i / count]);
  return kept;
}

// A batch before its sequences are drawn.
struct Batch {
  int32_t size = 1;
  int32_t capacity = 1;  // runs it has room for
  int32_t runs = 0;
  bool has_probe = true;  // if there is room for one beside the runs; else a companion has it
};

class Drafter {
 public:
  explicit Drafter(const PlanSpec& spec) {
    plan_.spec = spec;
    plan_.texts = {spec.prompt, spec.companion_text};
    for (int32_t context : spec.probe_contexts) {
      check(context > 0, "probe contexts to be positive");
      if (context <= spec.max_positions - spec.probe_steps)
        plan_.probes.push_back({context, spec.probe_steps});
    }
    extend_text();
  }

  Plan draft() {
    add_solos();
    add_batches();
    add_repeats();
    add_turns();
    return std::move(plan_);
  }

 private:
  const PlanSpec& spec() const { return plan_.spec; }
  int32_t prompt_length() const { return static_cast<int32_t>(spec().prompt.size()); }
  int32_t longest_companion_prompt() const { return prompt_length() + prompt_length() / 2 + 8; }

  void extend_text() {
    int64_t length = int64_t{longest_companion_prompt()} + spec().max_tokens + kCompanionSlack;
    for (const Probe& probe : plan_.probes) length = std::max<int64_t>(length, probe.context + probe.steps);
    std::vector<int32_t>& text = plan_.texts[1];
    for (uint64_t i = text.size(); i < static_cast<uint64_t>(length); ++i) {
      text.push_back(
          static_cast<int32_t>(draw(spec().seed, kTextToken, i, 0, static_cast<uint64_t>(spec().vocab))));
    }
  }

  PlannedSequence run() const {
    return {
        .kind = SequenceKind::run, .index = -1, .prompt_length = prompt_length(), .steps = spec().max_tokens};
  }
  PlannedSequence probe(int32_t index) const {
    const Probe& probe = plan_.probes[static_cast<size_t>(index)];
    return {.kind = SequenceKind::probe,
            .index = index,
            .text = 1,
            .prompt_length = probe.context,
            .steps = probe.steps};
  }

  Trial& add_trial(Trial trial) {
    trial.id = static_cast<int32_t>(plan_.trials.size());
    trial.batch_size = static_cast<int32_t>(trial.sequences.size());
    plan_.trials.push_back(std::move(trial));
    return plan_.trials.back();
  }

  void add_solos() {
    add_trial({.kind = TrialKind::solo, .stratum = Stratum::rows, .sequences = {run()}});
    for (size_t i = 0; i < plan_.probes.size(); ++i) {
      add_trial(
          {.kind = TrialKind::solo, .stratum = Stratum::rows, .sequences = {probe(static_cast<int32_t>(i))}});
    }
  }

  int32_t room_for_runs(int32_t size) const { return size > 1 ? size - 1 : size; }

  // A rows trial of one sequence would be solo again and could show nothing: such sizes are drawn from 2 up.
  Batch draw_batch(int32_t ordinal) const {
    const TrialDraw number{spec().seed, static_cast<uint64_t>(ordinal)};
    const std::vector<int32_t>& sizes = spec().batch_sizes;
    const bool skip_one = stratum_of(ordinal) == Stratum::rows && sizes.front() == 1 && sizes.size() > 1;
    const int32_t first = skip_one ? 1 : 0;
    const int32_t count = static_cast<int32_t>(sizes.size()) - first;
    Batch batch{.size =
                    sizes[static_cast<size_t>(first) + static_cast<size_t>(number(kBatchSize, 0, count))]};
    batch.capacity = room_for_runs(batch.size);
    batch.has_probe = round_of(ordinal) / 2 % 2 == 0;
    return batch;
  }
  // Rounds through the strata alternate in two things: every second one staggers arrivals, every second pair has no probe.
  int32_t round_of(int32_t ordinal) const { return ordinal / static_cast<int32_t>(spec().strata.size()); }
  Stratum stratum_of(int32_t ordinal) const {
    return spec().strata[static_cast<size_t>(ordinal) % spec().strata.size()];
  }

  // Full batches while runs last; where that makes too few random trials, enough of them with fewer runs in
  // each.
  void add_batches() {
    const int32_t usual =
        std::clamp(spec().runs / kRunsPerRandomTrial, kLeastRandomTrials, kEnoughRandomTrials);
    const int32_t wanted = std::min(std::max(usual, spec().min_random_trials), spec().runs);
    const std::vector<int32_t> edges = thin(edge_sizes(spec().batch_sizes), spec().runs - wanted);
    std::vector<Batch> batches;
    for (int32_t size : edges) batches.push_back({.size = size, .capacity = room_for_runs(size)});
    int64_t room = 0;
    for (const Batch& batch : batches) room += batch.capacity;
    for (int32_t ordinal = 0; ordinal < wanted || room < spec().runs; ++ordinal) {
      batches.push_back(draw_batch(ordinal));
      room += batches.back().capacity;
    }
    share_runs(batches);
    for (size_t i = 0; i < batches.size(); ++i) {
      if (i < edges.size()) {
        add_edge(batches[i]);
      } else {
        add_random(batches[i], static_cast<int32_t>(i - edges.size()));
      }
    }
    check(next_run_ == spec().runs, "every run to have a place");
  }

  // One run each, the rest in proportion to the room; then the remainder one by one.
  void share_runs(std::vector<Batch>& batches) const {
    int64_t spare = 0;
    for (const Batch& batch : batches) spare += batch.capacity - 1;
    const int64_t extra = spec().runs - static_cast<int64_t>(batches.size());
    check(extra >= 0, "at least one run a batch");
    int64_t left = extra;
    for (Batch& batch : batches) {
      const int64_t share = spare == 0 ? 0 : extra * (batch.capacity - 1) / spare;
      batch.runs = static_cast<int32_t>(1 + share);
      left -= share;
    }
    for (size_t i = 0; left > 0; i = (i + 1) % batches.size()) {
      if (batches[i].runs == batches[i].capacity) continue;
      ++batches[i].runs;
      --left;
    }
  }

  PlannedSequence companion(const TrialDraw& number, int32_t place) const {
    const uint64_t key = static_cast<uint64_t>(place);
    PlannedSequence sequence{.kind = SequenceKind::companion, .text = 1};
    sequence.steps = 1 + number(kCompanionSteps, key, spec().max_tokens);
    const int32_t low = std::max(1, prompt_length() / 2);
    const int32_t high = std::min(longest_companion_prompt(), spec().max_positions - sequence.steps);
    sequence.prompt_length = low + number(kCompanionPrompt, key, high - low + 1);
    const int32_t length = static_cast<int32_t>(plan_.texts[1].size());
    sequence.offset = number(kCompanionOffset, key, length - sequence.prompt_length - sequence.steps + 1);
    return sequence;
  }

  // The runs, a probe (in turn), and companions, in drawn places.
  std::vector<PlannedSequence> draw_sequences(const Batch& batch, const TrialDraw& number) const {
    std::vector<PlannedSequence> sequences;
    if (batch.has_probe && batch.size > batch.runs && !plan_.probes.empty()) {
      sequences.push_back(probe(next_probe_ % static_cast<int32_t>(plan_.probes.size())));
    }
    for (int32_t i = 0; i < batch.runs; ++i) sequences.push_back(run());
    while (static_cast<int32_t>(sequences.size()) < batch.size) {
      sequences.push_back(companion(number, static_cast<int32_t>(sequences.size())));
    }
    for (size_t i = sequences.size() - 1; i > 0; --i) {
      std::swap(sequences[i], sequences[static_cast<size_t>(number(kPlace, i, static_cast<int32_t>(i) + 1))]);
    }
    for (size_t i = 0; i < sequences.size(); ++i) {
      if (sequences[i].kind == SequenceKind::companion) sequences[i].index = static_cast<int32_t>(i);
    }
    return sequences;
  }

  void stagger(std::vector<PlannedSequence>& sequences, const TrialDraw& number) const {
    int32_t first = INT32_MAX;
    for (size_t i = 0; i < sequences.size(); ++i) {
      sequences[i].arrival = number(kArrival, i, spec().max_tokens / kArrivalShare + 1);
      first = std::min(first, sequences[i].arrival);
    }
    for (PlannedSequence& sequence : sequences) sequence.arrival -= first;  // empty steps are not launched
  }

  // Whether the stratum touches the sequence at `place`: half of them, and always one that is drawn.
  bool touched(const TrialDraw& number, size_t place, size_t count, uint64_t what) const {
    if (number(kTouchedAlways, what, static_cast<int32_t>(count)) == static_cast<int32_t>(place)) return true;
    return number(kTouched, place * 2 + what, 2) == 1;
  }

  void cut_prefills(std::vector<PlannedSequence>& sequences, const TrialDraw& number) const {
    for (size_t i = 0; i < sequences.size(); ++i) {
      int32_t left = sequences[i].prompt_length;
      if (left < 2 || !touched(number, i, sequences.size(), 0)) continue;
      for (int32_t piece = 1; left > 1 && piece < kMaxChunks; ++piece) {
        const int32_t rows = 1 + number(kChunk, i * kMaxChunks + static_cast<uint64_t>(piece), left - 1);
        sequences[i].chunks.push_back(rows);
        left -= rows;
      }
      sequences[i].chunks.push_back(left);
    }
  }

  void preempt(std::vector<PlannedSequence>& sequences, const TrialDraw& number) const {
    for (size_t i = 0; i < sequences.size(); ++i) {
      if (sequences[i].steps < 2 || !touched(number, i, sequences.size(), 1)) continue;
      std::set<int32_t> after;
      const int32_t count = 1 + number(kPreemptions, i, 2);
      for (int32_t k = 0; k < count; ++k) {
        after.insert(1 + number(kPreemptAfter, i * 2 + static_cast<uint64_t>(k), sequences[i].steps - 1));
      }
      for (int32_t emitted : after) {
        const uint64_t key = i * 2 + sequences[i].preemptions.size();
        sequences[i].preemptions.push_back({emitted, number(kPreemptPause, key, kMaxPause + 1)});
      }
    }
  }

  void number_runs(Trial& trial) {
    for (PlannedSequence& sequence : trial.sequences) {
      if (sequence.kind == SequenceKind::run) sequence.index = next_run_++;
      if (sequence.kind == SequenceKind::probe) ++next_probe_;
    }
  }

  void add_edge(const Batch& batch) {
    // Keyed apart from the random trials, whose keys are below 2^63.
    const TrialDraw number{spec().seed, (uint64_t{1} << 63) | static_cast<uint64_t>(batch.size)};
    number_runs(add_trial(
        {.kind = TrialKind::edge, .stratum = Stratum::rows, .sequences = draw_sequences(batch, number)}));
  }

  // Drawn anew, staggered from the second attempt on, while an earlier random trial has the same schedule:
  // the T of measurement.md are distinct. One sequence alone in whole prefill has only one schedule, and
  // keeps it.
  void add_random(const Batch& batch, int32_t ordinal) {
    const Stratum stratum = stratum_of(ordinal);
    const bool stagger_first = round_of(ordinal) % 2 == 1;
    Trial trial{.kind = TrialKind::random, .stratum = stratum};
    for (uint64_t attempt = 0; attempt < kRedraws; ++attempt) {
      const TrialDraw number{spec().seed, static_cast<uint64_t>(ordinal) * kRedraws + attempt};
      trial.sequences = draw_sequences(batch, number);
      if (stratum == Stratum::chunk || stratum == Stratum::all) cut_prefills(trial.sequences, number);
      if (stratum == Stratum::preempt || stratum == Stratum::all) preempt(trial.sequences, number);
      if (stagger_first || attempt > 0) stagger(trial.sequences, number);
      if (schedules_.insert(plan_text(trial.sequences)).second) break;
    }
    number_runs(add_trial(std::move(trial)));
    ++random_trials_;
  }

  void add_repeats() {
    const int32_t first = static_cast<int32_t>(plan_.trials.size()) - random_trials_;
    std::vector<int32_t> originals(static_cast<size_t>(random_trials_));
    std::iota(originals.begin(), originals.end(), first);
    const int32_t count = std::min(random_trials_, std::max(kLeastRepeats, (random_trials_ + 9) / 10));
    for (int32_t i = 0; i < count; ++i) {
      const uint64_t other = draw(spec().seed, kRepeated, static_cast<uint64_t>(i), 0,
                                  static_cast<uint64_t>(random_trials_ - i));
      std::swap(originals[static_cast<size_t>(i)], originals[static_cast<size_t>(i) + other]);
    }
    originals.resize(static_cast<size_t>(count));
    std::sort(originals.begin(), originals.end());
    for (int32_t original : originals) {
      Trial repeat = plan_.trials[static_cast<size_t>(original)];
      repeat.kind = TrialKind::repeat;
      repeat.repeat_of = original;
      for (PlannedSequence& sequence : repeat.sequences) {
        if (sequence.kind == SequenceKind::run) sequence.index = -1;
      }
      add_trial(std::move(repeat));
    }
  }

  // The trials in the order they run: as listed, but each repeat after a drawn random trial later than its
  // original.
  std::vector<int32_t> trial_order() const {
    const int32_t total = static_cast<int32_t>(plan_.trials.size());
    int32_t end = 0;  // of all but the repeats
    while (end < total && plan_.trials[static_cast<size_t>(end)].kind != TrialKind::repeat) ++end;
    std::vector<std::vector<int32_t>> after(static_cast<size_t>(end));
    for (int32_t id = end; id < total; ++id) {
      const int32_t original = plan_.trials[static_cast<size_t>(id)].repeat_of;
      const int32_t later = end - 1 - original;  // random trials after the original
      int32_t place = original;
      if (later > 0) {
        place += 1 + static_cast<int32_t>(draw(spec().seed, kRepeatPlace, static_cast<uint64_t>(original), 0,
                                               static_cast<uint64_t>(later)));
      }
      after[static_cast<size_t>(place)].push_back(id);
    }
    std::vector<int32_t> order;
    for (int32_t id = 0; id < end; ++id) {
      order.push_back(id);
      order.insert(order.end(), after[static_cast<size_t>(id)].begin(), after[static_cast<size_t>(id)].end());
    }
    return order;
  }

  void add_turns() {
    const int32_t arms = static_cast<int32_t>(spec().arms.size());
    bool forward = draw(spec().seed, kArmOrder, 0, 0, 2) == 0;
    for (int32_t trial : trial_order()) {
      for (int32_t i = 0; i < arms; ++i) plan_.order.push_back({trial, forward ? i : arms - 1 - i});
      forward = !forward;
    }
  }

  Plan plan_;
  std::set<std::string> schedules_;  // of the random trials so far
  int32_t next_run_ = 0;
  int32_t next_probe_ = 0;
  int32_t random_trials_ = 0;
};

}  // namespace

uint64_t draw(uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b, uint64_t bound) {
  check(bound > 0, "a draw to have something to draw from");
  std::byte key[32];
  const uint64_t words[4] = {seed, purpose, a, b};
  for (size_t i = 0; i < 32; ++i) key[i] = static_cast<std::byte>(words[i / 8] >> (8 * (i % 8)) & 0xff);
  return static_cast<uint64_t>((static_cast<unsigned __int128>(xxh3_64(key)) * bound) >> 64);
}

Plan make_plan(const PlanSpec& spec) {
  check_spec(spec);
  return Drafter(spec).draft();
}

}  // namespace ra
