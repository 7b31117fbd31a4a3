// Strict CBOR (RFC 8949): definite lengths only, shortest form only, nesting of at most 8, strict UTF-8, map keys
// (integers within +-2^53 and texts) in ascending bytewise order without duplicates (section 4.2.1). The writer produces
// exactly what the reader accepts. Neither allocates; the reader's views point into the input. test/vectors/cbor.json
// holds this reader and the one in schemas/wire to the same cases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "decimal.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

constexpr uint32_t cborDepthMax = 8;  // arrays and maps open at once; deeper is Status::tooLarge

enum class CborType : uint8_t { unsignedInteger, negativeInteger, bytes, text, array, map, tag, boolean, null, undefined, real, end };

// `foreign` is for formats that ask for less (SenML): keys in any order, where duplicates are the caller's to refuse, and
// floats wider than they need to be.
enum class CborProfile : uint8_t { ours, foreign };

// Reads one item after the other. Each read either takes exactly one head (or one scalar) or fails; after a failure
// the position is unspecified and the input is to be dropped. A wrong type is Status::mismatch and consumes nothing,
// so that a reader may ask with peek() or try another type.
class CborReader {
 public:
  explicit CborReader(ByteSpan input, CborProfile profile = CborProfile::ours) : input_(input), profile_(profile) {}

  // The type of the next item; `end` at the end of the input.
  CborType peek() const;

  Status readUint(uint64_t& out);
  Status readUint(uint32_t& out);  // tooLarge: over 32 bits
  Status readInt(int64_t& out);    // either sign; tooLarge: outside of int64
  Status readInt(int32_t& out);
  Status readBool(bool& out);
  Status readNull();
  Status readText(std::string_view& out);  // a view into the input; malformed: not UTF-8
  Status readBytes(ByteSpan& out);         // a view into the input
  // A text or byte string over `maximum` bytes is tooLarge.
  Status readText(std::string_view& out, size_t maximum);
  Status readBytes(ByteSpan& out, size_t maximum);
  // Opens an array of `count` items or a map of `count` pairs; the items follow and close it by themselves.
  Status readArray(uint32_t& count);
  Status readMap(uint32_t& count);
  Status readTag(uint64_t& tag);
  // Any integer or float. Integers keep their value, floats are rounded to `places` decimal places (0..9), half away
  // from zero. NaN and infinities are malformed, magnitudes over int64 tooLarge.
  Status readDecimal(Decimal& out, uint8_t places = 6);
  // The bits of the float as IEEE 754 binary64; integers are a mismatch.
  Status readRealBits(uint64_t& bits);
  // One whole item with all inside it, checked as strictly as if it had been read. Tags are unsupported here: none of
  // our messages has one, and who knows a tag reads it.
  Status skip();
  // ok when everything was read and every array and map is complete; malformed when bytes follow or items lack.
  Status finish() const;

  size_t position() const { return position_; }
  // The bytes [from, position()): an item that was skipped and is to be kept encoded.
  ByteSpan since(size_t from) const { return input_.slice(from, position_ - from); }
  uint32_t depth() const { return depth_; }

 private:
  struct Head {
    uint8_t major = 0;
    uint8_t info = 0;
    uint64_t value = 0;
    size_t length = 0;  // bytes of the head
  };
  struct Level {
    uint32_t itemsLeft = 0;   // a map counts keys and values
    uint32_t keyStart = 0;    // encoded last key, for the order check
    uint32_t keyEnd = 0;
    bool isMap = false;
    bool hasKey = false;
  };

  Status readHead(Head& head) const;
  Status expect(uint8_t major, Head& head);
  Status open(uint8_t major, bool isMap, uint32_t& count);
  Status begin();                // an item may start here
  Status complete(size_t start);  // the item that started there has ended
  Status readString(uint8_t major, size_t maximum, ByteSpan& out);
  bool isAtKey() const { return depth_ > 0 && levels_[depth_ - 1].isMap && levels_[depth_ - 1].itemsLeft % 2 == 0; }

  ByteSpan input_;
  size_t position_ = 0;
  size_t pendingStart_ = 0;  // start of a tag whose item hasn't come yet
  bool isPending_ = false;
  CborProfile profile_;
  uint32_t depth_ = 0;
  bool isRootDone_ = false;
  Level levels_[cborDepthMax];
};

// Writes into the owner's buffer. Errors stick: after the first one nothing is written and finish() returns it, so a
// writer's caller checks once. The caller keeps map keys in ascending order; finish() fails when items lack or exceed.
class CborWriter {
 public:
  explicit CborWriter(MutableSpan output) : output_(output) {}

  void putUint(uint64_t value);
  void putInt(int64_t value);
  void putBool(bool value);
  void putNull();
  void putText(std::string_view text);
  void putBytes(ByteSpan bytes);
  void putArray(uint32_t count);
  void putMap(uint32_t pairs);
  void putTag(uint64_t tag);
  // An integer when the value is one, otherwise the shortest float (16, 32 or 64 bits) that is nearest to the value.
  void putDecimal(Decimal value);
  void putRealBits(uint64_t binary64);
  // Bytes that are one encoded item already.
  void putEncoded(ByteSpan item);

  Status status() const { return status_; }
  size_t size() const { return position_; }
  // The encoded bytes; full: they didn't fit; invalid: an array, map or tag is incomplete, or there is nothing.
  Expected<ByteSpan> finish() const;

 private:
  void putHead(uint8_t major, uint64_t value);
  void putRaw(const uint8_t* bytes, size_t size);
  void begin();
  void complete();
  void open(uint64_t items);

  MutableSpan output_;
  size_t position_ = 0;
  Status status_ = Status::ok;
  uint32_t depth_ = 0;
  bool isTagOpen_ = false;
  bool isRootDone_ = false;
  uint64_t itemsLeft_[cborDepthMax] = {};
};

}  // namespace cx
