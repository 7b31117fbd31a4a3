// One image into the idle slot: the manifest that allows it, the payload that makes it, a check of what is in the slot, a
// trial. Whatever carries the bytes stands behind Download, whatever undoes them behind PayloadDecoder, whatever takes them
// behind ImageSlots. Power may fail at any call.
//
//   idle -> manifest -> judged -> resolving -> fetching -> verifying -> staged
//               |                    ^           |            |
//               +-> refused(reason)  +- waiting <+            +-> failed(reason)      cancelled between any two blocks
#pragma once

#include "download.hpp"
#include "download_record.hpp"
#include "node_backoff.hpp"
#include "sha256.hpp"
#include "slot_writer.hpp"
#include "updater_context.hpp"
#include "updater_manifest.hpp"
#include "uri.hpp"

namespace cx {

struct UpdaterLimits {
  uint32_t deadlineMs = 3600000;   // an attempt that takes longer has failed; the time before a reset counts, that without power doesn't
  uint32_t waitBaseMs = 1000;      // back-off between tries of the download
  uint32_t waitCapMs = 60000;
  uint32_t actionWaitMs = 10000;   // for the action with a fresh token; then it is asked for again
  uint8_t triesWithoutProgress = 12;  // in a row; any durable byte starts the count again
  uint8_t triesPerWay = 3;         // then the other way, where the action has one
  uint8_t tokensMax = 5;           // asked for in a row without a byte in between
  uint16_t verifyChunk = 1024;     // bytes hashed in one go; 8 a step
  uint32_t checkpointEvery = 16384;  // bytes of the image between two stored checkpoints of a decoder
  uint32_t costEveryBytes = 16384;   // fetched, or milliseconds, between two writes of what the attempt has cost
  uint32_t costEveryMs = 60000;
};

enum class UpdaterResult : uint8_t { none, staged, applied, failed, refused, cancelled };

class Updater final : private DownloadSink {
 public:
  // A null download: the board has no such way. `chunk` is verifyChunk bytes of the owner's.
  Updater(UpdaterContext& context, UpdaterManifest& manifest, Download* http, Download* coap, MutableSpan chunk, UpdaterLimits limits = {})
      : context_(context),
        manifest_(manifest),
        http_(http),
        coap_(coap),
        chunk_(chunk),
        limits_(limits),
        writer_(context.slots),
        record_(context.storage) {}
  // Of a device without a network: manifest and payload are brought to it, by one way and no URI. Then a job asks for no
  // digest either: the signed manifest says which image it is.
  Updater(UpdaterContext& context, UpdaterManifest& manifest, Download& brought, MutableSpan chunk, UpdaterLimits limits = {})
      : Updater(context, manifest, nullptr, nullptr, chunk, limits) {
    brought_ = &brought;
  }

  // Takes the job over. Refusals come out as result() `refused` with their reason, like every other end.
  void start(const Action& action, uint64_t nowMs);
  void poll(uint64_t nowMs);
  // The same action again: its URIs may carry a fresh token.
  void renew(const Action& action, uint64_t nowMs);
  // Ends the job before the next block; nothing but the idle slot has changed.
  void cancel(std::string_view reason);
  bool isRunning() const { return state_ != State::idle; }
  uint64_t nextDueMs() const;

  // What is to be installed is known, and nothing was written: the owner stores what it must know after the reboot, and
  // says proceed(), or refuse() where it can't.
  bool isJudged() const { return state_ == State::judged; }
  uint32_t sequence() const { return sequence_; }
  bool isForAnchors() const { return isSigned() && manifest_.manifest().kind == ManifestKind::anchors; }
  void proceed(uint64_t nowMs);
  void refuse(AttemptReason reason) { end(UpdaterResult::failed, reason); }
  // The token is too old: the owner asks the manager for the action again. Once for each time.
  bool takeActionWish();

  // The end of the last job, once; `report()` holds its reason.
  UpdaterResult takeResult();
  // State, bytes and reason of the job that runs or ran last.
  const AttemptReport& report() const { return report_; }
  uint32_t rev() const { return rev_; }
  const uint8_t* digest() const { return identity_.digest; }

 private:
  enum class State : uint8_t { idle, manifest, judged, resolving, fetching, waiting, finishing, verifying };

  // updater.cpp: from the action to the first byte, from the last byte to the trial
  void awaitManifest();
  void judged();
  void bootPrevious();
  void verify(uint64_t nowMs);
  void verified();
  void end(UpdaterResult result, std::string_view reason);
  void end(UpdaterResult result, AttemptReason reason) { end(result, std::string_view(attemptReasonWord(reason))); }
  void progress();
  bool startAgain(std::string_view why);

  // updater_fetch.cpp: the bytes
  Status onStart(const DownloadStart& start) override;
  Status onBytes(uint64_t offset, ByteSpan bytes) override;
  void onEnd(const DownloadEnd& end) override;
  bool chooseWay(bool other);
  bool keepWay();
  void resolve(uint64_t nowMs);
  void sayFrom(const Uri& uri);
  void notStarted(Status why);
  bool openSlot();
  bool openDecoder();
  Status rewind();
  bool pays(size_t size);
  bool isAffordable(size_t size);
  void takeUpCost(uint64_t nowMs);
  void keepCost(uint64_t nowMs);
  uint64_t spentMs(uint64_t nowMs) const { return costBefore_ + (nowMs - startedMs_); }
  Status decode(uint64_t offset, ByteSpan bytes);
  void keepCheckpoint();
  void allCame();
  void finish();
  void tryAgain(std::string_view why, uint32_t askedMs);
  void awaitAction(uint64_t nowMs);
  AttemptReason payloadReason(Status status) const;
  void came(uint64_t offset, ByteSpan bytes);
  AttemptReason wrongPayload(AttemptReason reason) const;
  Download* download() const { return way_ == DownloadWay::can ? brought_ : way_ == DownloadWay::http ? http_ : coap_; }
  void fetch(const Uri* uri);
  bool isSigned() const { return sequence_ != 0; }
  // Bytes of the payload that needn't come again.
  uint32_t taken() const { return decoder_ != nullptr ? taken_ : writer_.end(); }

  UpdaterContext& context_;
  UpdaterManifest& manifest_;
  Download* http_;
  Download* coap_;
  Download* brought_ = nullptr;
  MutableSpan chunk_;
  UpdaterLimits limits_;
  SlotWriter writer_;
  DownloadRecord record_;
  State state_ = State::idle;
  UpdaterResult result_ = UpdaterResult::none;
  uint32_t rev_ = 0;
  uint32_t sequence_ = 0;    // of the manifest; 0: unsigned
  hal::ImageIdentity identity_;
  uint8_t payloadDigest_[wireDigestSize] = {};
  uint32_t payloadSize_ = 0;
  PayloadDecoder* decoder_ = nullptr;  // null: the payload is the image
  bool isDecoding_ = false;            // it holds the state of taken_ bytes
  uint32_t taken_ = 0;
  PayloadCheckpoint next_;             // to be stored once its part of the image is durable
  bool hasNext_ = false;
  uint32_t keptAt_ = 0;                // part of the image that the stored one is about
  FixedText<200> uris_[actionUrisMax];
  uint8_t uriCount_ = 0;
  uint8_t uri_ = 0;
  DownloadWay way_ = DownloadWay::none;
  hal::Address to_;
  AttemptReport report_;
  Backoff backoff_{1000, 60000};
  uint64_t startedMs_ = 0;
  uint64_t resolveEndMs_ = 0;
  uint64_t dueMs_ = 0;
  uint32_t lastTaken_ = 0;    // durable at the last failure, to see progress
  uint8_t triesOnWay_ = 0;
  uint8_t tokens_ = 0;        // asked for since the last byte
  bool isActionWished_ = false;
  bool isActionAwaited_ = false;  // nothing is fetched before it came
  Status failure_ = Status::ok;   // of the decoder or what is behind it
  bool wasResumed_ = false;   // the slot holds bytes of an earlier response
  bool hasRestarted_ = false; // the one restart after a wrong digest is used up
  uint32_t fetched_ = 0;      // bytes that the attempt has cost
  uint32_t paidTo_ = 0;       // of them, or ahead of them, what is stored as spent
  uint32_t costBefore_ = 0;   // milliseconds before the last reset
  uint64_t costKeptMs_ = 0;
  int64_t credit_ = 0;        // of the rate limit, bytes
  uint64_t creditMs_ = 0;
  bool isAnswered_ = false;   // the request under way
  bool isChanged_ = false;    // the server said so, or what came hasn't the digest of the payload
  uint32_t cameTo_ = 0;       // bytes of the payload in came_, from its start; fewer than all after a reset
  Sha256 came_;
  uint32_t verifiedTo_ = 0;
  Sha256 hash_;
};

}  // namespace cx
