// cxnode-node: the image of a host node.
#include "hal_host/image_descriptor.hpp"
#include "node_program.hpp"
#include "version.hpp"

CX_IMAGE(CX_FIRMWARE_VERSION, "cxnode")

int main(int count, char** arguments) { return runNode(count, arguments); }
