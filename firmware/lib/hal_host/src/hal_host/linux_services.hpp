// The machine below a Linux node: systemd's services, load, the tail of a log file.
#pragma once
#include <poll.h>
#include <sys/types.h>

#include "hal/host_services.hpp"

namespace cx::host {

// Where systemctl lies, if systemd runs this machine; else null.
const char* findSystemctl();

class LinuxServices final : public hal::HostServices {
 public:
  // `logFile` may be null; `folder` is on the file system whose fill is reported. `systemctl` is the program to ask for
  // services; null: none.
  LinuxServices(const char* logFile, const char* folder, const char* systemctl)
      : logFile_(logFile), folder_(folder), systemctl_(systemctl) {}
  LinuxServices(const LinuxServices&) = delete;
  LinuxServices& operator=(const LinuxServices&) = delete;
  ~LinuxServices();

  hal::Code refreshServices() override;
  uint8_t services(hal::Service* out, uint8_t capacity, bool& fresh) override;
  hal::Code stats(hal::HostStats& out) override;
  hal::Io logTail(uint8_t* out, uint32_t capacity) override;
  int waitFor(struct pollfd* out) const;  // at most 1 entry

 private:
  static constexpr uint8_t servicesMax = 64;

  void readAnswer();
  void takeLine(char* line);
  void end();

  const char* logFile_;
  const char* folder_;
  const char* systemctl_;
  hal::Service list_[servicesMax];  // the last whole list
  hal::Service next_[servicesMax];  // the one being read
  uint8_t listCount_ = 0;
  uint8_t nextCount_ = 0;
  pid_t process_ = -1;  // of systemctl, while it runs
  int pipe_ = -1;
  uint64_t startedMs_ = 0;
  char line_[256];
  uint32_t lineSize_ = 0;
  uint64_t busyBefore_ = 0;
  uint64_t allBefore_ = 0;
};

}  // namespace cx::host
