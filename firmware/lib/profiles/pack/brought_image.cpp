#include "pack/brought_image.hpp"

namespace cx::pack {

Status BroughtPayload::start(const DownloadRequest& request, DownloadSink& sink) {
  if (isRunning()) return Status::busy;
  sink_ = &sink;
  offset_ = static_cast<uint32_t>(request.offset);
  size_ = static_cast<uint32_t>(request.expectedSize);
  DownloadStart start;
  start.offset = request.offset;
  start.totalSize = request.expectedSize;
  const Status status = sink.onStart(start);
  if (!isOk(status)) sink_ = nullptr;
  return status;
}

Status BroughtPayload::deliver(ByteSpan block) {
  const uint32_t at = next() * firmwareBlockSize;
  const uint32_t known = offset_ - at;
  const Status status = sink_->onBytes(offset_, block.from(known));
  if (isOk(status)) offset_ = at + static_cast<uint32_t>(block.size());
  else if (status != Status::again) end(status);
  return status;
}

void BroughtPayload::finish() { end(Status::ok); }

void BroughtPayload::end(Status status) {
  DownloadSink& sink = *sink_;
  sink_ = nullptr;
  DownloadEnd done;
  done.status = status;
  sink.onEnd(done);
}

}  // namespace cx::pack
