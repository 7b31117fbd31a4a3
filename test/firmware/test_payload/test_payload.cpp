// The decoders of payload variants against payloads that zlib, detools and pycose made.
#include "check.hpp"
#include "payload_bench.hpp"

using namespace cx;

namespace {

constexpr size_t pieces[] = {1, 7, 128, 3000};

const vectors::PayloadVector& named(const char* name) {
  for (const vectors::PayloadVector& each : vectors::goodPayloads) {
    if (std::strcmp(each.name, name) == 0) return each;
  }
  CHECK(false);
  return vectors::goodPayloads[0];
}

}  // namespace

TEST("every bad payload is refused with its own status, in pieces of any size") {
  for (const vectors::PayloadVector& each : vectors::badPayloads) {
    for (const size_t piece : pieces) {
      PayloadBench bench(each);
      const Status status = bench.run(piece);
      if (std::strcmp(statusName(status), each.status) != 0) check::failed(__FILE__, __LINE__, each.name);
      CHECK(bench.madeSize <= bench.image.size);
    }
  }
}

TEST("what failed stays failed") {
  for (const vectors::PayloadVector& each : vectors::badPayloads) {
    PayloadBench bench(each);
    CHECK(bench.run(50) != Status::ok);
    const uint8_t more[1] = {0};
    size_t taken = 0;
    CHECK(bench.decoder->feed(more, taken) != Status::ok);
    PayloadCheckpoint place;
    CHECK(!bench.decoder->checkpoint(place));
  }
}

TEST("each payload makes the image, in pieces of any size") {
  for (const vectors::PayloadVector& each : vectors::goodPayloads) {
    for (const size_t piece : pieces) {
      PayloadBench bench(each);
      const Status status = bench.run(piece);
      if (status != Status::ok || !bench.isImage()) check::failed(__FILE__, __LINE__, each.name);
    }
  }
}

TEST("a failure of the slot ends it and comes out as it is") {
  for (const vectors::PayloadVector& each : vectors::goodPayloads) {
    PayloadBench bench(each);
    bench.isFull = true;
    CHECK(bench.run(50) == Status::io);
  }
}

TEST("power may go at any byte: what the last checkpoint left out makes the rest of the image") {
  for (const vectors::PayloadVector& each : vectors::goodPayloads) {
    for (size_t cut = 1; cut < PayloadBench(each).payload.size; cut += 13) {
      PayloadBench before(each);
      CHECK_EQ(before.start(), Status::ok);
      CHECK_EQ(before.feed(0, 37, cut), Status::ok);
      PayloadCheckpoint place;
      PayloadBench after(each);
      if (before.decoder->checkpoint(place)) {
        CHECK(place.payloadOffset <= cut && place.imageOffset <= before.madeSize);
        std::memcpy(after.made, before.made, place.imageOffset);
        after.madeSize = place.imageOffset;
      } else {
        place = PayloadCheckpoint();
      }
      CHECK_EQ(after.start(place), Status::ok);
      CHECK_EQ(after.feed(place.payloadOffset, 41), Status::ok);
      CHECK_EQ(after.finish(), Status::ok);
      if (!after.isImage()) check::failed(__FILE__, __LINE__, each.name);
    }
  }
}

TEST("deflate goes on at its last block, a delta within the run where it stopped") {
  PayloadBench inflating(named("deflate, many blocks"));
  CHECK_EQ(inflating.start(), Status::ok);
  CHECK_EQ(inflating.feed(0, 10, 500), Status::ok);
  PayloadCheckpoint place;
  CHECK(inflating.decoder->checkpoint(place));
  CHECK(place.payloadOffset > 200);
  PayloadBench patching(named("delta, not packed"));
  CHECK_EQ(patching.start(), Status::ok);
  CHECK_EQ(patching.feed(0, 10, 800), Status::ok);
  CHECK(patching.decoder->checkpoint(place));
  CHECK_EQ(place.payloadOffset, 800U);
  CHECK_EQ(place.imageOffset, static_cast<uint32_t>(patching.madeSize));
}

TEST("a checkpoint of something else is no place to go on from") {
  for (const vectors::PayloadVector& each : vectors::goodPayloads) {
    PayloadBench bench(each);
    PayloadCheckpoint foreign;
    foreign.payloadOffset = 100;
    foreign.imageOffset = 700;
    const uint8_t state[] = {9, 9, 9};
    CHECK(isOk(foreign.state.assign(state)));
    CHECK_EQ(bench.start(foreign), Status::mismatch);
    size_t taken = 0;
    CHECK(bench.decoder->feed(bench.payload.view(), taken) != Status::ok);
    CHECK_EQ(bench.run(100), Status::ok);
  }
}

TEST("no key, no decryption") {
  PayloadBench bench(named("A128GCM"));
  bench.hasKey = false;
  CHECK_EQ(bench.start(), Status::invalid);
}

TEST("a window that isn't a power of two from 256 to 32768 is none") {
  static uint8_t window[65536];
  PayloadBench bench(named("deflate, many blocks"));
  for (const size_t size : {size_t{0}, size_t{128}, size_t{700}, size_t{65536}}) {
    InflateDecoder decoder{MutableSpan(window, size)};
    bench.decoder = &decoder;
    CHECK_EQ(bench.start(), Status::unsupported);
  }
}
