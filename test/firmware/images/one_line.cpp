// The node with one line more, at the front of the program, so that all code behind it moves: what a delta is measured by.
#include "hal_host/image_descriptor.hpp"
#include "node_program.hpp"
#include "version.hpp"

CX_IMAGE(CX_FIRMWARE_VERSION, "cxnode")

int main(int count, char** arguments) {
  if (count > 60) return 64;
  return runNode(count, arguments);
}
