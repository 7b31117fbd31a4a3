// OSCORE (RFC 8613): what protects one CoAP message, pure. AES-CCM-16-64-128 with HKDF-SHA256, no other algorithms.
// Who uses which number, and what was seen before, is OscoreSession's business.
//
//         0 1 2 3 4 5 6 7 <------------- n bytes -------------->
//        +-+-+-+-+-+-+-+-+--------------------------------------
//        |0 0 0|h|k|  n  |       Partial IV (if any) ...            the value of the OSCORE option, section 6.1
//        +-+-+-+-+-+-+-+-+--------------------------------------
//         <- 1 byte -> <----- s bytes ------>
//        +------------+----------------------+------------------+
//        | s (if any) | kid context (if any) | kid (if any) ... |
//        +------------+----------------------+------------------+
#pragma once

#include <cstddef>
#include <cstdint>

#include "coap_message.hpp"
#include "hal/aead.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

namespace oscore {
constexpr size_t idMax = 7;  // nonce length less 6 (section 3.3)
constexpr size_t secretMin = 16, secretMax = 32, saltMax = 16, contextMax = 16, pivMax = 5;
constexpr uint64_t sequenceEnd = uint64_t{1} << 40;  // section 7.2.1: numbers are below
// Bytes that protection adds to a message at most: the option with its header, marker, code, tag, and Observe twice.
constexpr size_t overheadMax = 3 + 1 + pivMax + 1 + contextMax + idMax + 1 + 1 + hal::aeadTagSize + 4;
}  // namespace oscore

// What both sides were given.
struct OscoreCredentials {
  FixedBytes<oscore::secretMax> masterSecret;
  FixedBytes<oscore::saltMax> masterSalt;
  FixedBytes<oscore::idMax> senderId;
  FixedBytes<oscore::idMax> recipientId;
  FixedBytes<oscore::contextMax> idContext;  // empty: none
};

struct OscoreKeys {
  uint8_t sender[hal::aeadKeySize] = {};
  uint8_t recipient[hal::aeadKeySize] = {};
  uint8_t commonIv[hal::aeadNonceSize] = {};
  FixedBytes<oscore::idMax> senderId;
  FixedBytes<oscore::idMax> recipientId;
  FixedBytes<oscore::contextMax> idContext;
};

// Section 3.2. invalid: a secret that is too short, or equal ids.
Status deriveOscoreKeys(const OscoreCredentials& credentials, OscoreKeys& keys);

// A Partial IV as it stands in a message: the shortest form of a number, zero being one byte.
struct OscorePiv {
  uint8_t size = 0;  // 0: none
  uint8_t bytes[oscore::pivMax] = {};

  ByteSpan view() const { return ByteSpan(bytes, size); }
  uint64_t number() const;
  static OscorePiv of(uint64_t number);
};

struct OscoreOption {
  OscorePiv piv;
  bool hasKid = false;
  bool hasKidContext = false;
  ByteSpan kid;
  ByteSpan kidContext;
};
// malformed: reserved bits, a reserved length, cut off, or a number with leading zeros.
Status decodeOscoreOption(ByteSpan value, OscoreOption& option);

// How one message is bound to its request.
struct OscoreBinding {
  bool isRequest = false;
  OscorePiv request;  // of the request, also in its answer
  OscorePiv own;      // of the answer; none: it takes the request's nonce, which no second answer may
};

// Writes `plain` protected into `out`. full: no room; invalid: an OSCORE option stands in it already (section 4.1.3.7).
Expected<ByteSpan> protectOscore(const OscoreKeys& keys, hal::Aead& aead, const CoapMessage& plain, const OscoreBinding& binding, MutableSpan out);

// Decrypts `ciphertext`, the payload of `message`, in place, and makes `message` the inner one with the outer header.
// mismatch: not from the other side, or not for this request; malformed: from there, and yet no CoAP.
Status unprotectOscore(const OscoreKeys& keys, hal::Aead& aead, const OscoreBinding& binding, MutableSpan ciphertext, CoapMessage& message);

}  // namespace cx
