// ECDSA verification over P-256 (FIPS 186-5 section 6.4.2; the curve is in SP 800-186). Verification alone: whatever goes
// in is public, so nothing here runs in constant time, and nothing here may ever hold a private key.
//
// Our own, because it has to run on a chip with 1 KB of stack to spare: about 900 bytes of stack in all, no heap and no
// tables, 32-bit limbs. A port that has a library gives that instead (hal/signature_check.hpp).
#pragma once

#include "hal/signature_check.hpp"

namespace cx {

class SoftwareSignatureCheck final : public hal::SignatureCheck {
 public:
  bool holds(const uint8_t* publicKey, const uint8_t* digest, const uint8_t* signature) override;
};

// A point of the curve, other than infinity: what a trust anchor has to be before it is kept.
bool isP256Point(const uint8_t* publicKey);

}  // namespace cx
