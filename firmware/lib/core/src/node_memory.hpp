// All the memory of one node that has a size to choose, so that each board states its own.
#pragma once

#include "coap_memory.hpp"
#include "payload_tools.hpp"
#include "span.hpp"
#include "suit_envelope.hpp"

namespace cx {

struct NodeMemory {
  CoapMemory coap;
  MutableSpan mqttReceive;
  MutableSpan mqttSend;
  MutableSpan http;     // 512 bytes or more; also collects the answer of an install request
  MutableSpan body;     // a manifest out, an environment or an action in
  MutableSpan scratch;  // encoded bodies that a request copies
  MutableSpan chunk;    // of the slot, while it is verified
  MutableSpan envelope; // an update manifest, until it is judged
  // The envelope lies over MQTT's buffers, `http` and `chunk`: while it is judged nothing is downloaded, and MQTT is stopped
  // then, whatever the environment says.
  bool isEnvelopeShared = false;
  PayloadTools* tools = nullptr;  // what payloads can be undone; null: full images alone
  MutableSpan log;
  MutableSpan frame;    // of the display; empty: none
};

struct NodeLimitsHost : CoapLimitsHost {
  static constexpr size_t mqttPacket = 2048, http = 4096, body = 2048, scratch = 1024, chunk = 4096, log = 8192, frame = 1024;
  static constexpr bool isEnvelopeShared = false;
};
struct NodeLimitsSmall : CoapLimitsSmall {
  static constexpr size_t mqttPacket = 512, http = 768, body = 1024, scratch = 512, chunk = 256, log = 1024, frame = 512;
  static constexpr bool isEnvelopeShared = true;
};

template <class Limits>
class NodeStorage {
 public:
  NodeMemory memory() {
    MutableSpan rest(phase_);
    const auto take = [&rest](size_t size) {
      const MutableSpan part = rest.first(size);
      rest = rest.from(size);
      return part;
    };
    NodeMemory memory;
    memory.coap = coap_.memory();
    memory.mqttReceive = take(Limits::mqttPacket);
    memory.mqttSend = take(Limits::mqttPacket);
    memory.http = take(Limits::http);
    memory.chunk = take(Limits::chunk);
    memory.envelope = Limits::isEnvelopeShared ? MutableSpan(phase_).first(suitEnvelopeMax) : take(suitEnvelopeMax);
    memory.isEnvelopeShared = Limits::isEnvelopeShared;
    memory.body = body_;
    memory.scratch = scratch_;
    memory.log = log_;
    memory.frame = frame_;
    return memory;
  }

 private:
  static constexpr size_t parts = 2 * Limits::mqttPacket + Limits::http + Limits::chunk;
  static_assert(!Limits::isEnvelopeShared || parts >= suitEnvelopeMax, "an update manifest doesn't fit what it shares");

  CoapStorage<Limits> coap_;
  uint8_t phase_[parts + (Limits::isEnvelopeShared ? 0 : suitEnvelopeMax)];
  uint8_t body_[Limits::body];
  uint8_t scratch_[Limits::scratch];
  uint8_t log_[Limits::log];
  uint8_t frame_[Limits::frame];
};

}  // namespace cx
