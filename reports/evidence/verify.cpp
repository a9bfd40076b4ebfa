#include "reports/evidence/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "core/audit/store_copy.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/printable.h"
#include "reports/evidence/dsse.h"
#include "reports/evidence/evidence.h"
#include "reports/evidence/inputs.h"
#include "reports/evidence/lines_check.h"
#include "reports/evidence/replay.h"
#include "reports/evidence/stated.h"
#include "reports/evidence/timestamp.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kSentenceBytes = 400;

[[noreturn]] void fail(const std::string& sentence) {
  throw Error(Exit::evidence, sentence);
}

// The first place at which two texts that are not the same differ.
size_t difference(const std::string& found, const std::string& expected) {
  return static_cast<size_t>(
      std::mismatch(found.begin(), found.end(), expected.begin(), expected.end()).first - found.begin());
}

// What a check cannot be made without is missing.
struct Skipped {
  std::string sentence;
};

class Verifier {
 public:
  Verifier(const BundleFiles& files, const VerifyRequest& request) : files_(files), request_(request) {}

  EvidenceVerdict verify() {
    add("layout", [&] { return layout(); });
    add("sums", [&] { return sums(); });
    add("statement", [&] { return statement(); });
    add("signature", [&] { return signature(); });
    add("subjects", [&] { return subjects(); });
    add("chain", [&] { return chain(); });
    add("tokens", [&] { return tokens(); });
    add("database", [&] { return database(); });
    add("policy", [&] { return policy(); });
    add("runs", [&] { return same({kRuns, kStreams, kDivergences}, Bound::audit); });
    add("report", [&] { return same({kReportJson, kReportHtml}, Bound::version); });
    add("inputs", [&] {
      return same({kPrompts, kModelManifest, kSettings, kPolicy, kFingerprint}, Bound::version);
    });
    add("model", [&] { return model(); });
    add("statistics", [&] { return statistics(); });
    add("test-result", [&] { return test_result(); });
    add("page", [&] { return page(); });
    if (files_.contains(kTimestamp) || request_.time_authority) add("timestamp", [&] { return timestamp(); });
    if (std::any_of(files_.begin(), files_.end(),
                    [](const auto& file) { return file.first.starts_with(kReplayFolder); }))
      add("replays", [&] { return check_replays(files_); });
    finish();
    return std::move(verdict_);
  }

 private:
  // What a file follows from: the audit, or the version of the program too.
  enum class Bound : uint8_t { audit, version };

  template <typename Step>
  void add(const char* name, const Step& step) {
    EvidenceCheck made{.name = name};
    try {
      made.sentence = step();
    } catch (const Skipped& skipped) {
      made.state = CheckState::skipped;
      made.sentence = skipped.sentence;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      // Of a library too, which meets what no database of ours holds.
      made.state = CheckState::failed;
      made.sentence = error.what();
    }
    made.sentence = printable(made.sentence, kSentenceBytes);
    verdict_.checks.push_back(std::move(made));
  }

  const std::string& file(const std::string& name) const {
    const auto found = files_.find(name);
    if (found == files_.end()) throw Skipped{name + " is missing"};
    return found->second;
  }
  const StatedEvidence& stated() const {
    if (!stated_) throw Skipped{"the statement cannot be read"};
    return *stated_;
  }
  const Audit& audit() const {
    if (!audit_) throw Skipped{"the database cannot be read"};
    return *audit_;
  }
  // The bundle as this program makes it of the database.
  const Evidence& rebuilt() const {
    if (!rebuilt_)
      throw Skipped{"nothing to compare with: statement, key, database or policy cannot be read"};
    return *rebuilt_;
  }

  std::string layout() const {
    for (const char* name : kRequiredFiles) {
      if (!files_.contains(name)) fail(fmt::format("{}: missing; expected it in every bundle", name));
    }
    for (const auto& [name, bytes] : files_) {
      if (!is_bundle_file(name))
        fail(fmt::format("{}: unknown; expected the files of a bundle alone", printable(name)));
    }
    return counted(static_cast<int64_t>(files_.size()), "file");
  }

  std::string sums() const {
    const std::string expected = sums_of(files_);
    const std::string& found = file(kSums);
    if (found == expected) {
      return fmt::format("SHA256SUMS lists {}, each with its SHA-256",
                         counted(std::count(found.begin(), found.end(), '\n'), "file"));
    }
    const size_t at = difference(found, expected);
    const auto line_at = [](const std::string& text, size_t place) {
      const size_t begin = place == 0 ? 0 : text.rfind('\n', place - 1) + 1;
      return printable(text.substr(begin, text.find('\n', begin) - begin), 200);
    };
    fail(
        fmt::format("SHA256SUMS@{}: \"{}\"; expected \"{}\"", at, line_at(found, at), line_at(expected, at)));
  }

  std::string statement() {
    stated_ = read_statements(file(kEnvelopes));
    verdict_.audit = stated_->audit_id;
    return fmt::format("two in-toto statements of audit {}", stated_->audit_id);
  }

  // The key that the bundle names as its signer's: the one given, or its own.
  PublicKey signer_key() const {
    if (request_.key && request_.key->id() == stated().key_id) return *request_.key;
    const auto own = files_.find(kSignerKey);
    if (own == files_.end())
      fail(fmt::format("{}: missing; expected the key {}", kSignerKey, *stated().key_id));
    PublicKey key = PublicKey::parse(own->second, kSignerKey);
    if (key.id() != stated().key_id)
      fail(fmt::format("{}: key {}; expected {}", kSignerKey, key.id(), printable(*stated().key_id)));
    return key;
  }

  std::string signature() {
    const StatedEvidence& stated = this->stated();
    const Envelope* const envelopes[] = {&stated.test_result, &stated.run_detail};
    if (!stated.key_id) {
      for (const Envelope* envelope : envelopes) {
        if (!envelope->signatures.empty())
          fail("signed statements that say they are not; expected no signature");
      }
      if (request_.key) fail("not signed; expected a signature of the key given");
      throw Skipped{"not signed: nothing shows who made this, or that it was not made anew since"};
    }
    key_ = signer_key();
    if (request_.key && request_.key->id() != key_->id())
      fail(fmt::format("signed with key {}; expected the one given, {}", key_->id(), request_.key->id()));
    for (const Envelope* envelope : envelopes) check_signature(*envelope);
    check_copies();
    signed_ = true;
    return request_.key ? fmt::format("both statements are signed with the key given, {}", key_->id())
                        : fmt::format(
                              "both statements are signed with the bundle's own key {}; whose it is, only a "
                              "key from outside shows (--key)",
                              key_->id());
  }

  void check_signature(const Envelope& envelope) const {
    if (envelope.signatures.empty())
      fail(fmt::format("no signature; expected that of key {} (`repro-audit evidence attach`)", key_->id()));
    if (envelope.signatures.size() != 1)
      fail(fmt::format("{} signatures; expected one", envelope.signatures.size()));
    const EnvelopeSignature& signature = envelope.signatures[0];
    if (signature.key_id != key_->id())
      fail(fmt::format("keyid {}; expected {}", printable(signature.key_id), key_->id()));
    if (!key_->verify(pre_authentication_encoding(kPayloadType, envelope.payload), signature.signature))
      fail(fmt::format("a signature that is not of key {} over this statement; expected one", key_->id()));
  }

  // The statement's other files say the same as its envelopes.
  void check_copies() const {
    const auto timestamp = files_.find(kTimestamp);
    const Signatures signatures{stated().test_result.signatures[0].signature,
                                stated().run_detail.signatures[0].signature};
    Evidence evidence;
    evidence.test_result = stated().test_result.payload;
    evidence.run_detail = stated().run_detail.payload;
    Issue issue;
    issue.key = key_;
    const BundleFiles expected =
        statement_files(evidence, issue, signatures,
                        timestamp == files_.end() ? std::nullopt : std::optional(timestamp->second));
    for (const char* name : {kEnvelopes, kSigstore, kSignerKey}) {
      const auto found = files_.find(name);
      if (found == files_.end() || found->second != expected.at(name))
        fail(fmt::format("{}: other bytes than the signed statements give; expected these", name));
    }
  }

  std::string subjects() const {
    const std::vector<StatementSubject>& subjects = stated().subjects;
    BundleFiles listed;
    for (const auto& [name, digest] : subjects) {
      const auto found = files_.find(name);
      if (found == files_.end()) fail(fmt::format("subject {}: no such file; expected one", printable(name)));
      const std::string computed = hex(sha256(found->second));
      if (digest != computed)
        fail(fmt::format("subject {}: SHA-256 {}; the file has {}", printable(name), printable(digest),
                         computed));
      listed[name];
    }
    for (const auto& [name, bytes] : files_) {
      if (!name.starts_with(kStatementFolder) && !listed.contains(name))
        fail(fmt::format("{}: no subject of the statement; expected every file", printable(name)));
    }
    return fmt::format("the statement has the SHA-256 of SHA256SUMS and of {}",
                       counted(static_cast<int64_t>(listed.size()) - 1, "file"));
  }

  std::string chain() const {
    const LinesFound found = check_chain(file(kRuns));
    if (found.head != stated().head)
      fail(fmt::format("{}: the chain ends in {}; expected the statement's {}", kRuns, found.head,
                       printable(stated().head)));
    return fmt::format("{} of runs, each with the SHA-256 of the one before; the last one's is {}",
                       counted(found.lines, "line"), found.head);
  }

  std::string tokens() const {
    const LinesFound found = check_streams(file(kStreams), file(kRuns));
    return fmt::format("{}, each with the SHA-256 of its tokens", counted(found.lines, "stream"));
  }

  std::string database() {
    Audit audit = read_database(file(kDatabase), kDatabase);
    if (stated_ && audit.id != stated_->audit_id)
      fail(fmt::format("{}: audit {}; expected {}", kDatabase, audit.id, printable(stated_->audit_id)));
    audit_ = std::move(audit);
    return fmt::format("every seal, hash and chain of {} recomputed",
                       counted(static_cast<int64_t>(audit_->sequences.size()), "result"));
  }

  std::string policy() {
    const Policy policy = request_.read_policy(file(kPolicy), stated().policy);
    if (stated().key_id && !key_) throw Skipped{"the signer's key cannot be read"};
    const std::string& clauses = file(kClauses);
    const Issue issue{stated().creator,     policy,  key_,
                      stated().responsible, clauses, request_.read_clauses(clauses)};
    const Audit judged = judged_by(audit(), policy);
    try {
      const Finding finding = analyze(judged);
      verdict_.scope = finding.scope;
      rebuilt_ = make_evidence(judged, finding, issue, file(kDatabase));
      const std::string word = verdict_word(finding);
      if (word != stated().verdict)
        fail(fmt::format("policy {} gives {}; expected the statement's {}", policy.name, word,
                         printable(stated().verdict)));
      return fmt::format("policy {} gives {}{}{}", policy.name, word, finding.reason.empty() ? "" : ": ",
                         finding.reason);
    } catch (const Error& error) {
      // Facts that contradict each other are a mistake of this program only where it recorded them itself.
      fail(error.what());
    }
  }

  std::string same(const std::vector<const char*>& names, Bound bound) const {
    for (const char* name : names) {
      const std::string& expected = rebuilt().files.at(name);
      const std::string& found = file(name);
      if (found == expected) continue;
      const std::string differs =
          fmt::format("{}@{}: other bytes than the database gives", name, difference(found, expected));
      if (bound == Bound::version && stated().creator != request_.version) {
        throw Skipped{fmt::format("{}; not compared: version {} made it, this is {}", differs,
                                  printable(stated().creator), request_.version)};
      }
      fail(differs + "; expected these");
    }
    return fmt::format("{} made again from the database: the same bytes", fmt::join(names, ", "));
  }

  std::string model() const {
    const std::vector<ModelFile> files = model_files(audit());
    if (files.empty()) throw Skipped{"the audit is older than the record of the model's files"};
    const std::string computed = model_sha256_of(files, audit().subject.settings);
    if (computed != audit().subject.model_sha256)
      fail(fmt::format("the model's SHA-256 {}; expected {} by its files",
                       printable(audit().subject.model_sha256), computed));
    return fmt::format("its SHA-256 follows from {}", counted(static_cast<int64_t>(files.size()), "file"));
  }

  std::string statistics() const {
    const std::string differs = differing_part(stated().run_detail.payload, rebuilt().run_detail);
    if (!differs.empty())
      fail(fmt::format("the statement's {} is not what the database gives; expected that", differs));
    return "every count and bound of the statement follows from the database";
  }

  std::string test_result() const {
    const std::string differs = differing_part(stated().test_result.payload, rebuilt().test_result);
    if (!differs.empty())
      fail(fmt::format("the test result's {} is not what the policy gives; expected that", differs));
    return "the test result is what the policy gives";
  }

  std::string page() const {
    if (file(kVerifyPage) == rebuilt().verify_page) return "VERIFY.md has this bundle's digests";
    if (stated().creator != request_.version)
      throw Skipped{fmt::format("VERIFY.md: not compared: version {} made it", printable(stated().creator))};
    fail("statement/VERIFY.md: other text than this bundle's; expected that");
  }

  std::string timestamp() const {
    if (!files_.contains(kTimestamp)) fail(fmt::format("{}: missing; expected a time stamp", kTimestamp));
    if (stated().run_detail.signatures.size() != 1) throw Skipped{"no signature that it could be of"};
    const std::string time = timestamp_of(file(kTimestamp), stated().run_detail.signatures[0].signature,
                                          request_.time_authority, kTimestamp);
    if (!request_.time_authority)
      throw Skipped{fmt::format("about this signature, and says {}; who says so, only --tsa-ca shows", time)};
    return fmt::format("the signature existed at {}", time);
  }

  void finish() {
    const auto failed =
        std::count_if(verdict_.checks.begin(), verdict_.checks.end(),
                      [](const EvidenceCheck& made) { return made.state == CheckState::failed; });
    verdict_.holds = failed == 0;
    if (!verdict_.holds) {
      verdict_.verdict = fmt::format("does not verify: {} failed", counted(failed, "check"));
    } else if (!signed_) {
      verdict_.verdict = "consistent, but not signed: nothing shows who made it";
    } else if (!request_.key) {
      verdict_.verdict =
          "consistent, and signed with its own key: give the signer's with --key to know who signed";
    } else {
      verdict_.verdict = fmt::format("verified, signed with key {}", key_->id());
    }
  }

  const BundleFiles& files_;
  const VerifyRequest& request_;
  EvidenceVerdict verdict_;
  std::optional<StatedEvidence> stated_;
  std::optional<PublicKey> key_;
  std::optional<Audit> audit_;
  std::optional<Evidence> rebuilt_;
  bool signed_ = false;
};

}  // namespace

EvidenceVerdict verify_evidence(const BundleFiles& files, const VerifyRequest& request) {
  return Verifier(files, request).verify();
}

EvidenceVerdict unreadable_evidence(const std::string& why) {
  return {
      .checks = {{.name = "layout", .state = CheckState::failed, .sentence = printable(why, kSentenceBytes)}},
      .verdict = "does not verify: 1 check failed"};
}

const char* name_of(CheckState state) {
  switch (state) {
    case CheckState::passed:
      return "ok";
    case CheckState::failed:
      return "FAILED";
    case CheckState::skipped:
      return "not checked";
  }
  throw Error(Exit::bug, "internal error: an unknown state of a check");
}

}  // namespace ra
