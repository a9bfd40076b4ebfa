// Words and numbers that several reports use.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/audit/analysis.h"
#include "core/audit/audit.h"
#include "core/audit/phrases.h"
#include "core/audit/prompt_set.h"

namespace ra {

// The keys as ranges: "1-32", "1, 2, 4-8".
std::string ranges(const std::map<int32_t, int64_t>& counts);
// The same, or where that is long "1 to 867, 770 different"; "none" without keys.
std::string brief_ranges(const std::map<int32_t, int64_t>& counts);
// Seconds since 1970 of "2026-11-22T11:31:38Z"; 0 for anything else.
int64_t epoch_seconds(const std::string& utc);
// "0 of 62", and where not all differ "(at most 4.7%)".
std::string rate_text(const TrialRate& rate);
// The same, or that there were no trials.
std::string compared_text(const TrialRate& rate);
// The same of prompts.
std::string prompt_rate_text(const PromptRate& rate);
// The bytes of a token; empty if they are unknown or the id is none.
std::string piece_of(const Audit& audit, int32_t id);
// The same for people: "#id" where there are none, as in a model without a tokenizer.
std::string shown_piece(const Audit& audit, int32_t id);
// For the terminal, text and id: " its" (312); or "the end" where the id is none.
std::string token_text(const Audit& audit, int32_t id);
// The bytes of the stream's tokens [begin, end), as shown_piece has them.
std::string text_of(const Audit& audit, const Stream& stream, size_t begin, size_t end);

// Tokens a second of an arm over the control's, at each batch size that both have.
struct SpeedRatio {
  const ArmFinding* arm = nullptr;
  std::map<int32_t, double> by_size;
  double median = 0, low = 0, high = 0;
};
// Absent for the control, and where there is nothing to compare.
std::optional<SpeedRatio> speed_ratio(const Finding& finding, const ArmFinding& arm);

}  // namespace ra
