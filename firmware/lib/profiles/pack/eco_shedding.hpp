// Eco: keeps the load under a limit by opening relays one at a time, heater, pump, and at last the inverter's output; and
// closes them in reverse order where what they are remembered to draw fits, so that nothing chatters.
#pragma once

#include <cstdint>

namespace cx::pack {

constexpr uint64_t ecoQuietMs = 30'000;            // under the limit that long: the warning ends, a load may come back
constexpr uint64_t ecoOpenMinMs = 60'000;          // a shed load stays open at least that long
constexpr uint64_t ecoWarnsBeforeOutputMs = 10'000;
constexpr uint64_t ecoOutputRetryMs = 5 * 60'000;  // then doubled, up to
constexpr uint64_t ecoOutputRetryMaxMs = 60 * 60'000;

struct EcoInput {
  uint64_t nowMs = 0;
  bool isOn = false;
  bool shedsOutput = true;
  int32_t limitWatts = 0;
  int32_t loadWatts = 0;    // of the whole house
  int32_t pumpWatts = 0;
  int32_t heaterWatts = 0;
  // What the rules below Eco ask for: a relay that is open anyway isn't shed, and one opened by hand is no longer.
  bool wantsPump = false;
  bool wantsHeater = false;
  bool wantsOutput = false;
};

class EcoShedding {
 public:
  void tick(const EcoInput& in);

  bool shedsPump() const { return pump_.isShed; }
  bool shedsHeater() const { return heater_.isShed; }
  bool shedsOutput() const { return isOutputShed_; }
  // `loads limit⚠️` to the app, and the yellow LED.
  bool warns() const { return warns_; }

 private:
  struct Load {
    bool isShed = false;
    int32_t watts = 0;  // that it drew when it was opened
    uint64_t openedAtMs = 0;
  };
  // A moment since which something holds without a break.
  struct Since {
    bool holds = false;
    uint64_t atMs = 0;
    void follow(bool holdsNow, uint64_t nowMs) {
      if (holdsNow && !holds) atMs = nowMs;
      holds = holdsNow;
    }
    bool lasted(uint64_t nowMs, uint64_t ms) const { return holds && nowMs - atMs >= ms; }
  };

  enum class Candidate : uint8_t { none, pump, heater };

  void shed(const EcoInput& in);
  void restore(const EcoInput& in);
  void retryOutput(const EcoInput& in);

  Load pump_;
  Load heater_;
  bool warns_ = false;
  bool wasOver_ = false;
  bool isOutputShed_ = false;
  uint64_t outputOpenedAtMs_ = 0;
  uint64_t outputRetryMs_ = ecoOutputRetryMs;
  Since overWarned_;
  Since under_;
  Since outputFine_;       // closed, and the load under the limit
  Since fits_;             // the load and the remembered one of `candidate_` stay under the limit
  Candidate candidate_ = Candidate::none;
};

}  // namespace cx::pack
