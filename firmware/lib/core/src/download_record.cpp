#include "download_record.hpp"

namespace cx {

namespace {

constexpr const char* validatorKey = "dl";     // digest, way, entity tag
constexpr const char* checkpointKey = "dlc";   // digest, both offsets, the decoder's state
constexpr const char* costKey = "dlk";         // digest, rev, bytes, milliseconds
constexpr size_t checkpointHead = wireDigestSize + 4 + 4;

}  // namespace

void DownloadRecord::open(const uint8_t* payloadDigest) {
  std::memcpy(digest_, payloadDigest, sizeof digest_);
  way_ = DownloadWay::none;
  validator_.clear();
  uint8_t record[wireDigestSize + 1 + validatorMax];
  const hal::Io io = storage_.get(validatorKey, record, sizeof record);
  if (io.code != hal::Code::ok || io.size <= wireDigestSize + 1 || std::memcmp(record, digest_, sizeof digest_) != 0) return;
  way_ = static_cast<DownloadWay>(record[wireDigestSize]);
  if (!isOk(validator_.assign(ByteSpan(record, io.size).from(wireDigestSize + 1)))) validator_.clear();
}

bool DownloadRecord::keepValidator(DownloadWay way, ByteSpan validator) {
  if (way_ == way && equal(validator_.view(), validator)) return true;
  if (!isOk(validator_.assign(validator))) validator_.clear();
  way_ = way;
  uint8_t record[wireDigestSize + 1 + validatorMax];
  std::memcpy(record, digest_, sizeof digest_);
  record[wireDigestSize] = static_cast<uint8_t>(way);
  if (!validator_.empty()) std::memcpy(record + wireDigestSize + 1, validator_.data(), validator_.size());
  return storage_.put(validatorKey, record, static_cast<uint32_t>(wireDigestSize + 1 + validator_.size())) == hal::Code::ok;
}

bool DownloadRecord::checkpoint(PayloadCheckpoint& out) const {
  uint8_t record[checkpointHead + payloadStateMax];
  const hal::Io io = storage_.get(checkpointKey, record, sizeof record);
  if (io.code != hal::Code::ok || io.size < checkpointHead || std::memcmp(record, digest_, sizeof digest_) != 0) return false;
  std::memcpy(&out.payloadOffset, record + wireDigestSize, 4);
  std::memcpy(&out.imageOffset, record + wireDigestSize + 4, 4);
  return isOk(out.state.assign(ByteSpan(record, io.size).from(checkpointHead)));
}

bool DownloadRecord::keepCheckpoint(const PayloadCheckpoint& checkpoint) {
  uint8_t record[checkpointHead + payloadStateMax];
  std::memcpy(record, digest_, sizeof digest_);
  std::memcpy(record + wireDigestSize, &checkpoint.payloadOffset, 4);
  std::memcpy(record + wireDigestSize + 4, &checkpoint.imageOffset, 4);
  if (!checkpoint.state.empty()) std::memcpy(record + checkpointHead, checkpoint.state.data(), checkpoint.state.size());
  return storage_.put(checkpointKey, record, static_cast<uint32_t>(checkpointHead + checkpoint.state.size())) == hal::Code::ok;
}

AttemptCost DownloadRecord::cost(uint32_t rev) const {
  uint8_t record[wireDigestSize + 12];
  AttemptCost cost;
  const hal::Io io = storage_.get(costKey, record, sizeof record);
  const bool isOurs = io.code == hal::Code::ok && io.size == sizeof record && std::memcmp(record, digest_, sizeof digest_) == 0 &&
                      std::memcmp(record + wireDigestSize, &rev, 4) == 0;
  if (!isOurs) return cost;
  std::memcpy(&cost.bytes, record + wireDigestSize + 4, 4);
  std::memcpy(&cost.ms, record + wireDigestSize + 8, 4);
  return cost;
}

bool DownloadRecord::keepCost(uint32_t rev, const AttemptCost& cost) {
  uint8_t record[wireDigestSize + 12];
  std::memcpy(record, digest_, sizeof digest_);
  std::memcpy(record + wireDigestSize, &rev, 4);
  std::memcpy(record + wireDigestSize + 4, &cost.bytes, 4);
  std::memcpy(record + wireDigestSize + 8, &cost.ms, 4);
  return storage_.put(costKey, record, sizeof record) == hal::Code::ok;
}

void DownloadRecord::forgetCheckpoint() { (void)storage_.remove(checkpointKey); }

}  // namespace cx
