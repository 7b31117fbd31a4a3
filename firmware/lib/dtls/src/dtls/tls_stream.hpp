// A TCP stream that speaks TLS 1.2 as a client where it is asked to, over another stream that it stands on.
#pragma once
#include "dtls/tls_context.hpp"
#include "hal/log_sink.hpp"
#include "hal/tcp_stream.hpp"

namespace cx::dtls {

class TlsStream final : public hal::TcpStream {
 public:
  // What a handshake that failed has found: a word for reports, and a sentence for people.
  struct Finding {
    const char* word;
    const char* text;
  };

  TlsStream(hal::TcpStream& below, const TlsContext& context, hal::LogSink& log);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream();

  hal::Code connect(const hal::Address& to) override;
  hal::Code connected() override;
  hal::Io write(const uint8_t* data, uint32_t size) override;
  hal::Io read(uint8_t* buffer, uint32_t capacity) override;
  // Says goodbye where the connection can take it.
  void close() override;
  bool hasTls() const override { return context_.isOpen(); }
  hal::Code connectTls(const hal::Address& to, const char* name) override;
  const char* fault() const override { return fault_; }
  // Bytes that were decrypted and not yet read: no socket will tell of them.
  bool hasUnread() const;

 private:
  enum class State : uint8_t { plain, connecting, handshaking, open, ended };
  static int send(void* self, const unsigned char* data, size_t size);
  static int receive(void* self, unsigned char* out, size_t capacity);
  static int checkCertificate(void* self, mbedtls_x509_crt* certificate, int depth, uint32_t* flags);
  hal::Code handshake();
  hal::Code fail(int error);
  void found(const Finding& finding, int error);
  hal::Code end(hal::Code code);
  bool flush();

  hal::TcpStream& below_;
  const TlsContext& context_;
  hal::LogSink& log_;
  State state_ = State::plain;
  hal::Code ended_ = hal::Code::closed;
  hal::Address to_;
  const char* name_ = "";
  const char* fault_ = "";
  uint32_t pending_ = 0;  // bytes that were taken and whose record isn't through
  mbedtls_ssl_context ssl_;
};

}  // namespace cx::dtls
