// Reading an audit back. Nothing that is read is believed: seals, hashes and chains are recomputed.
#include <algorithm>
#include <limits>
#include <tuple>

#include "core/audit/store_codec.h"
#include "core/audit/store_database.h"
#include "core/json.h"

namespace ra {
namespace {

class Reader {
 public:
  Reader(Connection& connection, int64_t number) : connection_(connection), number_(number) {}

  Audit read() {
    read_identity();
    audit_.plan = read_plan(connection_, number_);
    read_subject();
    read_arms();
    expect(facts_sha256(audit_) == facts_sha256_, "its facts do not have the hash stored with them");
    read_choices();
    read_attempts();
    read_streams();
    read_sequences();
    read_pieces();
    return std::move(audit_);
  }

 private:
  Rows rows(const std::string& table, const std::string& order) {
    return {connection_, table, "WHERE audit = ? " + order, {number_}};
  }
  void expect(bool holds, const std::string& what) const {
    if (!holds) throw connection_.damaged("audit " + printable(audit_.id) + ": " + what);
  }

  void read_identity() {
    Rows found = rows("audits", "");
    expect(found.next(), "no row of its own");
    audit_.id = found.text(1);
    audit_.created = found.text(2);
    audit_.tool = found.text(3);
    audit_.subject.model_name = found.text(4);
    audit_.subject.model_sha256 = found.text(5);
    audit_.subject.prompt_text = found.text(6);
    audit_.subject.prompt_sha256 = found.text(7);
    facts_sha256_ = found.text(10);
    pieces_ = found.integer(11);
    Rows segments = rows("segments", "ORDER BY segment");
    audit_.segments = 0;
    while (segments.next()) expect(segments.integer(1) == ++audit_.segments, "a segment is missing");
    expect(audit_.segments > 0, "no segment");
  }

  void read_subject() {
    Rows facts = rows("subject_facts", "ORDER BY topic, name");
    while (facts.next()) {
      const std::string topic = facts.text(1);
      expect(topic == "model" || topic == "settings", "a fact of an unknown topic");
      (topic == "model" ? audit_.subject.model : audit_.subject.settings)[facts.text(2)] = facts.text(3);
    }
    Rows pieces = rows("prompt_pieces", "ORDER BY place");
    while (pieces.next()) {
      expect(pieces.integer(1) == static_cast<int64_t>(audit_.subject.prompt_pieces.size()),
             "a piece of the prompt is missing");
      audit_.subject.prompt_pieces.push_back(pieces.blob(2));
    }
  }

  void read_arms() {
    Rows arms = rows("arms", "ORDER BY arm");
    while (arms.next()) {
      Arm arm{.id = arms.integer32(1), .name = arms.text(2)};
      expect(arm.id == static_cast<int32_t>(audit_.arms.size()), "an arm is missing");
      arm.facts.device = arms.text(3);
      arm.facts.kernel_set = arms.text(4);
      arm.facts.sum_order_class = arms.text(5);
      audit_.arms.push_back(std::move(arm));
    }
    const auto facts_of = [&](int64_t arm) -> SubjectFacts& {
      expect(arm >= 0 && arm < static_cast<int64_t>(audit_.arms.size()), "facts of an arm that is not there");
      return audit_.arms[static_cast<size_t>(arm)].facts;
    };
    Rows environment = rows("arm_environment", "ORDER BY arm, name");
    while (environment.next()) {
      facts_of(environment.integer(1)).environment[environment.text(2)] = environment.text(3);
    }
    Rows anchors = rows("arm_anchors", "ORDER BY arm, role, sum_order");
    while (anchors.next()) {
      facts_of(anchors.integer(1)).anchor_outputs[anchors.text(2)][anchors.text(3)] = anchors.text(4);
    }
  }

  void read_pieces() {
    Rows pieces = rows("pieces", "ORDER BY token");
    while (pieces.next()) audit_.pieces[pieces.integer32(1)] = pieces.blob(2);
    expect(static_cast<int64_t>(audit_.pieces.size()) == pieces_, "a token's bytes are missing");
  }

  void read_choices() {
    Rows choices = rows("choices", "ORDER BY choice_set, place");
    while (choices.next()) {
      const int64_t number = choices.integer(1);
      if (number == static_cast<int64_t>(audit_.choice_sets.size())) audit_.choice_sets.emplace_back();
      expect(number + 1 == static_cast<int64_t>(audit_.choice_sets.size()) &&
                 choices.integer(2) == static_cast<int64_t>(audit_.choice_sets.back().size()),
             "a kernel choice is missing");
      audit_.choice_sets.back().push_back({choices.text(3), choices.text(4), choices.text(5)});
    }
  }

  const Trial& trial_of(int64_t trial, int64_t arm) const {
    expect(trial >= 0 && trial < static_cast<int64_t>(audit_.plan.trials.size()) && arm >= 0 &&
               arm < static_cast<int64_t>(audit_.arms.size()),
           "a trial or arm that the plan does not have");
    return audit_.plan.trials[static_cast<size_t>(trial)];
  }

  void read_attempts() {
    Rows attempts = rows("attempts", "ORDER BY serial");
    while (attempts.next()) {
      expect(attempts.integer(1) == static_cast<int64_t>(audit_.attempts.size()), "an attempt is missing");
      Attempt attempt{
          .arm = attempts.integer32(2), .trial = attempts.integer32(3), .attempt = attempts.integer32(4)};
      trial_of(attempt.trial, attempt.arm);
      const std::string outcome = attempts.text(5);
      expect(outcome == "done" || outcome == "failed", "an unknown outcome");
      attempt.outcome = outcome == "done" ? Outcome::done : Outcome::failed;
      attempt.failure = attempts.text(6);
      attempt.seconds = attempts.real(7);
      auto launches = decode_launches(attempts.blob(8));
      pieces_ = attempts.integer(9);
      expect(launches.has_value(), "launches of an impossible size");
      attempt.launches = std::move(*launches);
      for (const LaunchRecord& launch : attempt.launches) {
        expect(launch.choice_set >= 0 && launch.choice_set < static_cast<int32_t>(audit_.choice_sets.size()),
               "a launch's kernel choices are missing");
      }
      audit_.attempts.push_back(std::move(attempt));
    }
  }

  void read_streams() {
    Rows streams = rows("streams", "ORDER BY stream");
    while (streams.next()) {
      const std::string name = "stream " + std::to_string(streams.integer(1));
      expect(streams.integer(1) == static_cast<int64_t>(audit_.streams.size()),
             "a stream before " + name + " is missing");
      auto tokens = decode_ids(streams.blob(3));
      auto steps = decode_steps(streams.blob(4));
      const std::string end = streams.text(5);
      expect(tokens && steps && (end == "length" || end == "stop"), name + " is not whole");
      Stream stream = stream_of(std::move(*tokens), std::move(*steps),
                                end == "stop" ? EndReason::stop : EndReason::length);
      expect(streams.text(2) == content_sha256(stream) && streams.text(6) == hex(stream.token_hash) &&
                 streams.text(7) == stream.token_sha256 && streams.text(8) == hex(stream.digest),
             name + " does not have the hashes stored with it");
      audit_.streams.push_back(std::move(stream));
    }
  }

  void read_sequences() {
    std::map<std::tuple<int32_t, int32_t, int32_t>, size_t> attempts;  // (arm, trial, attempt) -> serial
    std::vector<size_t> missing;  // results that each attempt still lacks
    for (const Attempt& attempt : audit_.attempts) {
      attempts[{attempt.arm, attempt.trial, attempt.attempt}] = missing.size();
      const Trial& trial = trial_of(attempt.trial, attempt.arm);
      missing.push_back(attempt.outcome == Outcome::failed
                            ? 0
                            : static_cast<size_t>(std::count_if(
                                  trial.sequences.begin(), trial.sequences.end(), [](const auto& sequence) {
                                    return sequence.kind != SequenceKind::companion;
                                  })));
    }
    Rows sequences = rows("sequences", "ORDER BY arm, link");
    std::string chain;
    int64_t link = 0;
    int32_t arm = -1;
    while (sequences.next()) {
      SequenceFact fact{.arm = sequences.integer32(1),
                        .trial = sequences.integer32(3),
                        .attempt = sequences.integer32(4),
                        .sequence = sequences.integer32(5),
                        .stream = sequences.integer32(6),
                        .chain = sequences.text(7)};
      if (fact.arm != arm) {
        arm = fact.arm;
        chain = kChainStart;
        link = 0;
      }
      check_link(fact, sequences.integer(2) == link++, chain);
      const auto attempt = attempts.find({fact.arm, fact.trial, fact.attempt});
      expect(attempt != attempts.end() && missing[attempt->second] > 0, "a result without its attempt");
      --missing[attempt->second];
      chain = fact.chain;
      audit_.sequences.push_back(std::move(fact));
    }
    expect(std::all_of(missing.begin(), missing.end(), [](size_t left) { return left == 0; }),
           "a result of a finished trial is missing");
    std::stable_sort(
        audit_.sequences.begin(), audit_.sequences.end(), [&](const SequenceFact& a, const SequenceFact& b) {
          return attempts.at({a.arm, a.trial, a.attempt}) < attempts.at({b.arm, b.trial, b.attempt});
        });
  }

  void check_link(const SequenceFact& fact, bool consecutive, const std::string& previous) const {
    const Trial& trial = trial_of(fact.trial, fact.arm);
    expect(fact.sequence >= 0 && fact.sequence < static_cast<int32_t>(trial.sequences.size()) &&
               fact.stream >= 0 && fact.stream < static_cast<int32_t>(audit_.streams.size()),
           "a result of a sequence or stream that is not there");
    const std::string line =
        chain_line(audit_.id, audit_.arms[static_cast<size_t>(fact.arm)].name, {fact.trial, fact.arm},
                   fact.attempt, fact.sequence, trial.sequences[static_cast<size_t>(fact.sequence)],
                   audit_.streams[static_cast<size_t>(fact.stream)], previous);
    expect(consecutive && fact.chain == hex(sha256(line)),
           "the chain of arm " + std::to_string(fact.arm) + " breaks at trial " + std::to_string(fact.trial) +
               ", sequence " + std::to_string(fact.sequence));
  }

  Connection& connection_;
  int64_t number_;
  std::string facts_sha256_;
  int64_t pieces_ = 0;  // that were known when the last attempt was committed
  Audit audit_;
};

}  // namespace

int64_t audit_number(Connection& connection, const std::string& id) {
  // Without the index, which a copy of a database without its journal may lack where the table has the row.
  Rows rows(connection, "audits", "NOT INDEXED WHERE id = ?", {id});
  if (!rows.next()) {
    throw Error(Exit::usage, "audit '" + printable(id) + "': not in " + connection.name() +
                                 "; expected an id that `repro-audit list` shows");
  }
  return rows.integer(0);
}

Audit read_audit(Connection& connection, int64_t audit) {
  return Reader(connection, audit).read();
}

}  // namespace ra
