#include "tests/support/faulty_disk.h"

#include <signal.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/audit/plan.h"
#include "core/error.h"

namespace ra {
namespace {

constexpr size_t kSector = 512;
constexpr const char* kName = "faulty";

FaultyDisk* g_disk = nullptr;  // SQLite's callbacks have nowhere else to find it
sqlite3_vfs* g_real = nullptr;

// A file of the shim: the real one lies behind it in the same allocation.
struct File {
  sqlite3_file base;
  char path[1024];
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
File& of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int close_file(sqlite3_file* file) {
  sqlite3_file* real = of(file).real();
  return real->pMethods->xClose(real);
}
int read_file(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  sqlite3_file* real = of(file).real();
  return real->pMethods->xRead(real, bytes, size, offset);
}
int write_file(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  sqlite3_file* real = of(file).real();
  bool half = false;
  const int code = g_disk->before(FaultyDisk::Operation::write, &half);
  if (half) real->pMethods->xWrite(real, bytes, size / 2, offset);
  if (half && code == SQLITE_OK) raise(SIGKILL);
  return code != SQLITE_OK ? code : real->pMethods->xWrite(real, bytes, size, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  sqlite3_file* real = of(file).real();
  bool half = false;
  const int code = g_disk->before(FaultyDisk::Operation::truncate, &half);
  return code != SQLITE_OK ? code : real->pMethods->xTruncate(real, size);
}
int sync_file(sqlite3_file* file, int flags) {
  sqlite3_file* real = of(file).real();
  bool half = false;
  int code = g_disk->before(FaultyDisk::Operation::sync, &half);
  if (code == SQLITE_OK) code = real->pMethods->xSync(real, flags);
  if (code == SQLITE_OK) g_disk->synced(of(file).path);
  return code;
}
int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  sqlite3_file* real = of(file).real();
  return real->pMethods->xFileSize(real, size);
}
int lock_file(sqlite3_file* file, int level) {
  sqlite3_file* real = of(file).real();
  return real->pMethods->xLock(real, level);
}
int unlock_file(sqlite3_file* file, int level) {
  sqlite3_file* real = of(file).real();
  return real->pMethods->xUnlock(real, level);
}
int check_lock(sqlite3_file* file, int* result) {
  sqlite3_file* real = of(file).real();
  return real->pMethods->xCheckReservedLock(real, result);
}
int control_file(sqlite3_file* file, int operation, void* argument) {
  sqlite3_file* real = of(file).real();
  return real->pMethods->xFileControl(real, operation, argument);
}
int sector_size(sqlite3_file* file) {
  sqlite3_file* real = of(file).real();
  return real->pMethods->xSectorSize(real);
}
int characteristics(sqlite3_file* file) {
  sqlite3_file* real = of(file).real();
  return real->pMethods->xDeviceCharacteristics(real);
}

const sqlite3_io_methods kMethods = {.iVersion = 1,
                                     .xClose = close_file,
                                     .xRead = read_file,
                                     .xWrite = write_file,
                                     .xTruncate = truncate_file,
                                     .xSync = sync_file,
                                     .xFileSize = size_of_file,
                                     .xLock = lock_file,
                                     .xUnlock = unlock_file,
                                     .xCheckReservedLock = check_lock,
                                     .xFileControl = control_file,
                                     .xSectorSize = sector_size,
                                     .xDeviceCharacteristics = characteristics};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if (name == nullptr) return SQLITE_CANTOPEN;  // the store uses no temporary files
  const bool existed = std::filesystem::exists(name);
  if (!existed && (flags & SQLITE_OPEN_CREATE) != 0) {
    bool half = false;
    const int code = g_disk->before(FaultyDisk::Operation::create, &half);
    if (code != SQLITE_OK) return SQLITE_CANTOPEN;
  }
  std::strncpy(of(file).path, name, sizeof(File::path) - 1);
  of(file).path[sizeof(File::path) - 1] = 0;
  const int code = g_real->xOpen(g_real, name, of(file).real(), flags, out_flags);
  if (code == SQLITE_OK) g_disk->opened(name, existed);
  if (of(file).real()->pMethods != nullptr) file->pMethods = &kMethods;
  return code;
}

int remove_file(sqlite3_vfs*, const char* name, int sync_folder) {
  bool half = false;
  const int code = g_disk->before(FaultyDisk::Operation::remove, &half);
  if (code != SQLITE_OK) return SQLITE_IOERR_DELETE;
  const int result = g_real->xDelete(g_real, name, sync_folder);
  if (result == SQLITE_OK) g_disk->removed(name, sync_folder != 0);
  return result;
}

sqlite3_vfs g_vfs;

}  // namespace

FaultyDisk::FaultyDisk() {
  check(g_disk == nullptr, "one faulty disk at a time");
  g_disk = this;
  g_real = sqlite3_vfs_find(nullptr);
  g_vfs = *g_real;
  g_vfs.iVersion = 1;
  g_vfs.szOsFile = static_cast<int>(sizeof(File)) + g_real->szOsFile;
  g_vfs.pNext = nullptr;
  g_vfs.zName = kName;
  g_vfs.xOpen = open_file;
  g_vfs.xDelete = remove_file;
  sqlite3_vfs_register(&g_vfs, 1);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(&g_vfs);
  sqlite3_vfs_register(g_real, 1);
  g_disk = nullptr;
}

void FaultyDisk::arm(Fault fault, int64_t operation) {
  fault_ = fault;
  at_ = operation;
  operations_ = 0;
  struck_ = false;
  durable_.clear();  // what is there now, is
}

int FaultyDisk::before(Operation operation, bool* half) {
  const int64_t number = operations_++;
  if (fault_ == Fault::none || number < at_) return SQLITE_OK;
  const bool lasting = fault_ == Fault::full || fault_ == Fault::dead;
  if (number > at_ && !lasting) return SQLITE_OK;
  struck_ = true;
  switch (fault_) {
    case Fault::kill:
      raise(SIGKILL);
      break;
    case Fault::kill_mid_write:
      *half = operation == Operation::write;
      if (!*half) raise(SIGKILL);
      return SQLITE_OK;
    case Fault::io_error:
      return operation == Operation::sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
    case Fault::short_write:
      *half = operation == Operation::write;
      return SQLITE_FULL;
    case Fault::full:
      return operation == Operation::sync || operation == Operation::remove ? SQLITE_OK : SQLITE_FULL;
    case Fault::dead:
      return SQLITE_IOERR;
    case Fault::power_loss:
      lose_power();
      break;
    case Fault::none:
      break;
  }
  return SQLITE_OK;
}

void FaultyDisk::opened(const std::string& path, bool existed) {
  if (durable_.contains(path)) return;
  durable_[path] = existed ? std::optional(content_of(path)) : std::nullopt;
}

void FaultyDisk::synced(const std::string& path) {
  if (!ignores_syncs_) durable_[path] = content_of(path);
}

void FaultyDisk::removed(const std::string& path, bool folder_synced) {
  if (folder_synced && !ignores_syncs_) durable_[path] = std::nullopt;
}

void FaultyDisk::lose_power() {
  uint64_t sector_number = 0;
  for (const auto& [path, durable] : durable_) {
    const bool exists = std::filesystem::exists(path);
    std::string left = durable.value_or("");
    if (exists && seed_ != 0) {
      const std::string written = content_of(path);
      left.resize(std::max(left.size(), written.size()));
      for (size_t at = 0; at < written.size(); at += kSector) {
        if (draw(seed_, 1, sector_number++, 0, 2) == 0) continue;
        const size_t size = std::min(kSector, written.size() - at);
        std::copy_n(written.begin() + static_cast<std::ptrdiff_t>(at), size,
                    left.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    if (!durable && (!exists || seed_ == 0 || draw(seed_, 2, sector_number, 0, 2) == 0)) {
      std::filesystem::remove(path);
    } else {
      std::ofstream(path, std::ios::binary).write(left.data(), static_cast<std::streamsize>(left.size()));
    }
  }
  raise(SIGKILL);
}

}  // namespace ra
