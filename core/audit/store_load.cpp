// Reading an audit back. Nothing that is read is believed: seals, hashes and chains are recomputed.
#include <algorithm>
#include <tuple>

#include "core/audit/audit_check.h"
#include "core/audit/store_codec.h"
#include "core/audit/store_database.h"
#include "core/printable.h"

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
    try {
      check_audit(audit_);
    } catch (const Error& error) {
      expect(error.status() != Exit::bad_input, error.what());
      throw;
    }
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
    while (segments.next()) {
      audit_.segments.push_back({segments.text(2), segments.text(3)});
      expect(segments.integer(1) == static_cast<int64_t>(audit_.segments.size()), "a segment is missing");
    }
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

  void read_attempts() {
    Rows attempts = rows("attempts", "ORDER BY serial");
    while (attempts.next()) {
      expect(attempts.integer(1) == static_cast<int64_t>(audit_.attempts.size()), "an attempt is missing");
      Attempt attempt{
          .arm = attempts.integer32(2), .trial = attempts.integer32(3), .attempt = attempts.integer32(4)};
      const std::string outcome = attempts.text(5);
      expect(outcome == "done" || outcome == "failed", "an unknown outcome");
      attempt.outcome = outcome == "done" ? Outcome::done : Outcome::failed;
      attempt.failure = attempts.text(6);
      attempt.seconds = attempts.real(7);
      auto launches = decode_launches(attempts.blob(8));
      pieces_ = attempts.integer(9);
      expect(launches.has_value(), "launches of an impossible size");
      attempt.launches = std::move(*launches);
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

  // Stored by arm and link; in an audit they stand in the order of their attempts.
  void read_sequences() {
    std::map<std::tuple<int32_t, int32_t, int32_t>, size_t> serials;  // (arm, trial, attempt) -> serial
    for (size_t serial = 0; serial < audit_.attempts.size(); ++serial) {
      const Attempt& attempt = audit_.attempts[serial];
      serials[{attempt.arm, attempt.trial, attempt.attempt}] = serial;
    }
    const auto serial_of = [&](const SequenceFact& fact) {
      const auto found = serials.find({fact.arm, fact.trial, fact.attempt});
      return found == serials.end() ? serials.size() : found->second;
    };
    Rows sequences = rows("sequences", "ORDER BY arm, link");
    int64_t link = 0;
    int32_t arm = -1;
    while (sequences.next()) {
      SequenceFact fact{.arm = sequences.integer32(1),
                        .trial = sequences.integer32(3),
                        .attempt = sequences.integer32(4),
                        .sequence = sequences.integer32(5),
                        .stream = sequences.integer32(6),
                        .chain = sequences.text(7)};
      if (fact.arm != arm) link = 0;
      arm = fact.arm;
      expect(sequences.integer(2) == link++, "the chain of arm " + std::to_string(arm) + " breaks at trial " +
                                                 std::to_string(fact.trial) + ", sequence " +
                                                 std::to_string(fact.sequence));
      audit_.sequences.push_back(std::move(fact));
    }
    std::stable_sort(
        audit_.sequences.begin(), audit_.sequences.end(),
        [&](const SequenceFact& a, const SequenceFact& b) { return serial_of(a) < serial_of(b); });
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
