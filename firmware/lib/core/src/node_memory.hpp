// All the memory of one node that has a size to choose, so that each board states its own.
#pragma once

#include "coap_memory.hpp"
#include "span.hpp"

namespace cx {

struct NodeMemory {
  CoapMemory coap;
  MutableSpan mqttReceive;
  MutableSpan mqttSend;
  MutableSpan http;     // 512 bytes or more; also collects the answer of an install request
  MutableSpan body;     // a manifest out, an environment or an action in
  MutableSpan scratch;  // encoded bodies that a request copies
  MutableSpan chunk;    // of the slot, while it is verified
  MutableSpan log;
  MutableSpan frame;    // of the display; empty: none
};

struct NodeLimitsHost : CoapLimitsHost {
  static constexpr size_t mqttPacket = 2048, http = 4096, body = 2048, scratch = 1024, chunk = 4096, log = 8192, frame = 1024;
};
struct NodeLimitsSmall : CoapLimitsSmall {
  static constexpr size_t mqttPacket = 512, http = 768, body = 1024, scratch = 512, chunk = 256, log = 1024, frame = 512;
};

template <class Limits>
class NodeStorage {
 public:
  NodeMemory memory() {
    NodeMemory memory;
    memory.coap = coap_.memory();
    memory.mqttReceive = mqttReceive_;
    memory.mqttSend = mqttSend_;
    memory.http = http_;
    memory.body = body_;
    memory.scratch = scratch_;
    memory.chunk = chunk_;
    memory.log = log_;
    memory.frame = frame_;
    return memory;
  }

 private:
  CoapStorage<Limits> coap_;
  uint8_t mqttReceive_[Limits::mqttPacket];
  uint8_t mqttSend_[Limits::mqttPacket];
  uint8_t http_[Limits::http];
  uint8_t body_[Limits::body];
  uint8_t scratch_[Limits::scratch];
  uint8_t chunk_[Limits::chunk];
  uint8_t log_[Limits::log];
  uint8_t frame_[Limits::frame];
};

}  // namespace cx
