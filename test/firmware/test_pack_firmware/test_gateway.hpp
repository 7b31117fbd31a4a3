// A gateway as plain as the protocol allows, for one pack: asks, waits, asks again. Its frames may get lost on the way.
#pragma once
#include <deque>
#include <map>
#include <string>

#include "../random.hpp"
#include "../test_signed_updates/suit_signer.hpp"
#include "pack/firmware_block.hpp"
#include "pack/pack_firmware.hpp"

namespace cx::pack {

using can::CommandResult;
using can::FirmwarePart;

constexpr uint64_t gatewayAgainMs = 1000;
constexpr int gatewayTries = 8;  // then it begins at OTA_ENTER

class TestGateway {
 public:
  enum class Step { idle, enter, begin, blocks, end, wanted, outcome, failed };

  explicit TestGateway(uint8_t target, uint64_t seed = 1) : target_(target), random_(seed) {}

  std::deque<can::Frame> out;
  uint32_t lossPercent = 0;
  uint32_t doublePercent = 0;
  Bytes envelope;
  std::vector<Bytes> payloads;
  Step step = Step::idle;
  CommandResult last = CommandResult::ok;
  // As told by the pack.
  Bytes running, rolledBack, wanted;
  uint32_t wantedSize = 0;
  can::FirmwareState state;
  std::string reason, version;
  int states = 0;
  int begins = 0;         // of a transfer, from its start
  uint32_t blocksSent = 0;
  uint32_t nextOfPayload = 0;  // where the pack said that it goes on, when it was begun last

  void offer(const Bytes& manifest, const std::vector<Bytes>& all, const Bytes& imageDigest) {
    imageDigest_ = imageDigest;
    envelope = manifest;
    payloads = all;
    step = Step::enter;
    tries_ = 0;
    isAsked_ = false;
  }
  bool isOver() const { return step == Step::outcome || step == Step::failed; }

  void hear(const can::Frame& frame) {
    can::FirmwareAck ack;
    can::CommandAck plain;
    can::FirmwareDigest digest;
    can::FirmwareWanted want;
    can::FirmwareText text;
    can::FirmwareState told;
    if (can::decode(frame, told) == can::Fault::none) state = told, states++;
    if (can::decode(frame, want) == can::Fault::none) wantedSize = want.size;
    if (can::decode(frame, text) == can::Fault::none) {
      std::string& to = text.of == can::FirmwareTextOf::reason ? reason : version;
      if (text.at == 0) pieces_.clear();
      if (text.at == pieces_.size() && text.size > 0) pieces_.append(reinterpret_cast<const char*>(text.text), text.textLength);
      if (pieces_.size() == text.size) to = pieces_;
    }
    if (can::decode(frame, digest) == can::Fault::none) {
      Bytes& to = digest.of == can::FirmwareDigestOf::running ? running : digest.of == can::FirmwareDigestOf::rolledBack ? rolledBack : wanted;
      if (digest.at == 0) to.clear();
      if (digest.at == to.size()) to.insert(to.end(), digest.digest, digest.digest + digest.digestLength);
    }
    if (can::decode(frame, plain) == can::Fault::none && plain.code == 8) onEntered(plain);
    if (can::decode(frame, ack) == can::Fault::none) onAck(ack);
  }

  void turn(uint64_t nowMs) {
    if (step == Step::idle || step == Step::failed) return;
    // The answer to the end may be lost, and the pack restart meanwhile.
    if (step == Step::enter && !running.empty() && running == imageDigest_) go(Step::outcome);
    if (step == Step::wanted) {
      for (const Bytes& each : payloads) {
        if (wantedSize != each.size() || wanted != sha256(each)) continue;
        payload_ = each;
        part_ = FirmwarePart::payload;
        go(Step::begin);
      }
    }
    if (isAsked_ && nowMs - askedMs_ < gatewayAgainMs) return;
    if (isAsked_ && step != Step::outcome && ++tries_ >= gatewayTries) return go(Step::enter);
    isAsked_ = true;
    askedMs_ = nowMs;
    ask();
  }
  // The frames of a block, without its end.
  void sendData(const Bytes& bytes, uint32_t block) {
    for (uint32_t at = block * firmwareBlockSize; at < bytes.size() && at < (block + 1) * firmwareBlockSize; at += firmwareChunkSize) {
      can::FirmwareData data;
      data.chunk = static_cast<uint8_t>(at % firmwareBlockSize / firmwareChunkSize);
      const size_t end = std::min<size_t>(bytes.size(), (block + 1) * firmwareBlockSize);
      data.dataLength = static_cast<uint8_t>(std::min<size_t>(firmwareChunkSize, end - at));
      std::memcpy(data.data, bytes.data() + at, data.dataLength);
      send(can::encode(data));
    }
  }
  void sendBlock(const Bytes& bytes, uint32_t block) {
    can::FirmwareBlock end;
    end.target = target_;
    end.block = static_cast<uint16_t>(block);
    const size_t at = block * firmwareBlockSize;
    end.checksum = crc32(spanOf(bytes).slice(at, firmwareBlockSize));
    send(can::encode(end));
  }
  void send(const can::Frame& frame) {
    if (random_.below(100) < lossPercent) return;
    out.push_back(frame);
    if (random_.below(100) < doublePercent) out.push_back(frame);
  }

 private:
  const Bytes& bytes() const { return part_ == FirmwarePart::manifest ? envelope : payload_; }
  void go(Step to) {
    if (to == Step::enter) {
      part_ = FirmwarePart::manifest;
      wantedSize = 0;
      wanted.clear();
    }
    step = to;
    tries_ = 0;
    isAsked_ = false;
  }
  void ask() {
    sequence_++;
    if (step == Step::enter) {
      begins++;
      can::OtaEnter enter;
      enter.target = target_;
      enter.sequence = sequence_;
      return send(can::encode(enter));
    }
    if (step == Step::begin) {
      can::FirmwareBegin begin;
      begin.target = target_;
      begin.sequence = sequence_;
      begin.part = part_;
      begin.size = static_cast<uint32_t>(bytes().size());
      return send(can::encode(begin));
    }
    if (step == Step::blocks) {
      blocksSent++;
      if (tries_ == 0) sendData(bytes(), block_);
      return sendBlock(bytes(), block_);
    }
    if (step == Step::end) {
      can::FirmwareEnd end;
      end.target = target_;
      end.sequence = sequence_;
      end.part = part_;
      return send(can::encode(end));
    }
    can::FirmwareAsk wish;
    wish.target = target_;
    wish.sequence = sequence_;
    wish.payload = step == Step::wanted;
    wish.state = wish.runningDigest = true;
    send(can::encode(wish));
  }
  void onEntered(const can::CommandAck& ack) {
    if (step != Step::enter || ack.sequence != sequence_) return;
    last = ack.result;
    if (ack.result == CommandResult::ok) go(Step::begin);
  }
  void onAck(const can::FirmwareAck& ack) {
    const uint8_t expected = step == Step::blocks ? static_cast<uint8_t>(block_) : sequence_;
    if (ack.sequence != expected || step == Step::enter || step == Step::wanted || step == Step::idle || isOver()) return;
    if (ack.result == CommandResult::busy) return;
    last = ack.result;
    switch (ack.result) {
      case CommandResult::ok:
        if (step == Step::end && part_ == FirmwarePart::manifest) return go(Step::wanted);
        if (step == Step::end) return go(Step::outcome);
        if (step == Step::outcome) return;
        break;
      case CommandResult::wrongBlock:
        break;
      case CommandResult::badChecksum:
        if (step == Step::end) return go(Step::failed);
        break;
      case CommandResult::notUpdating: return go(Step::enter);
      default: return go(Step::failed);
    }
    if (step == Step::begin && part_ == FirmwarePart::payload) nextOfPayload = ack.block;
    block_ = ack.block;
    go(block_ >= firmwareBlocks(static_cast<uint32_t>(bytes().size())) ? Step::end : Step::blocks);
  }

  uint8_t target_;
  SeededRandom random_;
  FirmwarePart part_ = FirmwarePart::manifest;
  Bytes payload_;
  uint32_t block_ = 0;
  uint8_t sequence_ = 0;
  bool isAsked_ = false;
  uint64_t askedMs_ = 0;
  int tries_ = 0;
  std::string pieces_;
  Bytes imageDigest_;
};

}  // namespace cx::pack
