#include "dtls/dtls_session.hpp"

#include <cstring>
#include <mbedtls/net_sockets.h>

#include "text.hpp"

namespace cx::dtls {

namespace {

constexpr uint16_t mtu = 1400;  // of a datagram; a message of 1280 bytes grows by 29

bool isWaiting(int result) { return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE; }

}  // namespace

Session::Session(const Context& context, hal::UdpSocket& below, hal::Clock& clock, hal::LogSink& log)
    : context_(context), below_(below), clock_(clock), log_(log) {
  mbedtls_ssl_init(&ssl_);
}

Session::~Session() { mbedtls_ssl_free(&ssl_); }

void Session::say(hal::LogLevel level, const char* text, int error) {
  char line[120];
  TextWriter out(line, sizeof line);
  out.put("dtls: ").put(text);
  if (error != 0) {
    const uint8_t bytes[2] = {static_cast<uint8_t>(-error >> 8U), static_cast<uint8_t>(-error)};
    out.put(" (mbedtls -0x").putHex(bytes).put(')');
  }
  log_.write(level, line, static_cast<uint32_t>(out.size()));
}

int Session::sendRecord(void* self, const unsigned char* data, size_t size) {
  Session& session = *static_cast<Session*>(self);
  // What the port can't take now is a lost datagram, as everywhere: both handshake and CoAP send again.
  (void)session.below_.send(session.peer_, data, static_cast<uint32_t>(size));
  return static_cast<int>(size);
}

int Session::takeRecord(void* self, unsigned char* out, size_t capacity) {
  Session& session = *static_cast<Session*>(self);
  if (session.input_ == nullptr) return MBEDTLS_ERR_SSL_WANT_READ;
  const size_t size = session.inputSize_ < capacity ? session.inputSize_ : capacity;
  std::memcpy(out, session.input_, size);
  session.input_ = nullptr;
  return static_cast<int>(size);
}

void Session::setTimer(void* self, uint32_t soonMs, uint32_t endMs) {
  Session& session = *static_cast<Session*>(self);
  const uint64_t now = session.clock_.monotonicMs();
  session.timerSoonMs_ = now + soonMs;
  session.timerEndMs_ = endMs == 0 ? 0 : now + endMs;
}

int Session::timerState(void* self) {
  const Session& session = *static_cast<Session*>(self);
  if (session.timerEndMs_ == 0) return -1;
  const uint64_t now = session.clock_.monotonicMs();
  return now >= session.timerEndMs_ ? 2 : now >= session.timerSoonMs_ ? 1 : 0;
}

// Runs for each certificate of the chain, after the check of signatures and dates; the manager's own comes last.
int Session::checkCertificate(void* self, mbedtls_x509_crt* certificate, int depth, uint32_t* flags) {
  const Session& session = *static_cast<Session*>(self);
  if (depth == 0 && !isCertificateFor(*certificate, session.context_.keys().serverName, session.peer_)) *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  return 0;
}

void Session::drop(State state) {
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_init(&ssl_);
  timerEndMs_ = 0;
  input_ = nullptr;
  state_ = state;
}

void Session::begin(const hal::Address& peer) {
  close();
  peer_ = peer;
  usedMs_ = heardMs_ = clock_.monotonicMs();
  unheardSends_ = 0;
  keptSize_ = 0;
  const int error = mbedtls_ssl_setup(&ssl_, &context_.configuration());
  if (error != 0) return fail(error);
  mbedtls_ssl_set_bio(&ssl_, this, sendRecord, takeRecord, nullptr);
  mbedtls_ssl_set_timer_cb(&ssl_, this, setTimer, timerState);
  mbedtls_ssl_set_verify(&ssl_, checkCertificate, this);
  mbedtls_ssl_set_mtu(&ssl_, mtu);
  state_ = State::handshaking;
  handshake();
}

void Session::handshake() {
  const int result = mbedtls_ssl_handshake(&ssl_);
  if (isWaiting(result)) return;
  if (result != 0) return fail(result);
  opened();
}

void Session::opened() {
  state_ = State::open;
  heardMs_ = clock_.monotonicMs();
  unheardSends_ = 0;
  say(hal::LogLevel::info, mbedtls_ssl_get_ciphersuite(&ssl_));
  if (keptSize_ == 0) return;
  const uint32_t size = keptSize_;
  keptSize_ = 0;
  (void)send(kept_, size);
}

void Session::fail(int error) {
  const uint32_t flags = state_ == State::handshaking ? mbedtls_ssl_get_verify_result(&ssl_) : 0;
  const bool isChecked = flags != 0 && flags != UINT32_MAX;
  if (error == MBEDTLS_ERR_SSL_TIMEOUT) {
    say(hal::LogLevel::warn, "the manager doesn't answer the handshake");
  } else if (isChecked && (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
    say(hal::LogLevel::error, "the manager's certificate isn't of our CA");
  } else if (isChecked && (flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) != 0) {
    say(hal::LogLevel::error, "the manager's certificate isn't valid at this time");
  } else if (isChecked && (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
    say(hal::LogLevel::error, "the manager's certificate is for another name or address than we asked");
  } else if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
    say(hal::LogLevel::error, "the manager refused the handshake: are these its keys?");
  } else {
    say(hal::LogLevel::error, "the session failed", error);
  }
  drop(State::failed);
  retryMs_ = clock_.monotonicMs() + retryAfterMs;
}

hal::Code Session::send(const uint8_t* data, uint32_t size) {
  if (size > datagramMax) return hal::Code::invalid;
  const uint64_t now = clock_.monotonicMs();
  usedMs_ = now;
  if (state_ == State::failed && now < retryMs_) return hal::Code::unreachable;
  const bool isForgotten = state_ == State::open && unheardSends_ >= unheardSendsMax && now - heardMs_ >= unheardMs;
  if (isForgotten) {
    say(hal::LogLevel::warn, "nothing was heard for a while: a new handshake");
    drop(State::failed);  // without a goodbye, which it couldn't read
  }
  if (state_ == State::failed || state_ == State::idle) begin(peer_);
  if (state_ == State::failed) return hal::Code::unreachable;
  if (state_ == State::handshaking) {
    std::memcpy(kept_, data, size);
    keptSize_ = size;
    return hal::Code::ok;
  }
  if (unheardSends_ < unheardSendsMax) unheardSends_++;
  const int written = mbedtls_ssl_write(&ssl_, data, size);
  if (written == static_cast<int>(size)) return hal::Code::ok;
  if (written < 0 && !isWaiting(written)) fail(written);  // such as numbers of records that ran out
  return hal::Code::again;
}

void Session::feed(const uint8_t* data, uint32_t size) {
  input_ = data;
  inputSize_ = size;
}

hal::Code Session::read(hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) {
  const bool isDue = timerEndMs_ != 0 && clock_.monotonicMs() >= timerEndMs_;
  if (state_ == State::handshaking && (input_ != nullptr || isDue)) handshake();
  if (state_ != State::open) {
    input_ = nullptr;
    return hal::Code::again;
  }
  const int got = mbedtls_ssl_read(&ssl_, buffer, capacity);
  if (got > 0) {
    heardMs_ = clock_.monotonicMs();
    unheardSends_ = 0;
    datagram.from = peer_;
    datagram.toMulticast = false;
    datagram.isProtected = true;
    datagram.size = static_cast<uint32_t>(got);
    datagram.truncated = mbedtls_ssl_get_bytes_avail(&ssl_) > 0;
    uint8_t rest[64];
    while (mbedtls_ssl_get_bytes_avail(&ssl_) > 0 && mbedtls_ssl_read(&ssl_, rest, sizeof rest) > 0) {
    }
    return hal::Code::ok;
  }
  if (isWaiting(got)) return hal::Code::again;
  if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || got == 0) {
    say(hal::LogLevel::info, "closed by the manager");
    drop(State::idle);
  } else {
    fail(got);
    retryMs_ = 0;  // an open session that ended is made anew with the next message
  }
  return hal::Code::again;
}

uint64_t Session::nextDueMs() const { return state_ == State::handshaking && timerEndMs_ != 0 ? timerEndMs_ : UINT64_MAX; }

void Session::close() {
  if (state_ == State::open) (void)mbedtls_ssl_close_notify(&ssl_);
  drop(State::idle);
}

}  // namespace cx::dtls
