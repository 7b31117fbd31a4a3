// Crashes at once, as an image whose start-up code is broken.
#include "quiet.hpp"

#include "version.hpp"

CX_IMAGE(CX_FIRMWARE_VERSION, "cxnode")

int main(int count, char** arguments) {
  quiet::announce("crash", quiet::optionsOf(count, arguments));
  std::raise(SIGSEGV);
}
