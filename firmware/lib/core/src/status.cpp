#include "status.hpp"

namespace cx {

const char* statusName(Status status) {
  switch (status) {
    case Status::ok: return "ok";
    case Status::again: return "again";
    case Status::full: return "full";
    case Status::tooLarge: return "tooLarge";
    case Status::malformed: return "malformed";
    case Status::unsupported: return "unsupported";
    case Status::invalid: return "invalid";
    case Status::notFound: return "notFound";
    case Status::exists: return "exists";
    case Status::refused: return "refused";
    case Status::mismatch: return "mismatch";
    case Status::busy: return "busy";
    case Status::closed: return "closed";
    case Status::reset: return "reset";
    case Status::timeout: return "timeout";
    case Status::unreachable: return "unreachable";
    case Status::cancelled: return "cancelled";
    case Status::io: return "io";
    case Status::exhausted: return "exhausted";
  }
  return "unknown";
}

}  // namespace cx
