// What outlives every update: whose manifests count, and the sequence numbers below which none does (anti-rollback). One
// record, so that anchors and their counter change together; over power loss it is the old one or the new one.
#pragma once

#include <cstdint>

#include "hal/storage.hpp"
#include "trust_anchor.hpp"

namespace cx {

class TrustStore {
 public:
  // `provisioned`: what the node was given from outside, perhaps nothing. It is taken when there is no record, and when it
  // isn't what was given last time: whoever can give a node its anchors may replace them, and the counters stay. False: the
  // record can't be read or written. Then nothing is trusted, since nobody knows the counters.
  bool load(hal::Storage& storage, const TrustAnchors& provisioned);

  const TrustAnchors& anchors() const { return record_.anchors; }
  // False: nobody knows whom this node was told to trust.
  bool isLoaded() const { return isLoaded_; }
  bool isTrustable() const { return isLoaded_ && record_.anchors.count > 0; }
  // Of the image that runs and is confirmed.
  uint32_t imageSequence() const { return record_.imageSequence; }
  uint32_t anchorsSequence() const { return record_.anchorsSequence; }

  // Never lower: true also when it is higher already. False: it couldn't be stored, and the old one counts.
  bool raiseImageSequence(uint32_t sequence);
  // By a manifest that the present anchors signed.
  bool replaceAnchors(const TrustAnchors& anchors, uint32_t sequence);

 private:
  struct Record {
    uint32_t imageSequence = 0;
    uint32_t anchorsSequence = 0;
    uint8_t provisioned[32] = {};  // digest of the anchors that came from outside
    TrustAnchors anchors;
  };
  bool read(bool& isNew);
  bool provision(const TrustAnchors& provisioned, bool isNew);
  bool put(const Record& next);

  hal::Storage* storage_ = nullptr;
  bool isLoaded_ = false;
  Record record_;
};

}  // namespace cx
