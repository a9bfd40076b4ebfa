// RFC 3161: a date on a signature by somebody who keeps the time.
#pragma once

#include <optional>
#include <string>

namespace ra {

// The time (2026-11-22T08:00:00Z) of a response about these bytes. With the authority's certificates, as PEM, its
// signature is verified too, and every certificate's validity; without them anyone may have made it. Error(evidence)
// "<name>: <found>; expected <what>".
std::string timestamp_of(const std::string& response, const std::string& bytes,
                         const std::optional<std::string>& authority, const std::string& name);

}  // namespace ra
