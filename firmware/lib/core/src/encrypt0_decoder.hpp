// COSE_Encrypt0 (RFC 9052 section 5.2) as a stream, its ciphertext detached: the payload is the ciphertext with its tag behind it.
// A128GCM and AES-CCM-64-64-128 (RFC 9053 sections 4.1 and 4.2).
//
// What it makes goes on before the tag is known. That is no danger to what runs: only the digest of what was read back from the
// slot makes an image bootable. A resume begins at any byte, and then the tag isn't judged, for the same reason.
#pragma once

#include "aes_pair.hpp"
#include "ghash.hpp"
#include "payload_decoder.hpp"

namespace cx {

constexpr size_t payloadKeySize = 16;
constexpr size_t payloadKeyIdMax = 16;

enum class PayloadCipher : uint8_t { gcm = 1, ccm = 12 };  // their COSE numbers: A128GCM, AES-CCM-64-64-128

struct Encrypt0Headers {
  PayloadCipher cipher = PayloadCipher::gcm;
  ByteSpan keyId;             // empty: there is none
  ByteSpan nonce;
  ByteSpan protectedHeaders;  // encoded, as the tag covers them
};

// Parameter 19 of the update manifest: COSE_Encrypt0, tagged or not, without ciphertext. The views are into `info`.
// unsupported: another algorithm or header; malformed: it isn't that.
Status readEncrypt0(ByteSpan info, Encrypt0Headers& out);

class PayloadKeys {
 public:
  // The key of 16 bytes, valid until the next call; null: not here.
  virtual const uint8_t* find(ByteSpan keyId) = 0;

 protected:
  ~PayloadKeys() = default;
};

class Encrypt0Decoder final : public PayloadDecoder {
 public:
  explicit Encrypt0Decoder(PayloadKeys& keys) : keys_(keys) {}

  // payloadSize has to be known: the tag is what ends the payload.
  Status start(const PayloadStart& start, PayloadSink& sink, PayloadBase& base) override;
  Status feed(ByteSpan bytes, size_t& taken) override;
  Status finish() override;
  bool checkpoint(PayloadCheckpoint& out) const override;
  // Bytes of the plaintext, after start().
  uint32_t textSize() const { return textSize_; }

 private:
  static constexpr size_t pieceSize = 128;
  static constexpr size_t tagMax = 16;

  void startGcm();
  void startCcm();
  void authenticate(const Encrypt0Headers& headers);
  void absorb(uint8_t byte);
  void nextStream();
  void counterBlock(uint8_t* out, uint32_t number) const;
  void rightTag(uint8_t* out);

  PayloadKeys& keys_;
  PayloadSink* sink_ = nullptr;
  AesPair aes_;
  Ghash ghash_;
  PayloadCipher cipher_ = PayloadCipher::gcm;
  uint8_t nonce_[12] = {};
  uint8_t hiding_[aesBlock] = {};      // of the tag
  uint8_t mac_[aesBlock] = {};         // CCM: the chain; GCM: a block that isn't whole yet
  uint8_t macFill_ = 0;
  uint8_t stream_[2 * aesBlock] = {};
  uint32_t hashedHeaders_ = 0;         // GCM: bytes of the additional data
  uint32_t textSize_ = 0;              // of the ciphertext without its tag
  uint32_t place_ = 0;                 // in the payload
  uint32_t begin_ = 0;
  uint8_t tagSize_ = 0;
  uint8_t tag_[tagMax] = {};
  Status failure_ = Status::invalid;
  uint8_t piece_[pieceSize];
};

}  // namespace cx
