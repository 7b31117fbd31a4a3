// Everything of a pack that lies in RAM for good, as its port has it. Not run: only the sizes are looked at
// (test/integration/firmware-ram.test.ts).
#include "pack/pack.hpp"
#include "payload_kit.hpp"

extern "C" {
alignas(8) char board_pack[sizeof(cx::pack::Pack)];
alignas(8) char board_firmware[sizeof(cx::pack::PackFirmware)];
alignas(8) char board_decoders[sizeof(cx::PayloadKit<4096>)];
alignas(8) char part_receiver[sizeof(cx::pack::FirmwareReceiver)];
alignas(8) char part_updater[sizeof(cx::Updater)];
alignas(8) char part_manifest[sizeof(cx::pack::BroughtManifest)];
}
