// One run of an image: started from an open descriptor, watched over a pipe, ended with its supervisor.
#pragma once
#include <cstdint>
#include <sys/types.h>

#include "hal_host/boot_loader.hpp"
#include "hal_host/options.hpp"

namespace cx::host {

struct NodeStart {
  int image = -1;           // open slot
  int lock = -1;            // handed on, see StateFolder
  int retained = -1;        // memory that outlives the image
  const char* program = "cxnode";
  const BootChoice* choice = nullptr;
  hal::ResetReason resetReason = hal::ResetReason::unknown;
  int flagCount = 0;        // the operator's own flags, already checked
  char* const* flags = nullptr;
};

class NodeProcess {
 public:
  NodeProcess() = default;
  NodeProcess(const NodeProcess&) = delete;
  NodeProcess& operator=(const NodeProcess&) = delete;
  ~NodeProcess();

  // 0, or the errno of what failed: fork, pipe, or the execution of the image itself (`isImage`).
  int start(const NodeStart& start, bool& isImage);
  void signal(int number) const;
  // Has the process ended? Then `status` is what waitpid gave.
  bool hasEnded(int& status);
  int pipe() const { return pipe_; }
  // Reads what waits on the pipe. True: a sign of life was among it.
  bool readPipe();
  uint32_t wakeAfterMs() const { return wakeAfterMs_; }

 private:
  void closePipe();
  pid_t process_ = -1;
  int pipe_ = -1;
  uint32_t wakeAfterMs_ = 0;
};

}  // namespace cx::host
