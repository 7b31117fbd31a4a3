// The board of an Alfaspark pack: ESP32-WROOM-32 with 4 MB of flash. This is the one place where its pins stand; a port
// takes them from here.
//
// What can go wrong with it
// - GPIO12 decides the voltage of the flash at reset: high means 1.8 V, and the module doesn't start. The TM1637 has
//   pull-ups on its lines. So either its pull-up on DIO is left out and the port holds DIO low until it draws for the first
//   time, or the eFuse that fixes 3.3 V is burnt (`espefuse.py set_flash_voltage 3.3V`), once and for ever.
// - GPIO2 and GPIO15 are read at reset too. Their LEDs go to ground by a resistor, so that they pull low: with an LED to
//   3.3 V on GPIO2 the module can't be programmed any more.
// - GPIO5 hears the CAN transceiver, which is high while the bus is idle: as the chip's own pull-up wants it.
// - GPIO14 swings for a moment after reset. It is CLK of the display: without DIO that means nothing.
// - The CTs give an alternating voltage around half of the supply. One sample means nothing: RMS over whole cycles of
//   the mains (`currentWindowMs`), each circuit for itself (`current_rms.hpp`). And they have no sign: whether the house
//   draws or gives can't be told from them.
// - Relays: high is closed is connected. Between reset and the first line of the port the pins float: each driver needs a
//   resistor that decides, to closed for the grid and the inverter's output, to open for pump and heater (the safe state).
//   The ESP32's own pulls don't hold through a reset.
//
// Decided here, to be confirmed by the owner: an earlier list had a spare UART on 26 and 27. Those drive relays, and the
// spare UART is 21 and 19. What isn't named is broken out and stays free: 0 (its strap is the boot button), 36, 39.
#pragma once

#include "board_pins.hpp"

namespace cx::board::alfaspark {

constexpr Pin ledGreen{"LED green", 2, PinUse::output, "low or floating, else the module can't be programmed"};
constexpr Pin ledYellow{"LED yellow", 13, PinUse::output};
constexpr Pin ledRed{"LED red", 15, PinUse::output, "low silences the boot loader's log"};
constexpr Pin displayClock{"TM1637 CLK", 14, PinUse::output};
constexpr Pin displayData{"TM1637 DIO", 12, PinUse::both, "must be low: high selects 1.8 V for the flash"};
constexpr Pin bar{"WS2812B", 25, PinUse::output};
constexpr Pin rs485Receive{"RS-485 RX", 16, PinUse::input};
constexpr Pin rs485Send{"RS-485 TX", 17, PinUse::output};
constexpr Pin rs485Drive{"RS-485 DE and RE", 18, PinUse::output};
constexpr Pin canSend{"CAN TX", 4, PinUse::output};
constexpr Pin canReceive{"CAN RX", 5, PinUse::input, "high, as an idle transceiver has it"};
constexpr Pin spareSend{"UART2 TX, reserved", 21, PinUse::output};
constexpr Pin spareReceive{"UART2 RX, reserved", 19, PinUse::input};
constexpr Pin currentGrid{"CT grid", 34, PinUse::analog};
constexpr Pin currentHome{"CT inverter output", 35, PinUse::analog};
constexpr Pin currentPool{"CT pool pump", 32, PinUse::analog};
constexpr Pin currentHeater{"CT water heater", 33, PinUse::analog};
constexpr Pin relayGrid{"relay grid", 26, PinUse::output};
constexpr Pin relayOutput{"relay inverter output", 27, PinUse::output};
constexpr Pin relayPump{"relay pool pump", 23, PinUse::output};
constexpr Pin relayHeater{"relay water heater", 22, PinUse::output};

constexpr Pin pins[] = {ledGreen,   ledYellow,   ledRed,       displayClock, displayData, bar,        rs485Receive, rs485Send, rs485Drive, canSend,    canReceive,
                        spareSend, spareReceive, currentGrid, currentHome,  currentPool, currentHeater, relayGrid, relayOutput, relayPump, relayHeater};
static_assert(faultOf(pins) == PinFault::none, "each pin once, led out, and able to do what it is for");

constexpr uint32_t flashBytes = 4U << 20;
constexpr uint32_t canBitRate = 500'000;
constexpr uint32_t bmsBaud = 9600;  // 8N1

// A window of whole cycles at 50 Hz and at 60 Hz.
constexpr uint32_t currentWindowMs = 100;
constexpr uint32_t currentSamplesPerSecond = 2000;  // of each circuit
constexpr uint32_t currentSamples = currentSamplesPerSecond * currentWindowMs / 1000;
static_assert(currentWindowMs * 50 % 1000 == 0 && currentWindowMs * 60 % 1000 == 0, "part of a cycle would be weighed as a whole one");

// What a CT gives a count of the ADC, mA: 0.1 A until somebody calibrates.
struct Calibration {
  uint16_t grid = 100;
  uint16_t home = 100;
  uint16_t pool = 100;
  uint16_t heater = 100;
};

}  // namespace cx::board::alfaspark
