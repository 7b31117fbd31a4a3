#include "check.hpp"
#include "json_reader.hpp"
#include "json_writer.hpp"
#include "random.hpp"

using namespace cx;

namespace {

Status skimmed(std::string_view text) {
  JsonReader reader(asBytes(text));
  CX_TRY(reader.skip());
  return reader.finish();
}

}  // namespace

TEST("JSON is checked to its end, also where it is only passed over") {
  for (const char* text : {"0", " [ ] ", "{}", "[1,-2.5e3,\"a\",true,false,null]", "{\"a\":{\"b\":[{}]},\"c\":\"\\u00e9\\ud83d\\ude80\\n\\/\"}", "[[[[[[[[1]]]]]]]]", "99999999999999999999999",
                           "{\"\":1}", "\"\xC3\xA9\""}) {
    CHECK_EQ(skimmed(text), Status::ok);
  }
  for (const char* text : {"", " ", "{", "[", "]", "}", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:2}", "{\"a\" 1}", "tru", "nul", "True", "01", "1.", "-", "+1",
                           "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\t\"", "\"\xC3\"", "1 2", "[] []", "{}x", "[1}", "{\"a\":1]", "'a'", "[nan]", "\xEF\xBB\xBF{}"}) {
    CHECK_EQ(skimmed(text), Status::malformed);
  }
  CHECK_EQ(skimmed("[[[[[[[[[1]]]]]]]]]"), Status::tooLarge);
}

TEST("members are pulled by name, unknown ones passed over") {
  JsonReader reader(asBytes(R"( {"update":"u-1", "x":[1,{"y":[]}], "size": 1024, "ok":true, "none":null, "temp":-4.25,
      "a-name-that-is-longer-than-any-name-we-know-about-and-must-not-break-anything":7} )"));
  CHECK_EQ(reader.enterObject(), Status::ok);
  FixedText<8> update;
  uint64_t size = 0;
  bool isTrue = false;
  Decimal temperature;
  int others = 0;
  std::string_view key;
  Status status = Status::ok;
  while (isOk(status = reader.nextKey(key))) {
    if (key == "update") {
      CHECK_EQ(reader.readText(update), Status::ok);
    } else if (key == "size") {
      CHECK_EQ(reader.readUint(size), Status::ok);
    } else if (key == "ok") {
      CHECK_EQ(reader.readBool(isTrue), Status::ok);
    } else if (key == "temp") {
      CHECK_EQ(reader.readDecimal(temperature), Status::ok);
    } else {
      others++;
      CHECK_EQ(reader.skip(), Status::ok);
    }
  }
  CHECK_EQ(status, Status::notFound);
  CHECK_EQ(reader.finish(), Status::ok);
  CHECK(update.view() == "u-1");
  CHECK(size == 1024 && isTrue && temperature == (Decimal{-425, 2}));
  CHECK_EQ(others, 3);
}

TEST("wrong types consume nothing and long texts are too large") {
  JsonReader reader(asBytes("[\"abcdef\",1.5]"));
  uint64_t number = 0;
  CHECK_EQ(reader.enterObject(), Status::mismatch);
  CHECK_EQ(reader.enterArray(), Status::ok);
  CHECK_EQ(reader.nextItem(), Status::ok);
  CHECK_EQ(reader.peek(), JsonType::string);
  CHECK_EQ(reader.readUint(number), Status::mismatch);
  CHECK_EQ(reader.readNull(), Status::mismatch);
  FixedText<6> text;
  CHECK_EQ(reader.readText(text), Status::ok);
  CHECK_EQ(reader.nextItem(), Status::ok);
  CHECK_EQ(reader.readUint(number), Status::malformed);
  JsonReader longer(asBytes("\"abcdef\""));
  FixedText<5> small;
  CHECK_EQ(longer.readText(small), Status::tooLarge);
}

TEST("the writer sets commas and escapes, and says when something lacks") {
  uint8_t buffer[128];
  JsonWriter writer(buffer);
  writer.beginObject().key("id").text("a\"b\\\n\x01").key("n").beginArray().uint(1).integer(-2).decimal({255, 1}).endArray();
  writer.key("t").boolean(true).key("z").null().key("o").beginObject().endObject().endObject();
  CHECK(asText(writer.finish().valueOr(ByteSpan())) == R"({"id":"a\"b\\\n\u0001","n":[1,-2,25.5],"t":true,"z":null,"o":{}})");
  CHECK_EQ(skimmed(asText(*writer.finish())), Status::ok);
  CHECK_EQ(JsonWriter(buffer).finish().status(), Status::invalid);
  CHECK_EQ(JsonWriter(buffer).beginArray().finish().status(), Status::invalid);
  CHECK_EQ(JsonWriter(buffer).beginObject().key("a").endObject().finish().status(), Status::invalid);
  CHECK_EQ(JsonWriter(buffer).uint(1).uint(2).finish().status(), Status::invalid);
  CHECK_EQ(JsonWriter(buffer).text("\xFF").finish().status(), Status::invalid);
  CHECK_EQ(JsonWriter(MutableSpan(buffer, 4)).text("abcd").finish().status(), Status::full);
}

TEST("random text never reads past its end") {
  static constexpr char alphabet[] = "{}[]\",:\\u0123456789ed.-+truefalsn \xC3\xA9";
  SeededRandom random(3);
  for (int i = 0; i < 20000; i++) {
    char text[24];
    const size_t size = random.below(sizeof text + 1);
    for (size_t at = 0; at < size; at++) text[at] = alphabet[random.below(sizeof alphabet - 1)];
    const Status status = skimmed(std::string_view(text, size));
    CHECK(status == Status::ok || status == Status::malformed || status == Status::tooLarge);
  }
}
