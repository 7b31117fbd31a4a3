#include "hal_host/host_system.hpp"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace cx::host {

namespace {

// One image is a sensor board or a Linux machine, as its flags say; where nobody named a model, neither takes the other's updates.
constexpr char genericModel[] = "cxnode";
constexpr char linuxModel[] = "linux-node";

}  // namespace

bool readProcNumber(const char* path, const char* word, uint64_t& out) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[4096];
  const ssize_t got = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (got <= 0) return false;
  text[got] = '\0';
  const char* const at = std::strstr(text, word);
  if (at == nullptr) return false;
  const char* const digits = at + std::strlen(word) + std::strspn(at + std::strlen(word), " \t:");
  char* end = nullptr;
  out = std::strtoull(digits, &end, 10);
  return end != digits;
}

HostSystem::HostSystem(const Options& options, PipeWatchdog& watchdog) : watchdog_(watchdog), given_(options.hardware), resetReason_(options.resetReason) {
  ownText(imageDescriptor.version, version_);
  ownText(imageDescriptor.model, model_);
  if (options.model != nullptr) {
    std::strncpy(model_, options.model, imageTextMax);
    model_[imageTextMax] = '\0';
  } else if (options.profile == Profile::linuxHost && std::strcmp(model_, genericModel) == 0) {
    std::memcpy(model_, linuxModel, sizeof linuxModel);
  }
}

bool loadHardwareId(Files& files, hal::Entropy& entropy, const char* given, HardwareId& out) {
  static const char name[] = "hardware";
  constexpr uint32_t length = sizeof out - 1;
  out[length] = '\0';
  if (given != nullptr) {
    std::strncpy(out, given, length);
    return true;
  }
  const Io io = files.read(name, 0, reinterpret_cast<uint8_t*>(out), length);
  if (io.code == Code::ok && io.size == length && std::strspn(out, "0123456789abcdef") == length) return true;
  uint8_t random[length / 2];
  entropy.fill(random, sizeof random);
  for (uint32_t i = 0; i < length; i++) out[i] = "0123456789abcdef"[i % 2 == 0 ? random[i / 2] >> 4 : random[i / 2] & 15];
  return replaceFile(files, name, reinterpret_cast<const uint8_t*>(out), length) == Code::ok;
}

hal::Identity HostSystem::identity() { return {version_, model_, hardware_}; }

hal::MemoryFigures HostSystem::memory() {
  hal::MemoryFigures figures;
  uint64_t kilobytes = 0;
  // More than 4 GiB can't be said in 32 bits, and a largest number would read like a measurement: it is left out.
  if (readProcNumber("/proc/meminfo", "MemAvailable", kilobytes) && kilobytes <= UINT32_MAX / 1024) {
    figures.freeHeap = static_cast<uint32_t>(kilobytes * 1024);
    if (figures.freeHeap < leastFree_) leastFree_ = figures.freeHeap;
    figures.minFreeHeap = leastFree_;
  }
  return figures;
}

void HostSystem::terminate(uint32_t wakeAfterMs) {
  if (wakeAfterMs != 0) watchdog_.sleepUntilWake(wakeAfterMs);
  ending_ = Ending::terminate;
}

}  // namespace cx::host
