// One DTLS 1.2 session as a client: the handshake with its retransmissions, records both ways, and another handshake when the
// other side doesn't know us any more.
#pragma once
#include "dtls/dtls_context.hpp"
#include "hal/clock.hpp"
#include "hal/log_sink.hpp"
#include "hal/udp_socket.hpp"

namespace cx::dtls {

constexpr uint32_t datagramMax = 1280;
constexpr uint32_t retryAfterMs = 5000;     // after a handshake that failed
constexpr uint8_t unheardSendsMax = 3;      // messages without a word from the other side, and
constexpr uint32_t unheardMs = 8000;        // the time since its last one: then it has forgotten us

class Session {
 public:
  Session(const Context& context, hal::UdpSocket& below, hal::Clock& clock, hal::LogSink& log);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  bool isUsed() const { return state_ != State::idle; }
  const hal::Address& peer() const { return peer_; }
  uint64_t usedMs() const { return usedMs_; }

  // Begins a session with that peer; the old one is closed first.
  void begin(const hal::Address& peer);
  // Sends, or keeps the message until the handshake is through (a later one takes its place). unreachable: a handshake
  // failed a moment ago.
  hal::Code send(const uint8_t* data, uint32_t size);
  // What arrived from the peer; read() looks at it before the bytes go.
  void feed(const uint8_t* data, uint32_t size);
  // Goes on with the handshake, then gives the next message. again: there is none.
  hal::Code read(hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity);
  // When read() is due without a datagram; UINT64_MAX: not at all.
  uint64_t nextDueMs() const;
  // Says goodbye.
  void close();

 private:
  enum class State : uint8_t { idle, handshaking, open, failed };
  static int sendRecord(void* self, const unsigned char* data, size_t size);
  static int takeRecord(void* self, unsigned char* out, size_t capacity);
  static void setTimer(void* self, uint32_t soonMs, uint32_t endMs);
  static int timerState(void* self);
  static int checkCertificate(void* self, mbedtls_x509_crt* certificate, int depth, uint32_t* flags);
  void handshake();
  void opened();
  void fail(int error);
  void drop(State state);
  void say(hal::LogLevel level, const char* text, int error = 0);

  const Context& context_;
  hal::UdpSocket& below_;
  hal::Clock& clock_;
  hal::LogSink& log_;
  State state_ = State::idle;
  hal::Address peer_;
  mbedtls_ssl_context ssl_;
  const uint8_t* input_ = nullptr;  // a datagram that wasn't taken yet
  uint32_t inputSize_ = 0;
  uint64_t timerSoonMs_ = 0;
  uint64_t timerEndMs_ = 0;  // 0: cancelled
  uint64_t usedMs_ = 0;
  uint64_t heardMs_ = 0;
  uint64_t retryMs_ = 0;
  uint8_t unheardSends_ = 0;
  uint32_t keptSize_ = 0;
  uint8_t kept_[datagramMax];
};

}  // namespace cx::dtls
