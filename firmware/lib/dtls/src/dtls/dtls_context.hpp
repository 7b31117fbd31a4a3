// What all DTLS sessions of a node share: who it is, whom it trusts, and the suites that CoAP asks for (RFC 7252 section 9).
#pragma once
#include "dtls/client_configuration.hpp"
#include "hal/address.hpp"
#include "hal/entropy.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx::dtls {

// Either a PSK or a certificate. Everything is borrowed and outlives the context; PEM texts end with a zero.
struct Keys {
  std::string_view identity;  // of the PSK
  ByteSpan psk;
  std::string_view certificate;  // with its chain
  std::string_view privateKey;
  std::string_view ca;
  std::string_view serverName;  // what the manager's certificate must be for; empty, or an address: its own address
};

class Context {
 public:
  // invalid: keys that can't be read, or a private key that isn't the certificate's.
  Status open(const Keys& keys, hal::Entropy& entropy);
  const mbedtls_ssl_config& configuration() const { return configuration_.get(); }
  const Keys& keys() const { return keys_; }

 private:
  Keys keys_;
  ClientConfiguration configuration_;
};

// The certificate names this server in its subjectAltName: as a DNS name, or where `name` is empty or an address, as the
// address of `peer`. The common name counts for nothing.
bool isCertificateFor(const mbedtls_x509_crt& certificate, std::string_view name, const hal::Address& peer);

}  // namespace cx::dtls
