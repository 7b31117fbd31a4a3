// A datagram socket whose unicast goes by DTLS 1.2, over another that it stands on: core sees messages, the wire records.
// Multicast and its answers stay in the clear, and say so.
#pragma once
#include "dtls/dtls_session.hpp"

namespace cx::dtls {

class Socket final : public hal::UdpSocket {
 public:
  Socket(hal::UdpSocket& below, hal::Clock& clock, hal::Entropy& entropy, hal::LogSink& log)
      : below_(below), entropy_(entropy), manager_(context_, below, clock, log), other_(context_, below, clock, log) {}

  // Before anything else; the keys outlive the socket. invalid: they can't be used.
  Status secure(const Keys& keys) { return context_.open(keys, entropy_); }
  // When receive() is due without a datagram, for retransmissions; UINT64_MAX: not at all.
  uint64_t nextDueMs() const;

  hal::Code open(uint16_t port) override { return below_.open(port); }
  // Ends the sessions with a close_notify.
  void close() override;
  uint16_t localPort() override { return below_.localPort(); }
  hal::Code join(const hal::Address& group) override { return below_.join(group); }
  // The first message to a peer begins a handshake and waits for it.
  hal::Code send(const hal::Address& to, const uint8_t* data, uint32_t size) override;
  hal::Code receive(hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) override;

 private:
  Session* find(const hal::Address& peer);

  hal::UdpSocket& below_;
  hal::Entropy& entropy_;
  Context context_;
  Session manager_;
  Session other_;  // where an image comes from, when that is somebody else
};

}  // namespace cx::dtls
