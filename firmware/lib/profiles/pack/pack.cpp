#include "pack/pack.hpp"

#include "pack/state_of_charge.hpp"

namespace cx::pack {

void Pack::begin(const PackBoot& boot, uint64_t nowMs) {
  nowMs_ = nowMs;
  boot_ = boot;
  kept_ = store_.load();
  kept_.settings.install(boot.installation);
  uint8_t retained[hal::retainedSize] = {};
  if (ports_.retained != nullptr) ports_.retained->load(retained);
  modes_.begin(ports_.retained == nullptr ? nullptr : &retained);
  ports_.board.setRelays(modes_.relays());
  claim_.begin(boot.mac, kept_.deviceType, kept_.nodeId, boot.seed, nowMs);
  election_.begin(boot.mac, kept_.deviceType, nowMs, boot.version);
  toldAtMs_ = drawnAtMs_ = tickedAtMs_ = nowMs;
  if (ports_.firmware != nullptr) ports_.firmware->begin(nowMs);
}

void Pack::step(uint64_t nowMs) {
  nowMs_ = nowMs;
  receive();
  join();
  bms_.step(nowMs);
  if (isTickDue_ || nowMs - tickedAtMs_ >= tickMs) tick();
  if (election_.hasAnnounced() && (isTelemetryDue_ || nowMs - toldAtMs_ >= telemetryEveryMs)) tell();
  report();
  if (ports_.firmware != nullptr) update();
  store_.step(kept_, nowMs);
  sender_.step(nowMs);
  if (nowMs - drawnAtMs_ >= drawEveryMs) draw();
}

void Pack::receive() {
  can::Frame frame;
  for (unsigned i = 0; i < framesPerStep && ports_.can.receive(frame); i++) {
    claim_.receive(frame, nowMs_);
    election_.receive(frame, nowMs_);
    totals_.receive(frame, nowMs_);
    sockets_.receive(frame);
    can::Time time;
    if (can::decode(frame, time) == can::Fault::none) (void)clock_.set(time, nowMs_);
    // A pack that just lost its id answers nothing: the answer would carry another's.
    can::Frame answer;
    if (claim_.isSettled() && runCommand(frame, claim_.nodeId(), *this, answer)) sender_.queue(answer);
    if (claim_.isSettled() && ports_.firmware != nullptr && ports_.firmware->receive(frame, claim_.nodeId(), nowMs_, answer)) sender_.queue(answer);
  }
}

void Pack::join() {
  can::Frame frame;
  const auto follow = [this] {
    if (claim_.isSettled() == wasSettled_) return;
    wasSettled_ = claim_.isSettled();
    if (wasSettled_) {
      election_.settled(claim_.nodeId());
      kept_.nodeId = claim_.nodeId();
    } else {
      election_.unsettled();
      sender_.clear();
    }
  };
  follow();  // before the claim of the next id is queued
  while (claim_.step(nowMs_, frame)) sender_.queue(frame);
  follow();
  while (election_.step(nowMs_, frame)) sender_.queue(frame);
}

// The image that runs, and the one that is being brought.
void Pack::update() {
  PackFirmware& firmware = *ports_.firmware;
  PackHealth health;
  health.isOnBus = election_.hasAnnounced() && sender_.isHeard();
  health.isBmsSettled = bms_.state() == can::BmsState::ok || bms_.fault() != BmsFault::none;
  can::Frame frame;
  if (firmware.step(claim_.nodeId(), health, nowMs_, frame) && claim_.isSettled()) sender_.queue(frame);
  while (election_.hasAnnounced() && sender_.waiting() < quietQueue && firmware.next(claim_.nodeId(), errors_.told(), frame)) sender_.queue(frame);
  if (!firmware.isLeaving(nowMs_)) return;
  flush();
  firmware.restart();
}

void Pack::tick() {
  isTickDue_ = false;
  tickedAtMs_ = nowMs_;
  power_ = ports_.board.measure();
  const BmsReading& battery = bms_.reading();
  const bool isFresh = bms_.state() == can::BmsState::ok;
  balance_ = powerBalance(power_, isFresh, batteryWatts(battery.millivolts, battery.centiamperes), kept_.settings.areLoadsBehindInverter);
  LocalTime time;
  ModesInput in;
  in.nowMs = nowMs_;
  in.charge = {bms_.hasReading(), stateOfCharge(battery.millivolts, kept_.settings.charge), bms_.readAtMs()};
  in.gridWatts = power_.grid;
  in.loadWatts = balance_.load;
  in.pumpWatts = power_.pool;
  in.heaterWatts = power_.heater;
  in.time = localTime(time);
  in.isUpdating = ports_.firmware != nullptr && ports_.firmware->holdsRelays();
  watchRelays();
  ports_.board.setRelays(modes_.tick(in, kept_.settings));
  if (ports_.retained == nullptr) return;
  uint8_t bytes[hal::retainedSize];
  modes_.importLimit().save(bytes);
  ports_.retained->store(bytes);
}

void Pack::watchRelays() {
  const auto count = [](bool isClosed, int32_t watts, uint8_t& ticks) {
    if (isClosed || watts < stuckFromWatts) ticks = 0;
    else if (ticks <= stuckTicks) ticks++;
  };
  count(modes_.relays().pump, power_.pool, pumpDrawsTicks_);
  count(modes_.relays().heater, power_.heater, heaterDrawsTicks_);
  const bool isHeater = heaterDrawsTicks_ > stuckTicks;
  errors_.set(can::PackError::relayStuck, isHeater || pumpDrawsTicks_ > stuckTicks, static_cast<int32_t>(isHeater ? can::Relay::heater : can::Relay::pump));
}

void Pack::tell() {
  isTelemetryDue_ = false;
  toldAtMs_ = nowMs_;
  TelemetryInput in;
  in.node = claim_.nodeId();
  in.type = kept_.deviceType;
  in.mac = boot_.mac;
  in.version = boot_.version;
  in.isMaster = election_.isMaster();
  in.rank = election_.rank(nowMs_);
  in.isTimeKnown = clock_.isSet();
  in.bmsState = bms_.state();
  in.hasReading = bms_.hasReading();
  in.battery = bms_.reading();
  in.power = power_;
  in.balance = balance_;
  can::Frame frames[telemetryFrames];
  writeTelemetry(in, modes_, kept_.settings, frames);
  for (const can::Frame& frame : frames) {
    totals_.receive(frame, nowMs_);
    sender_.queue(frame);
  }
  if (!election_.isMaster()) return;
  can::Frame pages[totalsPages];
  totals_.write(in.node, nowMs_, pages);
  for (const can::Frame& page : pages) sender_.queue(page);
}

void Pack::report() {
  errors_.set(can::PackError::bmsSilent, bms_.fault() == BmsFault::silent);
  errors_.set(can::PackError::bmsGarbled, bms_.fault() == BmsFault::garbled || bms_.fault() == BmsFault::refused);
  errors_.set(can::PackError::busOff, sender_.isBusOff());
  errors_.set(can::PackError::nodeIdsTaken, claim_.phase() == NodeClaim::Phase::crowded);
  errors_.set(can::PackError::storageFailed, store_.hasFailed());
  errors_.set(can::PackError::firmwareRefused, ports_.firmware != nullptr && ports_.firmware->receiver().phase() == can::FirmwarePhase::failed);
  errors_.set(can::PackError::watchdogReset, boot_.reset == hal::ResetReason::watchdog);
  errors_.set(can::PackError::rolledBack, boot_.reset == hal::ResetReason::rollback, static_cast<int32_t>(boot_.rolledBack));
  can::Frame frame;
  while (election_.hasAnnounced() && errors_.next(claim_.nodeId(), frame)) sender_.queue(frame);
  while (election_.hasAnnounced() && sockets_.next(claim_.nodeId(), nowMs_, frame)) sender_.queue(frame);
}

void Pack::draw() {
  drawnAtMs_ = nowMs_;
  Shown shown;
  shown.hasCharge = bms_.hasReading();
  shown.percent = stateOfCharge(bms_.reading().millivolts, kept_.settings.charge);
  shown.isCharging = bms_.state() == can::BmsState::ok && batteryStateOf(bms_.reading().centiamperes) == can::BatteryState::charging;
  shown.warnsOfLoad = modes_.warnsOfLoad();
  shown.isMaster = election_.isMaster();
  shown.hasFault = bms_.fault() != BmsFault::none || sender_.isBusOff() || claim_.phase() == NodeClaim::Phase::crowded;
  Pixel bar[barPixels];
  uint8_t digits[3];
  drawBar(shown, nowMs_, bar);
  drawDigits(shown, nowMs_, digits);
  ports_.board.show(bar, digits, drawLeds(shown, nowMs_));
}

}  // namespace cx::pack
