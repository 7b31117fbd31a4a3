// CAN by the kernel (SocketCAN): `can0` of a controller that has a driver, or a vcan. The interface's bit rate is set by
// whoever brings it up (`ip link set can0 up type can bitrate 500000`).
#pragma once

#include <cstdint>

#include "pack_host/host_can.hpp"

namespace cx::pack {

constexpr uint64_t socketCanReopenMs = 1000;

class SocketCan final : public HostCan {
 public:
  explicit SocketCan(const char* interface) : interface_(interface) {}
  SocketCan(const SocketCan&) = delete;
  SocketCan& operator=(const SocketCan&) = delete;
  ~SocketCan() { close(); }

  void step(uint64_t nowMs) override;
  int waitFor(struct pollfd* out) override;
  bool isUp() const override { return socket_ >= 0 && !isBusOff_; }
  const char* fault() const override;
  bool hasUnread() const override { return false; }

  bool receive(can::Frame& out) override;
  bool send(const can::Frame& frame) override;
  CanSend sent() override;
  // The kernel takes no frame back: its end isn't waited for any more.
  void abort() override { outcome_ = CanSend::idle; }
  bool isBusOff() override { return !isUp(); }
  // The kernel restarts a controller by itself where it was told to (`restart-ms`).
  void recover() override {}

 private:
  void open();
  void close();
  void failed(int fault);

  const char* interface_;
  int socket_ = -1;
  int fault_ = 0;
  bool isBusOff_ = false;
  bool hasTried_ = false;
  uint64_t triedAtMs_ = 0;
  CanSend outcome_ = CanSend::idle;
  can::Frame inFlight_;
};

}  // namespace cx::pack
