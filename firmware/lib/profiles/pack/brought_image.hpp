// What a device without a network hands to the updater: the manifest whole, the payload block by block.
#pragma once

#include "download.hpp"
#include "pack/firmware_block.hpp"
#include "updater_manifest.hpp"

namespace cx::pack {

class BroughtManifest final : public UpdaterManifest {
 public:
  using UpdaterManifest::UpdaterManifest;

  // Where the envelope goes, and how much of it came before the updater is started.
  MutableSpan room() const { return envelope_; }
  void hold(uint32_t size) { size_ = size; }

  void ask(const Action&, uint64_t) override { judge(size_, nullptr, 0); }
  void poll(uint64_t) override {}
  void stop() override { state_ = ManifestState::idle; }
  uint64_t nextDueMs() const override { return UINT64_MAX; }

 private:
  uint32_t size_ = 0;
};

class BroughtPayload final : public Download {
 public:
  // The block that is wanted next; blocks() when there is none left. Only while it is running.
  uint32_t next() const { return offset_ >= size_ ? firmwareBlocks(size_) : offset_ / firmwareBlockSize; }
  // The bytes of that block. again: offer them again, nothing was wrong; other failures have ended the download.
  Status deliver(ByteSpan block);
  // No block is left.
  void finish();

  Status start(const DownloadRequest& request, DownloadSink& sink) override;
  void poll() override {}
  void cancel() override { sink_ = nullptr; }
  bool isRunning() const override { return sink_ != nullptr; }
  uint64_t nextDueMs() const override { return UINT64_MAX; }

 private:
  void end(Status status);

  DownloadSink* sink_ = nullptr;
  uint32_t offset_ = 0;  // bytes that the sink has; a decoder goes on within a block
  uint32_t size_ = 0;
};

}  // namespace cx::pack
