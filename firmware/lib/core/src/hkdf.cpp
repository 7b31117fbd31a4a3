#include "hkdf.hpp"

namespace cx {

namespace {

constexpr size_t hashBlock = 64;

class Hmac {
 public:
  explicit Hmac(ByteSpan key) {
    if (key.size() > hashBlock) {
      hash_.update(key);
      hash_.finish(pad_);
      hash_.reset();
    } else if (!key.empty()) {
      std::memcpy(pad_, key.data(), key.size());
    }
    for (uint8_t& byte : pad_) byte = static_cast<uint8_t>(byte ^ 0x36U);
    hash_.update(pad_);
  }
  void update(ByteSpan bytes) { hash_.update(bytes); }
  void finish(uint8_t* out) {
    hash_.finish(out);
    for (uint8_t& byte : pad_) byte = static_cast<uint8_t>(byte ^ 0x36U ^ 0x5CU);
    hash_.reset();
    hash_.update(pad_);
    hash_.update(ByteSpan(out, Sha256::digestSize));
    hash_.finish(out);
  }

 private:
  Sha256 hash_;
  uint8_t pad_[hashBlock] = {};
};

}  // namespace

void hmacSha256(ByteSpan key, ByteSpan message, uint8_t* out) {
  Hmac hmac(key);
  hmac.update(message);
  hmac.finish(out);
}

void hkdfSha256(ByteSpan salt, ByteSpan secret, ByteSpan info, MutableSpan out) {
  uint8_t key[Sha256::digestSize];
  hmacSha256(salt, secret, key);
  uint8_t block[Sha256::digestSize];
  Hmac hmac{ByteSpan(key)};
  hmac.update(info);
  const uint8_t number = 1;
  hmac.update(ByteSpan(&number, 1));
  hmac.finish(block);
  const size_t size = out.size() < sizeof block ? out.size() : sizeof block;
  if (size > 0) std::memcpy(out.data(), block, size);
}

}  // namespace cx
