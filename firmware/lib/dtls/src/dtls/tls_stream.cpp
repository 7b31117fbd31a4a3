#include "dtls/tls_stream.hpp"

#include <mbedtls/net_sockets.h>

#include "dtls/dtls_context.hpp"
#include "text.hpp"

namespace cx::dtls {

namespace {

using hal::Code;
using hal::Io;

bool isWaiting(int result) { return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE; }

TlsStream::Finding findingOf(int error, uint32_t flags) {
  const bool isChecked = flags != 0 && flags != UINT32_MAX;
  if (isChecked && (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) return {"tls-wrong-ca", "its certificate isn't of our CA"};
  if (isChecked && (flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) != 0) {
    return {"tls-expired", "its certificate isn't valid at this time, by this node's clock"};
  }
  if (isChecked && (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) return {"tls-wrong-name", "its certificate is for another name or address than we asked"};
  if (isChecked) return {"tls-bad-certificate", "its certificate can't be accepted"};
  switch (error) {
    case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION: return {"tls-old-version", "it speaks no TLS 1.2"};
    case MBEDTLS_ERR_SSL_INVALID_RECORD: return {"not-tls", "what listens there speaks no TLS"};
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: return {"tls-refused", "it refused the handshake: no version or suite in common, or our certificate isn't good there"};
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_NET_CONN_RESET: return {"tls-ended", "it ended the connection in the handshake"};
    default: return {"tls-failed", "the handshake failed"};
  }
}

}  // namespace

TlsStream::TlsStream(hal::TcpStream& below, const TlsContext& context, hal::LogSink& log) : below_(below), context_(context), log_(log) {
  mbedtls_ssl_init(&ssl_);
}

TlsStream::~TlsStream() { mbedtls_ssl_free(&ssl_); }

int TlsStream::send(void* self, const unsigned char* data, size_t size) {
  const Io io = static_cast<TlsStream*>(self)->below_.write(data, static_cast<uint32_t>(size));
  if (io.code == Code::again || (io.code == Code::ok && io.size == 0)) return MBEDTLS_ERR_SSL_WANT_WRITE;
  return io.code == Code::ok ? static_cast<int>(io.size) : MBEDTLS_ERR_NET_CONN_RESET;
}

int TlsStream::receive(void* self, unsigned char* out, size_t capacity) {
  const Io io = static_cast<TlsStream*>(self)->below_.read(out, static_cast<uint32_t>(capacity));
  if (io.code == Code::again || (io.code == Code::ok && io.size == 0)) return MBEDTLS_ERR_SSL_WANT_READ;
  if (io.code == Code::closed) return 0;
  return io.code == Code::ok ? static_cast<int>(io.size) : MBEDTLS_ERR_NET_CONN_RESET;
}

// Runs for each certificate of the chain, after the check of signatures and dates; the server's own comes last.
int TlsStream::checkCertificate(void* self, mbedtls_x509_crt* certificate, int depth, uint32_t* flags) {
  const TlsStream& stream = *static_cast<TlsStream*>(self);
  if (depth == 0 && !isCertificateFor(*certificate, stream.name_, stream.to_)) *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  return 0;
}

Code TlsStream::connect(const hal::Address& to) {
  close();
  state_ = State::plain;
  fault_ = "";
  return below_.connect(to);
}

Code TlsStream::connectTls(const hal::Address& to, const char* name) {
  close();
  state_ = State::ended;
  fault_ = "";
  if (!context_.isOpen()) return ended_ = Code::unsupported;
  to_ = to;
  name_ = name;
  mbedtls_ssl_init(&ssl_);
  hal::Address literal;
  const char* const serverName = hal::parseAddress(name, 0, literal) ? nullptr : name;  // RFC 6066 section 3: no addresses in SNI
  if (mbedtls_ssl_setup(&ssl_, &context_.configuration()) != 0 || mbedtls_ssl_set_hostname(&ssl_, serverName) != 0) return end(Code::noSpace);
  mbedtls_ssl_set_bio(&ssl_, this, send, receive, nullptr);
  mbedtls_ssl_set_verify(&ssl_, checkCertificate, this);
  const Code code = below_.connect(to);
  if (code != Code::ok && code != Code::again) return end(code);
  state_ = State::connecting;
  return Code::again;
}

Code TlsStream::connected() {
  if (state_ == State::plain) return below_.connected();
  if (state_ == State::connecting) {
    const Code code = below_.connected();
    if (code == Code::again) return code;
    if (code != Code::ok) return end(code);
    state_ = State::handshaking;
  }
  if (state_ == State::handshaking) return handshake();
  return state_ == State::open ? Code::ok : ended_;
}

Code TlsStream::handshake() {
  const int result = mbedtls_ssl_handshake(&ssl_);
  if (isWaiting(result)) return Code::again;
  if (result != 0) return fail(result);
  state_ = State::open;
  return Code::ok;
}

Code TlsStream::fail(int error) {
  found(findingOf(error, mbedtls_ssl_get_verify_result(&ssl_)), error);
  return end(Code::refused);
}

void TlsStream::found(const Finding& finding, int error) {
  fault_ = finding.word;
  char line[200];
  TextWriter out(line, sizeof line);
  out.put("tls: ").put(name_).put(':').putUint(to_.port).put(": ").put(finding.text);
  const uint8_t bytes[2] = {static_cast<uint8_t>(-error >> 8U), static_cast<uint8_t>(-error)};
  if (error != 0) out.put(" (mbedtls -0x").putHex(bytes).put(')');
  log_.write(hal::LogLevel::error, line, static_cast<uint32_t>(out.size()));
}

Code TlsStream::end(Code code) {
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_init(&ssl_);
  below_.close();
  pending_ = 0;
  state_ = State::ended;
  return ended_ = code;
}

// A record that didn't go out whole is sent on before the next. The library asks for the same call again, whose bytes it has already.
bool TlsStream::flush() {
  static constexpr uint8_t unread = 0;
  if (pending_ == 0) return true;
  const int result = mbedtls_ssl_write(&ssl_, &unread, pending_);
  if (isWaiting(result)) return false;
  pending_ = 0;
  if (result < 0) (void)end(Code::closed);
  return result >= 0;
}

Io TlsStream::write(const uint8_t* data, uint32_t size) {
  if (state_ == State::plain) return below_.write(data, size);
  const Code code = connected();
  if (code != Code::ok) return {code, 0};
  if (!flush()) return {state_ == State::open ? Code::again : ended_, 0};
  if (size == 0) return {Code::ok, 0};
  const int maximum = mbedtls_ssl_get_max_out_record_payload(&ssl_);
  const uint32_t part = maximum > 0 && size > static_cast<uint32_t>(maximum) ? static_cast<uint32_t>(maximum) : size;
  const int result = mbedtls_ssl_write(&ssl_, data, part);
  if (result > 0) return {Code::ok, static_cast<uint32_t>(result)};
  if (isWaiting(result)) {  // it is in the record already, and the caller's bytes may go
    pending_ = part;
    return {Code::ok, part};
  }
  return {end(Code::closed), 0};
}

Io TlsStream::read(uint8_t* buffer, uint32_t capacity) {
  if (state_ == State::plain) return below_.read(buffer, capacity);
  const Code code = connected();
  if (code != Code::ok) return {code, 0};
  if (capacity == 0) return {Code::invalid, 0};
  (void)flush();
  if (state_ != State::open) return {ended_, 0};
  const int result = mbedtls_ssl_read(&ssl_, buffer, capacity);
  if (result > 0) return {Code::ok, static_cast<uint32_t>(result)};
  if (isWaiting(result)) return {Code::again, 0};
  // An end without a goodbye may have been cut short by somebody (RFC 8446 section 6.1): not a good one.
  const bool isGoodbye = result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
  return {end(isGoodbye ? Code::closed : Code::io), 0};
}

bool TlsStream::hasUnread() const { return state_ == State::open && mbedtls_ssl_get_bytes_avail(&ssl_) > 0; }

void TlsStream::close() {
  if (state_ == State::open && flush()) (void)mbedtls_ssl_close_notify(&ssl_);
  if (state_ == State::handshaking) found({"tls-unanswered", "the handshake isn't answered: does it speak TLS?"}, 0);  // its owner waited long enough
  (void)end(Code::closed);
}

}  // namespace cx::dtls
