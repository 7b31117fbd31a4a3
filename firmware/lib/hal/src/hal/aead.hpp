// AES-CCM-16-64-128 (RFC 8152 section 10.2): a 16-byte key, a nonce of 13 bytes, a tag of 8. Where a chip has an AES
// engine, or the system a library with one, the port gives it; core brings its own for everybody else.
#pragma once
#include <cstdint>

namespace cx::hal {

constexpr uint32_t aeadKeySize = 16;
constexpr uint32_t aeadNonceSize = 13;
constexpr uint32_t aeadTagSize = 8;

class Aead {
 public:
  // Encrypts `size` bytes in place and writes the tag. Both together are below 2^16 bytes. Always succeeds.
  virtual void seal(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, uint32_t aadSize, uint8_t* data, uint32_t size,
                    uint8_t* tag) = 0;
  // Decrypts in place. False: it isn't what was sealed, and `data` holds nothing of use. Takes the same time either way.
  virtual bool open(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, uint32_t aadSize, uint8_t* data, uint32_t size,
                    const uint8_t* tag) = 0;

 protected:
  ~Aead() = default;
};

}  // namespace cx::hal
