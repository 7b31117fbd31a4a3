#include "cbor.hpp"
#include "check.hpp"
#include "hex.hpp"
#include "random.hpp"

using namespace cx;

namespace {

// Reads everything by skip(), as an unknown property would be.
Status skimmed(std::string_view hex, CborProfile profile = CborProfile::ours) {
  const Hex<128> input(hex);
  CborReader reader(input.view(), profile);
  CX_TRY(reader.skip());
  return reader.finish();
}

bool realIs(std::string_view hex, uint64_t bits) {
  const Hex<16> input(hex);
  CborReader reader(input.view());
  uint64_t out = 0;
  return isOk(reader.readRealBits(out)) && out == bits && isOk(reader.finish());
}

}  // namespace

TEST("well-formed items in shortest form are read (RFC 8949 appendix A)") {
  for (const char* hex : {"00", "17", "1818", "1903e8", "1a000f4240", "1b000000e8d4a51000", "1bffffffffffffffff", "20", "3863", "3bffffffffffffffff",
                          "f90000", "f98000", "f93c00", "fb3ff199999999999a", "f93e00", "f97bff", "fa47c35000", "fa7f7fffff", "fb7e37e43c8800759c",
                          "f90001", "f90400", "f9c400", "fbc010666666666666", "f97c00", "f97e00", "f9fc00", "f4", "f5", "f6", "4401020304", "6449455446", "62225c", "62c3bc", "63e6b0b4", "64f0908591", "80", "83010203", "8301820203820405", "a0",
                          "a201020304", "a26161016162820203", "a56161614161626142616361436164614461656145", "98190102030405060708090a0b0c0d0e0f101112131415161718181819"}) {
    CHECK_EQ(skimmed(hex), Status::ok);
  }
}

TEST("every other encoding of the same values is refused") {
  for (const char* hex : {
           "1800", "1817", "190000", "1900ff", "1a0000ffff", "1b00000000ffffffff",  // longer than needed
           "3800", "5800", "7800", "9800", "b800", "d801f6",
           "fa3fc00000", "fb3ff8000000000000", "fb40f86a0000000000", "fa7fc00000", "fb7ff0000000000000",  // floats too
           "5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "bf61610161629f0203ffff", "ff",  // indefinite
           "1c", "1d", "1e", "1f", "3c", "5d", "7e", "9c", "bc", "dc", "fc", "fd", "fe",                    // reserved
           "f7", "f0", "f818", "f8ff", "e0",                                                                // undefined and simple
           "61ff", "62c328", "63eda080",                                                                    // not UTF-8
           "a2020401f6", "a201010102", "a2616201616102", "a2616101616102", "a220010003",                    // order and duplicates
           "a18001", "a1a001", "a1f401", "a1f601", "a1f93c0001", "a1c10001",                                // keys of other types
           "a1416101",
           "c1", "c1c100", "81c1", "a101c1", "c100", "f97e01", "f9fe00"}) {
    CHECK(skimmed(hex) != Status::ok);
  }
}

TEST("what is cut off or has too much behind it is refused") {
  for (const char* hex : {"", "18", "19ff", "1affffff", "1bffffffffffffff", "41", "4401", "61", "81", "8201", "a1", "a101", "f9", "fa00", "fb00",
                          "0000", "8000", "f600", "a00000", "5affffffff00", "7bffffffffffffffff61", "9affffffff00", "9bffffffffffffffff", "baffffffff0000", "bbffffffffffffffff"}) {
    CHECK_EQ(skimmed(hex), Status::malformed);
  }
}

TEST("nesting ends at eight") {
  CHECK_EQ(skimmed("818181818181818100"), Status::ok);
  CHECK_EQ(skimmed("81818181818181818100"), Status::tooLarge);
  CHECK_EQ(skimmed("a101a101a101a101a101a101a101a10100"), Status::ok);
  CHECK_EQ(skimmed("a101a101a101a101a101a101a101a101a10100"), Status::tooLarge);
  CHECK_EQ(skimmed("818181818181818180"), Status::tooLarge);
}

TEST("a tag is read only by who asks for it") {
  const Hex<8> input("d81800");
  CborReader reader(input.view());
  uint64_t tag = 0;
  uint64_t value = 1;
  CHECK_EQ(reader.peek(), CborType::tag);
  CHECK_EQ(reader.readTag(tag), Status::ok);
  CHECK_EQ(tag, 24U);
  CHECK_EQ(reader.finish(), Status::malformed);
  CHECK_EQ(reader.readUint(value), Status::ok);
  CHECK_EQ(reader.finish(), Status::ok);
}

TEST("foreign maps may come in any order, with wide floats") {
  CHECK_EQ(skimmed("fa3fc00000", CborProfile::foreign), Status::ok);
  CHECK_EQ(skimmed("a2020401f6", CborProfile::foreign), Status::ok);
  CHECK_EQ(skimmed("a2020401f6", CborProfile::ours), Status::malformed);
}

TEST("a map is read key by key, its end found without being told") {
  const Hex<64> input("a40119012c0263746f6b03820120206161f5");
  CborReader reader(input.view(), CborProfile::foreign);
  uint32_t pairs = 0;
  CHECK_EQ(reader.readMap(pairs), Status::ok);
  CHECK_EQ(pairs, 4U);
  uint32_t key = 0;
  uint32_t number = 0;
  CHECK_EQ(reader.readUint(key), Status::ok);
  CHECK_EQ(reader.readUint(number), Status::ok);
  CHECK_EQ(number, 300U);
  std::string_view text;
  CHECK_EQ(reader.readUint(key), Status::ok);
  CHECK_EQ(reader.readText(text, 3), Status::ok);
  CHECK(text == "tok");
  CHECK_EQ(reader.readUint(key), Status::ok);
  const size_t start = reader.position();
  CHECK_EQ(reader.skip(), Status::ok);
  CHECK(isHex(reader.since(start), "820120"));
  CHECK_EQ(reader.peek(), CborType::negativeInteger);
  int64_t negative = 0;
  CHECK_EQ(reader.readInt(negative), Status::ok);
  CHECK_EQ(negative, -1);
  CHECK_EQ(reader.finish(), Status::malformed);
  CHECK_EQ(reader.readText(text), Status::ok);
  CHECK_EQ(reader.finish(), Status::malformed);
}

TEST("a wrong type consumes nothing, so another may be tried") {
  const Hex<8> input("3903e7");
  CborReader reader(input.view());
  uint64_t positive = 0;
  bool flag = false;
  ByteSpan bytes;
  std::string_view text;
  uint32_t count = 0;
  CHECK_EQ(reader.readUint(positive), Status::mismatch);
  CHECK_EQ(reader.readBool(flag), Status::mismatch);
  CHECK_EQ(reader.readNull(), Status::mismatch);
  CHECK_EQ(reader.readBytes(bytes), Status::mismatch);
  CHECK_EQ(reader.readText(text), Status::mismatch);
  CHECK_EQ(reader.readMap(count), Status::mismatch);
  CHECK_EQ(reader.readArray(count), Status::mismatch);
  CHECK_EQ(reader.readTag(positive), Status::mismatch);
  CHECK_EQ(reader.readRealBits(positive), Status::mismatch);
  int32_t value = 0;
  CHECK_EQ(reader.readInt(value), Status::ok);
  CHECK_EQ(value, -1000);
  CHECK_EQ(reader.finish(), Status::ok);
}

TEST("numbers over the asked width and strings over the asked length are too large") {
  uint32_t small = 0;
  int32_t smallSigned = 0;
  int64_t wide = 0;
  std::string_view text;
  ByteSpan bytes;
  CHECK_EQ(CborReader(Hex<16>("1b0000000100000000").view()).readUint(small), Status::tooLarge);
  CHECK_EQ(CborReader(Hex<16>("1a80000000").view()).readInt(smallSigned), Status::tooLarge);
  CHECK_EQ(CborReader(Hex<16>("3a80000000").view()).readInt(smallSigned), Status::tooLarge);
  CHECK_EQ(CborReader(Hex<16>("3b8000000000000000").view()).readInt(wide), Status::tooLarge);
  CHECK_EQ(CborReader(Hex<16>("3b7fffffffffffffff").view()).readInt(wide), Status::ok);
  CHECK(wide == INT64_MIN);
  CHECK_EQ(CborReader(Hex<16>("626162").view()).readText(text, 1), Status::tooLarge);
  CHECK_EQ(CborReader(Hex<16>("426162").view()).readBytes(bytes, 1), Status::tooLarge);
}

TEST("floats of every width give their binary64") {
  CHECK(realIs("f93c00", 0x3FF0000000000000U));
  CHECK(realIs("f90001", 0x3E70000000000000U));
  CHECK(realIs("f903ff", 0x3F0FF80000000000U));
  CHECK(realIs("f98000", 0x8000000000000000U));
  CHECK(realIs("f97c00", 0x7FF0000000000000U));
  CHECK(realIs("fa00000001", 0x36A0000000000000U));
  CHECK(realIs("fa47c35000", 0x40F86A0000000000U));
  CHECK(realIs("fb404699999999999a", 0x404699999999999AU));
  Decimal value;
  CHECK_EQ(CborReader(Hex<16>("f94e60").view()).readDecimal(value), Status::ok);
  CHECK(value == (Decimal{255, 1}));
  CHECK_EQ(CborReader(Hex<16>("182a").view()).readDecimal(value), Status::ok);
  CHECK(value == Decimal::integer(42));
  CHECK_EQ(CborReader(Hex<16>("f97e00").view()).readDecimal(value), Status::malformed);
  CHECK_EQ(CborReader(Hex<16>("6161").view()).readDecimal(value), Status::mismatch);
}

TEST("random bytes never read past their end") {
  SeededRandom random(7);
  for (int i = 0; i < 20000; i++) {
    uint8_t bytes[24];
    const size_t size = random.below(sizeof bytes + 1);
    // Heads of containers and strings more often than chance gives them.
    for (size_t at = 0; at < size; at++) bytes[at] = random.below(3) == 0 ? static_cast<uint8_t>(random.below(8) << 5U | random.below(4)) : random.byte();
    CborReader reader(ByteSpan(bytes, size), (i & 1) != 0 ? CborProfile::foreign : CborProfile::ours);
    if (isOk(reader.skip()) && isOk(reader.finish())) CHECK_EQ(reader.position(), size);
  }
}
