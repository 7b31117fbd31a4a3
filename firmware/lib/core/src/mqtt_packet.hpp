// MQTT 3.1.1 packets a client needs (OASIS standard, sections 2 and 3). Pure: bytes to views, values to bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "span.hpp"
#include "status.hpp"

namespace cx {

enum class MqttType : uint8_t {
  connect = 1, connack = 2, publish = 3, puback = 4, pubrec = 5, pubrel = 6, pubcomp = 7,
  subscribe = 8, suback = 9, unsubscribe = 10, unsuback = 11, pingreq = 12, pingresp = 13, disconnect = 14,
};

// A whole packet: views into the buffer that it was framed from.
struct MqttPacket {
  MqttType type = MqttType::connack;
  uint8_t flags = 0;
  ByteSpan body;  // after the fixed header
};

// Finds the first packet in `bytes`. ok: `packet`, `size` bytes of `bytes` belong to it. again: incomplete.
// tooLarge: it says it is over `limit` bytes. malformed: a type, flags or length no server may send.
Status frameMqtt(ByteSpan bytes, size_t limit, MqttPacket& packet, size_t& size);

struct MqttPublishView {
  std::string_view topic;
  ByteSpan payload;
  uint16_t packetId = 0;  // 0 with QoS 0
  uint8_t qos = 0;
  bool isRetained = false;
  bool isDuplicate = false;
};
Status decodeMqttPublish(const MqttPacket& packet, MqttPublishView& out);
Status decodeMqttConnack(const MqttPacket& packet, bool& isSessionPresent, uint8_t& returnCode);
// PUBACK and UNSUBACK: two bytes of packet id.
Status decodeMqttPacketId(const MqttPacket& packet, uint16_t& packetId);
// SUBACK of one filter: 0, 1, 2 granted, 0x80 refused.
Status decodeMqttSuback(const MqttPacket& packet, uint16_t& packetId, uint8_t& returnCode);

// Encoders write into `out` and return the size; full: it doesn't fit; invalid: a topic or text out of bounds.
struct MqttConnect;
Expected<size_t> encodeMqttConnect(const MqttConnect& options, MutableSpan out);
Expected<size_t> encodeMqttPublish(std::string_view topic, ByteSpan payload, uint8_t qos, bool isRetained, uint16_t packetId, MutableSpan out);
Expected<size_t> encodeMqttSubscribe(std::string_view filter, uint8_t qos, uint16_t packetId, MutableSpan out);
Expected<size_t> encodeMqttPuback(uint16_t packetId, MutableSpan out);
Expected<size_t> encodeMqttEmpty(MqttType type, MutableSpan out);  // PINGREQ, DISCONNECT
size_t mqttPublishSize(std::string_view topic, ByteSpan payload, uint8_t qos);

}  // namespace cx
