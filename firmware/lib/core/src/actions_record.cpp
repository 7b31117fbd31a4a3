#include "actions_record.hpp"

namespace cx {

namespace {

constexpr const char* resultKey = "rev";
constexpr const char* commandsKey = "cmds";  // the rev under which the newest was begun, then one text item per id

}  // namespace

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
  if (commandId.empty() || !isOk(ids_[nextId_].assign(commandId))) return commandId.empty();
  nextId_ = static_cast<uint8_t>((nextId_ + 1) % commandIdsMax);
  if (idCount_ < commandIdsMax) ++idCount_;
  begunRev_ = rev;
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
