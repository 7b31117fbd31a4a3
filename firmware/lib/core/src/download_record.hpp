// What a download needs to go on after power was lost, beside the durable bytes of the slot: the entity tag by which the
// rest is known to be of the same content, and the decoder's last checkpoint. Both belong to one payload, by its digest;
// what belongs to another is as good as nothing. Losing them costs bytes, never an image. Beside them stands what the attempt
// has cost already, so that its budget and its deadline don't begin anew with each reset.
#pragma once

#include "download.hpp"
#include "hal/storage.hpp"
#include "node_messages.hpp"
#include "payload_decoder.hpp"

namespace cx {

struct AttemptCost {
  uint32_t bytes = 0;
  uint32_t ms = 0;
};

class DownloadRecord {
 public:
  explicit DownloadRecord(hal::Storage& storage) : storage_(storage) {}

  // What is known of this payload.
  void open(const uint8_t* payloadDigest);
  // The entity tag that this way gave; empty: none.
  ByteSpan validator(DownloadWay way) const { return way == way_ ? validator_.view() : ByteSpan(); }
  // False: it couldn't be stored. A resume still works then, only unguarded: the digest of the slot decides in the end.
  bool keepValidator(DownloadWay way, ByteSpan validator);
  void forgetValidator() { validator_.clear(); }

  bool checkpoint(PayloadCheckpoint& out) const;
  bool keepCheckpoint(const PayloadCheckpoint& checkpoint);
  void forgetCheckpoint();

  // Of the attempt at this payload that came under this rev; zeros: it begins.
  AttemptCost cost(uint32_t rev) const;
  bool keepCost(uint32_t rev, const AttemptCost& cost);

 private:
  hal::Storage& storage_;
  uint8_t digest_[wireDigestSize] = {};
  DownloadWay way_ = DownloadWay::none;
  Validator validator_;
};

}  // namespace cx
