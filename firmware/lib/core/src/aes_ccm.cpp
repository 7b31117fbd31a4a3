#include "aes_ccm.hpp"

#include <cstring>

#include "aes_pair.hpp"

namespace cx {

namespace {

constexpr uint8_t authFlags = 0x19;    // 2-byte length (L' = 1), 8-byte tag (M' = 3): SP 800-38C appendix A.2.1, RFC 3610 section 2.2
constexpr uint8_t hasAadFlag = 0x40;
constexpr uint8_t counterFlags = 0x01;

// The tag's chain and the key stream, a block of each at a time.
class Ccm {
 public:
  Ccm(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, uint32_t aadSize, uint32_t size) : cipher_(key) {
    mac_[0] = static_cast<uint8_t>(authFlags | (aadSize > 0 ? hasAadFlag : 0U));
    std::memcpy(mac_ + 1, nonce, hal::aeadNonceSize);
    mac_[14] = static_cast<uint8_t>(size >> 8U);
    mac_[15] = static_cast<uint8_t>(size);
    std::memcpy(nonce_, nonce, sizeof nonce_);
    step();  // the first block of the chain, and the one that hides the tag
    std::memcpy(hiding_, stream_, sizeof hiding_);
    if (aadSize == 0) return;
    mac_[0] = static_cast<uint8_t>(mac_[0] ^ aadSize >> 8U);
    mac_[1] = static_cast<uint8_t>(mac_[1] ^ aadSize);
    uint32_t at = 2;
    for (uint32_t i = 0; i < aadSize; i++) {
      mac_[at] = static_cast<uint8_t>(mac_[at] ^ aad[i]);
      if (++at < aesBlock && i + 1 < aadSize) continue;
      at = 0;
      uint8_t unused[aesBlock] = {};
      cipher_.encrypt(mac_, unused);
    }
  }

  void seal(uint8_t* data, uint32_t size) {
    for (uint32_t done = 0; done < size; done += aesBlock) {
      const uint32_t part = size - done < aesBlock ? size - done : static_cast<uint32_t>(aesBlock);
      absorb(data + done, part);
      step();
      apply(data + done, part);
    }
  }

  void open(uint8_t* data, uint32_t size) {
    if (size == 0) return;
    // The chain can't go on before the first plaintext is known: this step is for the key stream alone.
    uint8_t chained[aesBlock];
    std::memcpy(chained, mac_, sizeof chained);
    step();
    std::memcpy(mac_, chained, sizeof mac_);
    for (uint32_t done = 0; done < size; done += aesBlock) {
      const uint32_t part = size - done < aesBlock ? size - done : static_cast<uint32_t>(aesBlock);
      apply(data + done, part);
      absorb(data + done, part);
      step();
    }
  }

  void tag(uint8_t* out) const {
    for (uint32_t i = 0; i < hal::aeadTagSize; i++) out[i] = static_cast<uint8_t>(mac_[i] ^ hiding_[i]);
  }

 private:
  void absorb(const uint8_t* data, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) mac_[i] = static_cast<uint8_t>(mac_[i] ^ data[i]);
  }
  void apply(uint8_t* data, uint32_t size) const {
    for (uint32_t i = 0; i < size; i++) data[i] = static_cast<uint8_t>(data[i] ^ stream_[i]);
  }
  void step() {
    stream_[0] = counterFlags;
    std::memcpy(stream_ + 1, nonce_, sizeof nonce_);
    stream_[14] = static_cast<uint8_t>(counter_ >> 8U);
    stream_[15] = static_cast<uint8_t>(counter_);
    counter_++;
    cipher_.encrypt(mac_, stream_);
  }

  AesPair cipher_;
  uint8_t nonce_[hal::aeadNonceSize];
  uint8_t mac_[aesBlock];
  uint8_t stream_[aesBlock];
  uint8_t hiding_[aesBlock];
  uint32_t counter_ = 0;
};

}  // namespace

void SoftwareAead::seal(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, uint32_t aadSize, uint8_t* data, uint32_t size,
                        uint8_t* tag) {
  Ccm ccm(key, nonce, aad, aadSize, size);
  ccm.seal(data, size);
  ccm.tag(tag);
}

bool SoftwareAead::open(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, uint32_t aadSize, uint8_t* data, uint32_t size,
                        const uint8_t* tag) {
  Ccm ccm(key, nonce, aad, aadSize, size);
  ccm.open(data, size);
  uint8_t right[hal::aeadTagSize];
  ccm.tag(right);
  unsigned difference = 0;
  for (uint32_t i = 0; i < hal::aeadTagSize; i++) difference |= static_cast<unsigned>(right[i] ^ tag[i]);
  return difference == 0;
}

}  // namespace cx
