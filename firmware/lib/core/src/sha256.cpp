#include "sha256.hpp"

#include <cstring>

namespace cx {

namespace {

// FIPS 180-4, section 4.2.2.
constexpr uint32_t roundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

constexpr uint32_t rotate(uint32_t value, unsigned count) { return value >> count | value << (32 - count); }

}  // namespace

void Sha256::reset() {
  static constexpr uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::memcpy(state_, start, sizeof state_);
  total_ = 0;
}

void Sha256::block(const uint8_t* bytes) {
  uint32_t window[16];  // the message schedule needs no more than its last 16 words
  uint32_t a = state_[0], b = state_[1], c = state_[2], d = state_[3];
  uint32_t e = state_[4], f = state_[5], g = state_[6], h = state_[7];
  for (unsigned i = 0; i < 64; i++) {
    uint32_t word;
    if (i < 16) {
      const uint8_t* at = bytes + i * 4;
      word = uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
    } else {
      const uint32_t w15 = window[(i + 1) & 15], w2 = window[(i + 14) & 15];
      word = window[i & 15] + window[(i + 9) & 15] + (rotate(w15, 7) ^ rotate(w15, 18) ^ w15 >> 3) +
             (rotate(w2, 17) ^ rotate(w2, 19) ^ w2 >> 10);
    }
    window[i & 15] = word;
    const uint32_t one = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + roundConstants[i] + word;
    const uint32_t two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + one;
    d = c;
    c = b;
    b = a;
    a = one + two;
  }
  const uint32_t add[8] = {a, b, c, d, e, f, g, h};
  for (unsigned i = 0; i < 8; i++) state_[i] += add[i];
}

void Sha256::update(ByteSpan bytes) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  size_t held = static_cast<size_t>(total_ % 64);
  total_ += left;
  if (held > 0) {
    const size_t take = left < 64 - held ? left : 64 - held;
    if (take > 0) std::memcpy(pending_ + held, at, take);
    at += take;
    left -= take;
    held += take;
    if (held < 64) return;
    block(pending_);
  }
  for (; left >= 64; at += 64, left -= 64) block(at);
  if (left > 0) std::memcpy(pending_, at, left);
}

void Sha256::finish(uint8_t* digest) {
  const uint64_t bits = total_ * 8;
  static constexpr uint8_t padding[64] = {0x80};
  const size_t held = static_cast<size_t>(total_ % 64);
  update(ByteSpan(padding, held < 56 ? 56 - held : 120 - held));
  uint8_t length[8];
  for (unsigned i = 0; i < 8; i++) length[i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  update(ByteSpan(length, sizeof length));
  for (unsigned i = 0; i < 8; i++) {
    for (unsigned byte = 0; byte < 4; byte++) digest[i * 4 + byte] = static_cast<uint8_t>(state_[i] >> (24 - 8 * byte));
  }
}

}  // namespace cx
