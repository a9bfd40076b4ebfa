// Threads that live as long as the device and split outputs, never a sum. A step has some two hundred parallel regions,
// so waiting is by spinning for a few microseconds, then by sleeping.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace ra {

// The part of [0, count) that belongs to `thread` of `threads`: contiguous, sizes differing by at most one.
struct Range {
  int begin = 0;
  int end = 0;
};
inline Range share(int count, int thread, int threads) {
  const int64_t n = count;
  return {static_cast<int>(n * thread / threads), static_cast<int>(n * (thread + 1) / threads)};
}

// While it lives, this thread has the default floating-point environment: round to nearest, denormals kept.
class DefaultFloatEnvironment {
 public:
  DefaultFloatEnvironment();
  ~DefaultFloatEnvironment();
  DefaultFloatEnvironment(const DefaultFloatEnvironment&) = delete;
  DefaultFloatEnvironment& operator=(const DefaultFloatEnvironment&) = delete;

 private:
  alignas(16) unsigned char saved_[64];
};

// `asked`, or one for each available core if it is 0.
int thread_count(int asked);

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // the caller of run() is one of them
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(thread) for every thread in [0, threads()) at once, and returns when all have returned. The first
  // exception, if any, is thrown here.
  template <class Body>
  void run(const Body& body) {
    if (workers_.empty()) return body(0);
    start([](const void* context, int thread) { (*static_cast<const Body*>(context))(thread); }, &body);
  }

  // Calls body(i) for every i in [0, count), thread t taking t, t + threads(), ...
  template <class Body>
  void for_each(int count, const Body& body) {
    if (count == 1) return body(0);
    run([&](int thread) {
      for (int i = thread; i < count; i += threads()) body(i);
    });
  }

 private:
  using Call = void (*)(const void* context, int thread);
  void start(Call call, const void* context);
  void work(int thread);
  void call_here(int thread);

  std::vector<std::thread> workers_;
  Call call_ = nullptr;
  const void* context_ = nullptr;
  bool stop_ = false;
  std::atomic<uint32_t> region_{0};   // counts regions begun; what is above is published by it
  std::atomic<uint32_t> running_{0};  // workers still inside the region
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace ra
