// What turns the bytes of one payload variant, as they arrive, into the bytes of the image. One decoder for each kind:
// deflate, delta, COSE_Encrypt0. They form a chain: what a decoder makes it gives to the next sink, and the last sink is
// the writer of the idle slot. A full image needs none.
//
//   payload bytes -> [decrypting] -> [inflating or patching] -> slot
//
// Nothing here is trusted: neither the payload's digest nor a cipher's tag is known before the last byte, and the image
// counts only by the digest of what is read back from the slot. A decoder's task is to stay within its memory and to end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "span.hpp"
#include "status.hpp"

namespace cx {

// Takes what a decoder makes.
class PayloadSink {
 public:
  // All of it, appended, or a failure, after which nothing more is offered. tooLarge: more than the image has.
  virtual Status put(ByteSpan bytes) = 0;

 protected:
  ~PayloadSink() = default;
};

// What is durable or runs already, for decoders that look back. Reads a whole range or fails.
class PayloadBase {
 public:
  // Bytes of the running image (the base of a delta); `size` is all of it.
  virtual uint32_t runningSize() = 0;
  virtual Status readRunning(uint32_t offset, MutableSpan out) = 0;
  // Bytes of the new image that were put already, read back (the window of a decoder that was resumed).
  virtual Status readWritten(uint32_t offset, MutableSpan out) = 0;

 protected:
  ~PayloadBase() = default;
};

constexpr size_t payloadStateMax = 64;

// A place in the payload from which a decoder can go on after power was lost, when the first `imageOffset` bytes of the
// image are durable. Small, since it is kept in storage; a window is read back from the slot, not kept.
struct PayloadCheckpoint {
  uint32_t payloadOffset = 0;  // bytes of the payload that needn't come again
  uint32_t imageOffset = 0;    // bytes of the image they made
  FixedBytes<payloadStateMax> state;  // the decoder's own, no secrets; empty at the start
};

struct PayloadStart {
  uint32_t payloadSize = 0;    // of this stage's input; 0: not known
  uint32_t imageSize = 0;      // of the last stage's output
  ByteSpan parameters;         // of the manifest, by the profile: for COSE_Encrypt0 its headers, else empty
  PayloadCheckpoint from;      // all zero: the beginning
};

class PayloadDecoder {
 public:
  // Begins anew, whatever went before. unsupported: a parameter (window, algorithm) that this node hasn't the memory or
  // the code for; mismatch: the checkpoint isn't of this payload, begin from the start; invalid: no key.
  virtual Status start(const PayloadStart& start, PayloadSink& sink, PayloadBase& base) = 0;
  // The next bytes of the payload. `taken` may be fewer than offered, with `ok`: the rest is offered again in a later
  // turn. One call puts at most 4 KiB, whatever the payload says. malformed: not this format; mismatch: made for another
  // base; tooLarge: more output than imageSize, or a bomb; other failures are the sink's or the base's. All are final.
  virtual Status feed(ByteSpan bytes, size_t& taken) = 0;
  // After the last byte was taken: ok when the stream was whole (and its tag right, where it has one and came whole in
  // one go); again: more is to be put, call again in a later turn.
  virtual Status finish() = 0;
  // The last place from which it can go on: `imageOffset` is at most what has been put. False: only from the start.
  virtual bool checkpoint(PayloadCheckpoint& out) const = 0;

 protected:
  ~PayloadDecoder() = default;
};

}  // namespace cx
