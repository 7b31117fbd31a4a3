// What a client of TLS and one of DTLS have in common in mbedTLS: version 1.2, a server that must prove itself, no tickets, and the
// certificates and the key, which live as long as the connections that are made with it.
#pragma once
#include <mbedtls/ssl.h>

#include <string_view>

#include "hal/entropy.hpp"

namespace cx::dtls {

class ClientConfiguration {
 public:
  ClientConfiguration();
  ClientConfiguration(const ClientConfiguration&) = delete;
  ClientConfiguration& operator=(const ClientConfiguration&) = delete;
  ~ClientConfiguration();

  // `transport` is MBEDTLS_SSL_TRANSPORT_STREAM or _DATAGRAM. False: no memory.
  bool begin(int transport, hal::Entropy& entropy);
  // Of PEM texts that end with a zero. False: one can't be read, or the key isn't the certificate's.
  bool trust(std::string_view ca);
  bool show(std::string_view certificate, std::string_view privateKey);

  mbedtls_ssl_config& get() { return configuration_; }
  const mbedtls_ssl_config& get() const { return configuration_; }

 private:
  mbedtls_ssl_config configuration_;
  mbedtls_x509_crt certificate_;
  mbedtls_x509_crt ca_;
  mbedtls_pk_context privateKey_;
};

}  // namespace cx::dtls
