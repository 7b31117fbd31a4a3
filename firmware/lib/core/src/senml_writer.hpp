// A SenML pack (RFC 8428) as CBOR (112) or JSON (110): one base record's name and time, then one record per value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cbor.hpp"
#include "decimal.hpp"
#include "json_writer.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

enum class SenmlFormat : uint8_t { json, cbor };

// CBOR needs the number of records before the first; add() beyond it, or fewer, makes finish() invalid.
class SenmlWriter {
 public:
  // `baseName` is put before each name ("urn:dev:...:" or "node/"), `baseTimeS` 0: none ("now" at the receiver).
  SenmlWriter(MutableSpan output, SenmlFormat format, uint32_t records, std::string_view baseName, int64_t baseTimeS);

  // `unit` empty: none. `timeOffsetS` is relative to the base time (or to now, negative, without one).
  void add(std::string_view name, std::string_view unit, Decimal value, int32_t timeOffsetS = 0);
  void addBool(std::string_view name, bool value, int32_t timeOffsetS = 0);
  void addText(std::string_view name, std::string_view value, int32_t timeOffsetS = 0);
  Expected<ByteSpan> finish();

 private:
  enum class ValueKind : uint8_t { number, boolean, text };
  void record(std::string_view name, std::string_view unit, ValueKind kind, Decimal number, bool flag, std::string_view text, int32_t timeOffsetS);

  SenmlFormat format_;
  CborWriter cbor_;
  JsonWriter json_;
  std::string_view baseName_;
  int64_t baseTimeS_;
  uint32_t recordsLeft_;
  bool isFirst_ = true;
  Status status_ = Status::ok;
};

}  // namespace cx
