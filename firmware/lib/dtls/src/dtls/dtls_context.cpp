#include "dtls/dtls_context.hpp"

#include "text.hpp"

namespace cx::dtls {

namespace {

constexpr int pskSuites[] = {MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256, 0};
constexpr int certificateSuites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0};
constexpr mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};
constexpr uint32_t firstRetransmitMs = 1000, lastRetransmitMs = 8000;  // RFC 6347 section 4.2.4.1; given up after 15 s

// Context-specific tags of GeneralName (RFC 5280 section 4.2.1.6).
constexpr int dnsName = 0x82, ipAddress = 0x87;

int fillRandom(void* entropy, unsigned char* out, size_t size) {
  static_cast<hal::Entropy*>(entropy)->fill(out, size);
  return 0;
}

bool parse(mbedtls_x509_crt& out, std::string_view pem) {
  return mbedtls_x509_crt_parse(&out, reinterpret_cast<const unsigned char*>(pem.data()), pem.size() + 1) == 0;
}

}  // namespace

Context::Context() {
  mbedtls_ssl_config_init(&configuration_);
  mbedtls_x509_crt_init(&certificate_);
  mbedtls_x509_crt_init(&ca_);
  mbedtls_pk_init(&privateKey_);
}

Context::~Context() {
  mbedtls_ssl_config_free(&configuration_);
  mbedtls_x509_crt_free(&certificate_);
  mbedtls_x509_crt_free(&ca_);
  mbedtls_pk_free(&privateKey_);
}

Status Context::open(const Keys& keys, hal::Entropy& entropy) {
  keys_ = keys;
  mbedtls_ssl_config& conf = configuration_;
  if (mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0) return Status::full;
  mbedtls_ssl_conf_rng(&conf, fillRandom, &entropy);
  mbedtls_ssl_conf_min_version(&conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);  // DTLS 1.2
  mbedtls_ssl_conf_max_version(&conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_handshake_timeout(&conf, firstRetransmitMs, lastRetransmitMs);
  // A node makes few handshakes: each is a whole one. With a ticket this client makes up another session id for the hello that returns
  // the cookie, which RFC 6347 section 4.2.1 forbids; a server whose cookie covers the id never lets it in then.
  mbedtls_ssl_conf_session_tickets(&conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  mbedtls_ssl_conf_authmode(&conf, MBEDTLS_SSL_VERIFY_REQUIRED);
  if (!keys.psk.empty()) {
    mbedtls_ssl_conf_ciphersuites(&conf, pskSuites);
    const auto* const identity = reinterpret_cast<const unsigned char*>(keys.identity.data());
    return mbedtls_ssl_conf_psk(&conf, keys.psk.data(), keys.psk.size(), identity, keys.identity.size()) == 0 ? Status::ok : Status::invalid;
  }
  mbedtls_ssl_conf_ciphersuites(&conf, certificateSuites);
  mbedtls_ssl_conf_curves(&conf, curves);
  if (!parse(certificate_, keys.certificate) || !parse(ca_, keys.ca)) return Status::invalid;
  const auto* const pem = reinterpret_cast<const unsigned char*>(keys.privateKey.data());
  if (mbedtls_pk_parse_key(&privateKey_, pem, keys.privateKey.size() + 1, nullptr, 0) != 0) return Status::invalid;
  if (mbedtls_pk_check_pair(&certificate_.pk, &privateKey_) != 0) return Status::invalid;
  mbedtls_ssl_conf_ca_chain(&conf, &ca_, nullptr);
  return mbedtls_ssl_conf_own_cert(&conf, &certificate_, &privateKey_) == 0 ? Status::ok : Status::invalid;
}

bool isCertificateFor(const mbedtls_x509_crt& certificate, std::string_view name, const hal::Address& peer) {
  hal::Address literal;
  char text[64];
  const bool isShort = name.size() < sizeof text;
  if (isShort && !name.empty()) std::memcpy(text, name.data(), name.size());
  if (isShort) text[name.size()] = '\0';
  const bool isAddress = name.empty() || (isShort && hal::parseAddress(text, 0, literal));
  const ByteSpan address(peer.bytes, peer.family == 4 ? 4 : 16);
  for (const mbedtls_x509_sequence* at = &certificate.subject_alt_names; at != nullptr; at = at->next) {
    const ByteSpan value(at->buf.p, at->buf.len);
    if (isAddress && at->buf.tag == ipAddress && equal(value, address)) return true;
    if (!isAddress && at->buf.tag == dnsName && equalIgnoringCase(asText(value), name)) return true;
  }
  return false;
}

}  // namespace cx::dtls
