#include "dtls/tls_context.hpp"

namespace cx::dtls {

namespace {

// Forward secrecy and authenticated encryption, by a certificate of either kind (RFC 9325 section 4.2). The library speaks no TLS 1.3.
constexpr int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,       MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,       MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                          0};

}  // namespace

Status TlsContext::open(const TlsKeys& keys, hal::Entropy& entropy) {
  if (!configuration_.begin(MBEDTLS_SSL_TRANSPORT_STREAM, entropy)) return Status::full;
  mbedtls_ssl_conf_ciphersuites(&configuration_.get(), suites);
  if (keys.ca.empty() || !configuration_.trust(keys.ca)) return Status::invalid;
  if (!keys.certificate.empty() && !configuration_.show(keys.certificate, keys.privateKey)) return Status::invalid;
  isOpen_ = true;
  return Status::ok;
}

}  // namespace cx::dtls
