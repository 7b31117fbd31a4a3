#include "pack_host/board_line.hpp"

#include <string_view>

#include "json_reader.hpp"
#include "json_writer.hpp"

namespace cx::pack {
namespace {

constexpr uint8_t segmentsOfDigits[] = {0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f};

const char* readAmperes(JsonReader& json, BoardCurrents& currents) {
  if (!isOk(json.enterObject())) return "amperes isn't an object of grid, home, pool and heater";
  std::string_view key;
  for (;;) {
    const Status next = json.nextKey(key);
    if (next == Status::notFound) return nullptr;
    if (!isOk(next)) return "this isn't a JSON object";
    int32_t* const place = key == "grid" ? &currents.grid : key == "home" ? &currents.home : key == "pool" ? &currents.pool : key == "heater" ? &currents.heater : nullptr;
    if (place == nullptr) return "amperes knows grid, home, pool and heater";
    Decimal amperes;
    if (!isOk(json.readDecimal(amperes))) return "a current isn't a number";
    const Expected<int64_t> milli = scaled(amperes, 3);
    if (!milli || milli.value() < 0 || milli.value() > boardMilliamperesMax) return "a current isn't from 0 to 100 A: a CT has no sign";
    *place = static_cast<int32_t>(milli.value());
  }
}

size_t ended(const JsonWriter& json, MutableSpan out) {
  const Expected<ByteSpan> bytes = json.finish();
  if (!bytes || bytes.value().size() + 1 > out.size()) return 0;
  out[bytes.value().size()] = '\n';
  return bytes.value().size() + 1;
}

}  // namespace

const char* readBoardLine(ByteSpan line, BoardCurrents& currents, SocketWish& wish) {
  JsonReader json(line);
  if (!isOk(json.enterObject())) return "this isn't a JSON object";
  BoardCurrents now = currents;
  bool hasSocket = false;
  bool hasOn = false;
  SocketWish asked;
  std::string_view key;
  for (;;) {
    const Status next = json.nextKey(key);
    if (next == Status::notFound) break;
    if (!isOk(next)) return "this isn't a JSON object";
    if (key == "amperes") {
      const char* const fault = readAmperes(json, now);
      if (fault != nullptr) return fault;
    } else if (key == "socket") {
      uint64_t socket = 0;
      if (!isOk(json.readUint(socket)) || socket > 127) return "socket isn't a number from 0 to 127";
      asked.socket = static_cast<uint8_t>(socket);
      hasSocket = true;
    } else if (key == "on") {
      if (!isOk(json.readBool(asked.isOn))) return "on isn't true or false";
      hasOn = true;
    } else {
      return "a line has amperes, or socket and on";
    }
  }
  if (!isOk(json.finish())) return "this isn't one JSON object";
  if (hasSocket != hasOn) return "a wish for a socket has both: socket and on";
  currents = now;
  asked.isSet = hasSocket;
  if (hasSocket) wish = asked;
  return nullptr;
}

size_t writeRelaysLine(const Relays& relays, MutableSpan out) {
  JsonWriter json(out);
  json.beginObject().key("relays").beginObject();
  json.key("grid").boolean(relays.grid).key("output").boolean(relays.output);
  json.key("pump").boolean(relays.pump).key("heater").boolean(relays.heater);
  json.endObject().endObject();
  return ended(json, out);
}

void readDigits(const uint8_t (&digits)[3], char (&out)[4]) {
  for (int i = 0; i < 3; i++) {
    out[i] = digits[i] == 0 ? ' ' : '-';
    for (uint8_t value = 0; value < 10; value++) {
      if (digits[i] == segmentsOfDigits[value]) out[i] = static_cast<char>('0' + value);
    }
  }
  out[3] = '\0';
}

size_t writeLightsLine(const Pixel (&bar)[barPixels], const uint8_t (&digits)[3], const Leds& leds, MutableSpan out) {
  char pixels[barPixels + 1] = {};
  for (uint8_t i = 0; i < barPixels; i++) pixels[i] = bar[i].blue > 0 ? 'b' : bar[i].red > 0 ? 'r' : bar[i].green > 0 ? 'g' : '.';
  char text[4];
  readDigits(digits, text);
  JsonWriter json(out);
  json.beginObject().key("lights").beginObject().key("bar").text(pixels).key("digits").text(text);
  json.key("green").boolean(leds.green).key("yellow").boolean(leds.yellow).key("red").boolean(leds.red);
  json.endObject().endObject();
  return ended(json, out);
}

size_t writeErrorLine(const char* what, MutableSpan out) {
  JsonWriter json(out);
  json.beginObject().key("error").text(what).endObject();
  return ended(json, out);
}

}  // namespace cx::pack
