// What a bundle holds, and that the same audit and key give the same bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/audit/store_copy.h"
#include "core/json.h"
#include "reports/evidence/inputs.h"
#include "reports/evidence/run_lines.h"
#include "reports/evidence/tar.h"
#include "reports/report.h"
#include "tests/reports/evidence/bundle_fixture.h"
#include "tests/support/audit_builder.h"
#include "tests/support/golden.h"
#include "tests/support/refusal.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The value at "a.b" of a statement in an envelope; 1: test result, 2: run detail.
Json statement(const BundleFiles& files, int line) {
  const std::string& lines = files.at(kEnvelopes);
  const size_t end = lines.find('\n');
  const std::string text = line == 1 ? lines.substr(0, end) : lines.substr(end + 1, lines.size() - end - 2);
  return parse_json(parse_envelope(text, "envelope").payload, "statement");
}

TEST(EvidenceBundle, TheSameAuditAndKeyGiveTheSameBytes) {
  const PrivateKey key = ed25519_key(1);
  const BundleFiles files = bundle_of(eventful_audit(), &key);
  EXPECT_EQ(files, bundle_of(eventful_audit(), &key));
  EXPECT_EQ(tar_of(files, "evidence-x", 5), tar_of(files, "evidence-x", 5));
  const Audit copied = read_database(files.at(kDatabase), "copy");
  EXPECT_EQ(difference(copied, eventful_audit()), "");
  EXPECT_EQ(bundle_of(copied, &key), files) << "made of its own copy of the database";
}

TEST(EvidenceBundle, TheDatabaseHoldsThisAuditAlone) {
  EXPECT_EQ(database_of(eventful_audit()), database_of(eventful_audit()));
  EXPECT_THAT(refusal([] { read_database("no database", "copy"); }), StartsWith("copy: "));
  EXPECT_THAT(refusal([] { read_database("", "copy"); }), StartsWith("copy: "));
  std::string wal = database_of(eventful_audit());
  wal[18] = wal[19] = 2;  // says that a log beside it belongs to it
  EXPECT_THAT(refusal([&] { read_database(wal, "copy"); }), StartsWith("copy: "));
}

TEST(EvidenceBundle, EveryPageSaysWhatWasTestedAndWhetherItIsSigned) {
  const PrivateKey key = ed25519_key(1);
  for (const PrivateKey* signer : {static_cast<const PrivateKey*>(nullptr), &key}) {
    const BundleFiles files = bundle_of(eventful_audit(), signer);
    EXPECT_THAT(files.at(kVerifyPage), StartsWith("Tested: repro-audit's own engine"));
    EXPECT_THAT(files.at(kReportHtml), HasSubstr("Not tested: your serving stack."));
    const std::string said = json_line(statement(files, 2));
    if (signer == nullptr) {
      EXPECT_THAT(files.at(kVerifyPage), HasSubstr("This bundle is not signed."));
      EXPECT_THAT(files.at(kReportHtml), HasSubstr("nsigned"));
      EXPECT_THAT(said, HasSubstr("\"signer\":null"));
      EXPECT_THAT(said, HasSubstr("unsigned: nothing shows who made this"));
    } else {
      for (const char* page : {kVerifyPage, kReportHtml})
        EXPECT_THAT(files.at(page), HasSubstr(key.public_key().id())) << page;
      EXPECT_THAT(said, HasSubstr("\"signer\":{\"keyid\":\"" + key.public_key().id()));
      EXPECT_THAT(files.at(kVerifyPage), Not(HasSubstr("not signed.")));
    }
  }
}

TEST(EvidenceBundle, RunLinesAreChainedInTheOrderOfThePlan) {
  const Audit& audit = eventful_audit();
  const RunLines lines = run_lines(audit);
  int64_t runs = 0, others = 0;
  std::string previous(64, '0');
  for (size_t at = 0; at < lines.text.size();) {
    const std::string line = lines.text.substr(at, lines.text.find('\n', at) - at);
    at += line.size() + 1;
    const Json json = parse_json(line, "line");
    EXPECT_EQ(json.find("prevSha256")->string("previous"), previous);
    EXPECT_EQ(json.find("audit")->string("audit"), audit.id);
    ++(json.find("run")->integer("run") >= 0 ? runs : others);
    previous = hex(sha256(line));
  }
  EXPECT_EQ(lines.head, previous);
  const Finding finding = analyze(audit);
  EXPECT_EQ(runs, finding.arms[0].done + finding.arms[1].done);
  EXPECT_GT(others, 2) << "both solos and the repeats";
  const std::string divergences = divergence_lines(audit);
  EXPECT_THAT(divergences, HasSubstr("\"position\":4,"));
  const auto of_runs = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  EXPECT_GE(of_runs(divergences), finding.arms[0].done - finding.arms[0].equal_to_solo);
}

TEST(EvidenceBundle, AnAuditWithoutResultsHasNoLinesAndAChainThatStartsWithZeros) {
  AuditBuilder builder({"standard", "invariant"}, {1, 2});
  builder.trial(TrialKind::edge, 2, 0);
  const RunLines lines = run_lines(builder.audit);
  EXPECT_EQ(lines.text, "");
  EXPECT_EQ(lines.head, std::string(64, '0'));
}

// Computed by Python's hashlib.
TEST(EvidenceModel, RootDigestIsThatOfOpenSsfModelSigning) {
  Audit audit;
  audit.subject.settings["dummy_weights"] = "no";
  audit.subject.model = {
      {"file config.json", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
      {"file model-00001-of-00002.safetensors",
       "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"},
      {"file model-00002-of-00002.safetensors",
       "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6"},
      {"file tokenizer.json", "18ac3e7343f016890c510e93f935261169d9e3f565436429830faf0934f4f8e4"},
      {"file \xc3\xa9.json", "3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea"},
      {"family", "llama"}};
  const std::vector<ModelFile> files = model_files(audit);
  ASSERT_EQ(files.size(), 5u);
  EXPECT_EQ(files.back().name, "\xc3\xa9.json");
  EXPECT_EQ(model_root_digest(files), "64e1e8a2a7350019b52748cdf8018bac147349eb0ccbe783af93aca6f9080d1d");
  EXPECT_EQ(model_sha256_of(files, audit.subject.settings),
            "f79d6b08b447bae0ef95ad0a7451600ec2d4bf47dfdef083dd24d75221c15646");
  EXPECT_EQ(model_sha256_of(files, {{"dummy_weights", "7"}}),
            "4ab43b82e6e1a0674d6537410a7b36ddaebad371a22c4b66500ca727feae175d");
  EXPECT_EQ(model_sha256_of({files[0]}, {}), files[0].sha256);
  EXPECT_EQ(model_root_digest({}), std::nullopt);
  audit.subject.model["file x"] = "no digest";
  EXPECT_THAT(refusal([&] { model_root_digest(model_files(audit)); }), HasSubstr("expected a SHA-256"));
}

TEST(EvidenceModel, AnAuditWithoutFileDigestsSaysThatTheyAreMissing) {
  const BundleFiles files = bundle_of(eventful_audit(), nullptr);
  EXPECT_THAT(files.at(kModelManifest), HasSubstr("\"rootDigest\": null"));
  EXPECT_THAT(files.at(kModelManifest), HasSubstr("did not record the digest of each file"));
  EXPECT_THAT(json_line(statement(files, 2)), HasSubstr("\"digestScheme\":\"repro-audit-model\""));
}

TEST(EvidencePolicy, TomlIsReadBackAsTheSamePolicy) {
  Policy own;
  own.name = "own";
  own.require_challenge = Challenge::tokens;
  own.min_runs = 10;
  own.treatments.max_rate = 0.05;
  own.arms["standard"].verdict = VerdictRule::any;
  own.arms["a.b"].max_slowdown = 1;
  std::vector<Policy> policies = {own};
  for (const std::string& name : built_in_policies()) policies.push_back(*built_in_policy(name));
  for (const Policy& policy : policies) {
    const Policy read = request_with(nullptr).read_policy(policy_toml(policy), policy.name);
    EXPECT_EQ(policy_settings(read), policy_settings(policy)) << policy_toml(policy);
  }
}

TEST(EvidencePolicy, ABundleMayBeJudgedByAnotherPolicyThanTheAudits) {
  const Audit& audit = eventful_audit();
  Issue issue = issue_of(audit, nullptr);
  const BundleFiles by_default = bundle_of(audit, issue, nullptr);
  issue.policy = *built_in_policy("evidence");
  const BundleFiles by_evidence = bundle_of(audit, issue, nullptr);
  EXPECT_THAT(by_default.at(kReportJson), HasSubstr("\"name\": \"default\""));
  EXPECT_THAT(by_evidence.at(kReportJson), HasSubstr("\"name\": \"evidence\""));
  EXPECT_EQ(by_default.at(kDatabase), by_evidence.at(kDatabase));
  EXPECT_EQ(failed_checks(by_evidence, request_with(nullptr)), std::set<std::string>{});
  const Json test_result = statement(by_evidence, 1);
  EXPECT_EQ(test_result.find("predicate")->find("result")->string("result"), "FAILED");
  EXPECT_THAT(json_line(test_result), HasSubstr("\"standard/min_trials\""));
}

TEST(EvidenceTar, IsReadByTarAndReadBack) {
  const BundleFiles files = bundle_of(eventful_audit(), nullptr);
  const std::string bytes = tar_of(files, "evidence-x", 1'795'334'400);
  const TarContent read = read_tar(bytes, "a.tar");
  EXPECT_EQ(read.files, files);
  EXPECT_EQ(read.root, "evidence-x");
  EXPECT_EQ(read.seconds_since_1970, 1'795'334'400);
  const TemporaryFolder folder;
  const std::string command = "cd " + folder.path() + " && tar xf " + folder.write("a.tar", bytes) +
                              " && cd evidence-x && sha256sum --quiet -c SHA256SUMS";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST(EvidenceTar, AnyOtherArchiveIsRefused) {
  const std::string bytes = tar_of({{"a", "one"}, {"b", std::string(600, 'x')}}, "root", 7);
  const auto refused = [](const std::string& tar) {
    try {
      read_tar(tar, "a.tar");
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::evidence);
      EXPECT_THAT(error.what(), StartsWith("a.tar@"));
      return std::string(error.what());
    }
    ADD_FAILURE() << "was read";
    return std::string();
  };
  for (size_t size = 0; size < bytes.size(); size += 100) refused(bytes.substr(0, size));
  refused(bytes + std::string(512, '\0'));
  refused(bytes.substr(0, 1024) + bytes);
  refused(tar_of({{"b", "one"}}, "root", 7).substr(0, 1024) + tar_of({{"a", "two"}}, "root", 7));
  refused(tar_of({{"a", "one"}}, "root", 7).substr(0, 1024) + tar_of({{"b", "two"}}, "other", 7));
  for (size_t bit = 0; bit < 8 * 512; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    refused(damaged);
  }
  for (const char* root : {"..", ".", "a/b", "/a", "a b"}) refused(tar_of({{"a", "one"}}, root, 7));
  std::string link = bytes;
  link[156] = '2';
  EXPECT_THAT(refused(link), HasSubstr("expected a regular file of a bundle"));
}

}  // namespace
}  // namespace ra
