// What every figure of the page means.
#include <fmt/format.h>

#include <iterator>

#include "reports/html_page.h"
#include "reports/html_parts.h"

namespace ra {
namespace {

struct Definition {
  const char* term;
  const char* meaning;  // markup
};

constexpr Definition kDefinitions[] = {
    {"Run",
     "One completion of the audited prompt. Solo and repeats are made besides the N runs and not counted."},
    {"Solo", "The prompt alone, prefilled whole, under the same kernels: the reference of its arm."},
    {"Stream",
     "The token ids that a run generated, the stop token included, and the reason why it ended. Runs are "
     "equal if both "
     "are."},
    {"First divergence",
     "The first position, counted from 0, at which the ids of a stream and of solo differ, or the "
     "shorter length."},
    {"Trial",
     "One batch from its first arrival to its last token. Random trials are drawn from the seed; edges, "
     "repeats "
     "and failed ones are left out of rates."},
    {"X of T",
     "Random trials with any run or probe whose logits (or, in tokens, ids) differ from solo's, of all "
     "distinct "
     "ones."},
    {"Bound", "The exact one-sided 95% Clopper-Pearson bound on that rate."},
    {"Pairs", "Pairs of runs from different trials; unlike if their streams differ."},
    {"Repeat",
     "A random trial once more, later, from an empty cache. It is compared where its launches and kernel "
     "choices are the original's; a difference is run-to-run variation, and nothing is then put down to the "
     "batch."},
    {"Probe",
     "A sequence with given tokens whose logits are compared with those of the same sequence alone; its "
     "lengths "
     "cross the boundaries of attention."},
    {"Verdict",
     "identical: every digest of every logits row; tokens-identical: every stream; diverged: not even those; "
     "incomplete: nothing differed yet, and trials are missing."},
    {"Gap",
     "The fp32 sum of the best token less that of the second, before it is rounded to a logit. A tie is a "
     "step "
     "whose two best logits are equal; the lower id wins."},
    {"&epsilon;",
     "The 99.9th percentile of the change of that gap where no token flipped. A flip is consistent with "
     "rounding if the gap changed by at most 4 &epsilon;."},
    {"Batch size",
     "Sequences in a trial; the launches of the witness count those that really emitted a token."},
    {"Tokens/s",
     "Tokens emitted by all sequences of a trial over its seconds, prefill included: the median over the "
     "trials of a batch size, with quartiles. Ratios are of these medians."},
    {"Sum orders",
     "The class of a kernel set's orders of addition. Streams of one class can be compared bit for bit "
     "wherever they were made; an opaque one is a library's own."},
};

}  // namespace

std::string html_definitions() {
  std::string markup = html_section("Definitions", "") + "<dl class=\"definitions\">\n";
  for (const Definition& definition : kDefinitions)
    fmt::format_to(std::back_inserter(markup), "<dt>{}</dt><dd>{}</dd>\n", definition.term,
                   definition.meaning);
  return markup + "</dl>\n";
}

}  // namespace ra
