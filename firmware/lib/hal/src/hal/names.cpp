// The words that logs, reports and tests use for the enums of the hardware layer.
#include "hal/code.hpp"
#include "hal/image_slots.hpp"
#include "hal/log_sink.hpp"
#include "hal/system.hpp"

namespace cx::hal {

const char* nameOf(Code code) {
  switch (code) {
    case Code::ok: return "ok";
    case Code::again: return "again";
    case Code::closed: return "closed";
    case Code::refused: return "refused";
    case Code::unreachable: return "unreachable";
    case Code::timedOut: return "timed-out";
    case Code::noSpace: return "no-space";
    case Code::notFound: return "not-found";
    case Code::invalid: return "invalid";
    case Code::corrupt: return "corrupt";
    case Code::denied: return "denied";
    case Code::unsupported: return "unsupported";
    case Code::io: return "io";
  }
  return "unknown";
}

const char* nameOf(RollbackReason reason) {
  switch (reason) {
    case RollbackReason::none: return "none";
    case RollbackReason::selfTest: return "self-test";
    case RollbackReason::crash: return "crash";
    case RollbackReason::watchdog: return "watchdog";
    case RollbackReason::notConfirmedInTime: return "not-confirmed-in-time";
    case RollbackReason::corruptImage: return "corrupt-image";
    case RollbackReason::managerUnreachable: return "manager-unreachable";
  }
  return "unknown";
}

const char* nameOf(ResetReason reason) {
  switch (reason) {
    case ResetReason::unknown: return "unknown";
    case ResetReason::powerOn: return "power-on";
    case ResetReason::restart: return "restart";
    case ResetReason::crash: return "crash";
    case ResetReason::watchdog: return "watchdog";
    case ResetReason::update: return "update";
    case ResetReason::rollback: return "rollback";
    case ResetReason::wake: return "wake";
  }
  return "unknown";
}

const char* nameOf(LogLevel level) {
  switch (level) {
    case LogLevel::error: return "error";
    case LogLevel::warn: return "warn";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
  }
  return "unknown";
}

}  // namespace cx::hal
