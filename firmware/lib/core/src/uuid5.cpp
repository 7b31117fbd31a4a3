#include "uuid5.hpp"

#include <cstring>

namespace cx {

namespace {

uint32_t rotate(uint32_t value, unsigned by) { return value << by | value >> (32U - by); }

// SHA-1 (FIPS 180-4), which UUIDs of version 5 are made with. For names alone: it keeps nobody from forging anything.
class Sha1 {
 public:
  void update(ByteSpan bytes) {
    for (const uint8_t byte : bytes) {
      block_[size_ % 64] = byte;
      if (++size_ % 64 == 0) step();
    }
  }
  void finish(uint8_t (&out)[20]) {
    const uint64_t bits = static_cast<uint64_t>(size_) * 8;
    const uint8_t one = 0x80, zero = 0;
    update(ByteSpan(&one, 1));
    while (size_ % 64 != 56) update(ByteSpan(&zero, 1));
    uint8_t length[8];
    for (unsigned i = 0; i < 8; ++i) length[i] = static_cast<uint8_t>(bits >> (56U - 8U * i));
    update(length);
    for (unsigned i = 0; i < 20; ++i) out[i] = static_cast<uint8_t>(state_[i / 4] >> (24U - 8U * (i % 4)));
  }

 private:
  void step() {
    // The schedule's last 16 words are all that is needed of it.
    uint32_t words[16];
    for (unsigned i = 0; i < 16; ++i) {
      words[i] = static_cast<uint32_t>(block_[4 * i]) << 24U | static_cast<uint32_t>(block_[4 * i + 1]) << 16U |
                 static_cast<uint32_t>(block_[4 * i + 2]) << 8U | block_[4 * i + 3];
    }
    uint32_t a = state_[0], b = state_[1], c = state_[2], d = state_[3], e = state_[4];
    for (unsigned i = 0; i < 80; ++i) {
      uint32_t& word = words[i % 16];
      if (i >= 16) word = rotate(words[(i + 13) % 16] ^ words[(i + 8) % 16] ^ words[(i + 2) % 16] ^ word, 1);
      const uint32_t mix = i < 20 ? ((b & c) | (~b & d)) + 0x5A827999U
                           : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1U
                           : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDCU
                                    : (b ^ c ^ d) + 0xCA62C1D6U;
      const uint32_t next = rotate(a, 5) + mix + e + word;
      e = d;
      d = c;
      c = rotate(b, 30);
      b = a;
      a = next;
    }
    state_[0] += a;
    state_[1] += b;
    state_[2] += c;
    state_[3] += d;
    state_[4] += e;
  }

  uint32_t state_[5] = {0x67452301U, 0xEFCDAB89U, 0x98BADCFEU, 0x10325476U, 0xC3D2E1F0U};
  uint8_t block_[64] = {};
  uint32_t size_ = 0;
};

}  // namespace

const uint8_t uuidOfDns[uuidSize] = {0x6B, 0xA7, 0xB8, 0x10, 0x9D, 0xAD, 0x11, 0xD1, 0x80, 0xB4, 0x00, 0xC0, 0x4F, 0xD4, 0x30, 0xC8};

void uuid5(const uint8_t* space, std::string_view name, uint8_t* out) {
  uint8_t digest[20];
  Sha1 hash;
  hash.update(ByteSpan(space, uuidSize));
  hash.update(asBytes(name));
  hash.finish(digest);
  std::memcpy(out, digest, uuidSize);
  out[6] = static_cast<uint8_t>((out[6] & 0x0FU) | 0x50U);
  out[8] = static_cast<uint8_t>((out[8] & 0x3FU) | 0x80U);
}

FixedText<36> uuidText(const uint8_t* uuid) {
  static constexpr char digits[] = "0123456789abcdef";
  char text[36];
  size_t at = 0;
  for (size_t i = 0; i < uuidSize; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = digits[uuid[i] >> 4U];
    text[at++] = digits[uuid[i] & 0x0FU];
  }
  FixedText<36> out;
  out.assignCut(std::string_view(text, sizeof text));
  return out;
}

}  // namespace cx
