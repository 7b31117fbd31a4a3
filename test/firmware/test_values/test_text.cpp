#include "check.hpp"
#include "hex.hpp"
#include "sha256.hpp"
#include "text.hpp"

using namespace cx;

TEST("a text writer stops at its end and stays whole") {
  char buffer[8];
  TextWriter writer(buffer, sizeof buffer);
  writer.put("abc").putUint(4096);
  CHECK(writer.status() == Status::ok);
  CHECK(writer.view() == "abc4096");
  writer.put('x');
  CHECK(writer.status() == Status::full);
  CHECK(writer.view() == "abc4096");
  CHECK(buffer[7] == '\0');
  TextWriter none(buffer, 0);
  CHECK(none.put("").put("x").status() == Status::full);
}

TEST("numbers, hex and padding are written") {
  char buffer[80];
  TextWriter writer(buffer, sizeof buffer);
  const uint8_t bytes[] = {0, 0xAB, 0xFF};
  writer.putUint(UINT64_MAX).put(' ').putInt(INT64_MIN).put(' ').putHex(bytes).put(' ').putPadded(7, 2).put(' ').putDecimal({-5, 1});
  CHECK(writer.view() == "18446744073709551615 -9223372036854775808 00abff 07 -0.5");
}

TEST("numbers that aren't whole decimal text are refused") {
  CHECK(parseUint("0").valueOr(9) == 0);
  CHECK(parseUint("18446744073709551615").valueOr(0) == UINT64_MAX);
  CHECK(parseUint("18446744073709551616").status() == Status::tooLarge);
  for (const char* text : {"", " 1", "1 ", "-1", "+1", "1a"}) CHECK(parseUint(text).status() == Status::malformed);
  CHECK(parseInt("-9223372036854775808").valueOr(0) == INT64_MIN);
  CHECK(parseInt("-9223372036854775809").status() == Status::tooLarge);
  CHECK(parseInt("-").status() == Status::malformed);
  uint8_t out[2];
  CHECK(parseHex("aBcD", out) == Status::ok);
  CHECK(out[0] == 0xAB && out[1] == 0xCD);
  CHECK(parseHex("abc", out) == Status::malformed);
  CHECK(parseHex("abcg", out) == Status::malformed);
}

TEST("overlong forms, surrogates and cut sequences aren't UTF-8") {
  for (const char* text : {"", "61", "c3a9", "e282ac", "f09f9a80", "ed9fbf", "ee8080", "f48fbfbf", "efbfbf"}) CHECK(isUtf8(Hex<8>(text).view()));
  for (const char* text : {"80", "c0af", "c1bf", "e08080", "e09fbf", "eda080", "edbfbf", "f0808080", "f08fbfbf", "f4908080", "f5808080", "c3", "e282", "f09f9a", "c328", "ff"}) {
    CHECK(!isUtf8(Hex<8>(text).view()));
  }
}

TEST("fixed text and bytes keep their old content when the new doesn't fit") {
  FixedText<4> text;
  CHECK(text.assign("abcd") == Status::ok);
  CHECK(text.assign("abcde") == Status::tooLarge);
  CHECK(text.view() == "abcd");
  CHECK(text.append("e") == Status::tooLarge);
  text.assignCut("xyzzy");
  CHECK(text.view() == "xyzz");
  FixedBytes<2> bytes;
  CHECK(bytes.append(asBytes("ab")) == Status::ok);
  CHECK(bytes.append(asBytes("c")) == Status::tooLarge);
  CHECK(!bytes.resize(3));
  CHECK_EQ(bytes.size(), 2U);
  CHECK(slice("abc", 5).empty());
  CHECK(slice("abc", 1, 9) == "bc");
}

TEST("SHA-256 gives the digests of FIPS 180-4, in any division of the input") {
  uint8_t digest[32];
  Sha256 hash;
  hash.finish(digest);
  CHECK(isHex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  hash.reset();
  hash.update(asBytes("abc"));
  hash.finish(digest);
  CHECK(isHex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  const std::string_view two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  for (size_t cut = 0; cut <= two.size(); cut++) {
    hash.reset();
    hash.update(asBytes(slice(two, 0, cut)));
    hash.update(asBytes(slice(two, cut)));
    hash.finish(digest);
    CHECK(isHex(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
  }
  hash.reset();
  static const uint8_t many[1000] = {};
  for (int i = 0; i < 1000; i++) hash.update(many);
  hash.finish(digest);
  CHECK(isHex(digest, "d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025"));  // a million zero bytes
}
