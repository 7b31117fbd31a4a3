#include "senml_writer.hpp"

namespace cx {

namespace {
// Labels of RFC 8428, table 4. CBOR map keys ascend by encoded bytes: 0, 1, 2, 3, 4, 6 before -2 and -3.
constexpr uint64_t labelName = 0, labelUnit = 1, labelValue = 2, labelText = 3, labelBool = 4, labelTime = 6;
constexpr int64_t labelBaseName = -2, labelBaseTime = -3;
}  // namespace

SenmlWriter::SenmlWriter(MutableSpan output, SenmlFormat format, uint32_t records, std::string_view baseName, int64_t baseTimeS)
    : format_(format), cbor_(output), json_(output), baseName_(baseName), baseTimeS_(baseTimeS), recordsLeft_(records) {
  if (format_ == SenmlFormat::cbor) {
    cbor_.putArray(records);
  } else {
    json_.beginArray();
  }
}

void SenmlWriter::add(std::string_view name, std::string_view unit, Decimal value, int32_t timeOffsetS) {
  record(name, unit, ValueKind::number, value, false, {}, timeOffsetS);
}
void SenmlWriter::addBool(std::string_view name, bool value, int32_t timeOffsetS) {
  record(name, {}, ValueKind::boolean, {}, value, {}, timeOffsetS);
}
void SenmlWriter::addText(std::string_view name, std::string_view value, int32_t timeOffsetS) {
  record(name, {}, ValueKind::text, {}, false, value, timeOffsetS);
}

void SenmlWriter::record(std::string_view name, std::string_view unit, ValueKind kind, Decimal number, bool flag,
                         std::string_view text, int32_t timeOffsetS) {
  if (recordsLeft_ == 0) {
    status_ = Status::invalid;
    return;
  }
  recordsLeft_--;
  const bool hasBaseName = isFirst_ && !baseName_.empty();
  const bool hasBaseTime = isFirst_ && baseTimeS_ != 0;
  isFirst_ = false;
  if (format_ == SenmlFormat::json) {
    json_.beginObject();
    if (hasBaseName) json_.key("bn").text(baseName_);
    if (hasBaseTime) json_.key("bt").integer(baseTimeS_);
    json_.key("n").text(name);
    if (!unit.empty()) json_.key("u").text(unit);
    if (kind == ValueKind::number) json_.key("v").decimal(number);
    if (kind == ValueKind::boolean) json_.key("vb").boolean(flag);
    if (kind == ValueKind::text) json_.key("vs").text(text);
    if (timeOffsetS != 0) json_.key("t").integer(timeOffsetS);
    json_.endObject();
    return;
  }
  const auto present = [](bool isPresent) { return isPresent ? 1U : 0U; };
  cbor_.putMap(2U + present(!unit.empty()) + present(timeOffsetS != 0) + present(hasBaseName) + present(hasBaseTime));
  cbor_.putUint(labelName);
  cbor_.putText(name);
  if (!unit.empty()) {
    cbor_.putUint(labelUnit);
    cbor_.putText(unit);
  }
  if (kind == ValueKind::number) {
    cbor_.putUint(labelValue);
    cbor_.putDecimal(number);
  } else if (kind == ValueKind::text) {
    cbor_.putUint(labelText);
    cbor_.putText(text);
  } else {
    cbor_.putUint(labelBool);
    cbor_.putBool(flag);
  }
  if (timeOffsetS != 0) {
    cbor_.putUint(labelTime);
    cbor_.putInt(timeOffsetS);
  }
  if (hasBaseName) {
    cbor_.putInt(labelBaseName);
    cbor_.putText(baseName_);
  }
  if (hasBaseTime) {
    cbor_.putInt(labelBaseTime);
    cbor_.putInt(baseTimeS_);
  }
}

Expected<ByteSpan> SenmlWriter::finish() {
  if (!isOk(status_)) return status_;
  if (recordsLeft_ != 0) return Status::invalid;
  if (format_ == SenmlFormat::cbor) return cbor_.finish();
  json_.endArray();
  return json_.finish();
}

}  // namespace cx
