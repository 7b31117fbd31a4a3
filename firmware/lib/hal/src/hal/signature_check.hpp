// ECDSA over P-256 with SHA-256 (ES256). Where a chip has an engine for it, or its system a library (BearSSL in the ESP8266's
// core, mbedTLS in ESP-IDF), the port gives it; core brings its own for everybody else. Only public data goes in.
#pragma once
#include <cstdint>

namespace cx::hal {

constexpr uint32_t p256KeySize = 64;        // x and y, big-endian
constexpr uint32_t p256SignatureSize = 64;  // r and s, big-endian

class SignatureCheck {
 public:
  // True only for a point of the curve, r and s within 1..n-1, and a signature that is right. At most 2 s.
  virtual bool holds(const uint8_t* publicKey, const uint8_t* digest, const uint8_t* signature) = 0;

 protected:
  ~SignatureCheck() = default;
};

}  // namespace cx::hal
