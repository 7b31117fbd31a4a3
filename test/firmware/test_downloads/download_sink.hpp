// A sink that checks what it is given: in order, without gaps, the very bytes.
#pragma once
#include "check.hpp"
#include "download.hpp"

inline uint8_t imageByte(uint64_t offset) { return static_cast<uint8_t>('A' + (offset + offset / 37) % 50); }

struct CheckingSink final : cx::DownloadSink {
  int starts = 0;
  int ends = 0;
  uint64_t next = 0;
  uint64_t total = 0;
  cx::Validator validator;
  cx::DownloadEnd end;
  cx::Status onStartSays = cx::Status::ok;
  cx::Status onBytesSays = cx::Status::ok;
  int refusals = 0;               // so often onBytes says "again" before it takes
  cx::Download* cancelOnBytes = nullptr;

  cx::Status onStart(const cx::DownloadStart& start) override {
    starts++;
    next = start.offset;
    total = start.totalSize;
    CHECK(validator.assign(start.validator) == cx::Status::ok);
    return onStartSays;
  }
  cx::Status onBytes(uint64_t offset, cx::ByteSpan bytes) override {
    CHECK_EQ(starts, 1);
    CHECK_EQ(offset, next);
    CHECK(!bytes.empty());
    if (refusals > 0) {
      refusals--;
      return cx::Status::again;
    }
    for (size_t i = 0; i < bytes.size(); i++) CHECK(bytes[i] == imageByte(offset + i));
    if (onBytesSays != cx::Status::ok) return onBytesSays;
    next += bytes.size();
    if (cancelOnBytes != nullptr) cancelOnBytes->cancel();
    return cx::Status::ok;
  }
  void onEnd(const cx::DownloadEnd& how) override {
    ends++;
    end = how;
  }
  bool endedWith(cx::Status status, uint16_t code, bool mayRetry) const {
    return ends == 1 && end.status == status && end.code == code && end.mayRetry == mayRetry;
  }
};
