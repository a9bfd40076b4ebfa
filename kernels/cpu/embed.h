// Embedding, numerics.md rule 4.
#pragma once

#include "kernels/cpu/packed_matrix.h"

namespace ra {

// h = row `token` of the embedding, [k]. The packed layout serves a tied head as well, so one copy is kept.
void embed(const PackedMatrix& embedding, int token, Bf16* h);

}  // namespace ra
