// Keys, signatures and envelopes, against the published vector and against the openssl command.
#include "reports/evidence/signing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/escape.h"
#include "reports/evidence/dsse.h"
#include "tests/reports/evidence/bundle_fixture.h"
#include "tests/support/golden.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::HasSubstr;

bool runs(const TemporaryFolder& folder, const std::string& command) {
  return std::system(("cd " + folder.path() + " && " + command + " >/dev/null 2>&1").c_str()) == 0;
}

std::string key_refusal(const std::string& pem) {
  try {
    PrivateKey::parse(pem, std::nullopt, "key.pem");
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::usage);
    return error.what();
  }
  return "taken";
}

// From the specification of DSSE (protocol.md, test vectors).
TEST(Dsse, EncodesAsTheSpecificationsVector) {
  EXPECT_EQ(pre_authentication_encoding("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

TEST(Dsse, AnEnvelopeIsReadBack) {
  const Envelope envelope{.payload = std::string("{}\0\xff", 4), .signatures = {{"id", "sig"}}};
  EXPECT_EQ(parse_envelope(envelope_line(envelope), "line"), envelope);
  EXPECT_EQ(parse_envelope(
                R"({"payloadType":"application/vnd.in-toto+json","signatures":[],"payload":"_-8="})", "x")
                .payload,
            "\xff\xef");
  for (const char* line :
       {R"({"payload":"","payloadType":"text/plain","signatures":[]})", R"({"payload":"","signatures":[]})",
        R"({"payload":"e","payloadType":"application/vnd.in-toto+json","signatures":[]})",
        R"({"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[],"more":1})",
        R"({"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":""}]})", "[]",
        ""}) {
    EXPECT_THAT(refusal([&] { parse_envelope(line, "line"); }), HasSubstr("line")) << line;
  }
}

TEST(Base64, OneTextIsOfOneSequenceOfBytes) {
  for (const std::string bytes : {"", "a", "ab", "abc", "\xff\xfe\xfd\xfc"})
    EXPECT_EQ(decode_base64(base64(bytes)), bytes);
  for (const char* text :
       {"a", "ab", "abc", "ab=c", "a===", "====", "YQ=", "YR==", "YWJ=", "YQ==YQ==", " YQ==", "Y Q="})
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
}

TEST(Signing, TheOpensslCommandVerifiesOurs) {
  const TemporaryFolder folder;
  folder.write("message", "what is signed");
  for (const std::string& pem : {p256_pem(), ed25519_pem(1)}) {
    const PrivateKey key = PrivateKey::parse(pem, std::nullopt, "key");
    folder.write("pub.pem", key.public_key().pem());
    folder.write("sig", key.sign("what is signed"));
    folder.write("key.pem", pem);
    ASSERT_TRUE(runs(folder, "openssl pkey -in key.pem -pubout -out theirs.pem && cmp theirs.pem pub.pem"));
    ASSERT_TRUE(runs(folder, "test \"$(sha256sum <pub.pem)\" = '" + key.public_key().id() + "  -'"));
    const bool is_p256 = key.public_key().kind() == KeyKind::p256;
    const std::string verify =
        is_p256 ? "openssl dgst -sha256 -verify pub.pem -signature sig message"
                : "openssl pkeyutl -verify -pubin -inkey pub.pem -rawin -in message -sigfile sig";
    EXPECT_TRUE(runs(folder, verify));
    EXPECT_TRUE(runs(folder, "echo >>message; ! " + verify));
    folder.write("message", "what is signed");
    const std::string sign = is_p256 ? "openssl dgst -sha256 -sign key.pem -out theirs message"
                                     : "openssl pkeyutl -sign -inkey key.pem -rawin -in message -out theirs";
    ASSERT_TRUE(runs(folder, sign));
    EXPECT_TRUE(key.public_key().verify("what is signed", read_file(folder / "theirs")));
    EXPECT_FALSE(key.public_key().verify("what was signed", read_file(folder / "theirs")));
    EXPECT_FALSE(key.public_key().verify("what is signed", ""));
  }
}

TEST(Signing, Ed25519IsAFunctionOfKeyAndMessage) {
  EXPECT_EQ(ed25519_key(1).sign("m"), ed25519_key(1).sign("m"));
  EXPECT_EQ(ed25519_key(1).sign("m").size(), 64u);
  EXPECT_FALSE(ed25519_key(1).public_key().verify("m", ed25519_key(2).sign("m")));
}

TEST(Signing, OtherKeysAreRefused) {
  const TemporaryFolder folder;
  const std::pair<const char*, const char*> cases[] = {
      {"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem", "a key of type RSA"},
      {"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-224 -out key.pem",
       "on the curve secp224r1"},
      {"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem",
       "on the curve secp384r1"},
      {"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out "
       "key.pem",
       "expected a P-256 or Ed25519 key"},
      {"openssl genpkey -algorithm ED448 -out key.pem", "a key of type ED448"},
      {"openssl genpkey -algorithm X25519 -out key.pem", "a key of type X25519"},
  };
  for (const auto& [command, message] : cases) {
    ASSERT_TRUE(runs(folder, command)) << command;
    EXPECT_THAT(key_refusal(read_file(folder / "key.pem")), HasSubstr(message)) << command;
  }
  EXPECT_THAT(key_refusal(""), HasSubstr("no private key"));
  EXPECT_THAT(key_refusal(ed25519_key(1).public_key().pem()), HasSubstr("no private key"));
}

TEST(Signing, APassphraseIsTakenAndNeverAskedFor) {
  const TemporaryFolder folder;
  ASSERT_TRUE(runs(folder, "openssl genpkey -algorithm ED25519 -aes-256-cbc -pass pass:secret -out key.pem"));
  const std::string pem = read_file(folder / "key.pem");
  EXPECT_EQ(PrivateKey::parse(pem, "secret", "key").sign("m").size(), 64u);
  EXPECT_THAT(key_refusal(pem), HasSubstr("an encrypted key and no passphrase"));
  try {
    PrivateKey::parse(pem, "other", "key");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another passphrase"));
  }
}

}  // namespace
}  // namespace ra
