// TLS as the host port wants it: a TCP stream over another one. An image that is built without it passes no maker, and says so to
// the manager by not naming the capability `tls`.
#pragma once
#include "hal/entropy.hpp"
#include "hal/log_sink.hpp"
#include "hal/tcp_stream.hpp"
#include "hal_host/credentials.hpp"

namespace cx::host {

class SecureStream : public hal::TcpStream {
 public:
  // Bytes wait that no socket will tell of.
  virtual bool hasUnread() const = 0;

 protected:
  ~SecureStream() = default;
};

// Two at most in a process, which share the keys. Null: the CA, or the certificate with its key, can't be used.
using MakeSecureStream = SecureStream* (*)(hal::TcpStream& below, const Credentials& credentials, hal::Entropy& entropy, hal::LogSink& log);

}  // namespace cx::host
