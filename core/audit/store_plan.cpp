// The plan in the database: as it was made, row by row, so that a later planner still reads it.
#include <charconv>

#include "core/audit/plan_text.h"
#include "core/audit/store_codec.h"
#include "core/audit/store_database.h"
#include "core/printable.h"

namespace ra {
namespace {

std::string names_of(const std::vector<Stratum>& strata) {
  std::string text;
  for (Stratum stratum : strata) {
    if (!text.empty()) text += ',';
    text += name_of(stratum);
  }
  return text;
}

std::vector<Stratum> strata_of(const std::string& names) {
  std::vector<Stratum> strata;
  for (size_t at = 0; at <= names.size();) {
    const size_t end = std::min(names.find(',', at), names.size());
    strata.push_back(parse_stratum(names.substr(at, end - at)));
    at = end + 1;
  }
  return strata;
}

// after, pause, after, pause, ...
std::vector<int32_t> numbers_of(const std::vector<Preemption>& preemptions) {
  std::vector<int32_t> numbers;
  for (const Preemption& preemption : preemptions) {
    numbers.push_back(preemption.after);
    numbers.push_back(preemption.pause);
  }
  return numbers;
}

class PlanReader {
 public:
  PlanReader(Connection& connection, int64_t audit) : connection_(connection), audit_(audit) {}

  Plan read() {
    read_spec();
    read_probes();
    read_trials();
    read_sequences();
    read_turns();
    check_plan(plan_);
    Rows stored = rows("audits", "");
    expect(stored.next() && plan_sha256(plan_) == stored.text(8) &&
               static_cast<int64_t>(plan_.order.size()) == stored.integer(9),
           "it does not have the SHA-256 stored with it");
    return std::move(plan_);
  }

 private:
  Rows rows(const std::string& table, const std::string& order) {
    return {connection_, table, "WHERE audit = ? " + order, {audit_}};
  }
  void expect(bool holds, const std::string& what) const {
    if (!holds) throw Error(Exit::bad_input, what);
  }
  std::vector<int32_t> ids(const std::string& bytes) const {
    auto ids = decode_ids(bytes);
    expect(ids.has_value(), "a list of numbers of an impossible size");
    return std::move(*ids);
  }
  template <class Kind>
  Kind kind(const std::string& name, std::initializer_list<Kind> kinds) const {
    for (Kind kind : kinds) {
      if (name == name_of(kind)) return kind;
    }
    throw Error(Exit::bad_input, "a kind '" + printable(name) + "'");
  }

  void read_spec() {
    PlanSpec& spec = plan_.spec;
    Rows stored = rows("plans", "");
    expect(stored.next(), "there is none");
    spec.prompt = ids(stored.blob(1));
    spec.companion_text = ids(stored.blob(2));
    spec.vocab = stored.integer32(3);
    spec.max_positions = stored.integer32(4);
    spec.runs = stored.integer32(5);
    spec.max_tokens = stored.integer32(6);
    spec.batch_sizes = ids(stored.blob(7));
    const std::string seed = stored.text(8);
    const auto parsed = std::from_chars(seed.data(), seed.data() + seed.size(), spec.seed);
    expect(parsed.ec == std::errc() && parsed.ptr == seed.data() + seed.size(), "a seed that is no number");
    spec.strata = strata_of(stored.text(9));
    spec.min_random_trials = stored.integer32(10);
    spec.max_rows = stored.integer32(11);
    spec.probe_contexts = ids(stored.blob(12));
    spec.probe_steps = stored.integer32(13);
    plan_.texts = {spec.prompt, ids(stored.blob(14))};
    Rows arms = rows("arms", "ORDER BY arm");
    while (arms.next()) spec.arms.push_back(arms.text(2));
  }

  void read_probes() {
    Rows probes = rows("probes", "ORDER BY probe");
    while (probes.next()) {
      expect(probes.integer(1) == static_cast<int64_t>(plan_.probes.size()), "a probe is missing");
      plan_.probes.push_back({probes.integer32(2), probes.integer32(3)});
    }
  }

  void read_trials() {
    Rows trials = rows("trials", "ORDER BY trial");
    while (trials.next()) {
      expect(trials.integer(1) == static_cast<int64_t>(plan_.trials.size()), "a trial is missing");
      plan_.trials.push_back({
          .id = trials.integer32(1),
          .kind =
              kind(trials.text(2), {TrialKind::solo, TrialKind::edge, TrialKind::random, TrialKind::repeat}),
          .stratum = parse_stratum(trials.text(3)),
          .batch_size = trials.integer32(4),
          .repeat_of = trials.integer32(5),
      });
    }
  }

  void read_sequences() {
    Rows stored = rows("planned_sequences", "ORDER BY trial, place");
    while (stored.next()) {
      const int64_t id = stored.integer(1);
      expect(id >= 0 && id < static_cast<int64_t>(plan_.trials.size()), "a sequence of no trial");
      Trial& trial = plan_.trials[static_cast<size_t>(id)];
      expect(stored.integer(2) == static_cast<int64_t>(trial.sequences.size()),
             "a sequence of trial " + std::to_string(id) + " is missing");
      PlannedSequence sequence{
          .kind = kind(stored.text(3), {SequenceKind::run, SequenceKind::probe, SequenceKind::companion}),
          .index = stored.integer32(4),
          .text = stored.integer32(5),
          .offset = stored.integer32(6),
          .prompt_length = stored.integer32(7),
          .steps = stored.integer32(8),
          .arrival = stored.integer32(9),
          .chunks = ids(stored.blob(10)),
      };
      const std::vector<int32_t> numbers = ids(stored.blob(11));
      expect(numbers.size() % 2 == 0, "half a preemption");
      for (size_t i = 0; i < numbers.size(); i += 2)
        sequence.preemptions.push_back({numbers[i], numbers[i + 1]});
      trial.sequences.push_back(std::move(sequence));
    }
  }

  void read_turns() {
    Rows turns = rows("turns", "ORDER BY place");
    while (turns.next()) {
      expect(turns.integer(1) == static_cast<int64_t>(plan_.order.size()), "a turn is missing");
      plan_.order.push_back({turns.integer32(2), turns.integer32(3)});
    }
  }

  Connection& connection_;
  int64_t audit_;
  Plan plan_;
};

}  // namespace

void insert_plan(Connection& connection, int64_t audit, const Plan& plan) {
  const PlanSpec& spec = plan.spec;
  check(plan.texts.size() == 2 && plan.texts[0] == spec.prompt, "a plan of two texts, the prompt first");
  insert(connection, "plans",
         {audit, Blob{encode_ids(spec.prompt)}, Blob{encode_ids(spec.companion_text)}, int64_t{spec.vocab},
          int64_t{spec.max_positions}, int64_t{spec.runs}, int64_t{spec.max_tokens},
          Blob{encode_ids(spec.batch_sizes)}, std::to_string(spec.seed), names_of(spec.strata),
          int64_t{spec.min_random_trials}, int64_t{spec.max_rows}, Blob{encode_ids(spec.probe_contexts)},
          int64_t{spec.probe_steps}, Blob{encode_ids(plan.texts[1])}});
  for (size_t i = 0; i < plan.probes.size(); ++i) {
    insert(connection, "probes",
           {audit, static_cast<int64_t>(i), int64_t{plan.probes[i].context}, int64_t{plan.probes[i].steps}});
  }
  for (const Trial& trial : plan.trials) {
    insert(connection, "trials",
           {audit, int64_t{trial.id}, std::string(name_of(trial.kind)), std::string(name_of(trial.stratum)),
            int64_t{trial.batch_size}, int64_t{trial.repeat_of}});
    for (size_t place = 0; place < trial.sequences.size(); ++place) {
      const PlannedSequence& sequence = trial.sequences[place];
      insert(connection, "planned_sequences",
             {audit, int64_t{trial.id}, static_cast<int64_t>(place), std::string(name_of(sequence.kind)),
              int64_t{sequence.index}, int64_t{sequence.text}, int64_t{sequence.offset},
              int64_t{sequence.prompt_length}, int64_t{sequence.steps}, int64_t{sequence.arrival},
              Blob{encode_ids(sequence.chunks)}, Blob{encode_ids(numbers_of(sequence.preemptions))}});
    }
  }
  for (size_t place = 0; place < plan.order.size(); ++place) {
    insert(connection, "turns",
           {audit, static_cast<int64_t>(place), int64_t{plan.order[place].trial},
            int64_t{plan.order[place].arm}});
  }
}

Plan read_plan(Connection& connection, int64_t audit) {
  try {
    return PlanReader(connection, audit).read();
  } catch (const Error& error) {
    if (error.status() != Exit::bad_input && error.status() != Exit::usage) throw;
    throw connection.damaged("the plan of audit number " + std::to_string(audit) + ": " + error.what());
  }
}

}  // namespace ra
