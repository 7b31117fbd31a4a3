// Lives and feeds. Does what the file `orders` in its state folder says, once: "trial FILE SHA256HEX", "confirm",
// "self-test", "healthy", "restart", "terminate", "sleep MS", "crash"; then takes the file away and says so on stderr.
// "trial FILE SHA256HEX BYTES" ends supervisor and node by SIGKILL when so many bytes are written: power lost right there.
#include "quiet.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <vector>

#include "version.hpp"

CX_IMAGE(CX_FIRMWARE_VERSION, "cxnode")

using namespace cx::host;

namespace {

Code stage(FileImageSlots& slots, const char* path, const char* hex, uint32_t powerLossAt) {
  cx::hal::ImageIdentity identity;
  for (uint32_t i = 0; i < cx::hal::digestSize; i++) {
    unsigned byte = 0;
    if (std::sscanf(hex + 2 * i, "%2x", &byte) != 1) return Code::invalid;
    identity.digest[i] = static_cast<uint8_t>(byte);
  }
  std::FILE* const file = std::fopen(path, "rb");
  if (file == nullptr) return Code::notFound;
  std::vector<uint8_t> bytes(16u << 20);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  std::fclose(file);
  identity.size = static_cast<uint32_t>(bytes.size());
  Code code = slots.begin(identity);
  if (code == Code::ok) std::fprintf(stderr, "image resumes at %u\n", slots.durable());
  for (uint32_t at = slots.durable(); code == Code::ok && at < identity.size; at += 1024) {
    if (at >= powerLossAt) {
      std::fprintf(stderr, "image loses power at %u\n", at);
      ::kill(::getppid(), SIGKILL);
      ::kill(::getpid(), SIGKILL);
    }
    const uint32_t rest = identity.size - at;
    code = slots.write(at, bytes.data() + at, rest < 1024 ? rest : 1024);
  }
  if (code == Code::ok) code = slots.flush();
  return code == Code::ok ? slots.makeTrial() : code;
}

}  // namespace

int main(int count, char** arguments) {
  const Options options = quiet::optionsOf(count, arguments);
  quiet::announce("steady", options);
  FolderFiles files;
  FileImageSlots slots(files);
  PipeWatchdog watchdog(options.watchdogPipe);
  if (!files.open(options.state) || slots.load(options.slot, options.isSafe) != Code::ok) return 1;
  std::signal(SIGTERM, [](int) { ::_exit(0); });
  for (;;) {
    watchdog.feed();
    ::usleep(10000);
    uint8_t text[512] = {};
    const Io io = files.read("orders", 0, text, sizeof text - 1);
    if (io.code != Code::ok || io.size == 0 || text[io.size - 1] != '\n') continue;
    text[io.size - 1] = '\0';
    char* const order = reinterpret_cast<char*>(text);
    char word[32] = {}, path[256] = {}, hex[80] = {};
    uint32_t powerLossAt = UINT32_MAX;
    std::sscanf(order, "%31s %255s %79s %u", word, path, hex, &powerLossAt);
    Code code = Code::ok;
    int end = -1;
    if (std::strcmp(word, "trial") == 0) {
      code = stage(slots, path, hex, powerLossAt);
    } else if (std::strcmp(word, "confirm") == 0) {
      code = slots.confirm();
    } else if (std::strcmp(word, "healthy") == 0) {
      code = slots.markHealthy();
    } else if (std::strcmp(word, "self-test") == 0) {
      code = slots.rollBack(cx::hal::RollbackReason::selfTest);
      end = exitRestart;
    } else if (std::strcmp(word, "restart") == 0) {
      end = exitRestart;
    } else if (std::strcmp(word, "terminate") == 0) {
      end = exitTerminate;
    } else if (std::strcmp(word, "sleep") == 0) {
      watchdog.sleepUntilWake(static_cast<uint32_t>(std::strtoul(path, nullptr, 10)));
      end = exitTerminate;
    } else if (std::strcmp(word, "crash") == 0) {
      end = 1;
    } else {
      code = Code::invalid;
    }
    (void)files.remove("orders");
    std::fprintf(stderr, "image did %s: %s\n", word, cx::hal::nameOf(code));
    if (end >= 0) return end;
  }
}
