// The drawings of the HTML report. Each returns one <svg> of the given width, without scripts or styles of its own.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/audit/analysis.h"
#include "core/audit/audit.h"

namespace ra {

// Distinct streams of all arms by a letter and a color class: the arms' solos first, then by how many runs made them.
class StreamNames {
 public:
  StreamNames(const Audit& audit, const Finding& finding);
  // Of another audit: streams that `earlier` names keep their letters, the others get the next ones.
  StreamNames(const StreamNames& earlier, const Audit& audit, const Finding& finding);
  std::string letter(
      int32_t stream) const;  // "A", ..., "Z", "AA", ...; `stream` is an index into Audit::streams
  std::string color(int32_t stream) const;  // class "s0" to "s7", "sx" for all others
  bool has_color(int32_t stream) const;     // of its own
  size_t size() const { return order_.size(); }

 private:
  using Key = std::pair<std::vector<int32_t>, EndReason>;
  void add(const Finding& finding);
  size_t place(int32_t stream) const;

  const Audit& audit_;
  std::map<Key, size_t> order_;
};

// How the streams of an arm part: x is the token's position, each stream a line that leaves the one it shares most with.
std::string parting_chart(const Audit& audit, const ArmFinding& arm, const StreamNames& names, double width);
// Share of runs that still equal solo, over the token's position, one line an arm.
std::string equality_chart(const Audit& audit, const Finding& finding, double width);
// Which streams came at which batch size: bars of shares.
std::string batch_size_chart(const Audit& audit, const ArmFinding& arm, const StreamNames& names,
                             double width);
// The gap between the two best tokens over solo's steps, in fp32 accumulators; where streams leave it, and ties.
std::string gap_chart(const Audit& audit, const Finding& finding, const ArmFinding& arm,
                      const StreamNames& names, double width);
// Tokens a second over the batch size, median and quartiles, one line each, in the colors of arms.
struct SpeedLine {
  std::string name;
  const std::vector<SpeedAtSize>& speed;
};
std::string speed_chart(const std::vector<SpeedLine>& lines, double width);

}  // namespace ra
