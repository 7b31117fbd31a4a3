// What must outlive power about actions: the last finished rev with its outcome, and the ids of commands done.
#pragma once

#include "node_context.hpp"

namespace cx {

// By the wall clock; a node that doesn't know it takes nothing for expired.
bool isExpired(hal::Clock& clock, bool hasExpiry, int64_t expiresMs);

constexpr uint8_t commandIdsMax = 8;  // full: the oldest is forgotten

enum class CommandBegin : uint8_t { act, over, notStored };

class ActionsRecord {
 public:
  explicit ActionsRecord(NodeContext& context) : context_(context) {}

  // Reads both records; a corrupt one counts as none and is reported. A command that was begun and has no outcome is finished
  // as interrupted: power went in between, nobody knows how far it came, and the manager may never offer it again.
  void load();
  // What a command's acknowledgement needs: whatever power does afterwards, the manager learns what came of it. act: stored as
  // begun; over: it was done before, or came too late, and that is stored. notStored: the medium refused, nothing happened.
  CommandBegin begin(const Action& command);
  // The action is finished: stored before this returns true, then repeated in reports until one was answered.
  // False: the medium refused; the caller doesn't act on a restart-like command then.
  bool finish(uint32_t rev, Outcome outcome, std::string_view reason);
  // A cancelled or expired rev: nothing to report, but never asked for again.
  void skip(uint32_t rev);
  // The manager offers a rev that is finished here: it missed the result, so it is sent again.
  void repeat(uint32_t rev);
  bool wasDone(std::string_view commandId) const;
  // Stored before the command acts, with the rev that it came under (0: none, and no outcome is awaited). False: not stored.
  bool remember(std::string_view commandId, uint32_t rev);

 private:
  bool store();
  bool storeIds();

  NodeContext& context_;
  ActionResult last_;
  FixedText<24> ids_[commandIdsMax];
  uint8_t idCount_ = 0;
  uint8_t nextId_ = 0;
  uint32_t begunRev_ = 0;  // of the newest id
};

}  // namespace cx
