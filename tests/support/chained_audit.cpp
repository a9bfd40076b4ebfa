#include "tests/support/chained_audit.h"

#include "core/audit/store_codec.h"

namespace ra {

void rename_audit(Audit& audit, const std::string& id) {
  audit.id = id;
  std::vector<std::string> chains(audit.arms.size(), kChainStart);
  for (SequenceFact& fact : audit.sequences) {
    const auto arm = static_cast<size_t>(fact.arm);
    const Trial& trial = audit.plan.trials[static_cast<size_t>(fact.trial)];
    chains[arm] = hex(sha256(chain_line(id, audit.arms[arm].name, {fact.trial, fact.arm}, fact.attempt,
                                        fact.sequence, trial.sequences[static_cast<size_t>(fact.sequence)],
                                        audit.streams[static_cast<size_t>(fact.stream)], chains[arm])));
    fact.chain = chains[arm];
  }
}

}  // namespace ra
