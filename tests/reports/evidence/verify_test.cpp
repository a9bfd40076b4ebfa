// What is wrong with a bundle is found, by the check that is about it; nothing is found in those that are right.
#include "reports/evidence/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/audit/store_copy.h"
#include "core/json.h"
#include "tests/reports/evidence/bundle_fixture.h"
#include "tests/support/golden.h"
#include "tests/support/scripted_audit.h"

namespace ra {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSubsetOf;

const PrivateKey& signer() {
  static const PrivateKey key = ed25519_key(1);
  return key;
}
const BundleFiles& signed_bundle() {
  static const BundleFiles files = bundle_of(eventful_audit(), &signer());
  return files;
}
std::set<std::string> found_in(const BundleFiles& files) {
  return failed_checks(files, request_with(&signer()));
}

// Of a bundle with one change made to it.
std::set<std::string> found_after(const std::function<void(BundleFiles&)>& change) {
  BundleFiles files = signed_bundle();
  change(files);
  return found_in(files);
}

void replace_in(BundleFiles& files, const char* name, const std::string& old_text,
                const std::string& new_text) {
  std::string& bytes = files.at(name);
  const size_t at = bytes.find(old_text);
  ASSERT_NE(at, bytes.npos) << name << ": " << old_text;
  bytes.replace(at, old_text.size(), new_text);
}

// An envelope's line with another payload or other signatures.
void forge_envelope(BundleFiles& files, int line, const std::function<void(Envelope&)>& forge) {
  std::string& lines = files.at(kEnvelopes);
  const size_t end = lines.find('\n') + 1;
  std::string parts[] = {lines.substr(0, end), lines.substr(end)};
  Envelope envelope = parse_envelope(parts[line - 1].substr(0, parts[line - 1].size() - 1), "line");
  forge(envelope);
  parts[line - 1] = envelope_line(envelope);
  lines = parts[0] + parts[1];
}

uint64_t drawn(uint64_t purpose, uint64_t number, uint64_t bound) {
  return draw(20261122, purpose, number, 0, bound);
}

TEST(EvidenceVerify, ABundleHoldsAndSaysHowFar) {
  const auto verdict = [](const BundleFiles& files, const PrivateKey* key) {
    const EvidenceVerdict made = verify_evidence(files, request_with(key));
    EXPECT_TRUE(made.holds) << told(made);
    EXPECT_THAT(made.scope, HasSubstr("Not tested: your serving stack."));
    return made.verdict;
  };
  EXPECT_THAT(verdict(signed_bundle(), &signer()), HasSubstr("verified, signed with key"));
  EXPECT_THAT(verdict(signed_bundle(), nullptr), HasSubstr("signed with its own key"));
  EXPECT_THAT(verdict(bundle_of(eventful_audit(), nullptr), nullptr), HasSubstr("not signed"));
  const PrivateKey p256 = PrivateKey::parse(p256_pem(), std::nullopt, "key");
  EXPECT_THAT(verdict(bundle_of(eventful_audit(), &p256), &p256), HasSubstr("verified, signed with key"));
}

TEST(EvidenceVerify, AFlippedBitInAnyFileIsFoundByTheCheckThatIsAboutIt) {
  for (const auto& [name, bytes] : signed_bundle()) {
    for (uint64_t i = 0; i < 4; ++i) {
      const size_t place = drawn(1, 100 * i + bytes.size(), bytes.size());
      const std::set<std::string> found = found_after([&, &file = name](BundleFiles& files) {
        files.at(file)[place] = static_cast<char>(files.at(file)[place] ^ (1 << drawn(2, i + place, 8)));
      });
      const std::string expected = name == kVerifyPage                       ? "page"
                                   : name == kSignerKey || name == kSigstore ? "signature"
                                   : name == kEnvelopes                      ? ""
                                                                             : "sums";
      if (expected.empty()) {
        EXPECT_THAT(found, AnyOf(Contains("statement"), Contains("signature"))) << place;
      } else {
        EXPECT_THAT(found, Contains(expected)) << name << "@" << place;
      }
    }
  }
}

// Whoever changes a file can make SHA256SUMS anew, but not sign it.
TEST(EvidenceVerify, AnEditWithNewSumsIsFoundByTheStatementAndByWhatIsRecomputed) {
  const std::map<std::string, std::string> checks = {
      {kRuns, "chain"},        {kStreams, "tokens"},     {kDivergences, "runs"}, {kReportJson, "report"},
      {kReportHtml, "report"}, {kDatabase, "database"},  {kPrompts, "inputs"},   {kModelManifest, "inputs"},
      {kSettings, "inputs"},   {kFingerprint, "inputs"}, {kPolicy, "inputs"},    {kClauses, "report"}};
  for (const auto& [name, check] : checks) {
    for (uint64_t i = 0; i < 3; ++i) {
      const std::set<std::string> found = found_after([&, &file = name](BundleFiles& files) {
        std::string& bytes = files.at(file);
        // In the middle of a file, where there is content rather than form.
        size_t place = bytes.size() / 4 + drawn(3, i + bytes.size(), bytes.size() / 2);
        // A page of the database has bytes that are of no row.
        if (file == kDatabase) place = bytes.find("Mod\xc3\xa8le") + i;
        bytes[place] = static_cast<char>(bytes[place] ^ 1);
        files[kSums] = sums_of(files);
      });
      EXPECT_THAT(found, Contains("subjects")) << name;
      EXPECT_EQ(found.count("sums"), 0u) << name;
      // A policy or list of clauses that is no TOML any more leaves nothing to compare with.
      if (name != kPolicy && name != kClauses && name != kRuns && name != kStreams) {
        EXPECT_THAT(found, Contains(check)) << name;
      }
    }
  }
}

TEST(EvidenceVerify, WhatIsForgedOfAStatementIsFound) {
  const auto found = [](const std::function<void(BundleFiles&)>& change) { return found_after(change); };
  EXPECT_THAT(found([](BundleFiles& files) {
                forge_envelope(files, 2, [](Envelope& envelope) { envelope.signatures = {}; });
              }),
              Contains("signature"));
  EXPECT_THAT(found([](BundleFiles& files) {
                forge_envelope(files, 1, [](Envelope& envelope) {
                  envelope.signatures.push_back({envelope.signatures[0].key_id, "bad"});
                });
              }),
              Contains("signature"));
  EXPECT_THAT(found([](BundleFiles& files) {
                forge_envelope(files, 2, [](Envelope& envelope) {
                  envelope.signatures[0].signature =
                      ed25519_key(2).sign(pre_authentication_encoding(kPayloadType, envelope.payload));
                });
              }),
              Contains("signature"));
  EXPECT_THAT(found([](BundleFiles& files) {
                forge_envelope(files, 2, [](Envelope& envelope) {
                  const size_t at = envelope.payload.find("\"verdict\":\"diverged\"");
                  ASSERT_NE(at, envelope.payload.npos);
                  envelope.payload.replace(at, 20, "\"verdict\":\"identical\"");
                });
              }),
              IsSubsetOf({"signature", "statistics"}));
  EXPECT_THAT(
      found([](BundleFiles& files) { replace_in(files, kEnvelopes, "in-toto+json", "in-toto+jsom"); }),
      Contains("statement"));
  EXPECT_THAT(found([](BundleFiles& files) {
                files[kEnvelopes] = files[kEnvelopes].substr(0, files[kEnvelopes].find('\n') + 1);
              }),
              Contains("statement"));
  EXPECT_THAT(found([](BundleFiles& files) { files.erase(kEnvelopes); }), Contains("layout"));
  EXPECT_THAT(found([](BundleFiles& files) { files[kSignerKey] = ed25519_key(2).public_key().pem(); }),
              Contains("signature"));
  EXPECT_THAT(found([](BundleFiles& files) { files["results/more.json"] = "{}"; }), Contains("layout"));
}

// What others can sign with a key of theirs, or leave unsigned.
TEST(EvidenceVerify, ABundleOfAnotherSignerOrOfNoneDoesNotHoldAgainstTheKey) {
  const PrivateKey other = ed25519_key(2);
  EXPECT_EQ(found_in(bundle_of(eventful_audit(), &other)), std::set<std::string>{"signature"});
  EXPECT_EQ(found_in(bundle_of(eventful_audit(), nullptr)), std::set<std::string>{"signature"});
  BundleFiles mixed = bundle_of(eventful_audit(), &other);
  mixed[kSignerKey] = signer().public_key().pem();
  EXPECT_THAT(found_in(mixed), Contains("signature"));
  const Issue pending = issue_of(eventful_audit(), &signer());
  const EvidenceVerdict waiting =
      verify_evidence(bundle_of(eventful_audit(), pending, nullptr), request_with(nullptr));
  EXPECT_THAT(told(waiting), HasSubstr("signature FAILED no signature; expected that of key"));
}

// Statements that their maker signed and that are false: what they say is computed anew.
TEST(EvidenceVerify, AFalseStatementThatIsSignedIsFound) {
  const std::pair<const char*, const char*> lies[] = {
      {"\"distinctStreams\":3", "\"distinctStreams\":1"},
      {"\"runsPending\":0", "\"runsPending\":1"},
      {"\"controlFired\":\"tokens\"", "\"controlFired\":\"none\""},
      {"\"temperature\":0", "\"temperature\":1"},
      {"\"limits\":[\"greedy", "\"limits\":[\"any"},
      {"\"runChainHead\":{\"sha256\":\"", "\"runChainHead\":{\"sha256\":\"0"},
  };
  for (const auto& [truth, lie] : lies) {
    const std::set<std::string> found =
        found_after([&, &old_text = truth, &new_text = lie](BundleFiles& files) {
          forge_envelope(files, 2, [&](Envelope& envelope) {
            const size_t at = envelope.payload.find(old_text);
            ASSERT_NE(at, envelope.payload.npos) << old_text << "\n" << envelope.payload;
            envelope.payload.replace(at, std::string(old_text).size(), new_text);
            envelope.signatures[0].signature =
                signer().sign(pre_authentication_encoding(kPayloadType, envelope.payload));
            files[kSigstore] = sigstore_bundle(envelope, std::nullopt);
          });
        });
    EXPECT_THAT(found, Contains("statistics")) << lie;
    EXPECT_EQ(found.count("signature"), 0u) << lie;
  }
}

// A line of a file taken away, doubled, exchanged with the next, or with one of its digits changed.
void edit_line(std::string& text, uint64_t number) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at) + 1;
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  ASSERT_GT(lines.size(), 1u);
  const size_t line = drawn(10, number, lines.size() - 1);
  switch (number % 4) {
    case 0:
      lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(line));
      break;
    case 1:
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(line), lines[line]);
      break;
    case 2:
      std::swap(lines[line], lines[line + 1]);
      break;
    default: {
      const size_t at = lines[line].find_first_of("0123456789", lines[line].size() / 3);
      ASSERT_NE(at, lines[line].npos);
      lines[line][at] = lines[line][at] == '9' ? '1' : static_cast<char>(lines[line][at] + 1);
    }
  }
  text.clear();
  for (const std::string& part : lines) text += part;
}

TEST(EvidenceVerify, TwoHundredRandomEditsAreFound) {
  const char* const lined[] = {kRuns, kStreams, kDivergences, kSums};
  std::vector<std::string> names;
  for (const auto& [name, bytes] : signed_bundle()) names.push_back(name);
  for (uint64_t number = 0; number < 240; ++number) {
    const bool remakes_sums = number % 3 != 0;
    std::string name;
    const std::set<std::string> found = found_after([&](BundleFiles& files) {
      if (number % 2 == 0) {
        name = names[drawn(5, number, names.size())];
        std::string& bytes = files.at(name);
        const size_t place = drawn(6, number, bytes.size());
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << drawn(7, number, 8)));
      } else {
        name = lined[drawn(8, number, remakes_sums ? 3 : 4)];
        edit_line(files.at(name), number);
      }
      if (remakes_sums && name != kSums) files[kSums] = sums_of(files);
    });
    EXPECT_THAT(found, testing::Not(IsEmpty())) << number << ": " << name;
    const bool of_statement = name.starts_with(kStatementFolder);
    if (of_statement) continue;
    const char* const expected = remakes_sums && name != kSums ? "subjects" : "sums";
    EXPECT_THAT(found, Contains(expected)) << number << ": " << name;
  }
}

// An audit that its holder changed with everything that follows from it, but for the signature.
TEST(EvidenceVerify, AnAuditChangedThroughoutIsFoundByTheSignatureAlone) {
  Audit forged = eventful_audit();
  for (Stream& stream : forged.streams) {
    if (stream.tokens.empty()) continue;
    stream.tokens[0] = 7;
    stream.steps[0].top[0] = 7;
    stream.token_hash = token_hash(stream.tokens);
    stream.token_sha256 = hex(token_sha256(stream.tokens));
  }
  forged = with_chain(forged);
  BundleFiles files = bundle_of(forged, &signer());
  for (const char* name : {kEnvelopes, kSigstore, kVerifyPage}) files[name] = signed_bundle().at(name);
  EXPECT_THAT(found_in(files), Contains("subjects"));
  EXPECT_THAT(found_in(files), Contains("chain")) << "the head that was noted elsewhere is another";
}

TEST(EvidenceVerify, WhatCannotBeReadIsAFailedCheckAndNoException) {
  EXPECT_THAT(found_in({}), Contains("layout"));
  for (const std::string& bytes : {std::string(), std::string("\0\xff", 2), std::string(100'000, '['),
                                   std::string("{}\n"), std::string("SQLite format 3\0", 16)}) {
    for (const auto& [name, content] : signed_bundle()) {
      const std::set<std::string> found =
          found_after([&, &file = name](BundleFiles& files) { files[file] = bytes; });
      EXPECT_THAT(found, testing::Not(IsEmpty())) << name;
    }
  }
}

TEST(EvidenceVerify, BytesWhereTextBelongsInADatabaseAreAFailedCheckAndNoException) {
  Audit audit = eventful_audit();
  audit.arms[0].facts.device = "\xff\xfe";
  audit.arms[1].facts.environment["\xff"] = "\xff";
  const std::set<std::string> found =
      found_after([&](BundleFiles& files) { files[kDatabase] = database_of(with_chain(audit)); });
  EXPECT_THAT(found, Contains("sums"));
  EXPECT_THAT(found, testing::Not(Contains("database")));
}

TEST(EvidenceVerify, ABundleOfAnotherVersionIsComparedWhereItCanBe) {
  VerifyRequest request = request_with(&signer());
  request.version = "later";
  EXPECT_TRUE(verify_evidence(signed_bundle(), request).holds) << "made alike";
  BundleFiles files = signed_bundle();
  files[kVerifyPage] += "\n";
  const EvidenceVerdict verdict = verify_evidence(files, request);
  EXPECT_THAT(told(verdict), HasSubstr("page not checked VERIFY.md: not compared: version test made it"));
  EXPECT_THAT(failed_checks(files, request_with(&signer())), Contains("page"));
}

}  // namespace
}  // namespace ra
