#include "cbor.hpp"
#include "check.hpp"
#include "hex.hpp"
#include "random.hpp"
#include "senml_writer.hpp"

using namespace cx;

TEST("the writer takes the shortest form of everything") {
  uint8_t buffer[128];
  CborWriter writer(buffer);
  writer.putArray(20);
  writer.putUint(0);
  writer.putUint(23);
  writer.putUint(24);
  writer.putUint(255);
  writer.putUint(256);
  writer.putUint(65536);
  writer.putUint(4294967296);
  writer.putInt(-1);
  writer.putInt(-25);
  writer.putInt(INT64_MIN);
  writer.putBool(true);
  writer.putBool(false);
  writer.putNull();
  writer.putText("ü");
  writer.putBytes(ByteSpan());
  writer.putDecimal({255, 1});
  writer.putDecimal({452, 1});
  writer.putDecimal({500, 2});
  writer.putTag(1);
  writer.putUint(7);
  writer.putMap(0);
  const Expected<ByteSpan> out = writer.finish();
  CHECK_EQ(out.status(), Status::ok);
  CHECK(isHex(*out, "940017181818ff1901001a000100001b00000001000000002038183b7ffffffffffffffff5f4f662c3bc40f94e60fb404699999999999a05c107a0"));
}

TEST("a buffer that is too small is full at every length, and never overrun") {
  uint8_t buffer[40];
  for (size_t size = 0; size < 24; size++) {
    for (uint8_t& byte : buffer) byte = 0xEE;
    CborWriter writer(MutableSpan(buffer, size));
    writer.putMap(2);
    writer.putUint(1);
    writer.putText("abcdef");
    writer.putUint(2);
    writer.putDecimal({1, 1});
    const Expected<ByteSpan> out = writer.finish();
    CHECK_EQ(out.status(), size < 19 ? Status::full : Status::ok);
    for (size_t at = size; at < sizeof buffer; at++) CHECK(buffer[at] == 0xEE);
  }
}

TEST("items that lack or are too many are the caller's mistake and are said") {
  uint8_t buffer[32];
  CHECK_EQ(CborWriter(buffer).finish().status(), Status::invalid);
  CborWriter lacking(buffer);
  lacking.putArray(2);
  lacking.putUint(1);
  CHECK_EQ(lacking.finish().status(), Status::invalid);
  CborWriter tooMany(buffer);
  tooMany.putArray(1);
  tooMany.putUint(1);
  tooMany.putUint(2);
  CHECK_EQ(tooMany.finish().status(), Status::invalid);
  CborWriter tagged(buffer);
  tagged.putTag(1);
  CHECK_EQ(tagged.finish().status(), Status::invalid);
  CborWriter text(buffer);
  text.putText("\xC3");
  CHECK_EQ(text.finish().status(), Status::invalid);
  CborWriter deep(buffer);
  for (int i = 0; i < 9; i++) deep.putArray(1);
  CHECK_EQ(deep.finish().status(), Status::tooLarge);
}

TEST("what the writer makes of random decimals the reader takes back") {
  SeededRandom random(99);
  for (int i = 0; i < 3000; i++) {
    const Decimal value{static_cast<int64_t>(random.next() >> (16U + random.below(40))), static_cast<uint8_t>(random.below(7))};
    uint8_t buffer[16];
    CborWriter writer(buffer);
    writer.putDecimal(value);
    const Expected<ByteSpan> out = writer.finish();
    CHECK_EQ(out.status(), Status::ok);
    CborReader reader(*out);
    Decimal back;
    CHECK_EQ(reader.readDecimal(back, value.places), Status::ok);
    if (value.mantissa < 100000000000000) CHECK(back == value);
  }
}

TEST("a SenML pack is written as JSON and as CBOR (RFC 8428)") {
  uint8_t buffer[256];
  SenmlWriter json(buffer, SenmlFormat::json, 3, "n1/", 1700000000);
  json.add("temperature", "Cel", {235, 1});
  json.addBool("relay", true, -5);
  json.addText("state", "ok");
  CHECK(asText(json.finish().valueOr(ByteSpan())) ==
        R"([{"bn":"n1/","bt":1700000000,"n":"temperature","u":"Cel","v":23.5},{"n":"relay","vb":true,"t":-5},{"n":"state","vs":"ok"}])");
  SenmlWriter cbor(buffer, SenmlFormat::cbor, 2, "n1/", 1700000000);
  cbor.add("t", "Cel", {235, 1});
  cbor.addBool("r", true, -5);
  const Expected<ByteSpan> out = cbor.finish();
  CHECK(isHex(out.valueOr(ByteSpan()), "82a50061740163" "43656c" "02f94de0" "21636e312f" "221a6553f100" "a3006172" "04f5" "0624"));
  CborReader reader(*out);
  CHECK_EQ(reader.skip(), Status::ok);
  SenmlWriter lacking(buffer, SenmlFormat::cbor, 2, "", 0);
  lacking.add("t", "", {1, 0});
  CHECK_EQ(lacking.finish().status(), Status::invalid);
}
