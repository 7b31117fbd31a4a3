#include "encrypt0_decoder.hpp"

#include <cstring>

#include "cbor.hpp"

namespace cx {

namespace {

constexpr uint32_t turnMax = 4096;
constexpr uint64_t encrypt0Tag = 16;
constexpr int64_t headerAlgorithm = 1;
constexpr int64_t headerKeyId = 4;
constexpr int64_t headerNonce = 5;
constexpr size_t protectedMax = 16;
constexpr uint8_t ccmFirstFlags = 0x5F;    // additional data, a tag of 8 bytes (M' = 3), a length of 8 (L' = 7): RFC 3610 section 2.2
constexpr uint8_t ccmCounterFlags = 0x07;
constexpr size_t ccmNonce = 7;
constexpr size_t gcmNonce = 12;

Status readAlgorithm(ByteSpan encoded, PayloadCipher& cipher) {
  CborReader reader(encoded);
  uint32_t pairs = 0;
  CX_TRY(reader.readMap(pairs));
  if (pairs != 1) return Status::unsupported;
  int64_t key = 0;
  int64_t algorithm = 0;
  CX_TRY(reader.readInt(key));
  if (key != headerAlgorithm) return Status::unsupported;
  CX_TRY(reader.readInt(algorithm));
  if (algorithm != static_cast<int64_t>(PayloadCipher::gcm) && algorithm != static_cast<int64_t>(PayloadCipher::ccm)) {
    return Status::unsupported;
  }
  cipher = static_cast<PayloadCipher>(algorithm);
  return reader.finish();
}

}  // namespace

Status readEncrypt0(ByteSpan info, Encrypt0Headers& out) {
  CborReader reader(info);
  out = Encrypt0Headers();
  if (!info.empty() && info[0] >> 5U == 6) {
    uint64_t tag = 0;
    CX_TRY(reader.readTag(tag));
    if (tag != encrypt0Tag) return Status::unsupported;
  }
  uint32_t count = 0;
  CX_TRY(reader.readArray(count));
  if (count != 3) return Status::malformed;
  CX_TRY(reader.readBytes(out.protectedHeaders, protectedMax));
  CX_TRY(readAlgorithm(out.protectedHeaders, out.cipher));
  uint32_t pairs = 0;
  CX_TRY(reader.readMap(pairs));
  for (; pairs > 0; pairs--) {
    int64_t key = 0;
    CX_TRY(reader.readInt(key));
    if (key != headerKeyId && key != headerNonce) return Status::unsupported;
    CX_TRY(reader.readBytes(key == headerKeyId ? out.keyId : out.nonce, payloadKeyIdMax));
  }
  CX_TRY(reader.readNull());
  if (out.nonce.size() != (out.cipher == PayloadCipher::gcm ? gcmNonce : ccmNonce)) return Status::malformed;
  return reader.finish();
}

Status Encrypt0Decoder::start(const PayloadStart& start, PayloadSink& sink, PayloadBase&) {
  Encrypt0Headers headers;
  failure_ = readEncrypt0(start.parameters, headers);
  CX_TRY(failure_);
  cipher_ = headers.cipher;
  tagSize_ = cipher_ == PayloadCipher::gcm ? 16 : 8;
  place_ = begin_ = start.from.payloadOffset;
  failure_ = Status::malformed;
  if (start.payloadSize < tagSize_) return failure_;
  textSize_ = start.payloadSize - tagSize_;
  failure_ = Status::mismatch;
  if (begin_ > textSize_ || start.from.imageOffset != begin_ || !start.from.state.empty()) return failure_;
  const uint8_t* const key = keys_.find(headers.keyId);
  failure_ = Status::invalid;
  if (key == nullptr) return failure_;
  sink_ = &sink;
  aes_.setKey(key);
  std::memcpy(nonce_, headers.nonce.data(), headers.nonce.size());
  if (cipher_ == PayloadCipher::gcm) {
    startGcm();
  } else {
    startCcm();
  }
  authenticate(headers);
  if (begin_ % (2 * aesBlock) != 0) nextStream();
  return failure_ = Status::ok;
}

// The subkey of GHASH, and what hides the tag: SP 800-38D sections 7.1 and 7.2.
void Encrypt0Decoder::startGcm() {
  uint8_t subkey[aesBlock] = {};
  counterBlock(hiding_, 1);
  aes_.encrypt(subkey, hiding_);
  ghash_.start(subkey);
  std::memset(mac_, 0, sizeof mac_);
  macFill_ = 0;
}

// The first block of the chain, which says how long everything is, and what hides the tag: RFC 3610 sections 2.2 and 2.3.
void Encrypt0Decoder::startCcm() {
  mac_[0] = ccmFirstFlags;
  std::memcpy(mac_ + 1, nonce_, ccmNonce);
  for (unsigned i = 0; i < 8; i++) mac_[8 + i] = i < 4 ? 0 : static_cast<uint8_t>(textSize_ >> (56U - 8U * i));
  counterBlock(hiding_, 0);
  aes_.encrypt(mac_, hiding_);
  macFill_ = 0;
}

// Enc_structure of RFC 9052 section 5.3: ["Encrypt0", protected, h''].
void Encrypt0Decoder::authenticate(const Encrypt0Headers& headers) {
  uint8_t encoded[16 + protectedMax];
  CborWriter writer(encoded);
  writer.putArray(3);
  writer.putText("Encrypt0");
  writer.putBytes(headers.protectedHeaders);
  writer.putBytes(ByteSpan());
  hashedHeaders_ = static_cast<uint32_t>(writer.size());
  if (cipher_ == PayloadCipher::ccm) {
    absorb(static_cast<uint8_t>(hashedHeaders_ >> 8U));
    absorb(static_cast<uint8_t>(hashedHeaders_));
  }
  for (uint32_t i = 0; i < hashedHeaders_; i++) absorb(encoded[i]);
  while (macFill_ != 0) absorb(0);
}

// One byte of what the tag covers. A block that is whole goes into the hash or the chain.
void Encrypt0Decoder::absorb(uint8_t byte) {
  mac_[macFill_] = static_cast<uint8_t>(mac_[macFill_] ^ byte);
  if (++macFill_ < aesBlock) return;
  macFill_ = 0;
  if (cipher_ == PayloadCipher::gcm) {
    ghash_.add(mac_);
    std::memset(mac_, 0, sizeof mac_);
  } else {
    uint8_t unused[aesBlock] = {};
    aes_.encrypt(mac_, unused);
  }
}

void Encrypt0Decoder::counterBlock(uint8_t* out, uint32_t number) const {
  std::memset(out, 0, aesBlock);
  if (cipher_ == PayloadCipher::gcm) {
    std::memcpy(out, nonce_, gcmNonce);
  } else {
    out[0] = ccmCounterFlags;
    std::memcpy(out + 1, nonce_, ccmNonce);
  }
  for (unsigned i = 0; i < 4; i++) out[12 + i] = static_cast<uint8_t>(number >> (24U - 8U * i));
}

// Two blocks of key stream at once, which the cipher makes anyway.
void Encrypt0Decoder::nextStream() {
  const uint32_t block = place_ / aesBlock & ~1U;
  const uint32_t first = cipher_ == PayloadCipher::gcm ? 2 : 1;
  counterBlock(stream_, first + block);
  counterBlock(stream_ + aesBlock, first + block + 1);
  aes_.encrypt(stream_, stream_ + aesBlock);
}

Status Encrypt0Decoder::feed(ByteSpan bytes, size_t& taken) {
  taken = 0;
  if (failure_ != Status::ok) return failure_;
  const uint32_t turnEnd = textSize_ - place_ < turnMax ? textSize_ : place_ + turnMax;
  while (place_ < textSize_ && taken < bytes.size() && place_ < turnEnd) {
    size_t count = bytes.size() - taken;
    if (count > turnEnd - place_) count = turnEnd - place_;
    if (count > pieceSize) count = pieceSize;
    for (size_t i = 0; i < count; i++) {
      const uint32_t within = place_ % (2 * aesBlock);
      if (within == 0) nextStream();
      const uint8_t cipherByte = bytes[taken + i];
      piece_[i] = static_cast<uint8_t>(cipherByte ^ stream_[within]);
      if (begin_ == 0) absorb(cipher_ == PayloadCipher::gcm ? cipherByte : piece_[i]);
      place_++;
    }
    taken += count;
    failure_ = sink_->put(ByteSpan(piece_, count));
    CX_TRY(failure_);
  }
  while (place_ >= textSize_ && place_ < textSize_ + tagSize_ && taken < bytes.size()) {
    tag_[place_++ - textSize_] = bytes[taken++];
  }
  if (place_ == textSize_ + tagSize_ && taken < bytes.size()) failure_ = Status::malformed;
  return failure_;
}

Status Encrypt0Decoder::finish() {
  CX_TRY(failure_);
  if (place_ != textSize_ + tagSize_) return failure_ = Status::malformed;
  if (begin_ > 0) return Status::ok;
  uint8_t right[aesBlock];
  rightTag(right);
  unsigned difference = 0;
  for (size_t i = 0; i < tagSize_; i++) difference |= static_cast<unsigned>(right[i] ^ tag_[i]);
  failure_ = Status::closed;  // the chain is used up
  return difference == 0 ? Status::ok : failure_ = Status::malformed;
}

void Encrypt0Decoder::rightTag(uint8_t* out) {
  while (macFill_ != 0) absorb(0);
  if (cipher_ == PayloadCipher::gcm) {
    // SP 800-38D section 7.1: the lengths in bits, each in 64.
    uint8_t lengths[aesBlock] = {};
    for (unsigned i = 0; i < 5; i++) {
      lengths[3 + i] = static_cast<uint8_t>(static_cast<uint64_t>(hashedHeaders_) * 8 >> (32U - 8U * i));
      lengths[11 + i] = static_cast<uint8_t>(static_cast<uint64_t>(textSize_) * 8 >> (32U - 8U * i));
    }
    ghash_.add(lengths);
    std::memcpy(out, ghash_.value(), aesBlock);
  } else {
    std::memcpy(out, mac_, aesBlock);
  }
  for (unsigned i = 0; i < aesBlock; i++) out[i] = static_cast<uint8_t>(out[i] ^ hiding_[i]);
}

bool Encrypt0Decoder::checkpoint(PayloadCheckpoint& out) const {
  if (failure_ != Status::ok || place_ == 0 || place_ > textSize_) return false;
  out.payloadOffset = out.imageOffset = place_;
  out.state.clear();
  return true;
}

}  // namespace cx
