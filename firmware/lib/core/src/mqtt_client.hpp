// MQTT 3.1.1 client: QoS 0 and 1, last will, keep-alive, a limit on every packet. Reconnecting is the owner's decision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hal/clock.hpp"
#include "hal/tcp_stream.hpp"
#include "mqtt_packet.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

// Why a connection is over.
enum class MqttClose : uint8_t {
  asked,            // disconnect() was called
  connectFailed,    // TCP refused, unreachable, or timed out
  refused,          // CONNACK with a return code: see MqttClient::returnCode()
  connectionLost,   // the broker or the network ended it
  keepAliveTimeout, // no CONNACK, PINGRESP or PUBACK in time
  malformed,        // the broker broke the protocol
  oversized,        // a packet over the receive limit
};
const char* mqttCloseName(MqttClose why);

class MqttHandler {
 public:
  virtual void onMqttConnected(bool isSessionPresent) = 0;
  // A message; QoS 1 is acknowledged after the call. Views end with the call.
  virtual void onMqttMessage(std::string_view topic, ByteSpan payload, bool isRetained) = 0;
  // PUBACK for a QoS 1 publish.
  virtual void onMqttPublished(uint16_t packetId) = 0;
  // SUBACK; refused: the broker said 0x80.
  virtual void onMqttSubscribed(uint16_t packetId, bool isGranted) = 0;
  // Once per connect(); QoS 1 publishes without an onMqttPublished are not known to have arrived.
  virtual void onMqttClosed(MqttClose why) = 0;

 protected:
  ~MqttHandler() = default;
};

// Views stay valid until onMqttConnected or onMqttClosed.
struct MqttConnect {
  hal::Address to;
  const char* tlsName = nullptr;  // whom the broker must prove to be, by TLS; null: no TLS
  std::string_view clientId;
  std::string_view user;      // empty: none
  std::string_view password;  // only with a user
  uint16_t keepAliveS = 60;   // 0: off
  bool isCleanSession = true;
  std::string_view willTopic;  // empty: no will
  ByteSpan willPayload;
  uint8_t willQos = 1;
  bool isWillRetained = true;
};

struct MqttTiming {
  uint32_t connectTimeoutMs = 10000;   // TCP and CONNACK together
  uint32_t responseTimeoutMs = 10000;  // PINGRESP
  uint32_t acknowledgeTimeoutMs = 30000;  // no PUBACK or SUBACK although some are due
  uint32_t goodbyeTimeoutMs = 2000;       // what is queued before DISCONNECT
};

constexpr uint32_t writeRetryMs = 20;
constexpr size_t mqttInFlightMax = 8;

class MqttClient {
 public:
  // `receiveBuffer`: the largest packet taken in; `sendBuffer`: what waits to be sent, thus also the largest packet.
  MqttClient(hal::TcpStream& stream, hal::Clock& clock, MutableSpan receiveBuffer, MutableSpan sendBuffer, MqttTiming timing = {})
      : stream_(stream), clock_(clock), receive_(receiveBuffer), send_(sendBuffer), timing_(timing) {}

  // busy: still connected. tooLarge: the CONNECT doesn't fit into the send buffer.
  Status connect(const MqttConnect& options, MqttHandler& handler);
  // DISCONNECT after what is queued, then close; onMqttClosed(asked) follows from poll(), within 2 s.
  void disconnect();
  // Closes the connection at once, without DISCONNECT (the broker publishes the will) and without a call.
  void abort();
  void poll();
  uint64_t nextDueMs() const;

  bool isConnected() const { return state_ == State::connected; }
  bool isIdle() const { return state_ == State::idle; }
  uint8_t returnCode() const { return returnCode_; }

  // Queued whole or not at all. QoS 0 returns packet id 0. again: the buffer or the in-flight window has no room now;
  // tooLarge: it never will; closed: not connected.
  Expected<uint16_t> publish(std::string_view topic, ByteSpan payload, uint8_t qos, bool isRetained);
  Expected<uint16_t> subscribe(std::string_view filter, uint8_t qos);
  size_t inFlight() const { return inFlightCount_; }
  // Bytes that publish() may still queue now.
  size_t room() const;

 private:
  enum class State : uint8_t { idle, opening, awaitingConnack, connected, closing };
  struct InFlight {
    uint16_t packetId = 0;  // 0: free
    bool isSubscribe = false;
  };
  void pollOpening();
  void readIncoming();
  bool takePackets();
  void flush();
  void checkTimes();
  void handlePacket(const MqttPacket& packet);
  void handlePublish(const MqttPacket& packet);
  void handleAcknowledgement(const MqttPacket& packet);
  void close(MqttClose why);
  InFlight* findInFlight(uint16_t packetId);
  uint16_t nextPacketId();
  MutableSpan freeSpace();
  Expected<uint16_t> queue(Expected<size_t> size, uint16_t packetId, InFlight* row, bool isSubscribe);

  hal::TcpStream& stream_;
  hal::Clock& clock_;
  MutableSpan receive_;
  MutableSpan send_;
  MqttTiming timing_;
  MqttHandler* handler_ = nullptr;
  State state_ = State::idle;
  uint8_t returnCode_ = 0;
  uint16_t keepAliveS_ = 0;
  uint16_t lastPacketId_ = 0;
  uint32_t connection_ = 0;  // grows with each connect() and close(): a handler may have changed it
  size_t received_ = 0;
  size_t sendBegin_ = 0;     // what waits to be sent: [sendBegin_, sendEnd_)
  size_t sendEnd_ = 0;
  bool isPingOpen_ = false;
  bool isGoodbyeQueued_ = false;
  uint64_t startedMs_ = 0;   // of connecting, or of closing
  uint64_t lastSentMs_ = 0;
  uint64_t writeAgainMs_ = 0;  // when to offer again what the socket had no room for; 0: at once
  uint64_t lastReceivedMs_ = 0;
  uint64_t pingMs_ = 0;
  uint64_t lastAcknowledgedMs_ = 0;
  InFlight inFlight_[mqttInFlightMax];
  size_t inFlightCount_ = 0;
};

}  // namespace cx
