// The few statistics that a finding needs (measurement.md, Statistics and Margins). Exact, and without a
// library.
#pragma once

#include <cstdint>
#include <vector>

namespace ra {

// Exact one-sided 95% Clopper-Pearson upper bound on a rate after x events in n trials: the p at which x or
// fewer events have probability 0.05. 1 where n is 0 or x equals n. Off by less than 1e-12.
double upper95(int64_t x, int64_t n);

// Nearest rank: the smallest value with at least `share` of all values at or below it. `values` is not empty.
double percentile(std::vector<double> values, double share);

// Mean of the two middle values where their number is even. `values` is not empty.
double median(std::vector<double> values);

}  // namespace ra
