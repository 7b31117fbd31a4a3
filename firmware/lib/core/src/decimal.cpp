#include "decimal.hpp"

namespace cx {

namespace {

constexpr uint64_t powersOfTen[decimalPlacesMax + 1] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
constexpr uint64_t int64Max = static_cast<uint64_t>(INT64_MAX);

constexpr uint64_t magnitude(int64_t value) {
  return value < 0 ? ~static_cast<uint64_t>(value) + 1U : static_cast<uint64_t>(value);
}

constexpr int64_t withSign(uint64_t magnitude, bool isNegative) {
  return static_cast<int64_t>(isNegative ? ~magnitude + 1U : magnitude);
}

// The sign bit of INT64_MIN has no positive twin, so a magnitude may be one larger when negative.
constexpr bool fits(uint64_t magnitude, bool isNegative) { return magnitude <= int64Max + (isNegative ? 1U : 0U); }

unsigned bitLength(uint64_t value) {
  unsigned length = 0;
  while (value != 0) {
    value >>= 1U;
    length++;
  }
  return length;
}

// binary64 of value * 2^exponent, `isInexact` telling that bits below were dropped. value is not 0 and the result is
// in the range of normal numbers, which holds for every Decimal.
uint64_t roundToBinary64(uint64_t value, int exponent, bool isInexact) {
  const int length = static_cast<int>(bitLength(value));
  const int shift = length - 53;
  uint64_t mantissa = value;
  int top = exponent + length - 1;
  if (shift > 0) {
    const uint64_t dropped = value & ((uint64_t{1} << static_cast<unsigned>(shift)) - 1U);
    const uint64_t half = uint64_t{1} << static_cast<unsigned>(shift - 1);
    mantissa = value >> static_cast<unsigned>(shift);
    if (dropped > half || (dropped == half && (isInexact || (mantissa & 1U) != 0))) mantissa++;
    if (mantissa >> 53U != 0) {
      mantissa >>= 1U;
      top++;
    }
  } else {
    mantissa <<= static_cast<unsigned>(-shift);
  }
  return static_cast<uint64_t>(top + 1023) << 52U | (mantissa & ((uint64_t{1} << 52U) - 1U));
}

}  // namespace

bool operator==(const Decimal& left, const Decimal& right) {
  const Decimal a = normalized(left);
  const Decimal b = normalized(right);
  return a.mantissa == b.mantissa && a.places == b.places;
}

Decimal normalized(Decimal value) {
  if (value.mantissa == 0) return Decimal{0, 0};
  while (value.places > 0 && value.mantissa % 10 == 0) {
    value.mantissa /= 10;
    value.places--;
  }
  return value;
}

Decimal rounded(Decimal value, uint8_t places) {
  if (value.places <= places) return value;
  const unsigned drop = value.places - places;
  if (drop > decimalPlacesMax) return Decimal{0, places};
  const uint64_t divisor = powersOfTen[drop];
  const uint64_t whole = magnitude(value.mantissa);
  const uint64_t result = whole / divisor + (whole % divisor >= divisor - whole % divisor ? 1U : 0U);
  return Decimal{withSign(result, value.mantissa < 0), places};
}

Expected<int64_t> scaled(Decimal value, uint8_t places) {
  if (places > decimalPlacesMax || value.places > decimalPlacesMax) return Status::invalid;
  const Decimal short_ = rounded(value, places);
  const uint64_t factor = powersOfTen[places - short_.places];
  const bool isNegative = short_.mantissa < 0;
  const uint64_t whole = magnitude(short_.mantissa);
  if (whole > (int64Max + 1U) / factor) return Status::tooLarge;
  if (!fits(whole * factor, isNegative)) return Status::tooLarge;
  return withSign(whole * factor, isNegative);
}

uint64_t toBinary64(Decimal value) {
  const Decimal plain = normalized(value.places > decimalPlacesMax ? rounded(value, decimalPlacesMax) : value);
  if (plain.mantissa == 0) return 0;
  const uint64_t sign = plain.mantissa < 0 ? uint64_t{1} << 63U : 0;
  const uint64_t divisor = powersOfTen[plain.places];
  uint64_t quotient = magnitude(plain.mantissa) / divisor;
  uint64_t rest = magnitude(plain.mantissa) % divisor;
  int exponent = 0;
  // Long division, bit by bit, until the quotient has a guard bit more than the 53 that count, and a sticky rest.
  while (rest != 0 && quotient >> 54U == 0) {
    rest <<= 1U;
    quotient <<= 1U;
    if (rest >= divisor) {
      rest -= divisor;
      quotient |= 1U;
    }
    exponent--;
  }
  // A rest that is left only matters as "more than nothing": one more bit below says that.
  if (rest != 0 && quotient >> 63U == 0) {
    quotient = quotient << 1U | 1U;
    exponent--;
    rest = 0;
  }
  return sign | roundToBinary64(quotient, exponent, rest != 0);
}

Expected<Decimal> fromBinary64(uint64_t bits, uint8_t places) {
  const bool isNegative = bits >> 63U != 0;
  const unsigned biased = static_cast<unsigned>(bits >> 52U & 0x7FFU);
  uint64_t mantissa = bits & ((uint64_t{1} << 52U) - 1U);
  if (biased == 0x7FFU) return Status::malformed;
  if (biased == 0) return Decimal{0, 0};  // zero, and subnormals far below any place
  mantissa |= uint64_t{1} << 52U;
  const int exponent = static_cast<int>(biased) - 1075;
  if (exponent >= 0) {
    if (exponent > 11 || !fits(mantissa << static_cast<unsigned>(exponent), isNegative)) return Status::tooLarge;
    return Decimal{withSign(mantissa << static_cast<unsigned>(exponent), isNegative), 0};
  }
  unsigned shift = static_cast<unsigned>(-exponent);
  uint64_t whole = shift > 52 ? 0 : mantissa >> shift;
  uint64_t rest = shift > 52 ? mantissa : mantissa & ((uint64_t{1} << shift) - 1U);
  if (shift > 60) {  // the digits asked for are far above what is dropped here
    rest = shift - 60 > 63 ? 0 : rest >> (shift - 60);
    shift = 60;
  }
  unsigned digits = places > decimalPlacesMax ? decimalPlacesMax : places;
  while (digits > 0 && whole >= int64Max / powersOfTen[digits]) digits--;
  for (unsigned i = 0; i < digits; i++) {
    rest *= 10;
    whole = whole * 10 + (rest >> shift);
    rest &= (uint64_t{1} << shift) - 1U;
  }
  if (rest >= uint64_t{1} << (shift - 1U)) whole++;
  return normalized(Decimal{withSign(whole, isNegative && whole != 0), static_cast<uint8_t>(digits)});
}

void formatDecimal(Decimal value, FixedText<decimalTextMax>& out) {
  const Decimal plain = normalized(value.places > decimalPlacesMax ? rounded(value, decimalPlacesMax) : value);
  char text[decimalTextMax];
  size_t at = sizeof text;
  uint64_t rest = magnitude(plain.mantissa);
  for (unsigned i = 0; i < plain.places; i++) {
    text[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  if (plain.places > 0) text[--at] = '.';
  do {
    text[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (plain.mantissa < 0) text[--at] = '-';
  (void)out.assign(std::string_view(text + at, sizeof text - at));  // the capacity is the longest there is
}

Expected<Decimal> parseDecimal(std::string_view text) {
  size_t at = 0;
  const auto isDigit = [&](size_t index) { return index < text.size() && text[index] >= '0' && text[index] <= '9'; };
  const bool isNegative = !text.empty() && text[0] == '-';
  if (isNegative) at++;
  if (!isDigit(at)) return Status::malformed;
  if (text[at] == '0' && isDigit(at + 1)) return Status::malformed;
  uint64_t digits = 0;
  int places = 0;
  bool isFull = false;       // no further digit fits; in a fraction they are rounded away
  bool isRoundedUp = false;
  const auto take = [&](char character) {
    const auto digit = static_cast<unsigned>(character - '0');
    if (!isFull && digits > (int64Max - digit) / 10) {
      isFull = true;
      isRoundedUp = digit >= 5;
      return false;
    }
    if (isFull) return false;
    digits = digits * 10 + digit;
    return true;
  };
  for (; isDigit(at); at++) {
    if (!take(text[at])) return Status::tooLarge;
  }
  if (at < text.size() && text[at] == '.') {
    at++;
    if (!isDigit(at)) return Status::malformed;
    for (; isDigit(at); at++) {
      if (take(text[at])) places++;
    }
  }
  int exponent = 0;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    at++;
    const bool isDown = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) at++;
    if (!isDigit(at)) return Status::malformed;
    for (; isDigit(at); at++) {
      if (exponent < 10000) exponent = exponent * 10 + (text[at] - '0');
    }
    if (isDown) exponent = -exponent;
  }
  if (at != text.size()) return Status::malformed;
  if (isRoundedUp) digits++;
  if (digits == 0) return Decimal{0, 0};
  places -= exponent;
  for (; places < 0; places++) {
    if (digits > int64Max / 10) return Status::tooLarge;
    digits *= 10;
  }
  for (; places > static_cast<int>(decimalPlacesMax); places--) {
    const bool isLast = places == static_cast<int>(decimalPlacesMax) + 1;
    digits = digits / 10 + (isLast && digits % 10 >= 5 ? 1U : 0U);
    if (digits == 0) return Decimal{0, 0};
  }
  if (digits > int64Max) return Status::tooLarge;
  return Decimal{withSign(digits, isNegative), static_cast<uint8_t>(places)};
}

}  // namespace cx
