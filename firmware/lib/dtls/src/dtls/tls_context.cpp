#include "dtls/tls_context.hpp"

namespace cx::dtls {

namespace {

// Forward secrecy and authenticated encryption, by a certificate of either kind (RFC 9325 section 4.2). The library speaks no TLS 1.3.
constexpr int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,       MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,       MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                          0};

int fillRandom(void* entropy, unsigned char* out, size_t size) {
  static_cast<hal::Entropy*>(entropy)->fill(out, size);
  return 0;
}

bool parse(mbedtls_x509_crt& out, std::string_view pem) {
  return mbedtls_x509_crt_parse(&out, reinterpret_cast<const unsigned char*>(pem.data()), pem.size() + 1) == 0;
}

}  // namespace

TlsContext::TlsContext() {
  mbedtls_ssl_config_init(&configuration_);
  mbedtls_x509_crt_init(&certificate_);
  mbedtls_x509_crt_init(&ca_);
  mbedtls_pk_init(&privateKey_);
}

TlsContext::~TlsContext() {
  mbedtls_ssl_config_free(&configuration_);
  mbedtls_x509_crt_free(&certificate_);
  mbedtls_x509_crt_free(&ca_);
  mbedtls_pk_free(&privateKey_);
}

Status TlsContext::open(const TlsKeys& keys, hal::Entropy& entropy) {
  mbedtls_ssl_config& conf = configuration_;
  if (mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0) return Status::full;
  mbedtls_ssl_conf_rng(&conf, fillRandom, &entropy);
  mbedtls_ssl_conf_min_version(&conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);  // TLS 1.2
  mbedtls_ssl_conf_max_version(&conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_session_tickets(&conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  mbedtls_ssl_conf_authmode(&conf, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ciphersuites(&conf, suites);
  if (keys.ca.empty() || !parse(ca_, keys.ca)) return Status::invalid;
  mbedtls_ssl_conf_ca_chain(&conf, &ca_, nullptr);
  if (!keys.certificate.empty()) {
    const auto* const pem = reinterpret_cast<const unsigned char*>(keys.privateKey.data());
    if (!parse(certificate_, keys.certificate)) return Status::invalid;
    if (mbedtls_pk_parse_key(&privateKey_, pem, keys.privateKey.size() + 1, nullptr, 0) != 0) return Status::invalid;
    if (mbedtls_pk_check_pair(&certificate_.pk, &privateKey_) != 0) return Status::invalid;
    if (mbedtls_ssl_conf_own_cert(&conf, &certificate_, &privateKey_) != 0) return Status::invalid;
  }
  isOpen_ = true;
  return Status::ok;
}

}  // namespace cx::dtls
