// A UDP socket whose other side is the test. Stricter than reality: a send into a full or failing socket loses the
// datagram, a closed socket refuses, and the receive buffer is filled with rubbish behind each datagram.
#pragma once
#include <cstring>

#include "hal/udp_socket.hpp"
#include "span.hpp"

class FakeUdp final : public cx::hal::UdpSocket {
 public:
  static constexpr size_t datagramMax = 1300;
  static constexpr size_t queueMax = 12;
  struct Item {
    cx::hal::Address peer;
    uint8_t bytes[datagramMax];
    size_t size = 0;
    bool toMulticast = false;
  };
  bool isOpen = false;
  bool isFailing = false;
  uint32_t lost = 0;

  cx::hal::Code open(uint16_t) override {
    isOpen = true;
    return cx::hal::Code::ok;
  }
  void close() override { isOpen = false; }
  uint16_t localPort() override { return 5683; }
  cx::hal::Code join(const cx::hal::Address&) override { return cx::hal::Code::ok; }
  cx::hal::Code send(const cx::hal::Address& to, const uint8_t* data, uint32_t size) override {
    if (!isOpen) return cx::hal::Code::closed;
    if (isFailing || sentCount == queueMax || size > datagramMax) {
      lost++;
      return cx::hal::Code::again;
    }
    Item& item = sent_[(sentFirst_ + sentCount++) % queueMax];
    item.peer = to;
    std::memcpy(item.bytes, data, size);
    item.size = size;
    return cx::hal::Code::ok;
  }
  cx::hal::Code receive(cx::hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) override {
    if (!isOpen) return cx::hal::Code::closed;
    if (inCount_ == 0) return cx::hal::Code::again;
    const Item& item = in_[inFirst_];
    inFirst_ = (inFirst_ + 1) % queueMax;
    inCount_--;
    std::memset(buffer, 0xA5, capacity);
    datagram.from = item.peer;
    datagram.toMulticast = item.toMulticast;
    datagram.truncated = item.size > capacity;
    datagram.size = static_cast<uint32_t>(datagram.truncated ? capacity : item.size);
    std::memcpy(buffer, item.bytes, datagram.size);
    return cx::hal::Code::ok;
  }

  void deliver(const cx::hal::Address& from, cx::ByteSpan bytes, bool toMulticast = false) {
    if (inCount_ == queueMax || bytes.size() > datagramMax) return;
    Item& item = in_[(inFirst_ + inCount_++) % queueMax];
    item.peer = from;
    item.toMulticast = toMulticast;
    item.size = bytes.size();
    if (!bytes.empty()) std::memcpy(item.bytes, bytes.data(), bytes.size());
  }
  // The oldest datagram sent, copied; false: none.
  bool take(Item& out) {
    if (sentCount == 0) return false;
    out = sent_[sentFirst_];
    sentFirst_ = (sentFirst_ + 1) % queueMax;
    sentCount--;
    return true;
  }
  size_t sentCount = 0;

 private:
  Item sent_[queueMax];
  Item in_[queueMax];
  size_t sentFirst_ = 0;
  size_t inFirst_ = 0;
  size_t inCount_ = 0;
};
