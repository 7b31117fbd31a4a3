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

}  // namespace

Status Context::open(const Keys& keys, hal::Entropy& entropy) {
  keys_ = keys;
  // A node makes few handshakes: each is a whole one. With a ticket this client would make up another session id for the hello that
  // returns the cookie, which RFC 6347 section 4.2.1 forbids; a server whose cookie covers the id never lets it in then.
  if (!configuration_.begin(MBEDTLS_SSL_TRANSPORT_DATAGRAM, entropy)) return Status::full;
  mbedtls_ssl_config& conf = configuration_.get();
  mbedtls_ssl_conf_handshake_timeout(&conf, firstRetransmitMs, lastRetransmitMs);
  if (!keys.psk.empty()) {
    mbedtls_ssl_conf_ciphersuites(&conf, pskSuites);
    const auto* const identity = reinterpret_cast<const unsigned char*>(keys.identity.data());
    return mbedtls_ssl_conf_psk(&conf, keys.psk.data(), keys.psk.size(), identity, keys.identity.size()) == 0 ? Status::ok : Status::invalid;
  }
  mbedtls_ssl_conf_ciphersuites(&conf, certificateSuites);
  mbedtls_ssl_conf_curves(&conf, curves);
  const bool areGood = configuration_.show(keys.certificate, keys.privateKey) && configuration_.trust(keys.ca);
  return areGood ? Status::ok : Status::invalid;
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
