// The writer's lock: an advisory lock on a file beside the database. The system frees it when its holder dies.
#pragma once

#include <string>

namespace ra {

class WriterLock {
 public:
  // Locks `path`.lock at once or throws Error(storage) naming who holds it: process, host and since when.
  explicit WriterLock(const std::string& path);
  ~WriterLock();
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace ra
