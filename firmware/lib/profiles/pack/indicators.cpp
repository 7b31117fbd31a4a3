#include "pack/indicators.hpp"

namespace cx::pack {
namespace {

constexpr uint8_t segments[] = {0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f};
constexpr uint8_t dash = 0x40;
constexpr uint8_t barRedAt = 20;       // %, and below
constexpr uint8_t digitsBlinkBelow = 15;  // %

constexpr bool isOnPhase(uint64_t nowMs, uint64_t halfMs) { return nowMs / halfMs % 2 == 0; }

}  // namespace

void drawBar(const Shown& shown, uint64_t nowMs, Pixel (&out)[barPixels]) {
  for (Pixel& pixel : out) pixel = pixelDark;
  if (!shown.hasCharge) return;
  const uint8_t percent = shown.percent > 100 ? 100 : shown.percent;
  const uint8_t lit = percent < 10 ? 1 : static_cast<uint8_t>(percent / 10);
  for (uint8_t i = 0; i < lit; i++) out[i] = percent > barRedAt ? pixelGreen : pixelRed;
  // Sweeps toward the full end, over the bar, and begins anew.
  if (shown.isCharging) out[nowMs / barPulseStepMs % barPixels] = pixelBlue;
}

void drawDigits(const Shown& shown, uint64_t nowMs, uint8_t (&out)[3]) {
  for (uint8_t& digit : out) digit = shown.hasCharge ? 0 : dash;
  if (!shown.hasCharge) return;
  const uint8_t percent = shown.percent > 100 ? 100 : shown.percent;
  if (percent < digitsBlinkBelow && !isOnPhase(nowMs, digitsBlinkMs)) return;
  if (percent >= 100) out[0] = segments[percent / 100];
  if (percent >= 10) out[1] = segments[percent / 10 % 10];
  out[2] = segments[percent % 10];
}

Leds drawLeds(const Shown& shown, uint64_t nowMs) {
  Leds leds;
  leds.green = shown.isMaster || isOnPhase(nowMs, greenSlowBlinkMs);
  leds.yellow = shown.warnsOfLoad && isOnPhase(nowMs, 500);
  leds.red = shown.hasFault;
  return leds;
}

}  // namespace cx::pack
