#include "core/audit/statistics.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace ra {
namespace {

// P(at most x of n) at rate p. Terms come from the ratio of neighbours in log space, so that neither a
// factorial nor a power over- or underflows; all terms are positive, so nothing cancels.
long double binomial_cdf(int64_t x, int64_t n, long double p) {
  const long double odds = std::log(p) - std::log1p(-p);
  long double log_term = static_cast<long double>(n) * std::log1p(-p);
  long double sum = 0;
  for (int64_t k = 0;; ++k) {
    sum += std::exp(log_term);
    if (k == x) return sum;
    log_term += std::log(static_cast<long double>(n - k)) - std::log(static_cast<long double>(k + 1)) + odds;
  }
}

}  // namespace

double upper95(int64_t x, int64_t n) {
  check(0 <= x && x <= n, "at most as many events as trials");
  if (x == n) return 1.0;
  if (x == 0) return -std::expm1(std::log(0.05) / static_cast<double>(n));
  long double low = static_cast<long double>(x) / static_cast<long double>(n);
  long double high = 1.0L;
  // The cumulative probability falls as p rises; 60 halvings leave less than 1e-18.
  for (int i = 0; i < 60; ++i) {
    const long double middle = (low + high) / 2;
    (binomial_cdf(x, n, middle) > 0.05L ? low : high) = middle;
  }
  return static_cast<double>((low + high) / 2);
}

double percentile(std::vector<double> values, double share) {
  check(!values.empty(), "values to rank");
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::clamp<size_t>(rank, 1, values.size()) - 1];
}

double median(std::vector<double> values) {
  check(!values.empty(), "values to rank");
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace ra
