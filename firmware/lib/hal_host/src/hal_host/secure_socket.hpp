// DTLS as the host port wants it: a datagram socket over another one. An image that is built without it passes no maker,
// and then refuses keys for DTLS rather than speak in the clear.
#pragma once
#include "hal/clock.hpp"
#include "hal/entropy.hpp"
#include "hal/log_sink.hpp"
#include "hal/udp_socket.hpp"
#include "hal_host/credentials.hpp"

namespace cx::host {

class SecureSocket : public hal::UdpSocket {
 public:
  // Both outlive the socket. False: the keys can't be used.
  virtual bool secure(const DtlsCredentials& keys, const char* managerHost) = 0;
  // When receive() is due without a datagram; UINT64_MAX: not at all.
  virtual uint64_t nextDueMs() const = 0;

 protected:
  ~SecureSocket() = default;
};

// Called at most once in a process.
using MakeSecureSocket = SecureSocket* (*)(hal::UdpSocket& below, hal::Clock& clock, hal::Entropy& entropy, hal::LogSink& log);

}  // namespace cx::host
