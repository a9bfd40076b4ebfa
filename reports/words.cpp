#include "reports/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <vector>

#include "core/audit/statistics.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kPieceBytes = 40;   // of a token's text on a terminal
constexpr size_t kRangesBytes = 60;  // of a list of ranges that is still read

std::string bounded(int64_t differing, int64_t all, double upper95) {
  std::string text = k_of_n(differing, all);
  if (differing < all) text += fmt::format(" (at most {}, 95%)", percent(upper95));
  return text;
}

}  // namespace

std::string ranges(const std::map<int32_t, int64_t>& counts) {
  std::string text;
  for (auto first = counts.begin(); first != counts.end();) {
    auto last = first;
    while (std::next(last) != counts.end() && std::next(last)->first == last->first + 1) ++last;
    if (!text.empty()) text += ", ";
    text += std::to_string(first->first);
    if (last != first) text += (last == std::next(first) ? ", " : "-") + std::to_string(last->first);
    first = std::next(last);
  }
  return text;
}

std::string brief_ranges(const std::map<int32_t, int64_t>& counts) {
  if (counts.empty()) return "none";
  std::string text = ranges(counts);
  if (text.size() <= kRangesBytes) return text;
  return fmt::format("{} to {}, {} different", counts.begin()->first, counts.rbegin()->first, counts.size());
}

int64_t epoch_seconds(const std::string& utc) {
  std::tm time{};
  if (std::sscanf(utc.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ", &time.tm_year, &time.tm_mon, &time.tm_mday,
                  &time.tm_hour, &time.tm_min, &time.tm_sec) != 6)
    return 0;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return timegm(&time);
}

std::string rate_text(const TrialRate& rate) {
  return bounded(rate.differing, rate.trials, rate.upper95);
}

std::string compared_text(const TrialRate& rate) {
  return rate.trials == 0 ? "none compared" : rate_text(rate);
}

std::string prompt_rate_text(const PromptRate& rate) {
  return rate.prompts == 0 ? "none compared" : bounded(rate.differing, rate.prompts, rate.upper95);
}

std::optional<SpeedRatio> speed_ratio(const Finding& finding, const ArmFinding& arm) {
  if (finding.control < 0 || arm.arm == finding.control) return std::nullopt;
  SpeedRatio ratio{.arm = &arm};
  for (const SpeedAtSize& base : finding.arms[static_cast<size_t>(finding.control)].speed) {
    for (const SpeedAtSize& at : arm.speed) {
      if (at.batch_size == base.batch_size && base.tokens_per_second > 0)
        ratio.by_size[at.batch_size] = at.tokens_per_second / base.tokens_per_second;
    }
  }
  if (ratio.by_size.empty()) return std::nullopt;
  std::vector<double> values;
  for (const auto& [size, value] : ratio.by_size) values.push_back(value);
  ratio.median = median(values);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  ratio.low = *low;
  ratio.high = *high;
  return ratio;
}

std::string piece_of(const Audit& audit, int32_t id) {
  const auto piece = audit.pieces.find(id);
  return piece == audit.pieces.end() ? std::string() : piece->second;
}

std::string shown_piece(const Audit& audit, int32_t id) {
  const std::string piece = piece_of(audit, id);
  return piece.empty() ? fmt::format("#{}", id) : piece;
}

std::string token_text(const Audit& audit, int32_t id) {
  if (id < 0) return "the end";
  return fmt::format("\"{}\" ({})", printable(piece_of(audit, id), kPieceBytes), id);
}

std::string text_of(const Audit& audit, const Stream& stream, size_t begin, size_t end) {
  std::string text;
  for (size_t i = begin; i < std::min(end, stream.tokens.size()); ++i) {
    const std::string piece = piece_of(audit, stream.tokens[i]);
    text += piece.empty() ? fmt::format(" #{}", stream.tokens[i]) : piece;
  }
  return text;
}

}  // namespace ra
