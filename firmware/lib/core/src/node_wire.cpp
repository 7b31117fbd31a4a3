#include "node_wire.hpp"

#include "text.hpp"

namespace cx {

namespace {

constexpr int64_t msPerDay = 86400000;
constexpr std::string_view digestPrefix = "sha256:";

// Days since 1970-01-01 of a proleptic Gregorian date, and back; the year starts in March so that the leap day is last.
int64_t daysOf(int64_t year, uint32_t month, uint32_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const uint32_t yearOfEra = static_cast<uint32_t>(year - era * 400);
  const uint32_t dayOfYear = (153 * (month + (month > 2 ? static_cast<uint32_t>(-3) : 9U)) + 2) / 5 + day - 1;
  const uint32_t dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return era * 146097 + static_cast<int64_t>(dayOfEra) - 719468;
}

void dateOf(int64_t days, int64_t& year, uint32_t& month, uint32_t& day) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const uint32_t dayOfEra = static_cast<uint32_t>(days - era * 146097);
  const uint32_t yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const uint32_t dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const uint32_t shifted = (5 * dayOfYear + 2) / 153;
  day = dayOfYear - (153 * shifted + 2) / 5 + 1;
  month = shifted < 10 ? shifted + 3 : shifted - 9;
  year = static_cast<int64_t>(yearOfEra) + era * 400 + (month <= 2 ? 1 : 0);
}

}  // namespace

void formatInstant(int64_t millisecondsUtc, FixedText<24>& out) {
  int64_t days = millisecondsUtc / msPerDay;
  int64_t rest = millisecondsUtc % msPerDay;
  if (rest < 0) {
    rest += msPerDay;
    --days;
  }
  int64_t year;
  uint32_t month, day;
  dateOf(days, year, month, day);
  char buffer[25];
  TextWriter text(buffer, sizeof buffer);
  text.putPadded(static_cast<uint64_t>(year), 4).put('-').putPadded(month, 2).put('-').putPadded(day, 2).put('T');
  text.putPadded(static_cast<uint64_t>(rest / 3600000), 2).put(':').putPadded(static_cast<uint64_t>(rest / 60000 % 60), 2);
  text.put(':').putPadded(static_cast<uint64_t>(rest / 1000 % 60), 2);
  if (rest % 1000 != 0) text.put('.').putPadded(static_cast<uint64_t>(rest % 1000), 3);
  text.put('Z');
  out.assignCut(text.view());
}

Expected<int64_t> parseInstant(std::string_view text) {
  const auto number = [&](size_t at, size_t digits, uint64_t& value) {
    const Expected<uint64_t> parsed = parseUint(slice(text, at, digits));
    if (!parsed || text.size() < at + digits) return false;
    value = *parsed;
    return true;
  };
  uint64_t year, month, day, hour, minute, second;
  if (!number(0, 4, year) || !number(5, 2, month) || !number(8, 2, day) || !number(11, 2, hour) || !number(14, 2, minute) ||
      !number(17, 2, second))
    return Status::malformed;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') return Status::malformed;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return Status::malformed;
  size_t at = 19;
  int64_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    int64_t scale = 100;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      fraction += (text[at] - '0') * scale;
      scale /= 10;
    }
  }
  int64_t offsetMinutes = 0;
  if (slice(text, at) != "Z") {
    uint64_t hours, minutes;
    if (text.size() != at + 6 || (text[at] != '+' && text[at] != '-') || text[at + 3] != ':' || !number(at + 1, 2, hours) ||
        !number(at + 4, 2, minutes))
      return Status::malformed;
    offsetMinutes = static_cast<int64_t>(hours * 60 + minutes) * (text[at] == '-' ? -1 : 1);
  }
  const int64_t days = daysOf(static_cast<int64_t>(year), static_cast<uint32_t>(month), static_cast<uint32_t>(day));
  const int64_t seconds = static_cast<int64_t>(hour * 3600 + minute * 60 + second) - offsetMinutes * 60;
  return days * msPerDay + seconds * 1000 + fraction;
}

void WireWriter::key(uint8_t number, std::string_view name) {
  if (isJson_) {
    json_.key(name);
  } else {
    cbor_.putUint(number);
  }
}

void WireWriter::putUint(uint64_t value) {
  if (isJson_) {
    json_.uint(value);
  } else {
    cbor_.putUint(value);
  }
}

void WireWriter::putInt(int64_t value) {
  if (isJson_) {
    json_.integer(value);
  } else {
    cbor_.putInt(value);
  }
}

void WireWriter::putBool(bool value) {
  if (isJson_) {
    json_.boolean(value);
  } else {
    cbor_.putBool(value);
  }
}

void WireWriter::putText(std::string_view value) {
  if (isJson_) {
    json_.text(value);
  } else {
    cbor_.putText(value);
  }
}

void WireWriter::putDecimal(Decimal value) {
  if (isJson_) {
    json_.decimal(value);
  } else {
    cbor_.putDecimal(value);
  }
}

void WireWriter::putEnum(uint8_t value, const WireEnum& words) {
  if (!isJson_) return cbor_.putUint(value);
  const size_t index = static_cast<size_t>(value) - words.first;
  json_.text(index < words.words.size() ? words.words[index] : std::string_view("unknown"));
}

void WireWriter::putDigest(const uint8_t* digest) {
  if (!isJson_) return cbor_.putBytes(ByteSpan(digest, wireDigestSize));
  char buffer[72];
  TextWriter text(buffer, sizeof buffer);
  text.put(digestPrefix).putHex(ByteSpan(digest, wireDigestSize));
  json_.text(text.view());
}

void WireWriter::putInstant(int64_t millisecondsUtc) {
  if (!isJson_ && millisecondsUtc >= 0 && millisecondsUtc % 1000 == 0) {
    return cbor_.putUint(static_cast<uint64_t>(millisecondsUtc / 1000));
  }
  FixedText<24> text;
  formatInstant(millisecondsUtc, text);
  putText(text.view());
}

Status WireReader::enterMap() {
  if (isJson_) return json_.enterObject();
  if (depth_ == cborDepthMax) return Status::tooLarge;
  CX_TRY(cbor_.readMap(left_[depth_]));
  ++depth_;
  return Status::ok;
}

Status WireReader::next(Span<const WireKey> keys, uint8_t& key) {
  for (;;) {
    if (isJson_) {
      std::string_view name;
      CX_TRY(json_.nextKey(name));
      for (const WireKey& known : keys) {
        if (known.name != name) continue;
        key = known.key;
        return Status::ok;
      }
    } else {
      if (left_[depth_ - 1] == 0) {
        --depth_;
        return Status::notFound;
      }
      --left_[depth_ - 1];
      uint64_t number = 0;
      const Status status = cbor_.readUint(number);
      if (status == Status::mismatch) {  // a text key: nothing of ours
        CX_TRY(cbor_.skip());
      } else {
        CX_TRY(status);
        for (const WireKey& known : keys) {
          if (known.key != number) continue;
          key = known.key;
          return Status::ok;
        }
      }
    }
    CX_TRY(skip());
  }
}

Status WireReader::enterList() {
  if (isJson_) return json_.enterArray();
  if (depth_ == cborDepthMax) return Status::tooLarge;
  CX_TRY(cbor_.readArray(left_[depth_]));
  ++depth_;
  return Status::ok;
}

Status WireReader::nextItem() {
  if (isJson_) return json_.nextItem();
  if (left_[depth_ - 1] == 0) {
    --depth_;
    return Status::notFound;
  }
  --left_[depth_ - 1];
  return Status::ok;
}

Status WireReader::readUint(uint32_t& out, uint32_t minimum, uint32_t maximum) {
  uint64_t value = 0;
  CX_TRY(isJson_ ? json_.readUint(value) : cbor_.readUint(value));
  if (value < minimum || value > maximum) return Status::invalid;
  out = static_cast<uint32_t>(value);
  return Status::ok;
}

Status WireReader::readBool(bool& out) { return isJson_ ? json_.readBool(out) : cbor_.readBool(out); }

Status WireReader::readEnum(uint8_t& out, const WireEnum& words) {
  if (!isJson_) {
    uint64_t value = 0;
    CX_TRY(cbor_.readUint(value));
    if (value < words.first || value - words.first >= words.words.size()) return Status::unsupported;
    out = static_cast<uint8_t>(value);
    return Status::ok;
  }
  FixedText<24> word;
  CX_TRY(json_.readText(word));
  for (size_t i = 0; i < words.words.size(); ++i) {
    if (words.words[i] != word.view()) continue;
    out = static_cast<uint8_t>(i + words.first);
    return Status::ok;
  }
  return Status::unsupported;
}

Status WireReader::readDigest(uint8_t* out) {
  if (!isJson_) {
    ByteSpan bytes;
    CX_TRY(cbor_.readBytes(bytes));
    if (bytes.size() != wireDigestSize) return Status::malformed;
    std::memcpy(out, bytes.data(), wireDigestSize);
    return Status::ok;
  }
  FixedText<71> text;
  CX_TRY(json_.readText(text));
  if (!startsWith(text.view(), digestPrefix)) return Status::malformed;
  return parseHex(slice(text.view(), digestPrefix.size()), MutableSpan(out, wireDigestSize));
}

Status WireReader::readInstant(int64_t& milliseconds) {
  if (!isJson_ && cbor_.peek() == CborType::unsignedInteger) {
    uint64_t seconds = 0;
    CX_TRY(cbor_.readUint(seconds));
    if (seconds > 253402300799ULL) return Status::invalid;  // the end of the year 9999
    milliseconds = static_cast<int64_t>(seconds) * 1000;
    return Status::ok;
  }
  FixedText<35> text;
  CX_TRY(readText(text));
  const Expected<int64_t> parsed = parseInstant(text.view());
  CX_TRY(parsed.status());
  milliseconds = *parsed;
  return Status::ok;
}

}  // namespace cx
