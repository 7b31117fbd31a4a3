#include "resources_service.hpp"

#include "node_report.hpp"

namespace cx {

namespace {

constexpr uint8_t both = coap::accepts::cbor | coap::accepts::json;
constexpr uint8_t getPut = coap::method::get | coap::method::put;

// In the order of resource::Index.
constexpr CoapRoute table[resource::count] = {
    {"health", coap::method::get, both, true, CoapReplay::again, ";rt=\"coxswain.health\";ct=\"60 50\"", true},
    {"metrics", coap::method::get, both, true, CoapReplay::again, ";rt=\"coxswain.metrics\";ct=\"60 50\"", true},
    {"services", coap::method::get, both, false, CoapReplay::again, ";rt=\"coxswain.services\";ct=\"60 50\"", true},
    {"logs", coap::method::get, coap::accepts::text, false, CoapReplay::again, ";rt=\"coxswain.logs\";ct=0", true},
    {"mode", getPut, both, false, CoapReplay::again, ";rt=\"coxswain.mode\";ct=\"60 50\"", true},
    {"update", getPut, both, true, CoapReplay::again, ";rt=\"coxswain.update\";ct=\"60 50\"", true},
    {"environment", coap::method::put, both, false, CoapReplay::again, ";rt=\"coxswain.environment\"", true},
    {"system/restart", coap::method::post, 0, false, CoapReplay::once, ";rt=\"coxswain.restart\"", true},
    {"system/shutdown", coap::method::post, 0, false, CoapReplay::once, ";rt=\"coxswain.shutdown\"", true},
    {"system/config", getPut, both, false, CoapReplay::again, ";rt=\"coxswain.config\";ct=\"60 50\"", true},
};

constexpr int32_t busyRetryS = 2;
constexpr int32_t refusedRetryS = 30;

WireFormat answerFormat(const CoapServerRequest& request) {
  const int32_t asked = request.accept != coapNoFormat ? request.accept : request.contentFormat;
  return asked == coap::format::json ? WireFormat::json : WireFormat::cbor;
}

WireFormat bodyFormat(const CoapServerRequest& request) {
  return request.contentFormat == coap::format::json ? WireFormat::json : WireFormat::cbor;
}

void fail(CoapReply& reply, uint8_t code, std::string_view why, int32_t maxAgeS = -1) {
  reply.code = code;
  reply.maxAge = maxAgeS;
  reply.contentFormat = coapNoFormat;
  reply.putText(why);
}

void answer(CoapReply& reply, const Expected<ByteSpan>& body, WireFormat format) {
  if (!body) return fail(reply, coap::code::internalServerError, "the answer doesn't fit");
  reply.contentFormat = contentFormatOf(format);
  reply.size = body->size();
}

}  // namespace

Span<const CoapRoute> ResourcesService::routes() { return table; }

void ResourcesService::onRequest(const CoapServerRequest& request, CoapReply& reply) {
  // Where there is an association it says who asks, and from wherever; without one the address has to do.
  if (!request.isNotification && !request.isProtected && request.from != context_.state.manager) {
    return fail(reply, coap::code::unauthorized, "only the manager may ask");
  }
  if (request.method != coap::code::get) return put(request, reply);
  const WireFormat format = answerFormat(request);
  switch (request.route) {
    case resource::health:
      reply.maxAge = static_cast<int32_t>(context_.state.environment.reportS);
      return answer(reply, encodeStatusReport(context_, format, reply.buffer), format);
    case resource::metrics:
      reply.maxAge = static_cast<int32_t>(context_.state.environment.reportS);
      return answer(reply, encodeMetrics(context_, format, reply.buffer), format);
    case resource::services:
      return answer(reply, encodeServices(context_, format, reply.buffer), format);
    case resource::logs:
      return logs(request, reply);
    case resource::mode: {
      ModeMessage mode;
      mode.isMaintenance = context_.state.phase == Phase::maintenance;
      if (mode.isMaintenance) mode.update = attempt_.update;
      return answer(reply, encodeMode(format, mode, reply.buffer), format);
    }
    case resource::update:
      reply.maxAge = 1;
      if (attempt_.update.empty()) return answer(reply, encodeWire(format, reply.buffer, [](WireMap&) {}), format);
      return answer(reply, encodeAttemptReport(format, attempt_, reply.buffer), format);
    case resource::config: {
      const Environment& environment = context_.state.environment;
      Configuration config;
      config.pollS = environment.pollS;
      config.reportS = environment.reportS;
      config.logLevel = context_.hal.log.level();
      config.keepMqttInMaintenance = environment.keepMqttInMaintenance;
      return answer(reply, encodeConfiguration(format, config, reply.buffer), format);
    }
    default:
      return fail(reply, coap::code::methodNotAllowed, "");
  }
}

void ResourcesService::put(const CoapServerRequest& request, CoapReply& reply) {
  switch (request.route) {
    case resource::restart: inbox_.isRestartAsked = true; return;
    case resource::shutdown: inbox_.isTerminateAsked = true; return;
    case resource::mode: return putMode(request, reply);
    default: return putAction(request, reply);
  }
}

void ResourcesService::putMode(const CoapServerRequest& request, CoapReply& reply) {
  ModeMessage mode;
  if (!isOk(decodeMode(bodyFormat(request), request.payload, mode))) return fail(reply, coap::code::badRequest, "not a mode");
  if (inbox_.hasMode) return fail(reply, coap::code::serviceUnavailable, "busy", busyRetryS);
  if (mode.isMaintenance && !inbox_.isJobRunning && !inbox_.isJobAllowed) {
    return fail(reply, coap::code::serviceUnavailable, "not now: no heartbeat was answered lately, or a trial is open", refusedRetryS);
  }
  inbox_.hasMode = true;
  inbox_.mode = mode;
}

void ResourcesService::putAction(const CoapServerRequest& request, CoapReply& reply) {
  if (inbox_.hasAction) return fail(reply, coap::code::serviceUnavailable, "busy", busyRetryS);
  Action& action = inbox_.action;
  Status status = Status::ok;
  if (request.route == resource::update) {
    status = decodeAction(bodyFormat(request), request.payload, context_.state.environment, action);
  } else {
    renew(action);
    action.environment = context_.state.environment;
    if (request.route == resource::environment) {
      action.kind = ActionKind::environment;
      action.hasEnvironment = true;
      status = decodeEnvironment(bodyFormat(request), request.payload, action.environment);
    } else {
      action.kind = ActionKind::config;
      status = decodeConfiguration(bodyFormat(request), request.payload, action.config);
    }
  }
  if (status == Status::unsupported) return fail(reply, coap::code::badRequest, "a kind of action or command that isn't known here");
  if (!isOk(status)) return fail(reply, coap::code::badRequest, "not understood");
  const bool isJob = action.kind == ActionKind::update;
  if (isJob && !inbox_.isJobRunning && !inbox_.isJobAllowed) {
    return fail(reply, coap::code::serviceUnavailable, "not now: no heartbeat was answered lately, or a trial is open", refusedRetryS);
  }
  const bool isNew = action.rev == 0 || action.rev > context_.state.lastRev;
  if (action.kind == ActionKind::command && isNew) {
    // As at a heartbeat a later one waits for the update under way, but what is acknowledged here isn't offered there again.
    if (inbox_.updateRev != 0 && action.rev > inbox_.updateRev) return fail(reply, coap::code::serviceUnavailable, "busy", refusedRetryS);
    const CommandBegin begin = actions_.begin(action);
    if (begin == CommandBegin::notStored) return fail(reply, coap::code::serviceUnavailable, "not stored", refusedRetryS);
    inbox_.isBegun = begin == CommandBegin::act;
  }
  inbox_.hasAction = true;
}

void ResourcesService::logs(const CoapServerRequest& request, CoapReply& reply) {
  reply.contentFormat = coap::format::text;
  std::string_view source;
  if (request.query("source", source) && source == "machine") {
    reply.size = context_.profile.logTail(reply.buffer);
    if (reply.size == 0) fail(reply, coap::code::notFound, "this machine has no log here");
    return;
  }
  if (ring_.size() <= reply.buffer.size()) {
    reply.size = ring_.read(0, reply.buffer);
    return;
  }
  reply.source = this;
  reply.size = ring_.size();
}

size_t ResourcesService::read(uint64_t offset, MutableSpan out) { return ring_.read(static_cast<size_t>(offset), out); }

void ResourcesService::onNotificationAcknowledged(size_t route, const hal::Address& peer) {
  if (route == resource::health && peer == context_.state.manager) isHeard_ = true;
}

}  // namespace cx
