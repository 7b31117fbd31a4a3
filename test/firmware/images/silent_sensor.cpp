// A whole node whose first sensor never answers, as firmware built for other wiring: it registers, its self-test fails, and
// it gives itself up. For tests and the demo.
#include "hal_host/image_descriptor.hpp"
#include "node_program.hpp"
#include "version.hpp"

CX_IMAGE(CX_FIRMWARE_VERSION, "cxnode")

namespace {

class SilentSensors final : public cx::hal::Sensors {
 public:
  uint8_t count() override { return 1; }
  cx::hal::Channel channel(uint8_t) override { return {"temperature", "Cel", -40000, 85000}; }
  cx::hal::Code read(uint8_t, int32_t&) override { return cx::hal::Code::timedOut; }
};

}  // namespace

int main(int count, char** arguments) {
  static SilentSensors sensors;
  return runNode(count, arguments, &sensors);
}
