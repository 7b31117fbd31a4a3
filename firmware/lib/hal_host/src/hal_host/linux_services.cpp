#include "hal_host/linux_services.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal_host/folder_files.hpp"
#include "hal_host/host_system.hpp"

namespace cx::host {

namespace {

using hal::Code;
using hal::HostStats;
using hal::Io;
using hal::Service;

constexpr uint64_t answerTimeoutMs = 10000;
const char* const programs[] = {"/usr/bin/systemctl", "/bin/systemctl"};

uint64_t nowMs() {
  struct timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

// The whole of a small file of /proc or /sys as text.
bool readText(const char* path, char* out, size_t capacity) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t got = ::read(file, out, capacity - 1);
  ::close(file);
  if (got < 0) return false;
  out[got] = '\0';
  return true;
}

}  // namespace

const char* findSystemctl() {
  // The folder is systemd's own sign that it runs this machine (sd_booted).
  if (::access("/run/systemd/system", F_OK) != 0) return nullptr;
  for (const char* path : programs) {
    if (::access(path, X_OK) == 0) return path;
  }
  return nullptr;
}

LinuxServices::~LinuxServices() { end(); }

void LinuxServices::end() {
  if (pipe_ >= 0) ::close(pipe_);
  pipe_ = -1;
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);  // closed its output or took too long: it has no more to say
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

Code LinuxServices::refreshServices() {
  if (process_ > 0) return Code::again;
  if (systemctl_ == nullptr) return Code::unsupported;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return codeOf(errno);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const char* const arguments[] = {"systemctl", "list-units", "--type=service", "--plain", "--no-legend", "--no-pager", "--full", nullptr};
  const int error = ::posix_spawn(&process_, systemctl_, &actions, nullptr, const_cast<char* const*>(arguments), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    process_ = -1;
    return codeOf(error);
  }
  pipe_ = ends[0];
  nextCount_ = 0;
  lineSize_ = 0;
  startedMs_ = nowMs();
  return Code::ok;
}

// "ssh.service loaded active running OpenBSD Secure Shell server"
void LinuxServices::takeLine(char* line) {
  if (nextCount_ == servicesMax) return;
  char* save = nullptr;
  char* const unit = ::strtok_r(line, " \t", &save);
  char* const load = ::strtok_r(nullptr, " \t", &save);
  char* const active = ::strtok_r(nullptr, " \t", &save);
  if (unit == nullptr || load == nullptr || active == nullptr) return;
  char* const suffix = std::strstr(unit, ".service");
  if (suffix != nullptr) *suffix = '\0';
  Service& service = next_[nextCount_++];
  std::snprintf(service.name, sizeof service.name, "%s", unit);
  std::snprintf(service.state, sizeof service.state, "%s", active);
}

void LinuxServices::readAnswer() {
  char bytes[512];
  for (;;) {
    const ssize_t got = ::read(pipe_, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN && nowMs() - startedMs_ < answerTimeoutMs) return;
    if (got <= 0) break;
    for (ssize_t i = 0; i < got; i++) {
      if (bytes[i] != '\n') {
        if (lineSize_ < sizeof line_ - 1) line_[lineSize_++] = bytes[i];
        continue;
      }
      line_[lineSize_] = '\0';
      lineSize_ = 0;
      takeLine(line_);
    }
  }
  std::memcpy(list_, next_, sizeof list_);
  listCount_ = nextCount_;
  end();
}

uint8_t LinuxServices::services(Service* out, uint8_t capacity, bool& fresh) {
  if (process_ > 0) readAnswer();
  fresh = process_ <= 0;
  const uint8_t count = listCount_ < capacity ? listCount_ : capacity;
  std::memcpy(out, list_, count * sizeof(Service));
  return count;
}

Code LinuxServices::stats(HostStats& out) {
  char text[1024];
  if (readText("/proc/stat", text, sizeof text)) {
    unsigned long long part[8] = {};  // user nice system idle iowait irq softirq steal
    if (std::sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", part, part + 1, part + 2, part + 3, part + 4, part + 5, part + 6, part + 7) >= 4) {
      uint64_t all = 0;
      for (unsigned long long one : part) all += one;
      const uint64_t busy = all - part[3] - part[4];
      if (all > allBefore_ && busy >= busyBefore_) out.cpuMilliPercent = static_cast<uint32_t>((busy - busyBefore_) * 100000 / (all - allBefore_));
      busyBefore_ = busy;
      allBefore_ = all;
    }
  }
  uint64_t total = 0, available = 0;
  if (readProcNumber("/proc/meminfo", "MemTotal", total) && readProcNumber("/proc/meminfo", "MemAvailable", available) && total > 0 && available <= total) {
    out.memoryMilliPercent = static_cast<uint32_t>((total - available) * 100000 / total);
  }
  struct statvfs disk;
  if (::statvfs(folder_, &disk) == 0 && disk.f_blocks > 0) {
    out.diskMilliPercent = static_cast<uint32_t>((disk.f_blocks - disk.f_bavail) * 100000 / disk.f_blocks);
  }
  double value = 0;
  if (readText("/proc/loadavg", text, sizeof text) && std::sscanf(text, "%lf", &value) == 1) out.loadMilli = static_cast<uint32_t>(value * 1000);
  if (readText("/proc/uptime", text, sizeof text) && std::sscanf(text, "%lf", &value) == 1) out.uptimeSeconds = static_cast<uint64_t>(value);
  if (readText("/sys/class/thermal/thermal_zone0/temp", text, sizeof text)) {
    out.hasTemperature = true;
    out.temperatureMilli = static_cast<int32_t>(std::strtol(text, nullptr, 10));
  }
  return Code::ok;
}

Io LinuxServices::logTail(uint8_t* out, uint32_t capacity) {
  if (logFile_ == nullptr) return {Code::notFound, 0};
  const int file = ::open(logFile_, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return {codeOf(errno), 0};
  struct stat info;
  ssize_t got = -1;
  off_t start = 0;
  if (::fstat(file, &info) == 0 && S_ISREG(info.st_mode)) {
    start = info.st_size > static_cast<off_t>(capacity) ? info.st_size - static_cast<off_t>(capacity) : 0;
    got = ::pread(file, out, capacity, start);
  }
  ::close(file);
  if (got < 0) return {Code::io, 0};
  uint32_t size = static_cast<uint32_t>(got);
  if (start > 0) {  // the first line is half a line
    const void* const cut = std::memchr(out, '\n', size);
    const uint32_t skip = cut == nullptr ? 0 : static_cast<uint32_t>(static_cast<const uint8_t*>(cut) - out) + 1;
    std::memmove(out, out + skip, size - skip);
    size -= skip;
  }
  return {Code::ok, size};
}

int LinuxServices::waitFor(struct pollfd* out) const {
  if (pipe_ < 0) return 0;
  out[0] = {pipe_, POLLIN, 0};
  return 1;
}

}  // namespace cx::host
