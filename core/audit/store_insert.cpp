// Rows of what is recorded.
#include "core/audit/store_codec.h"
#include "core/audit/store_database.h"

namespace ra {
namespace {

void insert_arm(Connection& connection, int64_t audit, const Arm& arm) {
  const SubjectFacts& facts = arm.facts;
  insert(connection, "arms",
         {audit, int64_t{arm.id}, arm.name, facts.device, facts.kernel_set, facts.sum_order_class});
  for (const auto& [name, value] : facts.environment) {
    insert(connection, "arm_environment", {audit, int64_t{arm.id}, name, value});
  }
  for (const auto& [role, outputs] : facts.anchor_outputs) {
    for (const auto& [sum_order, output] : outputs) {
      insert(connection, "arm_anchors", {audit, int64_t{arm.id}, role, sum_order, output});
    }
  }
}

}  // namespace

int64_t next_audit_number(Connection& connection) {
  return connection.integer("SELECT coalesce(max(audit), 0) + 1 FROM audits");
}

void insert_audit(Connection& connection, const Audit& audit) {
  Transaction transaction(connection, "BEGIN IMMEDIATE");
  const int64_t number = next_audit_number(connection);
  insert_facts(connection, number, audit);
  insert_results(connection, number, audit);
  read_audit(connection, number);
  transaction.commit();
}

void insert_facts(Connection& connection, int64_t number, const Audit& audit) {
  const AuditSubject& subject = audit.subject;
  insert(connection, "audits",
         {number, audit.id, audit.created, audit.tool, subject.model_name, subject.model_sha256,
          subject.prompt_text, subject.prompt_sha256, plan_sha256(audit.plan),
          static_cast<int64_t>(audit.plan.order.size()), facts_sha256(audit),
          static_cast<int64_t>(audit.pieces.size())});
  insert_plan(connection, number, audit.plan);
  for (const auto& [name, value] : subject.model) {
    insert(connection, "subject_facts", {number, std::string("model"), name, value});
  }
  for (const auto& [name, value] : subject.settings) {
    insert(connection, "subject_facts", {number, std::string("settings"), name, value});
  }
  for (size_t i = 0; i < subject.prompt_pieces.size(); ++i) {
    insert(connection, "prompt_pieces", {number, static_cast<int64_t>(i), Blob{subject.prompt_pieces[i]}});
  }
  for (const Arm& arm : audit.arms) insert_arm(connection, number, arm);
  for (const auto& [token, bytes] : audit.pieces)
    insert(connection, "pieces", {number, int64_t{token}, Blob{bytes}});
  for (size_t i = 0; i < audit.segments.size(); ++i)
    insert_segment(connection, number, static_cast<int64_t>(i) + 1, audit.segments[i]);
}

void insert_results(Connection& connection, int64_t number, const Audit& audit) {
  for (size_t i = 0; i < audit.choice_sets.size(); ++i)
    insert_choices(connection, number, static_cast<int64_t>(i), audit.choice_sets[i]);
  for (size_t i = 0; i < audit.streams.size(); ++i)
    insert_stream(connection, number, static_cast<int64_t>(i), audit.streams[i]);
  for (size_t i = 0; i < audit.attempts.size(); ++i) {
    insert_attempt(connection, number, static_cast<int64_t>(i), audit.attempts[i],
                   static_cast<int64_t>(audit.pieces.size()));
  }
  std::vector<int64_t> links(audit.arms.size(), 0);
  for (const SequenceFact& fact : audit.sequences)
    insert_sequence(connection, number, links[static_cast<size_t>(fact.arm)]++, fact);
}

void insert_segment(Connection& connection, int64_t audit, int64_t number, const Segment& segment) {
  insert(connection, "segments", {audit, number, segment.started, segment.tool});
}

void insert_choices(Connection& connection, int64_t audit, int64_t number, const ChoiceSetRecord& choices) {
  for (size_t i = 0; i < choices.size(); ++i) {
    insert(
        connection, "choices",
        {audit, number, static_cast<int64_t>(i), choices[i].role, choices[i].choice, choices[i].sum_order});
  }
}

void insert_stream(Connection& connection, int64_t audit, int64_t number, const Stream& stream) {
  insert(connection, "streams",
         {audit, number, content_sha256(stream), Blob{encode_ids(stream.tokens)},
          Blob{encode_steps(stream.steps)}, std::string(name_of(stream.end)), hex(stream.token_hash),
          stream.token_sha256, hex(stream.digest)});
}

void insert_attempt(Connection& connection, int64_t audit, int64_t serial, const Attempt& attempt,
                    int64_t known_pieces) {
  insert(connection, "attempts",
         {audit, serial, int64_t{attempt.arm}, int64_t{attempt.trial}, int64_t{attempt.attempt},
          std::string(attempt.outcome == Outcome::failed ? "failed" : "done"), attempt.failure,
          attempt.seconds, Blob{encode_launches(attempt.launches)}, known_pieces});
}

void insert_sequence(Connection& connection, int64_t audit, int64_t link, const SequenceFact& fact) {
  insert(connection, "sequences",
         {audit, int64_t{fact.arm}, link, int64_t{fact.trial}, int64_t{fact.attempt}, int64_t{fact.sequence},
          int64_t{fact.stream}, fact.chain});
}

}  // namespace ra
