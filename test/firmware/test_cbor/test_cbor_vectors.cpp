#include <cstdio>

#include "../generated/cbor_vectors.hpp"
#include "cbor.hpp"
#include "check.hpp"
#include "hex.hpp"

using namespace cx;

namespace {

// One item from the reader to the writer, read by its own type.
Status transcode(CborReader& reader, CborWriter& writer) {
  uint64_t number = 0;
  int64_t integer = 0;
  uint32_t count = 0;
  bool flag = false;
  ByteSpan bytes;
  std::string_view text;
  switch (reader.peek()) {
    case CborType::unsignedInteger:
      CX_TRY(reader.readUint(number));
      writer.putUint(number);
      return Status::ok;
    case CborType::negativeInteger: {
      const size_t start = reader.position();
      CborReader trial = reader;
      if (trial.readInt(integer) == Status::tooLarge) {
        CX_TRY(reader.skip());
        writer.putEncoded(reader.since(start));
        return Status::ok;
      }
      CX_TRY(reader.readInt(integer));
      writer.putInt(integer);
      return Status::ok;
    }
    case CborType::bytes:
      CX_TRY(reader.readBytes(bytes));
      writer.putBytes(bytes);
      return Status::ok;
    case CborType::text:
      CX_TRY(reader.readText(text));
      writer.putText(text);
      return Status::ok;
    case CborType::array:
    case CborType::map: {
      const bool isMap = reader.peek() == CborType::map;
      CX_TRY(isMap ? reader.readMap(count) : reader.readArray(count));
      isMap ? writer.putMap(count) : writer.putArray(count);
      for (uint32_t i = 0; i < (isMap ? count * 2 : count); i++) CX_TRY(transcode(reader, writer));
      return Status::ok;
    }
    case CborType::boolean:
      CX_TRY(reader.readBool(flag));
      writer.putBool(flag);
      return Status::ok;
    case CborType::null:
      CX_TRY(reader.readNull());
      writer.putNull();
      return Status::ok;
    case CborType::real:
      CX_TRY(reader.readRealBits(number));
      writer.putRealBits(number);
      return Status::ok;
    default: return Status::malformed;
  }
}

void expect(bool isSo, const char* name) {
  if (isSo) return;
  std::printf("  vector: %s\n", name);
  CHECK(isSo);
}

}  // namespace

TEST("every golden item is read and written back byte for byte, and passed over") {
  for (const vectors::CborVector& vector : vectors::cborGood) {
    const Hex<128> input(vector.hex);
    CborReader reader(input.view());
    uint8_t buffer[128];
    CborWriter writer(buffer);
    expect(isOk(transcode(reader, writer)) && isOk(reader.finish()), vector.name);
    expect(equal(writer.finish().valueOr(ByteSpan()), input.view()), vector.name);
    CborReader skipper(input.view());
    expect(isOk(skipper.skip()) && isOk(skipper.finish()), vector.name);
  }
}

TEST("every malformed twin is refused, read or passed over") {
  for (const vectors::CborVector& vector : vectors::cborMalformed) {
    const Hex<128> input(vector.hex);
    CborReader reader(input.view());
    uint8_t buffer[128];
    CborWriter writer(buffer);
    expect(!isOk(transcode(reader, writer)) || !isOk(reader.finish()), vector.name);
    CborReader skipper(input.view());
    expect(!isOk(skipper.skip()) || !isOk(skipper.finish()), vector.name);
  }
}
