// A Subject without a model: it executes a plan's schedule and answers from a script, so that a test knows every finding
// beforehand. Without a script every run gives the same stream and every probe the same steps wherever it is.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "core/audit/plan.h"
#include "core/subject.h"

namespace ra {

// What to plant. A run is named by trial and place in it (or by its index in the N, by run_token), a position by the
// index of the emitted token. A repeat has what its original has, unless something is planted in the repeat itself.
struct Script {
  struct Place {
    int32_t trial = 0;
    int32_t sequence = 0;
    auto operator<=>(const Place&) const = default;
  };
  std::map<int32_t, int32_t> run_token;  // run index -> position from which its tokens are others
  std::map<Place, int32_t> token;        // place -> position from which its tokens are others
  std::map<Place, int32_t> logits;       // place -> the one position at which only the digest differs
  std::set<int32_t> failing_trials;
  std::map<int32_t, int32_t> wrong_rows;  // trial -> step whose witness has one row too many
  int32_t stop_at = -1;                   // position of a stop token in every run; -1: none
  double seconds_per_step = 0.001;
  // Kernel choices of a step with this many rows: like a library, or (by default) one for all.
  std::function<ChoiceSetRecord(int32_t rows)> choices;
};

class ScriptedSubject : public Subject {
 public:
  // `name` enters facts and, with `salt`, the tokens: subjects of one salt agree.
  ScriptedSubject(std::string name, const PlanSpec& spec, Script script, uint64_t salt = 0);
  SubjectFacts facts() const override;
  TrialResult run(const Trial& trial, const std::vector<std::vector<int32_t>>& texts,
                  const std::atomic<bool>& stop) override;

  // Called at the beginning of every run(), with the number of earlier calls.
  std::function<void(int64_t)> before_trial;
  int64_t calls() const { return calls_; }

 private:
  SequenceResult answer(const Trial& trial, int32_t place) const;

  std::string name_;
  int32_t vocab_;
  int32_t max_rows_;
  Script script_;
  uint64_t salt_;
  int64_t calls_ = 0;
};

}  // namespace ra
