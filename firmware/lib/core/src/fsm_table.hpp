// A state machine as one constexpr table. The compiler refuses a table with a duplicate row or an
// undecided (state, event) pair, so that "what happens if" always has a written answer.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cx {

/// What a row says about its pairs: change state, do nothing on purpose, or report a defect.
enum class Verdict : uint8_t { go, ignore, fault };

/// One row. `events` is a set, since many pairs share one answer; `guard` zero means "always".
/// The rows of one pair are tried in order and the last one has no guard.
template <class State, class Event, class Guard, class Action>
struct FsmRow {
  State state;
  uint32_t events;
  Guard guard;
  Verdict verdict;
  Action action;
  State next;

  constexpr bool covers(State s, Event e) const {
    return s == state && (events & (uint32_t{1} << static_cast<unsigned>(e))) != 0;
  }
};

template <class Event>
constexpr uint32_t eventSet(Event only) {
  return uint32_t{1} << static_cast<unsigned>(only);
}
template <class Event, class... Rest>
constexpr uint32_t eventSet(Event first, Rest... rest) {
  return eventSet(first) | eventSet(rest...);
}

/// True when some pair has two rows with the same guard: the second could never be reached.
template <class Row, size_t N>
constexpr bool fsmHasDuplicate(const Row (&rows)[N]) {
  for (size_t i = 0; i < N; ++i)
    for (size_t j = i + 1; j < N; ++j)
      if (rows[i].state == rows[j].state && rows[i].guard == rows[j].guard && (rows[i].events & rows[j].events) != 0)
        return true;
  return false;
}

/// True when every pair ends in an unguarded row and no row stands behind one.
template <class State, class Event, class Row, size_t N>
constexpr bool fsmDecidesEveryPair(const Row (&rows)[N], unsigned stateCount, unsigned eventCount) {
  for (unsigned s = 0; s < stateCount; ++s) {
    for (unsigned e = 0; e < eventCount; ++e) {
      bool decided = false;
      for (size_t i = 0; i < N; ++i) {
        if (!rows[i].covers(static_cast<State>(s), static_cast<Event>(e))) continue;
        if (decided) return false;
        decided = static_cast<unsigned>(rows[i].guard) == 0;
      }
      if (!decided) return false;
    }
  }
  return true;
}

/// The row that answers this pair now. Never null for a table that passed the two checks above.
template <class Row, size_t N, class State, class Event, class GuardHolds>
const Row& fsmFind(const Row (&rows)[N], State state, Event event, GuardHolds&& holds) {
  const Row* found = &rows[0];
  for (size_t i = 0; i < N; ++i) {
    if (!rows[i].covers(state, event)) continue;
    found = &rows[i];
    if (static_cast<unsigned>(rows[i].guard) == 0 || holds(rows[i].guard)) break;
  }
  return *found;
}

}  // namespace cx
