#include "hal_host/state_folder.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "hal_host/file_image_slots.hpp"
#include "sha256.hpp"

namespace cx::host {

namespace {

constexpr uint32_t chunkSize = 16u << 10;
constexpr int lockTries = 20;
constexpr long lockPauseNs = 50 * 1000 * 1000;

}  // namespace

StateFolder::~StateFolder() {
  if (lock_ >= 0) ::close(lock_);
}

bool StateFolder::open(const char* path) { return files_.open(path); }

Lock StateFolder::lock() {
  lock_ = ::openat(files_.descriptor(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_ < 0) return Lock::failed;
  for (int i = 0; i < lockTries; i++) {
    if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return Lock::taken;
    if (errno != EWOULDBLOCK && errno != EINTR) return Lock::failed;
    const struct timespec pause = {0, lockPauseNs};
    ::nanosleep(&pause, nullptr);
  }
  return Lock::held;
}

Code StateFolder::copyIn(const char* path, const ImageFacts& facts, hal::Slot slot) {
  const int from = ::open(path, O_RDONLY | O_CLOEXEC);
  if (from < 0) return codeOf(errno);
  const char* const name = slotFile(slot);
  static uint8_t chunk[chunkSize];
  Code code = files_.resize(name, 0);
  uint32_t done = 0;
  while (code == Code::ok && done < facts.identity.size) {
    const ssize_t got = ::read(from, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      code = Code::corrupt;  // it is not the file that was looked at a moment ago
      break;
    }
    code = files_.write(name, done, chunk, static_cast<uint32_t>(got));
    done += static_cast<uint32_t>(got);
  }
  ::close(from);
  if (code == Code::ok) code = files_.sync(name);
  return code == Code::ok ? files_.syncFolder() : code;
}

OpenSlot::~OpenSlot() {
  if (file_ >= 0) ::close(file_);
}

Code OpenSlot::digestOf(hal::Slot slot, uint32_t size, uint8_t* digest) {
  if (file_ >= 0) ::close(file_);
  file_ = ::openat(files_.descriptor(), slotFile(slot), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file_ < 0) return codeOf(errno);
  static uint8_t chunk[chunkSize];
  Sha256 hash;
  uint32_t done = 0;
  for (;;) {
    const ssize_t got = ::pread(file_, chunk, sizeof chunk, done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return codeOf(errno);
    if (got == 0) break;
    done += static_cast<uint32_t>(got);
    if (done > size) return Code::corrupt;
    hash.update(ByteSpan(chunk, static_cast<size_t>(got)));
  }
  hash.finish(digest);
  return done == size ? Code::ok : Code::corrupt;
}

}  // namespace cx::host
