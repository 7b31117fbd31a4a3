#include "check.hpp"
#include "hex.hpp"
#include "mqtt_client.hpp"
#include "random.hpp"

using namespace cx;

namespace {

Status framed(std::string_view hex, size_t limit = 512) {
  const Hex<64> input(hex);
  MqttPacket packet;
  size_t size = 0;
  return frameMqtt(input.view(), limit, packet, size);
}

Status publishIn(std::string_view hex, MqttPublishView& view) {
  static uint8_t bytes[64];
  const Hex<64> input(hex);
  std::memcpy(bytes, input.bytes, input.size);
  MqttPacket packet;
  size_t size = 0;
  CX_TRY(frameMqtt(ByteSpan(bytes, input.size), 512, packet, size));
  return decodeMqttPublish(packet, view);
}

}  // namespace

TEST("a packet is framed when it is whole, and what no server sends is malformed") {
  CHECK_EQ(framed(""), Status::again);
  CHECK_EQ(framed("20"), Status::again);
  CHECK_EQ(framed("2002"), Status::again);
  CHECK_EQ(framed("200200"), Status::again);
  CHECK_EQ(framed("20020000"), Status::ok);
  CHECK_EQ(framed("2002000030"), Status::ok);
  CHECK_EQ(framed("30ff"), Status::again);
  CHECK_EQ(framed("30ffff7f"), Status::tooLarge);
  CHECK_EQ(framed("30ffffff7f"), Status::tooLarge);
  CHECK_EQ(framed("30ffffffff"), Status::malformed);
  CHECK_EQ(framed("30ffffffff01"), Status::malformed);
  CHECK_EQ(framed("307e", 128), Status::again);
  CHECK_EQ(framed("307f", 128), Status::tooLarge);
  for (const char* hex : {"00", "10", "21", "36", "3e", "41", "60", "63", "80", "82", "91", "a2", "c0", "d1", "e0", "f0", "ff"}) CHECK_EQ(framed(hex), Status::malformed);
}

TEST("a message is taken apart, and one that lies about itself is refused") {
  MqttPublishView view;
  CHECK_EQ(publishIn("300500016178", view), Status::again);
  CHECK_EQ(publishIn("30050001617879", view), Status::ok);
  CHECK(view.topic == "a" && asText(view.payload) == "xy" && view.qos == 0 && !view.isRetained && view.packetId == 0);
  CHECK_EQ(publishIn("3b0600026162000a", view), Status::ok);
  CHECK(view.topic == "ab" && view.payload.empty() && view.qos == 1 && view.isRetained && view.isDuplicate && view.packetId == 10);
  for (const char* hex : {"3000", "300100", "30020000", "3003000261", "3204000161ff", "320500016100", "32050001610000", "380300016178", "3003000123", "300300012b",
                          "3003000100", "30030001ff", "30040002c328"}) {
    CHECK(publishIn(hex, view) != Status::ok);
  }
}

TEST("acknowledgements have their exact form") {
  MqttPacket packet;
  packet.type = MqttType::connack;
  bool isPresent = false;
  uint8_t code = 0;
  uint16_t id = 0;
  const uint8_t bytes[] = {1, 0, 1, 5};
  packet.body = ByteSpan(bytes, 2);
  CHECK_EQ(decodeMqttConnack(packet, isPresent, code), Status::ok);
  CHECK(isPresent && code == 0);
  packet.body = ByteSpan(bytes + 2, 2);
  CHECK_EQ(decodeMqttConnack(packet, isPresent, code), Status::malformed);  // refused with a session
  packet.body = ByteSpan(bytes + 1, 2);
  CHECK_EQ(decodeMqttConnack(packet, isPresent, code), Status::ok);
  CHECK_EQ(code, 1);
  CHECK_EQ(decodeMqttPacketId(packet, id), Status::ok);
  CHECK_EQ(id, 1);
  packet.body = ByteSpan(bytes, 3);
  CHECK_EQ(decodeMqttPacketId(packet, id), Status::malformed);
  CHECK_EQ(decodeMqttSuback(packet, id, code), Status::ok);
  CHECK(id == 256 && code == 1);
  packet.body = ByteSpan(bytes + 1, 3);
  CHECK_EQ(decodeMqttSuback(packet, id, code), Status::malformed);
}

TEST("CONNECT carries the will, user and keep-alive in the order of the standard") {
  uint8_t buffer[128];
  MqttConnect options;
  options.clientId = "n1";
  options.user = "u";
  options.password = "pw";
  options.keepAliveS = 60;
  options.willTopic = "cx/a";
  options.willPayload = asBytes("off");
  const Expected<size_t> size = encodeMqttConnect(options, buffer);
  CHECK(isHex(ByteSpan(buffer, size.valueOr(0)), "102000044d51545404ee003c00026e31000463782f6100036f666600017500027077"));
  for (size_t room = 0; room < *size; room++) CHECK_EQ(encodeMqttConnect(options, MutableSpan(buffer, room)).status(), Status::full);
  options.willTopic = "cx/#";
  CHECK_EQ(encodeMqttConnect(options, buffer).status(), Status::invalid);
  options.willTopic = "";
  options.clientId = "";
  options.isCleanSession = false;
  CHECK_EQ(encodeMqttConnect(options, buffer).status(), Status::invalid);
}

TEST("publishes and subscriptions are encoded, long lengths in two bytes") {
  static uint8_t buffer[300];
  static const uint8_t payload[200] = {};
  CHECK(isHex(ByteSpan(buffer, encodeMqttPublish("a/b", asBytes("x"), 1, true, 258, buffer).valueOr(0)), "33080003612f62010278"));
  const Expected<size_t> longer = encodeMqttPublish("t", payload, 0, false, 0, buffer);
  CHECK(longer.valueOr(0) == 206 && buffer[1] == 0xCB && buffer[2] == 0x01);
  CHECK_EQ(mqttPublishSize("t", payload, 0), 206U);
  CHECK(isHex(ByteSpan(buffer, encodeMqttSubscribe("cx/+/cmd/#", 1, 1, buffer).valueOr(0)), "820f0001000a63782f2b2f636d642f2301"));
  CHECK_EQ(encodeMqttPublish("a/+", ByteSpan(), 0, false, 0, buffer).status(), Status::invalid);
  CHECK_EQ(encodeMqttPublish("", ByteSpan(), 0, false, 0, buffer).status(), Status::invalid);
  CHECK_EQ(encodeMqttPublish("a", ByteSpan(), 2, false, 1, buffer).status(), Status::invalid);
  CHECK_EQ(encodeMqttPublish("a", ByteSpan(), 1, false, 0, buffer).status(), Status::invalid);
}

TEST("random bytes are framed and read within bounds") {
  SeededRandom random(8);
  for (int i = 0; i < 20000; i++) {
    uint8_t bytes[32];
    const size_t size = random.below(sizeof bytes + 1);
    for (size_t at = 0; at < size; at++) bytes[at] = random.byte();
    if (size > 1) bytes[1] = static_cast<uint8_t>(random.below(32));
    MqttPacket packet;
    size_t whole = 0;
    if (!isOk(frameMqtt(ByteSpan(bytes, size), 512, packet, whole))) continue;
    CHECK(whole <= size);
    MqttPublishView view;
    bool flag = false;
    uint8_t code = 0;
    uint16_t id = 0;
    if (packet.type == MqttType::publish && isOk(decodeMqttPublish(packet, view))) CHECK(view.topic.size() + view.payload.size() <= size);
    (void)isOk(decodeMqttConnack(packet, flag, code));
    (void)isOk(decodeMqttSuback(packet, id, code));
    (void)isOk(decodeMqttPacketId(packet, id));
  }
}
