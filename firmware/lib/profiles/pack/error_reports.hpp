// What failed, told once when it begins and again when it came back after it had ended.
#pragma once

#include "can.hpp"

namespace cx::pack {

class ErrorReports {
 public:
  // Each turn, for each kind of error, whether it holds now.
  void set(can::PackError error, bool holds, int32_t detail = 0) {
    Entry& entry = entries_[static_cast<uint8_t>(error) - 1];
    if (holds && !entry.holds) entry = {true, true, detail};
    if (!holds) entry.holds = false;
  }
  // True: `out` is a report to be sent by `node`. What can't be sent yet waits.
  bool next(uint8_t node, can::Frame& out) {
    for (uint8_t i = 0; i < kinds; i++) {
      if (!entries_[i].isOwed) continue;
      entries_[i].isOwed = false;
      if (told_ < 65535) told_++;
      can::ErrorReport report;
      report.node = node;
      report.error = static_cast<can::PackError>(i + 1);
      report.detail = entries_[i].detail;
      out = can::encode(report);
      return true;
    }
    return false;
  }

  // Reports since boot.
  uint16_t told() const { return told_; }

 private:
  static constexpr uint8_t kinds = static_cast<uint8_t>(can::PackError::storageFailed);
  struct Entry {
    bool holds = false;
    bool isOwed = false;
    int32_t detail = 0;
  };
  Entry entries_[kinds];
  uint16_t told_ = 0;
};

}  // namespace cx::pack
