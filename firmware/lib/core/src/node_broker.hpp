// The data plane: one MQTT connection with availability as its last will, telemetry, status, and what the manager sends.
#pragma once

#include "mqtt_client.hpp"
#include "node_backoff.hpp"
#include "node_context.hpp"

namespace cx {

constexpr uint32_t brokerRetryBaseMs = 1000;
constexpr uint32_t brokerRetryCapMs = 60000;
constexpr uint32_t brokerResolveMs = 10000;
constexpr uint16_t brokerKeepAliveS = 30;
constexpr uint8_t brokerInboxMax = 2;  // full: the message is dropped and counted; the manager offers actions on CoAP too
constexpr size_t brokerMessageMax = 320;
constexpr size_t topicMax = 160;

enum class BrokerMessageKind : uint8_t { none, otaStart, command };

struct BrokerMessage {
  BrokerMessageKind kind = BrokerMessageKind::none;
  FixedText<24> command;  // the last topic level of cmd/NAME
  FixedBytes<brokerMessageMax> payload;
};

class BrokerSession final : private MqttHandler {
 public:
  BrokerSession(NodeContext& context, MqttClient& mqtt) : context_(context), mqtt_(mqtt) {}

  // Connects as soon as the environment names a broker, and again whenever the connection ends.
  void start(uint64_t nowMs);
  // Publishes `availability` retained, then disconnects in order; isStopped() when that is through, within 3 s.
  void stop(std::string_view availability, uint64_t nowMs);
  void poll(uint64_t nowMs);
  uint64_t nextDueMs() const;
  bool isStopped() const { return state_ == State::off && mqtt_.isIdle(); }
  bool isConnected() const { return state_ == State::connected; }
  // Reports are sent only while this is on; off in maintenance.
  void setReporting(bool isOn) { isReporting_ = isOn; }
  // A change of phase that subscribers see at once: "online", "maintenance".
  void announce(std::string_view availability);
  void reportNow() { isReportAsked_ = true; }
  void publishProgress(const AttemptReport& report);
  void acknowledgeCommand(std::string_view name, std::string_view id, Outcome outcome, std::string_view reason);
  bool take(BrokerMessage& out);
  // The environment changed: reconnect if its broker did.
  void environmentChanged(uint64_t nowMs);
  uint32_t dropped() const { return dropped_; }

 private:
  enum class State : uint8_t { off, waiting, resolving, connecting, connected, stopping };
  void onMqttConnected(bool isSessionPresent) override;
  void onMqttMessage(std::string_view topic, ByteSpan payload, bool isRetained) override;
  void onMqttPublished(uint16_t packetId) override;
  void onMqttSubscribed(uint16_t packetId, bool isGranted) override;
  void onMqttClosed(MqttClose why) override;
  void connect(uint64_t nowMs);
  void report();
  bool reportStatus();
  void retry(uint64_t nowMs);
  std::string_view topic(std::string_view tail);
  bool publish(std::string_view tail, ByteSpan payload, uint8_t qos, bool isRetained);

  NodeContext& context_;
  MqttClient& mqtt_;
  State state_ = State::off;
  Backoff backoff_{brokerRetryBaseMs, brokerRetryCapMs};
  FixedText<topicMax> topic_;
  FixedText<topicMax> willTopic_;
  FixedText<16> availability_;   // what subscribers should see now
  bool isAnnounceDue_ = false;
  bool isSubscribeDue_ = false;
  bool isReporting_ = true;
  bool isReportAsked_ = false;
  bool isTelemetryDue_ = false;
  bool isStatusDue_ = false;
  bool wasConnected_ = false;
  FixedText<128> host_;          // of the connection that is open or tried
  uint32_t port_ = 0;
  bool isTls_ = false;
  uint64_t dueMs_ = 0;
  uint64_t endMs_ = 0;
  uint64_t nextReportMs_ = 0;
  uint16_t lastAnnounce_ = 0;
  BrokerMessage inbox_[brokerInboxMax];
  uint8_t inboxCount_ = 0;
  uint32_t dropped_ = 0;
};

}  // namespace cx
