#include "aes_pair.hpp"

#include <cstring>
#include <initializer_list>

namespace cx {

namespace {

// Bit i of all 32 bytes: byte p of the first block at position p, of the second at 16 + p. Byte 4c + r is row r of column c.
struct Slices {
  uint32_t bit[8];
};

void pack(const uint8_t* one, const uint8_t* other, Slices& out) {
  std::memset(&out, 0, sizeof out);
  for (unsigned p = 0; p < aesBlock; p++) {
    for (unsigned i = 0; i < 8; i++) {
      out.bit[i] |= (one[p] >> i & 1U) << p;
      out.bit[i] |= (other[p] >> i & 1U) << (p + aesBlock);
    }
  }
}

void unpack(const Slices& in, uint8_t* one, uint8_t* other) {
  for (unsigned p = 0; p < aesBlock; p++) {
    unsigned first = 0;
    unsigned second = 0;
    for (unsigned i = 0; i < 8; i++) {
      first |= (in.bit[i] >> p & 1U) << i;
      second |= (in.bit[i] >> (p + aesBlock) & 1U) << i;
    }
    one[p] = static_cast<uint8_t>(first);
    other[p] = static_cast<uint8_t>(second);
  }
}

// Modulo x^8 + x^4 + x^3 + x + 1.
void reduce(uint32_t (&product)[15], Slices& out) {
  for (unsigned k = 14; k >= 8; k--) {
    for (const unsigned down : {8U, 7U, 5U, 4U}) product[k - down] ^= product[k];
  }
  std::memcpy(out.bit, product, sizeof out.bit);
}

void multiply(const Slices& left, const Slices& right, Slices& out) {
  uint32_t product[15] = {};
  for (unsigned i = 0; i < 8; i++) {
    for (unsigned j = 0; j < 8; j++) product[i + j] ^= left.bit[i] & right.bit[j];
  }
  reduce(product, out);
}

void square(Slices& value, unsigned times) {
  for (; times > 0; times--) {
    uint32_t product[15] = {};
    for (unsigned i = 0; i < 8; i++) product[2 * i] = value.bit[i];
    reduce(product, value);
  }
}

// FIPS 197 section 5.1.1: the inverse, which is the 254th power and 0 for 0, then the affine map.
void substitute(Slices& value) {
  Slices two = value;
  square(two, 1);
  Slices three;
  multiply(two, value, three);
  Slices twelve = three;
  square(twelve, 2);
  Slices power;
  multiply(twelve, three, power);  // 15
  square(power, 4);                // 240
  multiply(power, twelve, power);  // 252
  multiply(power, two, power);     // 254
  constexpr unsigned constant = 0x63;
  for (unsigned i = 0; i < 8; i++) {
    uint32_t sum = power.bit[i] ^ (0U - (constant >> i & 1U));
    for (const unsigned up : {4U, 5U, 6U, 7U}) sum ^= power.bit[(i + up) & 7U];
    value.bit[i] = sum;
  }
}

// Row r moves r columns to the left: four positions each, within each half.
void shiftRows(Slices& value) {
  for (uint32_t& word : value.bit) {
    const uint32_t one = word & 0x22222222U;
    const uint32_t two = word & 0x44444444U;
    const uint32_t three = word & 0x88888888U;
    word = (word & 0x11111111U) | (one >> 4U & 0x0FFF0FFFU) | (one << 12U & 0xF000F000U) | (two >> 8U & 0x00FF00FFU) |
           (two << 8U & 0xFF00FF00U) | (three >> 12U & 0x000F000FU) | (three << 4U & 0xFFF0FFF0U);
  }
}

constexpr uint32_t rowUp(uint32_t word) { return (word >> 1U & 0x77777777U) | (word & 0x11111111U) << 3U; }
constexpr uint32_t twoRowsUp(uint32_t word) { return (word >> 2U & 0x33333333U) | (word & 0x33333333U) << 2U; }

// Each byte becomes 2a + 3b + c + d = 2(a + b) + b + (c + d) of its column.
void mixColumns(Slices& value) {
  Slices sums;
  for (unsigned i = 0; i < 8; i++) sums.bit[i] = value.bit[i] ^ rowUp(value.bit[i]);
  Slices out;
  for (unsigned i = 0; i < 8; i++) {
    uint32_t doubled = i > 0 ? sums.bit[i - 1] : 0;
    if (i == 0 || i == 1 || i == 3 || i == 4) doubled ^= sums.bit[7];
    out.bit[i] = doubled ^ rowUp(value.bit[i]) ^ twoRowsUp(sums.bit[i]);
  }
  value = out;
}

// The same key for both halves.
void addKey(Slices& value, const uint16_t* key) {
  for (unsigned i = 0; i < 8; i++) value.bit[i] ^= static_cast<uint32_t>(key[i]) << 16U | key[i];
}

}  // namespace

void AesPair::setKey(const uint8_t* key) {
  uint8_t round[aesBlock];
  std::memcpy(round, key, aesBlock);
  unsigned constant = 1;
  for (unsigned number = 0;; number++) {
    Slices slices;
    pack(round, round, slices);
    for (unsigned i = 0; i < 8; i++) keys_[number][i] = static_cast<uint16_t>(slices.bit[i]);
    if (number == rounds) break;
    uint8_t word[aesBlock] = {round[13], round[14], round[15], round[12]};
    uint8_t unused[aesBlock] = {};
    pack(word, unused, slices);
    substitute(slices);
    unpack(slices, word, unused);
    word[0] = static_cast<uint8_t>(word[0] ^ constant);
    constant = (constant << 1U) ^ (0x11BU & (0U - (constant >> 7U)));
    for (unsigned i = 0; i < aesBlock; i++) round[i] = static_cast<uint8_t>(round[i] ^ (i < 4 ? word[i] : round[i - 4]));
  }
  volatile uint8_t* const bytes = round;
  for (unsigned i = 0; i < aesBlock; i++) bytes[i] = 0;
}

AesPair::~AesPair() {
  volatile uint16_t* const slices = &keys_[0][0];
  for (size_t i = 0; i < sizeof keys_ / sizeof keys_[0][0]; i++) slices[i] = 0;
}

void AesPair::encrypt(uint8_t* one, uint8_t* other) const {
  Slices state;
  pack(one, other, state);
  addKey(state, keys_[0]);
  for (unsigned round = 1; round <= rounds; round++) {
    substitute(state);
    shiftRows(state);
    if (round < rounds) mixColumns(state);
    addKey(state, keys_[round]);
  }
  unpack(state, one, other);
}

}  // namespace cx
