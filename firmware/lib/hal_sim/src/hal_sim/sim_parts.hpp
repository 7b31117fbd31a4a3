// The small parts of the simulated port: each a few lines over what the caller gives.
#pragma once
#include <cstring>

#include "hal/hal.hpp"
#include "hal_sim/sim_core.h"
#include "hal_sim/sim_slots.hpp"

namespace cx::sim {

constexpr uint32_t datagramMax = 1280;
constexpr uint8_t datagramsMax = 16;      // full: the newest is lost, as in a socket's buffer
constexpr uint32_t streamBufferMax = 8192;

inline cx_sim_address toC(const hal::Address& address) {
  cx_sim_address out = {};
  out.family = address.family;
  out.port = address.port;
  std::memcpy(out.bytes, address.bytes, sizeof out.bytes);
  return out;
}

inline hal::Address fromC(const cx_sim_address& address) {
  hal::Address out;
  out.family = address.family;
  out.port = address.port;
  std::memcpy(out.bytes, address.bytes, sizeof out.bytes);
  return out;
}

class Clock final : public hal::Clock {
 public:
  uint64_t monotonicMs() override { return nowMs; }
  bool wallMs(int64_t& out) override {
    if (isSet_) out = wallBaseMs_ + static_cast<int64_t>(nowMs);
    return isSet_;
  }
  void setWallMs(int64_t now) override {
    isSet_ = true;
    wallBaseMs_ = now - static_cast<int64_t>(nowMs);
  }
  uint64_t nowMs = 0;

 private:
  bool isSet_ = false;
  int64_t wallBaseMs_ = 0;
};

// SplitMix64: the same seed, the same run.
class Entropy final : public hal::Entropy {
 public:
  explicit Entropy(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  void fill(uint8_t* out, size_t size) override {
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(next() >> 32U);
  }

 private:
  uint64_t state_;
};

class Network final : public hal::Network {
 public:
  hal::Link link() override { return hal::Link::up; }
  bool rssi(int16_t& out) override {
    out = -60;
    return true;
  }
  uint8_t interfaces(uint16_t* out, uint8_t capacity) override {
    if (capacity > 0) out[0] = 1;
    return capacity > 0 ? 1 : 0;
  }
  hal::Code resolve(const char* name, uint16_t port, hal::Address& out) override {
    return hal::parseAddress(name, port, out) ? hal::Code::ok : hal::Code::unreachable;
  }
};

class UdpSocket final : public hal::UdpSocket {
 public:
  explicit UdpSocket(const cx_sim_callbacks& callbacks) : callbacks_(callbacks) {}
  hal::Code open(uint16_t) override {
    isOpen_ = true;
    return hal::Code::ok;
  }
  void close() override { isOpen_ = false; }
  uint16_t localPort() override { return 5683; }
  hal::Code join(const hal::Address&) override { return hal::Code::ok; }
  hal::Code send(const hal::Address& to, const uint8_t* data, uint32_t size) override;
  hal::Code receive(hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) override;
  void arrive(const hal::Address& from, bool toMulticast, const uint8_t* data, uint32_t size);
  bool hasDatagram() const { return count_ > 0; }
  bool isDeaf = false;

 private:
  struct Row {
    hal::Address from;
    bool toMulticast = false;
    uint32_t size = 0;
    uint8_t bytes[datagramMax];
  };
  const cx_sim_callbacks& callbacks_;
  bool isOpen_ = false;
  uint8_t first_ = 0;
  uint8_t count_ = 0;
  Row rows_[datagramsMax];
};

class TcpStream final : public hal::TcpStream {
 public:
  TcpStream(const cx_sim_callbacks& callbacks, uint32_t index) : callbacks_(callbacks), index_(index) {}
  hal::Code connect(const hal::Address& to) override;
  hal::Code connected() override;
  hal::Io write(const uint8_t* data, uint32_t size) override;
  hal::Io read(uint8_t* buffer, uint32_t capacity) override;
  void close() override;
  void onConnected(bool isConnected);
  uint32_t arrive(const uint8_t* data, uint32_t size);
  void onEnded() { isEnded_ = true; }
  bool hasNews() const { return size_ > 0 || isEnded_ || isAnswered_; }

 private:
  enum class State : uint8_t { closed, connecting, open, refused };
  const cx_sim_callbacks& callbacks_;
  uint32_t index_;
  State state_ = State::closed;
  bool isEnded_ = false;
  bool isAnswered_ = false;  // the connect ended and connected() hasn't told yet
  uint32_t first_ = 0;
  uint32_t size_ = 0;
  uint8_t bytes_[streamBufferMax];
};

class Watchdog final : public hal::Watchdog {
 public:
  void start() override {}
  void feed() override {}
};

class System final : public hal::System {
 public:
  hal::Identity identity() override { return {version, model, hardware}; }
  hal::ResetReason resetReason() override { return reason; }
  hal::MemoryFigures memory() override { return {40000, 32000, 1200}; }
  void restart() override { ending = CX_SIM_RESTART; }
  void terminate(uint32_t) override { ending = CX_SIM_TERMINATED; }
  const char* version = "";
  const char* model = "";
  const char* hardware = "";
  hal::ResetReason reason = hal::ResetReason::powerOn;
  int ending = CX_SIM_RUNNING;
};

class LogSink final : public hal::LogSink {
 public:
  LogSink(const cx_sim_callbacks& callbacks, hal::LogLevel level) : callbacks_(callbacks), level_(level) {}
  hal::LogLevel level() override { return level_; }
  void setLevel(hal::LogLevel) override {}  // the test's own choice stands
  void write(hal::LogLevel level, const char* line, uint32_t size) override {
    if (callbacks_.log_line != nullptr) callbacks_.log_line(callbacks_.context, static_cast<uint32_t>(level), line, size);
  }

 private:
  const cx_sim_callbacks& callbacks_;
  hal::LogLevel level_;
};

// Temperature, humidity and battery, each a slow walk from the seed.
class Sensors final : public hal::Sensors {
 public:
  explicit Sensors(uint64_t seed) : entropy_(seed ^ 0x5EE5) {}
  uint8_t count() override { return 3; }
  hal::Channel channel(uint8_t index) override;
  hal::Code read(uint8_t index, int32_t& milli) override;
  bool isFaulty = false;

 private:
  Entropy entropy_;
  int32_t values_[3] = {21500, 45000, 97000};
};

class Actuators final : public hal::Actuators {
 public:
  uint8_t count() override { return 0; }
  hal::Channel channel(uint8_t) override { return {"", "", 0, 0}; }
  hal::Code set(uint8_t, int32_t) override { return hal::Code::invalid; }
  hal::Code get(uint8_t, int32_t&) override { return hal::Code::invalid; }
  void identify() override {}
};

}  // namespace cx::sim
