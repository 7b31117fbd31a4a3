// One image into the idle slot: fetch, check what is in the slot, put it on trial. Whatever carries the bytes stands
// behind Download; whatever takes them stands behind ImageSlots. Power may fail at any call.
//
//   idle -> resolving -> fetching -> verifying -> staged
//               ^           |            |
//               +- waiting <+            +-> failed(reason)      cancelled between any two blocks
#pragma once

#include "download.hpp"
#include "node_backoff.hpp"
#include "node_context.hpp"
#include "sha256.hpp"

namespace cx {

struct UpdaterLimits {
  uint32_t deadlineMs = 3600000;   // an attempt that takes longer has failed
  uint32_t waitBaseMs = 1000;      // back-off between tries of the download
  uint32_t waitCapMs = 60000;
  uint8_t triesWithoutProgress = 12;  // in a row; any durable byte starts the count again
  uint8_t triesPerWay = 3;         // then the other way, where the action has one
  uint16_t verifyChunk = 1024;     // bytes hashed in one go; 8 a step
};

enum class UpdaterResult : uint8_t { none, staged, failed, refused, cancelled };

class Updater final : private DownloadSink {
 public:
  // A null download: the board has no such way. `chunk` is verifyChunk bytes of the owner's.
  Updater(NodeContext& context, Download* http, Download* coap, MutableSpan chunk, UpdaterLimits limits = {})
      : context_(context), http_(http), coap_(coap), chunk_(chunk), limits_(limits) {}

  // Takes the job over. Refusals come out as result() `refused` with their reason, like every other end.
  void start(const Action& action, uint64_t nowMs);
  void poll(uint64_t nowMs);
  // Ends the job before the next block; nothing but the idle slot has changed.
  void cancel(std::string_view reason);
  bool isRunning() const { return state_ != State::idle; }
  uint64_t nextDueMs() const;

  // The end of the last job, once; `report()` holds its reason.
  UpdaterResult takeResult();
  // State, bytes and reason of the job that runs or ran last.
  const AttemptReport& report() const { return report_; }
  uint32_t rev() const { return rev_; }
  const uint8_t* digest() const { return identity_.digest; }

 private:
  enum class State : uint8_t { idle, resolving, fetching, waiting, verifying };
  Status onStart(const DownloadStart& start) override;
  Status onBytes(uint64_t offset, ByteSpan bytes) override;
  void onEnd(const DownloadEnd& end) override;
  bool chooseWay(bool other);
  void resolve(uint64_t nowMs);
  void fetch();
  void tryAgain(std::string_view why, uint32_t askedMs);
  void verify(uint64_t nowMs);
  void verified();
  void end(UpdaterResult result, std::string_view reason);
  void progress();
  void loadValidator();
  void storeValidator(ByteSpan validator);
  Download* download() { return way_ == DownloadWay::http ? http_ : coap_; }

  NodeContext& context_;
  Download* http_;
  Download* coap_;
  MutableSpan chunk_;
  UpdaterLimits limits_;
  State state_ = State::idle;
  UpdaterResult result_ = UpdaterResult::none;
  uint32_t rev_ = 0;
  hal::ImageIdentity identity_;
  FixedText<200> uris_[actionUrisMax];
  uint8_t uriCount_ = 0;
  uint8_t uri_ = 0;
  DownloadWay way_ = DownloadWay::none;
  DownloadWay validatorWay_ = DownloadWay::none;
  hal::Address to_;
  Validator validator_;
  AttemptReport report_;
  Backoff backoff_{1000, 60000};
  uint64_t startedMs_ = 0;
  uint64_t resolveEndMs_ = 0;
  uint64_t dueMs_ = 0;
  uint32_t written_ = 0;      // end of what is in the slot
  uint32_t lastDurable_ = 0;  // at the last failure, to see progress
  uint8_t triesOnWay_ = 0;
  bool wasResumed_ = false;   // the slot holds bytes of an earlier response
  bool hasRestarted_ = false; // the one restart after a wrong digest is used up
  int64_t tokens_ = 0;        // of the rate limit, bytes
  uint64_t tokensMs_ = 0;
  uint32_t verifiedTo_ = 0;
  Sha256 hash_;
};

}  // namespace cx
