// The CAN bus's frames as a pack reads and writes them, held to what cantools encodes.
#include <cstring>

#include "../check.hpp"
#include "can.hpp"

using namespace cx;

namespace {

bool isSame(const can::Frame& a, const can::Frame& b) {
  return a.id == b.id && a.isExtended == b.isExtended && a.length == b.length && std::memcmp(a.data, b.data, a.length) == 0;
}

}  // namespace

#include "../generated/can_vectors.hpp"

TEST("every frame that cantools encoded is read field by field and written back the same") {
  for (size_t at = 0; at < vectors::canGoodCount; at++) {
    const char* wrong = vectors::canGood(at);
    if (wrong != nullptr) check::failed(__FILE__, __LINE__, wrong);
  }
}

TEST("frames that aren't any, and such with a value that isn't listed, reach nobody") {
  for (const vectors::CanBadVector& bad : vectors::canBad) {
    bool isVisited = false;
    const can::Fault fault = can::visit(bad.frame, [&isVisited](const auto&) { isVisited = true; });
    if (isVisited || fault != bad.fault) check::failed(__FILE__, __LINE__, bad.name);
  }
}

TEST("a frame of a kind's identifier and another length is said to be of a wrong length") {
  can::Frame frame = can::encode(can::Time{});
  frame.length = 7;
  can::Time time;
  CHECK(can::decode(frame, time) == can::Fault::wrongLength);
  frame.id = 0x7fe;
  CHECK(can::decode(frame, time) == can::Fault::otherFrame);
}

TEST("the data of a firmware block may be short at its end, and never longer than its room") {
  can::FirmwareData sent;
  sent.chunk = 146;
  sent.dataLength = 2;
  sent.data[0] = 0xaa;
  sent.data[1] = 0xbb;
  const can::Frame frame = can::encode(sent);
  CHECK_EQ(frame.length, 3);
  can::FirmwareData read;
  CHECK(can::decode(frame, read) == can::Fault::none);
  CHECK_EQ(read.dataLength, 2);
  CHECK_EQ(read.data[1], 0xbb);
}
