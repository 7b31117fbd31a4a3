// A TCP connection whose other side is the test. Stricter than reality: it takes and gives as few bytes at a time as
// the test says, says "again" in between, and can be reset at any byte.
#pragma once
#include <cstring>
#include <string_view>

#include "hal/tcp_stream.hpp"
#include "span.hpp"

class FakeTcp final : public cx::hal::TcpStream {
 public:
  static constexpr size_t bufferMax = 4096;
  enum class Connect { accept, later, refuse } onConnect = Connect::accept;
  uint32_t writeStep = UINT32_MAX;  // bytes taken by one write
  uint32_t readStep = UINT32_MAX;   // bytes given by one read
  bool isStuttering = false;        // every second call says "again"
  bool isPeerClosed = false;        // after what was sent is read
  bool isReset = false;
  bool isOpen = false;
  int connects = 0;
  int closes = 0;
  uint8_t written[bufferMax];
  size_t writtenSize = 0;

  cx::hal::Code connect(const cx::hal::Address&) override {
    connects++;
    isOpen = onConnect != Connect::refuse;
    isPeerClosed = isReset = false;
    writtenSize = inSize_ = inAt_ = 0;
    return onConnect == Connect::refuse ? cx::hal::Code::refused : cx::hal::Code::again;
  }
  cx::hal::Code connected() override {
    if (!isOpen) return onConnect == Connect::refuse ? cx::hal::Code::refused : cx::hal::Code::closed;
    return onConnect == Connect::later ? cx::hal::Code::again : cx::hal::Code::ok;
  }
  cx::hal::Io write(const uint8_t* data, uint32_t size) override {
    if (!isOpen || isReset) return {cx::hal::Code::closed, 0};
    if (stutters()) return {cx::hal::Code::again, 0};
    const uint32_t count = size < writeStep ? size : writeStep;
    if (count == 0 || writtenSize + count > bufferMax) return {cx::hal::Code::again, 0};
    std::memcpy(written + writtenSize, data, count);
    writtenSize += count;
    return {cx::hal::Code::ok, count};
  }
  cx::hal::Io read(uint8_t* buffer, uint32_t capacity) override {
    if (!isOpen) return {cx::hal::Code::closed, 0};
    if (isReset) return {cx::hal::Code::io, 0};
    if (stutters()) return {cx::hal::Code::again, 0};
    uint32_t count = static_cast<uint32_t>(inSize_ - inAt_);
    if (count == 0) return {isPeerClosed ? cx::hal::Code::closed : cx::hal::Code::again, 0};
    if (count > readStep) count = readStep;
    if (count > capacity) count = capacity;
    std::memcpy(buffer, in_ + inAt_, count);
    inAt_ += count;
    return {cx::hal::Code::ok, count};
  }
  void close() override {
    closes++;
    isOpen = false;
  }

  void send(cx::ByteSpan bytes) {
    if (inAt_ > 0) {
      std::memmove(in_, in_ + inAt_, inSize_ - inAt_);
      inSize_ -= inAt_;
      inAt_ = 0;
    }
    if (bytes.size() > bufferMax - inSize_) return;
    if (!bytes.empty()) std::memcpy(in_ + inSize_, bytes.data(), bytes.size());
    inSize_ += bytes.size();
  }
  void send(std::string_view text) { send(cx::asBytes(text)); }
  std::string_view wrote() const { return cx::asText(cx::ByteSpan(written, writtenSize)); }
  void forgetWritten() { writtenSize = 0; }
  bool isAllRead() const { return inAt_ == inSize_; }

 private:
  bool stutters() {
    isTurn_ = !isTurn_;
    return isStuttering && isTurn_;
  }
  uint8_t in_[bufferMax];
  size_t inSize_ = 0;
  size_t inAt_ = 0;
  bool isTurn_ = false;
};
