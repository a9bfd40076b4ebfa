#include "core/llm/engine.h"

#include <chrono>
#include <deque>
#include <new>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/llm/model.h"
#include "core/llm/page_pool.h"

namespace ra {
namespace {

// One trial in flight: turns scheduled steps into device steps, and device results into the trial's result.
// Results are taken one step late, so that a device computes while the host prepares.
class Episode {
 public:
  Episode(Ops& ops, const KernelSet& set, const EngineOptions& options, const Trial& trial,
          const std::vector<std::vector<int32_t>>& texts)
      : ops_(ops),
        set_(set),
        options_(options),
        trial_(trial),
        texts_(texts),
        pages_(options.capacity.pages, options.capacity.slots),
        generated_(trial.sequences.size()),
        results_(trial.sequences.size()) {
    for (size_t i = 0; i < trial.sequences.size(); ++i) {
      results_[i].kind = trial.sequences[i].kind;
      results_[i].index = trial.sequences[i].index;
    }
  }
  Episode(const Episode&) = delete;
  Episode& operator=(const Episode&) = delete;
  // Whatever ended the episode, the device's queue is empty for the next one.
  ~Episode() {
    try {
      for (; !in_flight_.empty(); in_flight_.pop_front()) ops_.next_result();
    } catch (const Error&) {  // the device's next step reports it
    }
  }

  void launch(const ScheduledStep& step) {
    StepInput input;
    std::vector<int32_t> emitting;
    int32_t rows = 0;
    for (const ScheduledSlice& slice : step) {
      append_tokens(slice, input.tokens);
      input.slices.push_back({.slot = slice.sequence,
                              .position = slice.position,
                              .rows = slice.rows,
                              .pages = pages_.hold(slice.sequence, slice.position + slice.rows)});
      rows += slice.rows;
      if (!slice.emits) continue;
      input.logit_rows.push_back(rows - 1);
      emitting.push_back(slice.sequence);
    }
    launches_.push_back({.rows = rows, .logit_rows = static_cast<int32_t>(emitting.size())});
    ops_.step(set_, input, [this] { forward(ops_, ops_.shape().layers); });
    for (const ScheduledSlice& slice : step) {
      if (slice.releases) pages_.release(slice.sequence);
    }
    in_flight_.push_back({launches_.size() - 1, std::move(emitting)});
    while (in_flight_.size() > 1) collect();
  }

  void collect() {
    const auto [launch, emitting] = std::move(in_flight_.front());
    in_flight_.pop_front();
    const StepResult result = ops_.next_result();
    check(result.heads.size() == emitting.size(), "one head result for each emitting sequence");
    launches_[launch].choice_set = local_choice_set(result.choice_set);
    for (size_t i = 0; i < emitting.size(); ++i) record(emitting[i], result.heads[i]);
  }

  TrialResult finish() {
    while (!in_flight_.empty()) collect();
    TrialResult result;
    for (size_t i = 0; i < results_.size(); ++i) {
      if (results_[i].kind != SequenceKind::companion) result.sequences.push_back(std::move(results_[i]));
    }
    result.launches = std::move(launches_);
    result.choice_sets = std::move(choice_sets_);
    return result;
  }

 private:
  const PlannedSequence& planned(int32_t sequence) const {
    return trial_.sequences[static_cast<size_t>(sequence)];
  }

  void append_tokens(const ScheduledSlice& slice, std::vector<int32_t>& tokens) {
    const PlannedSequence& sequence = planned(slice.sequence);
    const std::vector<int32_t>& text = texts_.at(static_cast<size_t>(sequence.text));
    const bool forced = sequence.kind != SequenceKind::run;
    if (slice.recomputes && !forced) {
      while (!in_flight_.empty()) collect();
    }
    for (int32_t position = slice.position; position < slice.position + slice.rows; ++position) {
      if (forced || position < sequence.prompt_length) {
        tokens.push_back(text.at(static_cast<size_t>(sequence.offset) + static_cast<size_t>(position)));
      } else if (slice.recomputes) {
        tokens.push_back(
            generated_[slice.sequence].at(static_cast<size_t>(position - sequence.prompt_length)));
      } else {
        tokens.push_back(kNextToken);
      }
    }
  }

  void record(int32_t sequence, const HeadResult& head) {
    if (!head.finite) {
      throw Error(Exit::device, "a NaN or an infinity in the logits of trial " + std::to_string(trial_.id));
    }
    SequenceResult& result = results_[sequence];
    if (result.kind == SequenceKind::companion) return;
    StepRecord step{.digest = head.digest};
    for (int i = 0; i < 2; ++i) {
      step.top[i] = head.top[i];
      step.value[i] = head.value[i];
      step.accumulator[i] = head.accumulator[i];
    }
    if (result.kind == SequenceKind::probe) {
      result.steps.push_back(step);
      return;
    }
    generated_[sequence].push_back(head.top[0]);
    if (result.end == EndReason::stop) return;  // the slot computes on, the stream has ended
    result.tokens.push_back(head.top[0]);
    result.steps.push_back(step);
    for (int32_t id : options_.stop_tokens) {
      if (id == head.top[0]) result.end = EndReason::stop;
    }
  }

  int32_t local_choice_set(int id) {
    const auto [known, added] = choice_index_.try_emplace(id, static_cast<int32_t>(choice_sets_.size()));
    if (added) {
      ChoiceSetRecord records;
      for (const auto& [role, choice] : ops_.choice_set(id)) {
        records.push_back({role_name(role), choice.text(), choice.sum_order()});
      }
      choice_sets_.push_back(std::move(records));
    }
    return known->second;
  }

  struct Pending {
    size_t launch;
    std::vector<int32_t> emitting;  // sequences, in the order of the step's logit rows
  };

  Ops& ops_;
  const KernelSet& set_;
  const EngineOptions& options_;
  const Trial& trial_;
  const std::vector<std::vector<int32_t>>& texts_;
  PagePool pages_;
  std::deque<Pending> in_flight_;
  std::vector<std::vector<int32_t>> generated_;  // by sequence: every token, past a stop token too
  std::vector<SequenceResult> results_;          // by sequence
  std::vector<LaunchRecord> launches_;
  std::map<int, int32_t> choice_index_;
  std::vector<ChoiceSetRecord> choice_sets_;
};

TrialResult failed(const std::string& why) {
  TrialResult result;
  result.failed = true;
  result.failure = why;
  return result;
}

}  // namespace

Engine::Engine(Ops& ops, std::string device, KernelSet set, EngineOptions options, Certificate certificate)
    : ops_(ops),
      device_(std::move(device)),
      set_(std::move(set)),
      options_(std::move(options)),
      certificate_(std::move(certificate)) {}

SubjectFacts Engine::facts() const {
  SubjectFacts facts{.device = device_, .kernel_set = set_.name, .sum_order_class = set_.sum_order_class};
  facts.environment = ops_.environment();
  Sha256 table;
  table.update(std::as_bytes(std::span(ops_.rope_table())));
  facts.environment["rope_table_sha256"] = hex(table.finish());
  facts.environment["certified"] = certificate_.summary;
  facts.anchor_outputs = certificate_.outputs;
  return facts;
}

TrialResult Engine::run(const Trial& trial, const std::vector<std::vector<int32_t>>& texts,
                        const std::atomic<bool>& stop) {
  const auto start = std::chrono::steady_clock::now();
  TrialResult result;
  try {
    Episode episode(ops_, set_, options_, trial, texts);
    for (const ScheduledStep& step : schedule(trial, options_.max_rows)) {
      if (stop.load(std::memory_order_relaxed)) return failed("stopped by the user");
      episode.launch(step);
    }
    result = episode.finish();
  } catch (const std::bad_alloc&) {
    result = failed("out of memory");
  } catch (const Error& error) {
    // A lost device ends the audit; what was stored can be resumed.
    if (error.status() == Exit::bug || error.status() == Exit::incomplete) throw;
    result = failed(error.what());
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace ra
