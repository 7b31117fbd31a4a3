// A whole node whose first sensor answers a few times and then never again: it registers, passes its self-test, confirms itself and is degraded from
// then on. What only a look at nodes after the update can find. For tests.
#include "hal_host/image_descriptor.hpp"
#include "node_program.hpp"
#include "version.hpp"

CX_IMAGE(CX_FIRMWARE_VERSION, "cxnode")

namespace {

class TiredSensors final : public cx::hal::Sensors {
 public:
  uint8_t count() override { return 1; }
  cx::hal::Channel channel(uint8_t) override { return {"temperature", "Cel", -40000, 85000}; }
  cx::hal::Code read(uint8_t, int32_t& value) override {
    if (reads_ >= goodReads) return cx::hal::Code::timedOut;
    reads_++;
    value = 21000;
    return cx::hal::Code::ok;
  }

 private:
  static constexpr uint8_t goodReads = 8;
  uint8_t reads_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  static TiredSensors sensors;
  return runNode(count, arguments, &sensors);
}
