#include "mqtt_packet.hpp"

#include "mqtt_client.hpp"
#include "text.hpp"

namespace cx {

namespace {

constexpr size_t lengthBytesMax = 4;       // section 2.2.3
constexpr size_t stringMax = UINT16_MAX;   // section 1.5.3

size_t lengthSize(size_t length) {
  size_t size = 1;
  while (length > 127) {
    length >>= 7U;
    size++;
  }
  return size;
}

// A topic name or filter as section 4.7.3 has it; wildcards are for filters only.
bool isTopic(std::string_view topic, bool mayHaveWildcards) {
  if (topic.empty() || topic.size() > stringMax || !isUtf8(asBytes(topic))) return false;
  for (const char c : topic) {
    if (c == '\0' || (!mayHaveWildcards && (c == '+' || c == '#'))) return false;
  }
  return true;
}

class PacketWriter {
 public:
  explicit PacketWriter(MutableSpan out) : out_(out) {}
  void byte(uint8_t value) {
    if (at_ < out_.size()) {
      out_[at_] = value;
    } else {
      isFull_ = true;
    }
    at_++;
  }
  void number(size_t value) {
    byte(static_cast<uint8_t>(value >> 8U));
    byte(static_cast<uint8_t>(value));
  }
  void raw(ByteSpan bytes) {
    if (isFull_ || bytes.size() > out_.size() - at_) {
      isFull_ = true;
      return;
    }
    if (!bytes.empty()) std::memcpy(out_.data() + at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void string(ByteSpan bytes) {
    number(bytes.size());
    raw(bytes);
  }
  void head(uint8_t first, size_t length) {
    byte(first);
    do {
      const auto digit = static_cast<uint8_t>(length & 127U);
      length >>= 7U;
      byte(length > 0 ? static_cast<uint8_t>(digit | 128U) : digit);
    } while (length > 0);
  }
  Expected<size_t> finish() const { return isFull_ ? Expected<size_t>(Status::full) : Expected<size_t>(at_); }

 private:
  MutableSpan out_;
  size_t at_ = 0;
  bool isFull_ = false;
};

bool readNumber(ByteSpan body, size_t at, uint16_t& value) {
  if (body.size() < at + 2) return false;
  value = static_cast<uint16_t>(body[at] << 8U | body[at + 1]);
  return true;
}

// The flags a server's packet of that type has to have (table 2.2); false: no packet for a client.
bool isFromServer(MqttType type, uint8_t flags) {
  switch (type) {
    case MqttType::publish: return (flags & 6U) != 6;
    case MqttType::pubrel: return flags == 2;
    case MqttType::connack:
    case MqttType::puback:
    case MqttType::pubrec:
    case MqttType::pubcomp:
    case MqttType::suback:
    case MqttType::unsuback:
    case MqttType::pingresp: return flags == 0;
    default: return false;
  }
}

}  // namespace

Status frameMqtt(ByteSpan bytes, size_t limit, MqttPacket& packet, size_t& size) {
  if (bytes.empty()) return Status::again;
  const auto type = static_cast<MqttType>(bytes[0] >> 4U);
  const uint8_t flags = bytes[0] & 15U;
  if (!isFromServer(type, flags)) return Status::malformed;
  size_t length = 0;
  size_t at = 1;
  while (true) {
    if (at > lengthBytesMax) return Status::malformed;
    if (at >= bytes.size()) return Status::again;
    const uint8_t byte = bytes[at];
    length |= static_cast<size_t>(byte & 127U) << (7U * (at - 1));
    at++;
    if ((byte & 128U) == 0) break;
  }
  size = at + length;
  if (size > limit) return Status::tooLarge;
  if (bytes.size() < size) return Status::again;
  packet.type = type;
  packet.flags = flags;
  packet.body = bytes.slice(at, length);
  return Status::ok;
}

Status decodeMqttPublish(const MqttPacket& packet, MqttPublishView& out) {
  uint16_t topicSize = 0;
  if (!readNumber(packet.body, 0, topicSize) || packet.body.size() - 2 < topicSize) return Status::malformed;
  out.topic = asText(packet.body.slice(2, topicSize));
  if (!isTopic(out.topic, false)) return Status::malformed;
  out.qos = static_cast<uint8_t>(packet.flags >> 1U & 3U);
  out.isRetained = (packet.flags & 1U) != 0;
  out.isDuplicate = (packet.flags & 8U) != 0;
  out.packetId = 0;
  size_t at = 2U + topicSize;
  if (out.qos == 0 && out.isDuplicate) return Status::malformed;
  if (out.qos > 0) {
    if (!readNumber(packet.body, at, out.packetId) || out.packetId == 0) return Status::malformed;
    at += 2;
  }
  out.payload = packet.body.from(at);
  return Status::ok;
}

Status decodeMqttConnack(const MqttPacket& packet, bool& isSessionPresent, uint8_t& returnCode) {
  if (packet.body.size() != 2 || packet.body[0] > 1) return Status::malformed;
  isSessionPresent = packet.body[0] == 1;
  returnCode = packet.body[1];
  return isSessionPresent && returnCode != 0 ? Status::malformed : Status::ok;
}

Status decodeMqttPacketId(const MqttPacket& packet, uint16_t& packetId) {
  const bool isWhole = packet.body.size() == 2 && readNumber(packet.body, 0, packetId) && packetId != 0;
  return isWhole ? Status::ok : Status::malformed;
}

Status decodeMqttSuback(const MqttPacket& packet, uint16_t& packetId, uint8_t& returnCode) {
  if (packet.body.size() != 3 || !readNumber(packet.body, 0, packetId) || packetId == 0) return Status::malformed;
  returnCode = packet.body[2];
  return returnCode <= 2 || returnCode == 0x80 ? Status::ok : Status::malformed;
}

Expected<size_t> encodeMqttConnect(const MqttConnect& options, MutableSpan out) {
  const bool hasWill = !options.willTopic.empty();
  const bool hasUser = !options.user.empty();
  const bool hasPassword = hasUser && !options.password.empty();
  const bool areTextsGood = isUtf8(asBytes(options.clientId)) && isUtf8(asBytes(options.user)) && options.clientId.size() <= stringMax &&
                            options.user.size() <= stringMax && options.password.size() <= stringMax && options.willPayload.size() <= stringMax;
  if (!areTextsGood || (hasWill && (!isTopic(options.willTopic, false) || options.willQos > 1))) return Status::invalid;
  if (options.clientId.empty() && !options.isCleanSession) return Status::invalid;  // section 3.1.3.1

  size_t length = 10 + 2 + options.clientId.size();
  if (hasWill) length += 4 + options.willTopic.size() + options.willPayload.size();
  if (hasUser) length += 2 + options.user.size();
  if (hasPassword) length += 2 + options.password.size();
  uint8_t flags = options.isCleanSession ? 2 : 0;
  if (hasWill) flags = static_cast<uint8_t>(flags | 4U | static_cast<unsigned>(options.willQos) << 3U | (options.isWillRetained ? 32U : 0U));
  if (hasUser) flags = static_cast<uint8_t>(flags | 128U);
  if (hasPassword) flags = static_cast<uint8_t>(flags | 64U);

  PacketWriter writer(out);
  writer.head(0x10, length);
  writer.string(asBytes("MQTT"));
  writer.byte(4);  // 3.1.1
  writer.byte(flags);
  writer.number(options.keepAliveS);
  writer.string(asBytes(options.clientId));
  if (hasWill) {
    writer.string(asBytes(options.willTopic));
    writer.string(options.willPayload);
  }
  if (hasUser) writer.string(asBytes(options.user));
  if (hasPassword) writer.string(asBytes(options.password));
  return writer.finish();
}

size_t mqttPublishSize(std::string_view topic, ByteSpan payload, uint8_t qos) {
  const size_t length = 2 + topic.size() + (qos > 0 ? 2U : 0U) + payload.size();
  return 1 + lengthSize(length) + length;
}

Expected<size_t> encodeMqttPublish(std::string_view topic, ByteSpan payload, uint8_t qos, bool isRetained, uint16_t packetId, MutableSpan out) {
  if (!isTopic(topic, false) || qos > 1 || (qos == 1 && packetId == 0)) return Status::invalid;
  PacketWriter writer(out);
  writer.head(static_cast<uint8_t>(0x30U | static_cast<unsigned>(qos) << 1U | (isRetained ? 1U : 0U)), 2 + topic.size() + (qos > 0 ? 2U : 0U) + payload.size());
  writer.string(asBytes(topic));
  if (qos > 0) writer.number(packetId);
  writer.raw(payload);
  return writer.finish();
}

Expected<size_t> encodeMqttSubscribe(std::string_view filter, uint8_t qos, uint16_t packetId, MutableSpan out) {
  if (!isTopic(filter, true) || qos > 1 || packetId == 0) return Status::invalid;
  PacketWriter writer(out);
  writer.head(0x82, 2 + 2 + filter.size() + 1);
  writer.number(packetId);
  writer.string(asBytes(filter));
  writer.byte(qos);
  return writer.finish();
}

Expected<size_t> encodeMqttPuback(uint16_t packetId, MutableSpan out) {
  PacketWriter writer(out);
  writer.head(0x40, 2);
  writer.number(packetId);
  return writer.finish();
}

Expected<size_t> encodeMqttEmpty(MqttType type, MutableSpan out) {
  PacketWriter writer(out);
  writer.head(static_cast<uint8_t>(static_cast<unsigned>(type) << 4U), 0);
  return writer.finish();
}

}  // namespace cx
