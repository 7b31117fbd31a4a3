// Everything of a small node that lies in RAM for good, as a board without anything spare would have it. Not run: only the sizes are
// looked at (test/integration/firmware-ram.test.ts). The port's NodeSettings go with its start: the node has a copy.
#include "encrypt0_decoder.hpp"
#include "node.hpp"
#include "payload_kit.hpp"

extern "C" {
alignas(8) char board_node[sizeof(cx::Node)];
alignas(8) char board_storage[sizeof(cx::NodeStorage<cx::NodeLimitsSmall>)];
alignas(8) char board_decoders[sizeof(cx::PayloadKit<2048>)];
alignas(8) char part_inflate[sizeof(cx::InflateDecoder)];
alignas(8) char part_delta[sizeof(cx::DeltaDecoder)];
alignas(8) char part_encrypt0[sizeof(cx::Encrypt0Decoder)];
alignas(8) char part_chain[sizeof(cx::PayloadChain)];
}
