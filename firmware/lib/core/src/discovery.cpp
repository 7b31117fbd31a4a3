#include "discovery.hpp"

namespace cx {

namespace {

constexpr const char* defaultGroups[] = {"224.0.1.187", "ff02::fd"};
constexpr uint8_t interfacesMax = 4;
constexpr uint32_t resolvePollMs = 50;

}  // namespace

void Discovery::start(uint64_t nowMs) {
  stop();
  if (!context_.settings.managerHost.empty()) {
    state_ = State::resolving;
    dueMs_ = nowMs;
    endMs_ = nowMs + resolveTimeoutMs;
    return;
  }
  state_ = State::asking;
  endMs_ = nowMs + discoveryListenMs;
  dueMs_ = endMs_;
  if (!context_.settings.discoverGroup.empty()) {
    ask(context_.settings.discoverGroup.cStr(), nowMs);
  } else {
    for (const char* group : defaultGroups) ask(group, nowMs);
  }
  if (open_ == 0) {
    context_.log.warn().put("discovery: no interface to ask on; give the manager's address");
    state_ = State::done;
  }
}

void Discovery::ask(const char* group, uint64_t nowMs) {
  (void)nowMs;
  hal::Address to;
  if (!hal::parseAddress(group, context_.settings.discoverPort, to)) {
    context_.log.error().put("discovery: not an address: ").put(group);
    return;
  }
  uint16_t interfaces[interfacesMax] = {};
  uint8_t count = context_.hal.network.interfaces(interfaces, interfacesMax);
  if (count == 0) count = 1;  // index 0: the port's default
  for (uint8_t i = 0; i < count; ++i) {
    to.interface = interfaces[i];
    CoapRequest request;
    request.to = to;
    request.path = ".well-known/core";
    request.query = "rt=coxswain.manager";
    request.isConfirmable = false;
    request.deadlineMs = discoveryListenMs;
    if (context_.coap.request(request, *this)) ++open_;
  }
}

void Discovery::poll(uint64_t nowMs) {
  if (state_ == State::resolving && nowMs >= dueMs_) {
    hal::Address found;
    const hal::Code code = context_.hal.network.resolve(context_.settings.managerHost.cStr(), context_.settings.managerPort, found);
    if (code == hal::Code::ok) {
      add(found);
      state_ = State::done;
    } else if (code != hal::Code::again || nowMs >= endMs_) {
      context_.log.warn().put("discovery: ").put(context_.settings.managerHost.view()).put(" doesn't resolve: ").put(hal::nameOf(code));
      state_ = State::done;
    } else {
      dueMs_ = nowMs + resolvePollMs;
    }
  }
  if (state_ == State::asking && (open_ == 0 || nowMs >= endMs_)) {
    state_ = State::done;
    context_.coap.cancelAll(*this);
    open_ = 0;
  }
}

void Discovery::stop() {
  context_.coap.cancelAll(*this);
  state_ = State::idle;
  open_ = 0;
  count_ = 0;
}

bool Discovery::take(hal::Address& out) {
  if (count_ == 0) return false;
  out = candidates_[0];
  --count_;
  for (uint8_t i = 0; i < count_; ++i) candidates_[i] = candidates_[i + 1];
  return true;
}

void Discovery::add(const hal::Address& address) {
  for (uint8_t i = 0; i < count_; ++i) {
    if (candidates_[i] == address) return;
  }
  if (count_ < candidatesMax) candidates_[count_++] = address;
}

void Discovery::onResponse(CoapRequestId, const CoapResponse& response) {
  if (response.code != coap::code::content) return;
  hal::Address found = response.from;
  if (context_.settings.isPortProtected) found.port++;  // DTLS is beside it, as 5684 beside 5683
  add(found);
}

void Discovery::onRequestEnded(CoapRequestId, Status) {
  if (open_ > 0) --open_;
}

}  // namespace cx
