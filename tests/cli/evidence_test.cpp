// Bundles as a stranger gets them: made by the program, checked by stock tools and by the program.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "tests/cli/program.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

// The exit status of commands in a folder, where the file `said` then has what they printed.
int shell(const std::string& command, const std::string& folder) {
  return WEXITSTATUS(std::system(fmt::format("cd '{}' && {{ {}; }} >said 2>&1", folder, command).c_str()));
}

// A finished audit with two keys, made once; every test has its own folder.
class Evidence : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = new TemporaryFolder;
    ASSERT_EQ(run_program(tiny_audit(*shared_, {})).status, 0);
    shell(
        "openssl genpkey -algorithm ED25519 -out ed25519.pem && openssl pkey -in ed25519.pem -pubout -out "
        "ed25519.pub.pem &&"
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.pem &&"
        "openssl pkey -in p256.pem -pubout -out p256.pub.pem && chmod 600 *.pem",
        shared_->path());
  }
  static void TearDownTestSuite() { delete shared_; }

  static std::string shared(const std::string& name) { return *shared_ / name; }
  static Finished evidence(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "evidence");
    return run_program(arguments);
  }
  Finished create(const std::string& output, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"create", "latest",        "--db", shared("audits.sqlite"),
                                          "-o",     folder_ / output};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return evidence(arguments);
  }
  // Made with this key.
  std::string bundle(const std::string& name, const std::string& key) const {
    const Finished made = create(name, key.empty() ? std::vector<std::string>{}
                                                   : std::vector<std::string>{"--key", shared(key + ".pem")});
    EXPECT_EQ(made.status, 0) << made.err;
    return folder_ / name;
  }
  static std::string refusal(int status, const Finished& finished) {
    EXPECT_EQ(finished.status, status) << finished.err;
    EXPECT_EQ(finished.out, "");
    return finished.err;
  }

  TemporaryFolder folder_;

 private:
  static TemporaryFolder* shared_;
};
TemporaryFolder* Evidence::shared_ = nullptr;

// What VERIFY.md says to type.
std::string commands_of(const std::string& bundle) {
  const std::string page = read_file(bundle + "/statement/VERIFY.md");
  std::string commands;
  for (size_t at = page.find("```sh\n"); at != page.npos; at = page.find("```sh\n", at)) {
    at += 6;
    commands += page.substr(at, page.find("```", at) - at);
  }
  return commands;
}

TEST_F(Evidence, TheCommandsOfVerifyMdAgreeWithVerify) {
  for (const std::string key : {"p256", "ed25519", ""}) {
    const std::string made = bundle("bundle" + key, key);
    std::vector<std::string> arguments = {"verify", made};
    if (!key.empty()) arguments.insert(arguments.end(), {"--key", shared(key + ".pub.pem")});
    const std::string outside = key.empty() ? "" : fmt::format("export KEY='{}'; ", shared(key + ".pub.pem"));
    const auto both = [&](int status) {
      folder_.write("commands", commands_of(made));
      const int typed = shell(fmt::format("cd '{}'; {}bash ../commands", made, outside), folder_.path());
      EXPECT_EQ(typed != 0, status != 0) << key << ": " << read_file(folder_ / "said");
      const Finished verified = evidence(arguments);
      EXPECT_EQ(verified.status, status) << verified.out << verified.err;
    };
    both(0);
    const auto with_edit = [&](const std::string& name, const std::string& command) {
      SCOPED_TRACE(name + ": " + command);
      const std::string kept = read_file(made + "/" + name);
      ASSERT_EQ(shell(command, made), 0);
      fs::remove(made + "/said");
      both(7);
      std::ofstream(made + "/" + name, std::ios::binary) << kept;
    };
    with_edit("results/runs.ndjson", "sed -i '3d' results/runs.ndjson");
    with_edit("results/report.html", "sed -i 's/identical/different/' results/report.html");
    with_edit("results/streams.ndjson", "sed -i 's/\\[\\([0-9]\\)/[1\\1/' results/streams.ndjson");
    with_edit("SHA256SUMS", "sed -i '$d' SHA256SUMS");
    with_edit("statement/audit.intoto.jsonl", "sed -i '1d' statement/audit.intoto.jsonl");
    with_edit("statement/audit.intoto.jsonl",
              "sed -i 's/in-toto+json/in-toto+xml/' statement/audit.intoto.jsonl");
    if (!key.empty()) {
      // What another key signed.
      const std::string other = key == "p256" ? "ed25519" : "p256";
      const std::string theirs = bundle("other" + key, other);
      with_edit("statement/audit.intoto.jsonl",
                fmt::format("cp '{}/statement/audit.intoto.jsonl' statement/", theirs));
    }
    both(0);
    std::ofstream(made + "/results/more.json") << "{}";
    both(7);
  }
}

TEST_F(Evidence, TheSameAuditAndEd25519KeyGiveTheSameBytes) {
  const std::string a = bundle("a", "ed25519"), b = bundle("b", "ed25519");
  EXPECT_EQ(shell("diff -r a b", folder_.path()), 0);
  EXPECT_EQ(read_file(bundle("a.tar", "ed25519")), read_file(bundle("b.tar", "ed25519")));
  ASSERT_EQ(shell("tar xf a.tar && diff -r a evidence-*", folder_.path()), 0) << read_file(folder_ / "said");
  EXPECT_EQ(evidence({"verify", folder_ / "a.tar", "--key", shared("ed25519.pub.pem")}).status, 0);
  EXPECT_NE(read_file(bundle("c.tar", "p256")), read_file(bundle("d.tar", "p256")));
  const std::string copied = a + "/results/audit.sqlite";
  EXPECT_EQ(run_program({"show", "latest", "--db", copied}).out,
            run_program({"show", "latest", "--db", shared("audits.sqlite")}).out);
  EXPECT_EQ(run_program({"db", "check", "--db", copied}).status, 0);
  EXPECT_EQ(run_program({"report", "--json", "-", "--db", copied}).out,
            read_file(a + "/results/report.json"));
}

TEST_F(Evidence, TheHeadThatShowPrintsIsTheBundles) {
  const std::string made = bundle("bundle", "");
  const std::string shown = run_program({"show", "latest", "--db", shared("audits.sqlite")}).out;
  const std::string head = shown.substr(shown.find("Run chain: ") + 11, 64);
  EXPECT_EQ(
      shell(fmt::format("test $(tail -n 1 results/runs.ndjson | head -c -1 | sha256sum | cut -c -64) = {}",
                        head),
            made),
      0);
  EXPECT_THAT(read_file(made + "/results/report.json"), HasSubstr("\"run_chain_head\": \"" + head));
}

TEST_F(Evidence, KeysThatMayNotSignAreRefused) {
  const auto refused = [&](const std::string& command, std::vector<std::string> more = {}) {
    EXPECT_EQ(shell(command, folder_.path()), 0) << command;
    more.insert(more.end(), {"--key", folder_ / "key.pem"});
    return refusal(2, create("bundle", more));
  };
  const std::string rsa = "rm -f key.pem; umask 077; openssl genpkey -algorithm RSA -out key.pem";
  EXPECT_THAT(refused(rsa), HasSubstr("a key of type RSA; expected a P-256 or Ed25519 key"));
  EXPECT_THAT(
      refused("umask 077; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-224 -out key.pem"),
      HasSubstr("secp224r1"));
  EXPECT_THAT(refused(fmt::format("cp {} key.pem; chmod 644 key.pem", shared("p256.pem"))),
              HasSubstr("mode 0644, which others may read or write; expected 0600"));
  EXPECT_EQ(create("insecure", {"--key", folder_ / "key.pem", "--allow-insecure-key"}).status, 0);
  const std::string encrypted =
      "rm -f key.pem; umask 077; openssl genpkey -algorithm ED25519 -aes-256-cbc -pass pass:secret -out "
      "key.pem";
  EXPECT_THAT(refused(encrypted), HasSubstr("an encrypted key and no passphrase"));
  EXPECT_THAT(refused("umask 077; echo other >pass", {"--passphrase-file", folder_ / "pass"}),
              HasSubstr("another passphrase"));
  EXPECT_THAT(refused("chmod 640 pass", {"--passphrase-file", folder_ / "pass"}), HasSubstr("mode 0640"));
  ASSERT_EQ(shell("chmod 600 pass; echo secret >pass", folder_.path()), 0);
  EXPECT_EQ(create("by-file", {"--key", folder_ / "key.pem", "--passphrase-file", folder_ / "pass"}).status,
            0);
  EXPECT_THAT(refusal(2, create("x", {"--key", folder_ / "key.pem", "--passphrase-fd", "9"})),
              HasSubstr("Bad file descriptor"));
  const Finished by_input = launch_program(
      {.arguments = {"evidence", "create", "latest", "--db", shared("audits.sqlite"), "-o",
                     folder_ / "by-input", "--key", folder_ / "key.pem", "--passphrase-fd", "0"},
       .input = "secret\n"});
  EXPECT_EQ(by_input.status, 0) << by_input.err;
  EXPECT_THAT(refusal(3, create("x", {"--key", folder_ / "absent.pem"})), HasSubstr("absent.pem"));
  EXPECT_FALSE(fs::exists(folder_ / "x"));
}

TEST_F(Evidence, WhatIsSignedElsewhereIsAttached) {
  for (const std::string key : {"p256", "ed25519"}) {
    const std::string name = "bundle-" + key + (key == "p256" ? ".tar" : "");
    const Finished made =
        create(name, {"--public-key", shared(key + ".pub.pem"), "--pae-out", folder_ / "pae", "--force"});
    ASSERT_EQ(made.status, 0) << made.err;
    EXPECT_THAT(made.out, HasSubstr("to be signed with key"));
    const std::vector<std::string> verify = {"verify", folder_ / name, "--key", shared(key + ".pub.pem")};
    EXPECT_THAT(evidence(verify).out, HasSubstr("no signature; expected that of key"));
    for (const std::string statement : {"run", "test-result"}) {
      const std::string sign = key == "p256"
                                   ? "openssl dgst -sha256 -sign {1} -out {0}.sig pae.{0}.pae"
                                   : "openssl pkeyutl -sign -inkey {1} -rawin -in pae.{0}.pae -out {0}.sig";
      ASSERT_EQ(shell(fmt::format(fmt::runtime(sign), statement, shared(key + ".pem")), folder_.path()), 0);
    }
    const auto attach = [&](const char* run, const char* test_result) {
      return evidence({"attach", folder_ / name, "--signature", folder_ / run, "--test-result-signature",
                       folder_ / test_result});
    };
    EXPECT_THAT(refusal(7, attach("test-result.sig", "run.sig")),
                HasSubstr("a signature that is not of key"));
    EXPECT_EQ(evidence(verify).status, 7) << "left as it was";
    const Finished attached = attach("run.sig", "test-result.sig");
    EXPECT_EQ(attached.status, 0) << attached.err;
    EXPECT_EQ(evidence(verify).status, 0) << evidence(verify).out;
  }
}

TEST_F(Evidence, ReplaysAndTimeStampsAreAttachedAndChecked) {
  const std::string made = bundle("bundle", "p256");
  const auto replay = [&](const char* equal) {
    return evidence({"attach", made, "--replayed-by", "Bo", "--streams", "9", "--streams-equal", equal,
                     "--key", shared("ed25519.pem")});
  };
  ASSERT_EQ(replay("9").status, 0);
  ASSERT_EQ(replay("8").status, 0);
  EXPECT_EQ(replay("10").status, 2);
  const std::vector<std::string> verify = {"verify", made, "--key", shared("p256.pub.pem")};
  EXPECT_THAT(evidence(verify).out, HasSubstr("replayed by Bo (key "));
  EXPECT_THAT(evidence(verify).out, HasSubstr(": 8 of 9 streams equal"));

  // An authority of the test's own.
  ASSERT_EQ(
      shell(R"(openssl req -x509 -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.pem -days 30 -subj /CN=tsa \
      -addext extendedKeyUsage=critical,timeStamping -addext keyUsage=critical,digitalSignature &&
    printf '%s\n' '[tsa]' 'default_tsa=t' '[t]' 'serial=serial' 'signer_digest=sha256' 'default_policy=1.2.3' \
      'digests=sha256' >tsa.conf && echo 01 >serial &&
    sed -n 2p bundle/statement/audit.intoto.jsonl | jq -r '.signatures[0].sig' | base64 -d >audit.sig &&
    openssl ts -query -data audit.sig -sha256 -cert -out query.tsq &&
    openssl ts -reply -config tsa.conf -section t -queryfile query.tsq -signer tsa.pem -inkey tsa.key -out reply.tsr)",
            folder_.path()),
      0)
      << read_file(folder_ / "said");
  const Finished stamped = evidence({"attach", made, "--timestamp", folder_ / "reply.tsr"});
  ASSERT_EQ(stamped.status, 0) << stamped.err;
  EXPECT_EQ(
      shell("cd bundle && openssl ts -verify -data ../audit.sig -in statement/audit.tsr -CAfile ../tsa.pem",
            folder_.path()),
      0);
  EXPECT_THAT(evidence(verify).out, HasSubstr("who says so, only --tsa-ca shows"));
  std::vector<std::string> with_authority = verify;
  with_authority.insert(with_authority.end(), {"--tsa-ca", folder_ / "tsa.pem"});
  const Finished dated = evidence(with_authority);
  EXPECT_EQ(dated.status, 0) << dated.out;
  EXPECT_THAT(dated.out, HasSubstr("the signature existed at 20"));

  // Another authority, an expired certificate, another signature's stamp.
  ASSERT_EQ(shell("openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 30 -subj "
                  "/CN=other",
                  folder_.path()),
            0);
  with_authority.back() = folder_ / "other.pem";
  EXPECT_THAT(evidence(with_authority).out, HasSubstr("timestamp    FAILED"));
  ASSERT_EQ(shell(R"(openssl req -new -key tsa.key -subj /CN=tsa -out r.csr &&
    printf '%s\n' 'extendedKeyUsage=critical,timeStamping' 'keyUsage=critical,digitalSignature' >ext &&
    openssl x509 -req -in r.csr -signkey tsa.key -days -1 -extfile ext -out expired.pem)",
                  folder_.path()),
            0)
      << read_file(folder_ / "said");
  with_authority.back() = folder_ / "expired.pem";
  EXPECT_EQ(evidence(with_authority).status, 7) << "an expired certificate";
  const std::string unstamped = bundle("unstamped", "p256");
  EXPECT_THAT(refusal(7, evidence({"attach", unstamped, "--timestamp", folder_ / "reply.tsr"})),
              HasSubstr("timestamp: "));
  with_authority[1] = unstamped;
  EXPECT_EQ(evidence(with_authority).status, 7) << "a time stamp was asked for";

  // What replays say is signed too.
  ASSERT_EQ(shell("cp bundle/statement/replays/1.pub.pem x && mkdir unstamped/statement/replays &&"
                  "cp bundle/statement/replays/1.* unstamped/statement/replays/",
                  folder_.path()),
            0);
  EXPECT_THAT(evidence({"verify", unstamped}).out, Not(HasSubstr("replays      FAILED")))
      << "of the same files";
  ASSERT_EQ(shell("mv unstamped/statement/replays/1.json unstamped/statement/replays/2.json", folder_.path()),
            0);
  EXPECT_THAT(evidence({"verify", unstamped}).out, HasSubstr("replays      FAILED"));
}

TEST_F(Evidence, WhatNoBundleHasIsRefusedUnread) {
  const std::string made = bundle("bundle", "ed25519");
  const auto found = [&](const std::string& change, const std::string& undo) {
    EXPECT_EQ(shell(change, made), 0) << change;
    fs::remove(made + "/said");
    const Finished verified = evidence({"verify", made});
    EXPECT_EQ(verified.status, 7) << verified.out << verified.err;
    EXPECT_LT(verified.peak_bytes, uint64_t{512} << 20);
    EXPECT_LT(verified.cpu_seconds, 20);
    EXPECT_EQ(shell(undo, made), 0);
    fs::remove(made + "/said");
    return verified.out;
  };
  EXPECT_THAT(found("mv results/runs.ndjson x && ln -s ../x results/runs.ndjson", "mv x results/runs.ndjson"),
              HasSubstr("layout       FAILED"));
  EXPECT_THAT(found("ln -s /dev/zero statement/audit.tsr", "rm statement/audit.tsr"), HasSubstr("a link"));
  EXPECT_THAT(found("ln -s / inputs/link", "rm inputs/link"), HasSubstr("a link"));
  EXPECT_THAT(found("mkfifo statement/audit.tsr", "rm statement/audit.tsr"), HasSubstr("no regular file"));
  EXPECT_THAT(found("mkdir -p deep/a/b/c/d", "rm -r deep"), HasSubstr("an unknown folder"));
  EXPECT_THAT(found("mkdir -p results/a/b", "rm -r results/a"), HasSubstr("an unknown folder"));
  EXPECT_THAT(found("touch $(seq -f statement/%g 1000)", "rm statement/[0-9]*"),
              HasSubstr("layout       FAILED"));
  EXPECT_THAT(found("truncate -s 100T statement/audit.tsr", "rm statement/audit.tsr"),
              HasSubstr("bytes; expected at most 16777216"));
  EXPECT_THAT(found("mkdir statement/audit.tsr", "rmdir statement/audit.tsr"),
              HasSubstr("an unknown folder"));
  const std::string kept = "cp SHA256SUMS ../kept; ", back = "cp ../kept SHA256SUMS";
  const std::string line = "echo \"$(head -c 64 SHA256SUMS)  ../../etc/passwd\"";
  EXPECT_THAT(found(kept + line + " >>SHA256SUMS", back), HasSubstr("sums         FAILED"));
  EXPECT_THAT(found(kept + "yes \"$(head -n 1 ../kept)\" | head -n 10000000 >SHA256SUMS", back),
              HasSubstr("SHA256SUMS: 8"));
  EXPECT_THAT(
      found("cp results/report.json ..; truncate -s 2G results/report.json", "mv ../report.json results/"),
      HasSubstr("2147483648 bytes; expected at most"));
  EXPECT_EQ(evidence({"verify", made}).status, 0);
  // As tar files: what GNU tar makes of such a folder.
  ASSERT_EQ(shell("tar cf other.tar bundle", folder_.path()), 0);
  EXPECT_THAT(evidence({"verify", folder_ / "other.tar"}).out,
              HasSubstr("another header than this program writes"));
  folder_.write("empty.tar", "");
  EXPECT_EQ(evidence({"verify", folder_ / "empty.tar"}).status, 7);
  EXPECT_EQ(refusal(3, evidence({"verify", folder_ / "absent"})).find("absent") == std::string::npos, false);
}

TEST_F(Evidence, OnlyABundleIsReplaced) {
  const std::string made = bundle("bundle", "ed25519");
  EXPECT_THAT(refusal(2, create("bundle")), HasSubstr("the folder exists; expected a new one, or --force"));
  EXPECT_EQ(create("bundle", {"--force"}).status, 0);
  EXPECT_FALSE(fs::exists(made + "/statement/signer.pub.pem")) << "nothing of the old one is left";
  fs::create_directory(folder_ / "home");
  folder_.write("home/letter", "dear");
  EXPECT_THAT(refusal(2, create("home", {"--force"})), HasSubstr("expected a bundle to replace"));
  EXPECT_EQ(read_file(folder_ / "home/letter"), "dear");
  fs::create_directory(folder_ / "empty");
  EXPECT_THAT(refusal(2, create("empty", {"--force"})), HasSubstr("no bundle"));
  EXPECT_THAT(refusal(2, create("bundle", {"--pae-out", "x"})), HasSubstr("belong together"));
  EXPECT_THAT(refusal(2, evidence({"create", "latest"})), HasSubstr("an audit and a bundle are needed"));
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("bundle."))) << "no draft is left";
}

// samples/evidence/make makes it anew, as is needed when reports change.
TEST(EvidenceSample, HoldsByStockToolsAndByThisProgram) {
  const std::string sample = RA_SOURCE "/samples/evidence";
  const TemporaryFolder folder;
  fs::copy(sample + "/bundle", folder / "bundle", fs::copy_options::recursive);
  folder.write("commands", commands_of(folder / "bundle"));
  EXPECT_EQ(shell(fmt::format("cd bundle; KEY='{}/signer.pub.pem' bash ../commands", sample), folder.path()),
            0)
      << read_file(folder / "said");
  const Finished verified =
      run_program({"evidence", "verify", sample + "/bundle", "--key", sample + "/signer.pub.pem"});
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("verdict: verified, signed with key"));
  EXPECT_EQ(shell(fmt::format("! grep -rq 'PRIVATE KEY' '{}'", sample), folder.path()), 0);
}

TEST_F(Evidence, JsonSaysTheSame) {
  const Finished said = evidence({"verify", bundle("bundle", "ed25519"), "--json"});
  EXPECT_EQ(said.status, 0);
  folder_.write("verdict.json", said.out);
  EXPECT_EQ(shell("jq -e '.holds and (.checks | length >= 16) and .checks[0].state == \"ok\"' verdict.json",
                  folder_.path()),
            0);
}

}  // namespace
}  // namespace ra
