// The two ends of a tokenizer.json: what happens to a text before it is cut, and what makes text of tokens. A step whose
// meaning is not known exactly is Error(bad_input), by its name.
#pragma once

#include <vector>

#include "core/json.h"
#include "core/llm/decoder.h"
#include "core/llm/json_fields.h"
#include "core/llm/normalizer.h"

namespace ra {

// "normalizer": null, NFC, Prepend, Replace, or a Sequence of these.
std::vector<NormalizerStep> read_normalizer(const JsonFields& file, const Json& json);
// "decoder": ByteLevel, Replace, ByteFallback, Fuse, Strip, or a Sequence of these.
Decoder read_decoder(const JsonFields& file, const Json& json);

}  // namespace ra
