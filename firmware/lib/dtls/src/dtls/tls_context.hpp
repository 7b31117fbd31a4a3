// What the TLS connections of a node share: whom it trusts, and the certificate that it shows where it is asked for one.
#pragma once
#include "dtls/client_configuration.hpp"
#include "hal/entropy.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx::dtls {

// PEM texts that end with a zero; read by open(), not kept.
struct TlsKeys {
  std::string_view ca;           // servers are checked against it, and nothing else
  std::string_view certificate;  // with its chain; empty: the node has none
  std::string_view privateKey;
};

class TlsContext {
 public:
  // invalid: a CA, a certificate or a key that can't be read, or a key that isn't the certificate's.
  Status open(const TlsKeys& keys, hal::Entropy& entropy);
  bool isOpen() const { return isOpen_; }
  const mbedtls_ssl_config& configuration() const { return configuration_.get(); }

 private:
  bool isOpen_ = false;
  ClientConfiguration configuration_;
};

}  // namespace cx::dtls
