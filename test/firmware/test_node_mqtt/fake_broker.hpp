// The other end of a node's MQTT connection, as small as it can be: it acknowledges, remembers and can go away.
#pragma once
#include <string>
#include <vector>

#include "../test_node/node_bench.hpp"

struct Published {
  std::string topic;
  std::string payload;
  bool isRetained;
};

class FakeBroker {
 public:
  explicit FakeBroker(Bench& bench) {
    bench.onBoot = [this](PowerCycle& power) {
      power.callbacks.context = this;
      power.callbacks.stream_connect = [](void* self, uint32_t stream, const cx_sim_address*) { static_cast<FakeBroker*>(self)->onConnect(stream); };
      power.callbacks.stream_out = [](void* self, uint32_t stream, const uint8_t* bytes, uint32_t size) {
        if (stream == 0) static_cast<FakeBroker*>(self)->in_.insert(static_cast<FakeBroker*>(self)->in_.end(), bytes, bytes + size);
      };
      power.callbacks.stream_close = [](void* self, uint32_t) { static_cast<FakeBroker*>(self)->isOpen = false; };
    };
    bench.onTurn = [this](PowerCycle& power) { return turn(power); };
    bench.boot(cx::hal::ResetReason::powerOn);
  }

  bool isDown = false;        // refuses connections, and ends the open one
  bool isOpen = false;        // the node's CONNECT was accepted and nothing ended it
  int connects = 0;
  int disconnects = 0;        // DISCONNECT packets: clean ends
  std::string willTopic, willPayload, clientId;
  std::vector<std::string> filters;
  std::vector<Published> published;

  void send(const std::string& topic, const std::string& payload) {
    std::vector<uint8_t> packet = {0x30, static_cast<uint8_t>(2 + topic.size() + payload.size()), 0, static_cast<uint8_t>(topic.size())};
    packet.insert(packet.end(), topic.begin(), topic.end());
    packet.insert(packet.end(), payload.begin(), payload.end());
    out_.insert(out_.end(), packet.begin(), packet.end());
  }
  int count(const std::string& topic, const char* payload = nullptr) const {
    int found = 0;
    for (const Published& each : published) {
      if (each.topic == topic && (payload == nullptr || each.payload == payload)) ++found;
    }
    return found;
  }
  std::string last(const std::string& topic) const {
    std::string found;
    for (const Published& each : published) {
      if (each.topic == topic) found = each.payload;
    }
    return found;
  }

 private:
  void onConnect(uint32_t stream) {
    isAsked_[stream] = true;
    if (stream == 0) {
      in_.clear();
      out_.clear();
    }
  }
  bool turn(PowerCycle& power) {
    bool isNews = false;
    for (uint32_t stream = 0; stream < 2; ++stream) {
      if (!isAsked_[stream]) continue;
      isAsked_[stream] = false;
      (stream == 0 ? power.mqtt : power.http).onConnected(stream == 0 && !isDown);
      isNews = true;
    }
    if (isDown && isOpen) {
      isOpen = false;
      power.mqtt.onEnded();
      return true;
    }
    while (takePacket()) {
    }
    if (out_.empty()) return isNews;
    (void)power.mqtt.arrive(out_.data(), static_cast<uint32_t>(out_.size()));
    out_.clear();
    return true;
  }
  static std::string text(const std::vector<uint8_t>& bytes, size_t& at) {
    const size_t size = static_cast<size_t>(bytes[at] << 8 | bytes[at + 1]);
    const std::string found(bytes.begin() + static_cast<long>(at) + 2, bytes.begin() + static_cast<long>(at + 2 + size));
    at += 2 + size;
    return found;
  }
  bool takePacket() {
    size_t size = 0, at = 1;
    for (int shift = 0;; shift += 7) {
      if (at >= in_.size()) return false;
      size |= static_cast<size_t>(in_[at] & 0x7F) << shift;
      if ((in_[at++] & 0x80) == 0) break;
    }
    if (in_.size() < at + size) return false;
    const uint8_t head = in_[0];
    const std::vector<uint8_t> body(in_.begin() + static_cast<long>(at), in_.begin() + static_cast<long>(at + size));
    in_.erase(in_.begin(), in_.begin() + static_cast<long>(at + size));
    size_t read = 0;
    switch (head >> 4) {
      case 1:
        ++connects;
        isOpen = true;
        read = 10;
        clientId = text(body, read);
        willTopic = text(body, read);
        willPayload = text(body, read);
        out_.insert(out_.end(), {0x20, 2, 0, 0});
        break;
      case 3: {
        Published one;
        one.topic = text(body, read);
        one.isRetained = (head & 1) != 0;
        if ((head >> 1 & 3) == 1) {
          out_.insert(out_.end(), {0x40, 2, body[read], body[read + 1]});
          read += 2;
        }
        one.payload.assign(body.begin() + static_cast<long>(read), body.end());
        published.push_back(one);
        break;
      }
      case 8:
        read = 2;
        filters.push_back(text(body, read));
        out_.insert(out_.end(), {0x90, 3, body[0], body[1], 1});
        break;
      case 12: out_.insert(out_.end(), {0xD0, 0}); break;
      case 14: ++disconnects; break;
      default: break;
    }
    return true;
  }
  bool isAsked_[2] = {};
  std::vector<uint8_t> in_, out_;
};
