#include "actions_record.hpp"

namespace cx {

namespace {

constexpr const char* resultKey = "rev";
constexpr const char* commandsKey = "cmds";  // the rev under which the newest was begun, then one text item per id

}  // namespace

bool isExpired(hal::Clock& clock, bool hasExpiry, int64_t expiresMs) {
  int64_t wallMs = 0;
  return hasExpiry && clock.wallMs(wallMs) && wallMs > expiresMs;
}

void ActionsRecord::load() {
  uint8_t buffer[256];
  const hal::Io record = context_.hal.storage.get(resultKey, buffer, sizeof buffer);
  if (record.code == hal::Code::ok && !isOk(decodeResultRecord(ByteSpan(buffer, record.size), context_.state.lastRev, last_))) {
    context_.log.error().put("the record of the last action is unreadable, starting from 0");
    context_.state.lastRev = 0;
    last_ = ActionResult();
  }
  context_.state.result = last_;
  const hal::Io ids = context_.hal.storage.get(commandsKey, buffer, sizeof buffer);
  if (ids.code != hal::Code::ok) return;
  CborReader reader(ByteSpan(buffer, ids.size));
  uint32_t count = 0;
  if (!isOk(reader.readArray(count)) || count > commandIdsMax + 1u) return;
  // A record of an earlier version has no rev.
  if (isOk(reader.readUint(begunRev_))) --count;
  for (uint32_t i = 0; i < count && i < commandIdsMax; ++i) {
    std::string_view id;
    if (!isOk(reader.readText(id, 24)) || !isOk(ids_[i].assign(id))) return;
    idCount_ = static_cast<uint8_t>(i + 1);
  }
  nextId_ = static_cast<uint8_t>(idCount_ % commandIdsMax);
  if (begunRev_ > context_.state.lastRev) (void)finish(begunRev_, Outcome::failed, "interrupted");
}

CommandBegin ActionsRecord::begin(const Action& command) {
  const bool isDone = wasDone(command.commandId.view());
  if (isDone || isExpired(context_.hal.clock, command.hasExpiry, command.expiresMs)) {
    const bool isStored = isDone ? finish(command.rev, Outcome::done, "") : finish(command.rev, Outcome::refused, "expired");
    return isStored ? CommandBegin::over : CommandBegin::notStored;
  }
  return remember(command.commandId.view(), command.rev) ? CommandBegin::act : CommandBegin::notStored;
}

bool ActionsRecord::store() {
  uint8_t buffer[160];
  const Expected<ByteSpan> bytes = encodeResultRecord(context_.state.lastRev, last_, buffer);
  if (!bytes) return false;
  const hal::Code code = context_.hal.storage.put(resultKey, bytes->data(), static_cast<uint32_t>(bytes->size()));
  if (code != hal::Code::ok) context_.log.error().put("the finished action couldn't be stored: ").put(hal::nameOf(code));
  return code == hal::Code::ok;
}

bool ActionsRecord::finish(uint32_t rev, Outcome outcome, std::string_view reason) {
  if (rev == 0) return true;
  if (rev > context_.state.lastRev) context_.state.lastRev = rev;
  last_.rev = rev;
  last_.outcome = outcome;
  last_.reason.assignCut(reason);
  context_.state.result = last_;
  context_.log.info().put("action ").put(static_cast<uint64_t>(rev)).put(": ").put(outcomeWord(outcome)).put(" ").put(reason);
  return store();
}

void ActionsRecord::skip(uint32_t rev) {
  if (rev <= context_.state.lastRev) return;
  context_.state.lastRev = rev;
  (void)store();
}

void ActionsRecord::repeat(uint32_t rev) {
  if (last_.rev == rev) context_.state.result = last_;
}

bool ActionsRecord::wasDone(std::string_view commandId) const {
  for (uint8_t i = 0; i < idCount_; ++i) {
    if (ids_[i].view() == commandId) return true;
  }
  return false;
}

bool ActionsRecord::remember(std::string_view commandId, uint32_t rev) {
  if (commandId.empty()) return true;
  const uint8_t at = nextId_, count = idCount_;
  const FixedText<24> before = ids_[at];
  const uint32_t beforeRev = begunRev_;
  if (isOk(ids_[at].assign(commandId))) {
    nextId_ = static_cast<uint8_t>((at + 1) % commandIdsMax);
    if (idCount_ < commandIdsMax) ++idCount_;
    begunRev_ = rev;
    if (storeIds()) return true;
  }
  // It wasn't begun: offered again it must not count as done.
  ids_[at] = before;
  nextId_ = at;
  idCount_ = count;
  begunRev_ = beforeRev;
  return false;
}

bool ActionsRecord::storeIds() {
  uint8_t buffer[256];
  CborWriter writer(buffer);
  writer.putArray(idCount_ + 1u);
  writer.putUint(begunRev_);
  for (uint8_t i = 0; i < idCount_; ++i) {  // oldest first, so that load() finds the next place
    const uint8_t at = static_cast<uint8_t>(idCount_ < commandIdsMax ? i : (nextId_ + i) % commandIdsMax);
    writer.putText(ids_[at].view());
  }
  const Expected<ByteSpan> bytes = writer.finish();
  return bytes.hasValue() && context_.hal.storage.put(commandsKey, bytes->data(), static_cast<uint32_t>(bytes->size())) == hal::Code::ok;
}

}  // namespace cx
