// The pack's board: its pins as the specification's table has them, and that the check of a board finds what is wrong.
#include "../../../firmware/boards/alfaspark.hpp"
#include "../check.hpp"
#include "pack/current_rms.hpp"

using namespace cx::board;

TEST("every function has the pin of the table") {
  using namespace cx::board::alfaspark;
  const uint8_t table[][2] = {{ledGreen.gpio, 2},      {ledYellow.gpio, 13},   {ledRed.gpio, 15},      {displayClock.gpio, 14}, {displayData.gpio, 12},
                              {bar.gpio, 25},          {rs485Receive.gpio, 16}, {rs485Send.gpio, 17},   {rs485Drive.gpio, 18},   {canSend.gpio, 4},
                              {canReceive.gpio, 5},    {spareSend.gpio, 21},   {spareReceive.gpio, 19}, {currentGrid.gpio, 34},  {currentHome.gpio, 35},
                              {currentPool.gpio, 32},  {currentHeater.gpio, 33}, {relayGrid.gpio, 26},  {relayOutput.gpio, 27},  {relayPump.gpio, 23},
                              {relayHeater.gpio, 22}};
  for (const auto& row : table) CHECK_EQ(row[0], row[1]);
  CHECK_EQ(sizeof table / sizeof table[0], sizeof pins / sizeof pins[0]);
}

TEST("a board that can't work is found, by its reason") {
  const Pin twice[] = {{"a", 4, PinUse::output}, {"b", 16, PinUse::input}, {"c", 4, PinUse::input}};
  CHECK(faultOf(twice) == PinFault::usedTwice);
  const Pin flash[] = {{"a", 6, PinUse::output}};
  CHECK(faultOf(flash) == PinFault::flashOrConsole);
  const Pin console[] = {{"a", 3, PinUse::input}};
  CHECK(faultOf(console) == PinFault::flashOrConsole);
  const uint8_t inside[] = {20, 24, 28, 31, 37, 38, 40};
  for (const uint8_t gpio : inside) {
    const Pin missing[] = {{"a", gpio, PinUse::input}};
    CHECK(faultOf(missing) == PinFault::notLedOut);
  }
  const Pin driven[] = {{"a", 34, PinUse::output}};
  CHECK(faultOf(driven) == PinFault::inputOnly);
  const Pin both[] = {{"a", 39, PinUse::both}};
  CHECK(faultOf(both) == PinFault::inputOnly);
  const Pin adc2[] = {{"a", 26, PinUse::analog}};
  CHECK(faultOf(adc2) == PinFault::notAdc1);
  const Pin silent[] = {{"a", 12, PinUse::output}};
  CHECK(faultOf(silent) == PinFault::strapNotNoted);
  const Pin invented[] = {{"a", 13, PinUse::output, "nothing"}};
  CHECK(faultOf(invented) == PinFault::strapInvented);
  const Pin fine[] = {{"a", 36, PinUse::analog}, {"b", 0, PinUse::input, "the boot button"}};
  CHECK(faultOf(fine) == PinFault::none);
}

TEST("a window of samples fits the converter's sums, and is whole cycles of the mains") {
  using namespace cx::board::alfaspark;
  CHECK(currentSamples <= cx::pack::currentSamplesMax);
  CHECK_EQ(currentSamples, 200u);
  const Calibration fresh;
  CHECK_EQ(fresh.grid, 100);
  CHECK(fresh.grid <= cx::pack::milliamperesPerCountMax);
  // 50 A at 0.1 A a count: an amplitude of 707 counts, well inside 12 bits around the middle.
  CHECK(50'000 * 1414 / 1000 / fresh.grid < 2048);
}
