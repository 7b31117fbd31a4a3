#include "check.hpp"
#include "decimal.hpp"
#include "random.hpp"

using namespace cx;

namespace {

bool formatsAs(Decimal value, std::string_view text) {
  FixedText<decimalTextMax> out;
  formatDecimal(value, out);
  return out.view() == text;
}

bool parsesAs(std::string_view text, int64_t mantissa, uint8_t places) {
  const Expected<Decimal> value = parseDecimal(text);
  return value && value->mantissa == mantissa && value->places == places;
}

}  // namespace

TEST("a decimal is written without an exponent or trailing zeros") {
  CHECK(formatsAs({0, 0}, "0"));
  CHECK(formatsAs({0, 3}, "0"));
  CHECK(formatsAs({255, 1}, "25.5"));
  CHECK(formatsAs({-255, 1}, "-25.5"));
  CHECK(formatsAs({-5, 2}, "-0.05"));
  CHECK(formatsAs({2500, 2}, "25"));
  CHECK(formatsAs({1, 9}, "0.000000001"));
  CHECK(formatsAs({INT64_MIN, 0}, "-9223372036854775808"));
  CHECK(formatsAs({INT64_MIN, 9}, "-9223372036.854775808"));
  CHECK(formatsAs({INT64_MAX, 9}, "9223372036.854775807"));
}

TEST("text that isn't a JSON number is refused") {
  for (const char* text : {"", "-", "+1", "01", ".5", "1.", "1e", "1e+", "0x1", "1 ", " 1", "1.2.3", "--1", "NaN", "Infinity", "1e5x"}) {
    CHECK(parseDecimal(text).status() == Status::malformed);
  }
  for (const char* text : {"9223372036854775808", "1e19", "123456789012345678901234", "1e9999"}) {
    CHECK(parseDecimal(text).status() == Status::tooLarge);
  }
}

TEST("JSON numbers are read, exponents applied, and digits beyond nine places rounded") {
  CHECK(parsesAs("0", 0, 0));
  CHECK(parsesAs("-0", 0, 0));
  CHECK(parsesAs("25.5", 255, 1));
  CHECK(parsesAs("-25.50", -2550, 2));
  CHECK(parsesAs("2.5e1", 25, 0));
  CHECK(parsesAs("2.5E+2", 250, 0));
  CHECK(parsesAs("25e-1", 25, 1));
  CHECK(parsesAs("0.0000000005", 1, 9));
  CHECK(parsesAs("0.00000000049", 0, 0));
  CHECK(parsesAs("1e-400", 0, 0));
  CHECK(parsesAs("0e9999", 0, 0));
  CHECK(parsesAs("9223372036854775807", INT64_MAX, 0));
  CHECK(parseDecimal("3.14159265358979323846").valueOr({}) == (Decimal{3141592654, 9}));
}

TEST("rounding is half away from zero and never grows the mantissa") {
  CHECK(rounded({255, 1}, 0).mantissa == 26);
  CHECK(rounded({-255, 1}, 0).mantissa == -26);
  CHECK(rounded({254, 1}, 0).mantissa == 25);
  CHECK(rounded({INT64_MIN, 9}, 0).mantissa == -9223372037);
  CHECK(scaled({255, 1}, 3).valueOr(0) == 25500);
  CHECK(scaled({25549, 3}, 1).valueOr(0) == 255);
  CHECK(scaled({INT64_MAX, 0}, 1).status() == Status::tooLarge);
  CHECK(scaled({1, 0}, 10).status() == Status::invalid);
}

TEST("a decimal becomes the nearest binary64, as other languages round it") {
  struct Case {
    Decimal value;
    uint64_t bits;
  };
  const Case cases[] = {
      {{1, 0}, 0x3FF0000000000000U},          {{-1, 0}, 0xBFF0000000000000U},
      {{255, 1}, 0x4039800000000000U},        {{1, 1}, 0x3FB999999999999AU},
      {{452, 1}, 0x404699999999999AU},        {{-452, 1}, 0xC04699999999999AU},
      {{3, 1}, 0x3FD3333333333333U},          {{1, 9}, 0x3E112E0BE826D695U},
      {{999999999, 9}, 0x3FEFFFFFFF768FA1U},  {{INT64_MAX, 0}, 0x43E0000000000000U},
      {{INT64_MIN, 0}, 0xC3E0000000000000U},  {{9007199254740993, 0}, 0x4340000000000000U},
      {{9007199254740995, 0}, 0x4340000000000002U}, {{123456789, 3}, 0x40FE240C9FBE76C9U},
      {{INT64_MAX, 9}, 0x42012E0BE826D695U},  {{0, 0}, 0},
  };
  for (const Case& item : cases) CHECK(toBinary64(item.value) == item.bits);
}

TEST("binary64 becomes a decimal again, and what has no decimal is refused") {
  CHECK(fromBinary64(0x4039800000000000U, 6).valueOr({}) == (Decimal{255, 1}));
  CHECK(fromBinary64(0xC04699999999999AU, 6).valueOr({}) == (Decimal{-452, 1}));
  CHECK(fromBinary64(0x3FD5555555555555U, 3).valueOr({}) == (Decimal{333, 3}));
  CHECK(fromBinary64(0x3FE5555555555555U, 3).valueOr({}) == (Decimal{667, 3}));
  CHECK(fromBinary64(0x3FE0000000000000U, 0).valueOr({}) == (Decimal{1, 0}));
  CHECK(fromBinary64(0xBFE0000000000000U, 0).valueOr({}) == (Decimal{-1, 0}));
  CHECK(fromBinary64(0x8000000000000000U, 3).valueOr({1, 0}) == (Decimal{0, 0}));
  CHECK(fromBinary64(0x0000000000000001U, 9).valueOr({1, 0}) == (Decimal{0, 0}));
  CHECK(fromBinary64(0x3F847AE147AE147BU, 9).valueOr({}) == (Decimal{1, 2}));
  CHECK(fromBinary64(0x7FF0000000000000U, 3).status() == Status::malformed);
  CHECK(fromBinary64(0x7FF8000000000000U, 3).status() == Status::malformed);
  CHECK(fromBinary64(0x43E0000000000000U, 3).status() == Status::tooLarge);
  CHECK(fromBinary64(0xC3E0000000000000U, 3).valueOr({}).mantissa == INT64_MIN);
}

TEST("decimals survive text and binary64 for many random values") {
  SeededRandom random(20261121);
  for (int i = 0; i < 3000; i++) {
    const auto places = static_cast<uint8_t>(random.below(10));
    const auto small = static_cast<int64_t>(random.next() >> (14U + random.below(45)));  // at most 15 digits survive binary64
    const Decimal value{(random.next() & 1U) != 0 ? small : -small, places};
    FixedText<decimalTextMax> text;
    formatDecimal(value, text);
    CHECK(parseDecimal(text.view()).valueOr({}) == value);
    if (small < 100000000000000) CHECK(fromBinary64(toBinary64(value), places).valueOr({}) == value);
    const uint64_t bits = random.next();
    (void)fromBinary64(bits, static_cast<uint8_t>(random.below(12))).status();
  }
}
