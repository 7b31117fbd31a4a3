// Numbers with a fraction, without floating point: the ESP8266's compiler here has no soft-float, and a sensor's value
// is a count of its resolution anyway.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "span.hpp"
#include "status.hpp"

namespace cx {

constexpr uint8_t decimalPlacesMax = 9;

// mantissa / 10^places: 25.5 is {255, 1}.
struct Decimal {
  int64_t mantissa = 0;
  uint8_t places = 0;

  static constexpr Decimal integer(int64_t value) { return Decimal{value, 0}; }
  static constexpr Decimal tenths(int64_t value) { return Decimal{value, 1}; }
  static constexpr Decimal hundredths(int64_t value) { return Decimal{value, 2}; }
  static constexpr Decimal thousandths(int64_t value) { return Decimal{value, 3}; }
};

// Value comparison: 2.50 equals 2.5.
bool operator==(const Decimal& left, const Decimal& right);

// The same value without trailing zeros in the fraction: {2500, 3} becomes {25, 1}.
Decimal normalized(Decimal value);
// Rounded half away from zero to at most `places`; saturates nothing: the mantissa only shrinks or stays.
Decimal rounded(Decimal value, uint8_t places);
// The value as mantissa at exactly `places` (0..9), rounded; tooLarge when it doesn't fit.
Expected<int64_t> scaled(Decimal value, uint8_t places);

// Nearest IEEE 754 binary64 (ties to even), as bits, by integer arithmetic alone.
uint64_t toBinary64(Decimal value);
// Rounded half away from zero to `places`; malformed: NaN or infinite; tooLarge: over int64.
Expected<Decimal> fromBinary64(uint64_t bits, uint8_t places);

// Longest text: sign, 19 digits, point.
constexpr size_t decimalTextMax = 22;
// "-12.5", "0.25", "7"; no exponent, no trailing zeros: valid JSON.
void formatDecimal(Decimal value, FixedText<decimalTextMax>& out);
// JSON number syntax, exponents included; digits beyond `decimalPlacesMax` places are rounded. malformed, tooLarge.
Expected<Decimal> parseDecimal(std::string_view text);

}  // namespace cx
