// The pins of a board on an ESP32-WROOM-32 as data, checked while compiling: an own pin for each function, one that is led
// out and can do it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cx::board {

enum class PinUse : uint8_t {
  output,
  input,
  both,      // driven and read, as DIO of a TM1637
  analog,    // ADC1: ADC2 can't be read while Wi-Fi is on, and nobody should have to know whether it is
};

struct Pin {
  const char* function;
  uint8_t gpio;
  PinUse use;
  // What the chip reads from it at reset, so that what hangs there must not decide otherwise; null: nothing.
  const char* strap = nullptr;
};

enum class PinFault : uint8_t { none, usedTwice, notLedOut, flashOrConsole, inputOnly, notAdc1, strapNotNoted, strapInvented };

// GPIO 6 to 11 are the module's flash, 1 and 3 the console by which it is programmed.
constexpr bool isFlashOrConsole(uint8_t gpio) { return (gpio >= 6 && gpio <= 11) || gpio == 1 || gpio == 3; }
constexpr bool isLedOut(uint8_t gpio) {
  return gpio <= 5 || (gpio >= 12 && gpio <= 19) || (gpio >= 21 && gpio <= 23) || (gpio >= 25 && gpio <= 27) || (gpio >= 32 && gpio <= 36) || gpio == 39;
}
constexpr bool isInputOnly(uint8_t gpio) { return gpio >= 34; }
constexpr bool isAdc1(uint8_t gpio) { return gpio >= 32 && gpio <= 39; }
constexpr bool isStrap(uint8_t gpio) { return gpio == 0 || gpio == 2 || gpio == 5 || gpio == 12 || gpio == 15; }

template <size_t N>
constexpr PinFault faultOf(const Pin (&pins)[N]) {
  for (size_t i = 0; i < N; i++) {
    const Pin& pin = pins[i];
    if (isFlashOrConsole(pin.gpio)) return PinFault::flashOrConsole;
    if (!isLedOut(pin.gpio)) return PinFault::notLedOut;
    if (isInputOnly(pin.gpio) && (pin.use == PinUse::output || pin.use == PinUse::both)) return PinFault::inputOnly;
    if (pin.use == PinUse::analog && !isAdc1(pin.gpio)) return PinFault::notAdc1;
    if (isStrap(pin.gpio) && pin.strap == nullptr) return PinFault::strapNotNoted;
    if (!isStrap(pin.gpio) && pin.strap != nullptr) return PinFault::strapInvented;
    for (size_t j = 0; j < i; j++) {
      if (pins[j].gpio == pin.gpio) return PinFault::usedTwice;
    }
  }
  return PinFault::none;
}

}  // namespace cx::board
