// A disk that fails when told to: SQLite's default VFS with a fault before one chosen operation that changes the disk
// (create, write, truncate, sync, delete).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace ra {

enum class Fault : uint8_t {
  none,
  kill,            // SIGKILL
  kill_mid_write,  // half of a write, then SIGKILL
  io_error,        // this operation fails
  short_write,     // half of a write, then the disk is full, this once
  full,            // from this operation on every create, write and truncate finds a full disk
  dead,            // from this operation on everything fails
  power_loss,      // what was not synced is lost, sector by sector as drawn; then SIGKILL
};

// Is the default VFS while it lives; one at a time. Open databases after it was made and close them before it goes.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  // Strikes at the operation with this number, counted from now on.
  void arm(Fault fault, int64_t operation);
  int64_t operations() const { return operations_; }  // since arm()
  bool struck() const { return struck_; }

  // The control for power_loss: a disk whose syncs do nothing.
  void ignore_syncs() { ignores_syncs_ = true; }
  // Which unsynced sectors survive a loss of power; 0: none.
  void survive(uint64_t seed) { seed_ = seed; }

  // For the VFS's callbacks. What becomes of an operation: SQLITE_OK, or the error to return instead of doing it.
  enum class Operation : uint8_t { create, write, truncate, sync, remove };
  int before(Operation operation, bool* half);
  void opened(const std::string& path, bool existed);
  void synced(const std::string& path);
  void removed(const std::string& path, bool folder_synced);

 private:
  void lose_power();

  Fault fault_ = Fault::none;
  int64_t at_ = -1;
  int64_t operations_ = 0;
  bool struck_ = false;
  bool ignores_syncs_ = false;
  uint64_t seed_ = 0;
  std::map<std::string, std::optional<std::string>>
      durable_;  // path -> content on the platter; absent: no file
};

}  // namespace ra
