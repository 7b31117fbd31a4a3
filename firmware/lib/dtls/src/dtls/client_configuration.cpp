#include "dtls/client_configuration.hpp"

namespace cx::dtls {

namespace {

int fillRandom(void* entropy, unsigned char* out, size_t size) {
  static_cast<hal::Entropy*>(entropy)->fill(out, size);
  return 0;
}

bool parse(mbedtls_x509_crt& out, std::string_view pem) {
  return mbedtls_x509_crt_parse(&out, reinterpret_cast<const unsigned char*>(pem.data()), pem.size() + 1) == 0;
}

}  // namespace

ClientConfiguration::ClientConfiguration() {
  mbedtls_ssl_config_init(&configuration_);
  mbedtls_x509_crt_init(&certificate_);
  mbedtls_x509_crt_init(&ca_);
  mbedtls_pk_init(&privateKey_);
}

ClientConfiguration::~ClientConfiguration() {
  mbedtls_ssl_config_free(&configuration_);
  mbedtls_x509_crt_free(&certificate_);
  mbedtls_x509_crt_free(&ca_);
  mbedtls_pk_free(&privateKey_);
}

bool ClientConfiguration::begin(int transport, hal::Entropy& entropy) {
  mbedtls_ssl_config& conf = configuration_;
  if (mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT, transport, MBEDTLS_SSL_PRESET_DEFAULT) != 0) return false;
  mbedtls_ssl_conf_rng(&conf, fillRandom, &entropy);
  // 1.2 is 3.3 on the wire, and the library's number for DTLS 1.2 too.
  mbedtls_ssl_conf_min_version(&conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_max_version(&conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_session_tickets(&conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  mbedtls_ssl_conf_authmode(&conf, MBEDTLS_SSL_VERIFY_REQUIRED);
  return true;
}

bool ClientConfiguration::trust(std::string_view ca) {
  if (!parse(ca_, ca)) return false;
  mbedtls_ssl_conf_ca_chain(&configuration_, &ca_, nullptr);
  return true;
}

bool ClientConfiguration::show(std::string_view certificate, std::string_view privateKey) {
  const auto* const pem = reinterpret_cast<const unsigned char*>(privateKey.data());
  return parse(certificate_, certificate) && mbedtls_pk_parse_key(&privateKey_, pem, privateKey.size() + 1, nullptr, 0) == 0 &&
         mbedtls_pk_check_pair(&certificate_.pk, &privateKey_) == 0 &&
         mbedtls_ssl_conf_own_cert(&configuration_, &certificate_, &privateKey_) == 0;
}

}  // namespace cx::dtls
