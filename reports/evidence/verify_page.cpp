#include "reports/evidence/verify_page.h"

#include <fmt/format.h>

#include "core/hash.h"
#include "reports/evidence/dsse.h"

namespace ra {
namespace {

constexpr const char* kFiles = R"md(## The files are whole, and there are no others

```sh
sha256sum -c --strict --quiet SHA256SUMS
diff <(cut -c 67- SHA256SUMS) \
  <(find . -type f ! -path './statement/*' ! -path ./SHA256SUMS | cut -c 3- | LC_ALL=C sort)
test "$(sha256sum <SHA256SUMS)" = '{sums}  -'
test -z "$(find . -type l)"
echo 'files: whole'
```

)md";

constexpr const char* kUnpack = R"md(## The statements

`statement/audit.intoto.jsonl` has two DSSE envelopes, one on each line: what the policy asked for, about the model's files,
and the detail, about the files of this bundle.

```sh
work=$(mktemp -d)
for n in 1 2; do
  sed -n "${{n}}p" statement/audit.intoto.jsonl >"$work/envelope$n"
  test "$(jq -r .payloadType "$work/envelope$n")" = {type}
  jq -r .payload "$work/envelope$n" | base64 -d >"$work/body$n"
done
test "$(jq -r '.subject[] | select(.name == "SHA256SUMS").digest.sha256' "$work/body2")" = \
  "$(sha256sum SHA256SUMS | cut -d ' ' -f 1)"
test "$(jq -r '.predicate.auditId' "$work/body2")" = '{audit}'
echo "statement: $(jq -r '.predicate.verdict' "$work/body2")"
```

)md";

constexpr const char* kUnsigned = R"md(## The signature

There is none: **this bundle is not signed.** That its parts agree shows that they were made together. It does not show who
made them, nor that they were not made anew since.

)md";

constexpr const char* kSigned = R"md(## The signature

A signature is worth what you know of its key. Set `KEY` to the signer's public key as you got it from the signer; the one
that lies here proves nothing by itself. Its id, the SHA-256 of its PEM file, is `{key}`.

```sh
KEY=${{KEY:-statement/signer.pub.pem}}
test "$(sha256sum <"$KEY")" = '{key}  -'
for n in 1 2; do
  test "$(jq '.signatures | length' "$work/envelope$n")" = 1
  jq -r '.signatures[0].sig' "$work/envelope$n" | base64 -d >"$work/sig$n"
  printf 'DSSEv1 28 {type} %d ' "$(wc -c <"$work/body$n")" | cat - "$work/body$n" >"$work/pae$n"
  {check}
done
```

A date, where `statement/audit.tsr` is there (the authority's certificate comes from outside too):

```text
openssl ts -verify -data "$work/sig2" -in statement/audit.tsr -CAfile tsa-ca.pem
```

With cosign 3.0.4 or newer. `--insecure-ignore-tlog` says that there is no entry in a public log, not that there is no
signature:

```text
cosign verify-blob-attestation --key "$KEY" --bundle statement/audit.sigstore.json --insecure-ignore-tlog \
  --type {predicate} SHA256SUMS
```

)md";

constexpr const char* kP256Check =
    R"md(openssl dgst -sha256 -verify "$KEY" -signature "$work/sig$n" "$work/pae$n")md";
constexpr const char* kEd25519Check =
    R"md(openssl pkeyutl -verify -pubin -inkey "$KEY" -rawin -in "$work/pae$n" -sigfile "$work/sig$n")md";

constexpr const char* kStreamsCheck = R"md(## The answers

Each stream's SHA-256 is over `repro-audit.tokens.v1`, a zero byte, the number of tokens and each token, 32 bits little
endian:

```sh
python3 - <<'END'
import hashlib, json, struct
streams = {{line["sha256"]: line["tokens"] for line in map(json.loads, open("results/streams.ndjson"))}}
for digest, ids in streams.items():
    stream = b"repro-audit.tokens.v1\0" + struct.pack("<%dI" % (1 + len(ids)), len(ids), *ids)
    assert hashlib.sha256(stream).hexdigest() == digest
assert set(streams) == {{json.loads(line)["sha256"] for line in open("results/runs.ndjson")}}
print("streams:", len(streams))
END
```

Each line of `results/runs.ndjson` has the SHA-256 of the line before it, so that none can be changed or taken away without
changing the last. Its SHA-256 was `{head}` when this was made; `repro-audit show {audit}` prints it.

```sh
python3 - <<'END' >"$work/head"
import hashlib, json
head = "0" * 64
for line in open("results/runs.ndjson", "rb").read().splitlines():
    assert json.loads(line)["prevSha256"] == head
    head = hashlib.sha256(line).hexdigest()
print(head)
END
test "$(cat "$work/head")" = {head}
test "$(jq -r '.predicate.runChainHead.sha256' "$work/body2")" = {head}
```

How many runs of each arm are unlike its solo, counted anew and compared with what the statement says:

```sh
python3 - "$work/body2" <<'END'
import json, sys
runs = [json.loads(line) for line in open("results/runs.ndjson")]
for arm in json.load(open(sys.argv[1]))["predicate"]["results"]:
    mine = [r for r in runs if r["arm"] == arm["arm"]]
    answer = lambda r: (r["sha256"], r["endReason"])
    counted = [r for r in mine if r["run"] >= 0]
    solo = [answer(r) for r in mine if r["trial"] == 0]
    assert len(counted) == arm["runs"] and len(set(map(answer, counted))) == arm["distinctStreams"]
    assert not solo or sum(answer(r) != solo[0] for r in counted) == arm["runsUnlikeSolo"]
    print(arm["arm"] + ":", arm["runs"], "runs,", arm["runsUnlikeSolo"], "unlike solo")
END
rm -r "$work"
```

)md";

constexpr const char* kLast = R"md(## The rest

`repro-audit evidence verify --key KEY .` does all this and recomputes every digest in `results/audit.sqlite`, the report,
the statistics and the policy's verdict from it. `man repro-audit-evidence` says what each file holds.

That nothing was changed does not show that anything ran: only who runs it again does. `statement/replays/` has the signed
statements of those who did, if there are any.
)md";

}  // namespace

std::string verify_page(const std::string& audit_id, const std::string& scope, const std::string& sums,
                        const std::string& head, const Issue& issue) {
  std::string page = fmt::format("{}\n\n# Audit {}: how to check this bundle\n\n", scope, audit_id);
  page +=
      issue.key ? fmt::format("Signed with the key `{}`", issue.key->id()) : "**This bundle is not signed.**";
  page +=
      "\n\nThe commands are for bash in this bundle's folder and need coreutils, jq, openssl 3 and python3. "
      "They stop at the\nfirst thing that is wrong:\n\n```sh\nset -euo pipefail\n```\n\n";
  page += fmt::format(kFiles, fmt::arg("sums", hex(sha256(sums))));
  page += fmt::format(kUnpack, fmt::arg("type", kPayloadType), fmt::arg("audit", audit_id));
  if (issue.key) {
    page += fmt::format(kSigned, fmt::arg("key", issue.key->id()), fmt::arg("type", kPayloadType),
                        fmt::arg("predicate", kRunType),
                        fmt::arg("check", issue.key->kind() == KeyKind::p256 ? kP256Check : kEd25519Check));
  } else {
    page += kUnsigned;
  }
  page += fmt::format(kStreamsCheck, fmt::arg("head", head), fmt::arg("audit", audit_id));
  return page + kLast;
}

}  // namespace ra
