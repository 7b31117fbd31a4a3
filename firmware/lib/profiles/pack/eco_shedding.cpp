#include "pack/eco_shedding.hpp"

namespace cx::pack {

void EcoShedding::tick(const EcoInput& in) {
  if (!in.isOn) {
    *this = EcoShedding();
    return;
  }
  if (!in.wantsPump) pump_.isShed = false;
  if (!in.wantsHeater) heater_.isShed = false;

  const bool isOver = in.loadWatts > in.limitWatts;
  // Still above a tick after the first relay opened, or with none left to open: somebody has to know.
  if (isOver && wasOver_) warns_ = true;
  overWarned_.follow(isOver && warns_, in.nowMs);
  under_.follow(in.loadWatts < in.limitWatts, in.nowMs);
  outputFine_.follow(under_.holds && !isOutputShed_, in.nowMs);
  wasOver_ = isOver;
  if (under_.lasted(in.nowMs, ecoQuietMs)) warns_ = false;
  if (outputFine_.lasted(in.nowMs, ecoQuietMs)) outputRetryMs_ = ecoOutputRetryMs;

  if (isOver) shed(in);
  if (isOutputShed_) retryOutput(in);
  restore(in);
}

void EcoShedding::shed(const EcoInput& in) {
  if (in.wantsHeater && !heater_.isShed) {
    heater_ = {true, in.heaterWatts, in.nowMs};
  } else if (in.wantsPump && !pump_.isShed) {
    pump_ = {true, in.pumpWatts, in.nowMs};
  } else if (in.shedsOutput && in.wantsOutput && !isOutputShed_ && overWarned_.lasted(in.nowMs, ecoWarnsBeforeOutputMs)) {
    isOutputShed_ = true;
    outputOpenedAtMs_ = in.nowMs;
  }
}

void EcoShedding::retryOutput(const EcoInput& in) {
  if (in.shedsOutput && in.nowMs - outputOpenedAtMs_ < outputRetryMs_) return;
  isOutputShed_ = false;
  outputRetryMs_ = outputRetryMs_ * 2 > ecoOutputRetryMaxMs ? ecoOutputRetryMaxMs : outputRetryMs_ * 2;
}

// The output comes back before the loads do: what is measured while it is open says nothing of what fits.
void EcoShedding::restore(const EcoInput& in) {
  const Candidate next = pump_.isShed ? Candidate::pump : heater_.isShed ? Candidate::heater : Candidate::none;
  if (next != candidate_) fits_ = Since();
  candidate_ = next;
  if (next == Candidate::none) return;
  Load& load = next == Candidate::pump ? pump_ : heater_;
  fits_.follow(!isOutputShed_ && in.loadWatts + load.watts < in.limitWatts, in.nowMs);
  if (!fits_.lasted(in.nowMs, ecoQuietMs) || in.nowMs - load.openedAtMs < ecoOpenMinMs) return;
  load.isShed = false;
  fits_ = Since();
}

}  // namespace cx::pack
