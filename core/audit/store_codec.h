// The layout of the database's blobs, and the canonical line that the chain is over. Integers are little endian.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/audit/audit.h"

namespace ra {

std::string encode_ids(const std::vector<int32_t>& ids);  // int32 each
// 32 bytes a step: int32 top[2], fp32 value[2], fp32 accumulator[2], uint64 digest.
std::string encode_steps(const std::vector<StepRecord>& steps);
// 12 bytes a launch: int32 rows, logit_rows, choice_set.
std::string encode_launches(const std::vector<LaunchRecord>& launches);

// Absent where the bytes are no whole number of entries.
std::optional<std::vector<int32_t>> decode_ids(const std::string& bytes);
std::optional<std::vector<StepRecord>> decode_steps(const std::string& bytes);
std::optional<std::vector<LaunchRecord>> decode_launches(const std::string& bytes);

// A stream of a sequence's result with its hashes, and the SHA-256 that equal streams share.
Stream stream_of(std::vector<int32_t> tokens, std::vector<StepRecord> steps, EndReason end);
std::string content_sha256(const Stream& stream);

// A text that only equal choices have: lengths come before texts.
std::string choices_key(const ChoiceSetRecord& choices);

// SHA-256 of everything about an audit that is known before its first trial, but for the plan, which has its own.
std::string facts_sha256(const Audit& audit);

// The line of one run or probe, and with it everything that was committed before it in its arm: `previous` is the
// SHA-256 of the arm's previous line, 64 zeros before the first. Its fields need no escaping: ids and hashes are
// hexadecimal, names are what is_plain_name() accepts.
std::string chain_line(const std::string& audit, const std::string& arm, const Turn& turn, int32_t attempt,
                       int32_t place, const PlannedSequence& planned, const Stream& stream,
                       const std::string& previous);
inline const std::string kChainStart(64, '0');
bool is_plain_name(const std::string& name);  // letters, digits and -_.:+, at least one

}  // namespace ra
