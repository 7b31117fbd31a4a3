#include "cbor_real.hpp"

namespace cx {

namespace {
constexpr uint64_t mask(unsigned bits) { return (uint64_t{1} << bits) - 1U; }
}  // namespace

NarrowReal narrowReal(uint64_t binary64, RealFormat format) {
  const uint64_t sign = (binary64 >> 63U) << (format.exponentBits + format.mantissaBits);
  const unsigned biased = static_cast<unsigned>(binary64 >> 52U & 0x7FFU);
  const uint64_t mantissa = binary64 & mask(52);
  const unsigned drop = 52 - format.mantissaBits;
  if (biased == 0x7FFU) {
    return {(mantissa & mask(drop)) == 0, sign | mask(format.exponentBits) << format.mantissaBits | mantissa >> drop};
  }
  if (biased == 0) return {mantissa == 0, sign};
  const int exponent = static_cast<int>(biased) - 1023;
  if (exponent > format.bias) return {false, 0};
  if (exponent >= 1 - format.bias) {
    const auto field = static_cast<uint64_t>(exponent + format.bias);
    return {(mantissa & mask(drop)) == 0, sign | field << format.mantissaBits | mantissa >> drop};
  }
  const unsigned down = static_cast<unsigned>(1 - format.bias - exponent);  // subnormal there
  if (down > format.mantissaBits) return {false, 0};
  const uint64_t full = mantissa | uint64_t{1} << 52U;
  return {(full & mask(drop + down)) == 0, sign | full >> (drop + down)};
}

uint64_t widenReal(uint64_t bits, RealFormat format) {
  const uint64_t sign = (bits >> (format.exponentBits + format.mantissaBits) & 1U) << 63U;
  const uint64_t field = bits >> format.mantissaBits & mask(format.exponentBits);
  uint64_t mantissa = bits & mask(format.mantissaBits);
  const unsigned up = 52 - format.mantissaBits;
  if (field == mask(format.exponentBits)) return sign | uint64_t{0x7FF} << 52U | mantissa << up;
  if (field != 0) return sign | static_cast<uint64_t>(static_cast<int>(field) - format.bias + 1023) << 52U | mantissa << up;
  if (mantissa == 0) return sign;
  int exponent = 1 - format.bias;
  while (mantissa >> format.mantissaBits == 0) {
    mantissa <<= 1U;
    exponent--;
  }
  return sign | static_cast<uint64_t>(exponent + 1023) << 52U | (mantissa & mask(format.mantissaBits)) << up;
}

}  // namespace cx
