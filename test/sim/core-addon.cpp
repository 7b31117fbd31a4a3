// The firmware core on its simulated port, for JavaScript: real nodes inside one test process, on virtual time.
//
//   size(), install(flash, image) -> 0, create(flash, config) -> handle, step(handle, nowMs) -> next due (Infinity: none),
//   drain(handle) -> [kind, stream, address, port, bytes, ...], datagram(handle, address, port, toMulticast, bytes),
//   connected(handle, stream, isConnected), data(handle, stream, bytes) -> taken, ended(handle, stream),
//   ending(handle), status(handle), cut(handle, operations)
//
// The flash is the caller's Buffer and must outlive the handle; core.ts keeps both together.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "addon-call.hpp"
#include "hal/address.hpp"
#include "hal_sim/sim_core.h"

namespace {

enum Kind : uint32_t { datagramOut = 1, streamConnect = 2, streamOut = 3, streamClose = 4, logLine = 5 };

struct Event {
  Kind kind;
  uint32_t stream;  // of a log line: its level
  cx_sim_address to;
  std::vector<uint8_t> bytes;
};

struct Handle {
  void* memory = nullptr;
  cx_sim* node = nullptr;
  std::vector<Event> events;
  std::string id, model, hardware, host, vendor;
  std::vector<uint8_t> anchors;
};

void onDatagram(void* context, const cx_sim_address* to, const uint8_t* bytes, uint32_t size) {
  static_cast<Handle*>(context)->events.push_back({datagramOut, 0, *to, std::vector<uint8_t>(bytes, bytes + size)});
}
void onConnect(void* context, uint32_t stream, const cx_sim_address* to) {
  static_cast<Handle*>(context)->events.push_back({streamConnect, stream, *to, {}});
}
void onStream(void* context, uint32_t stream, const uint8_t* bytes, uint32_t size) {
  static_cast<Handle*>(context)->events.push_back({streamOut, stream, {}, std::vector<uint8_t>(bytes, bytes + size)});
}
void onClose(void* context, uint32_t stream) { static_cast<Handle*>(context)->events.push_back({streamClose, stream, {}, {}}); }
void onLog(void* context, uint32_t level, const char* line, uint32_t size) {
  static_cast<Handle*>(context)->events.push_back({logLine, level, {}, std::vector<uint8_t>(line, line + size)});
}

napi_value sizeOf(napi_env env, napi_callback_info) { return numberOf(env, cx_sim_size()); }

napi_value install(napi_env env, napi_callback_info info) {
  Call call(env, info);
  size_t flashSize = 0, imageSize = 0;
  uint8_t* flash = call.bytes(0, flashSize);
  uint8_t* image = call.bytes(1, imageSize);
  if (flash == nullptr || image == nullptr) return fail(env, "install(flash, image) takes two Uint8Arrays");
  return numberOf(env, cx_sim_install(flash, static_cast<uint32_t>(flashSize), image, static_cast<uint32_t>(imageSize)));
}

void destroy(napi_env, void* data, void*) {
  Handle* handle = static_cast<Handle*>(data);
  std::free(handle->memory);
  delete handle;
}

napi_value create(napi_env env, napi_callback_info info) {
  Call call(env, info);
  size_t flashSize = 0;
  uint8_t* flash = call.bytes(0, flashSize);
  const napi_value object = call.values[1];
  if (flash == nullptr) return fail(env, "create(flash, config) takes a Uint8Array first");
  Handle* handle = new Handle();
  handle->memory = std::aligned_alloc(64, (cx_sim_size() + 63U) / 64U * 64U);
  handle->id = call.textOf(call.field(object, "id"));
  handle->model = call.textOf(call.field(object, "model"));
  handle->hardware = call.textOf(call.field(object, "hardware"));
  handle->host = call.textOf(call.field(object, "managerHost"));
  cx_sim_config config = {};
  config.abi = CX_SIM_ABI;
  config.id = handle->id.c_str();
  config.model = handle->model.c_str();
  config.hardware = handle->hardware.c_str();
  config.manager_host = handle->host.c_str();
  config.manager_port = static_cast<uint16_t>(call.fieldNumber(object, "managerPort"));
  config.discover_port = static_cast<uint16_t>(call.fieldNumber(object, "discoverPort"));
  config.prefer_coap = call.fieldNumber(object, "preferCoap") != 0 ? 1 : 0;
  config.q_block = call.fieldNumber(object, "qBlock") != 0 ? 1 : 0;
  config.reset_reason = static_cast<uint8_t>(call.fieldNumber(object, "resetReason"));
  config.log_level = static_cast<uint8_t>(call.fieldNumber(object, "logLevel"));
  config.download_rate = static_cast<uint32_t>(call.fieldNumber(object, "downloadRate"));
  handle->vendor = call.textOf(call.field(object, "vendor"));
  config.vendor = handle->vendor.c_str();
  size_t anchorsSize = 0;
  const uint8_t* anchors = call.bytesOf(call.field(object, "anchors"), anchorsSize);
  if (anchors != nullptr && anchorsSize > 0) {
    handle->anchors.assign(anchors, anchors + anchorsSize);
    config.anchors = handle->anchors.data();
    config.anchors_size = static_cast<uint32_t>(anchorsSize);
  }
  config.seed = static_cast<uint64_t>(call.fieldNumber(object, "seed"));
  config.now_ms = static_cast<uint64_t>(call.fieldNumber(object, "nowMs"));
  config.flash = flash;
  config.flash_size = static_cast<uint32_t>(flashSize);
  config.cut_power_after = static_cast<uint32_t>(call.fieldNumber(object, "cutPowerAfter"));
  config.callbacks = {handle, onDatagram, onConnect, onStream, onClose, onLog};
  handle->node = cx_sim_create(handle->memory, &config);
  napi_value out;
  napi_create_external(env, handle, destroy, nullptr, &out);
  return out;
}

napi_value step(napi_env env, napi_callback_info info) {
  Call call(env, info);
  const uint64_t due = cx_sim_step(call.handleOf<Handle>()->node, static_cast<uint64_t>(call.number(1)));
  return numberOf(env, due == UINT64_MAX ? __builtin_inf() : static_cast<double>(due));
}

// One flat array of five values an event: kind, stream or level, address, port, bytes.
napi_value drain(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Handle* handle = call.handleOf<Handle>();
  napi_value out;
  napi_create_array_with_length(env, handle->events.size() * 5, &out);
  uint32_t at = 0;
  for (const Event& event : handle->events) {
    char text[cx::hal::addressTextMax] = {};
    cx::hal::Address address;
    address.family = event.to.family;
    std::memcpy(address.bytes, event.to.bytes, sizeof address.bytes);
    cx::hal::formatAddress(address, text, sizeof text);
    char* colon = std::strrchr(text, ':');
    if (colon != nullptr) *colon = '\0';
    const char* host = text;
    if (host[0] == '[') {
      ++host;
      text[std::strlen(text) - 1] = '\0';
    }
    napi_value value;
    napi_set_element(env, out, at++, numberOf(env, event.kind));
    napi_set_element(env, out, at++, numberOf(env, event.stream));
    napi_create_string_utf8(env, host, NAPI_AUTO_LENGTH, &value);
    napi_set_element(env, out, at++, value);
    napi_set_element(env, out, at++, numberOf(env, event.to.port));
    void* data = nullptr;
    napi_value buffer;
    napi_create_arraybuffer(env, event.bytes.size(), &data, &buffer);
    if (!event.bytes.empty()) std::memcpy(data, event.bytes.data(), event.bytes.size());
    napi_create_typedarray(env, napi_uint8_array, event.bytes.size(), buffer, 0, &value);
    napi_set_element(env, out, at++, value);
  }
  handle->events.clear();
  return out;
}

napi_value datagram(napi_env env, napi_callback_info info) {
  Call call(env, info);
  cx::hal::Address parsed;
  if (!cx::hal::parseAddress(call.text(1).c_str(), static_cast<uint16_t>(call.number(2)), parsed)) return fail(env, "not an address");
  cx_sim_address from = {};
  from.family = parsed.family;
  from.port = parsed.port;
  std::memcpy(from.bytes, parsed.bytes, sizeof from.bytes);
  size_t size = 0;
  const uint8_t* bytes = call.bytes(4, size);
  cx_sim_datagram_in(call.handleOf<Handle>()->node, &from, call.boolean(3) ? 1 : 0, bytes, static_cast<uint32_t>(size));
  return nullptr;
}

napi_value connected(napi_env env, napi_callback_info info) {
  Call call(env, info);
  cx_sim_stream_connected(call.handleOf<Handle>()->node, static_cast<uint32_t>(call.number(1)), call.boolean(2) ? 1 : 0);
  return nullptr;
}

napi_value data(napi_env env, napi_callback_info info) {
  Call call(env, info);
  size_t size = 0;
  const uint8_t* bytes = call.bytes(2, size);
  return numberOf(env, cx_sim_stream_in(call.handleOf<Handle>()->node, static_cast<uint32_t>(call.number(1)), bytes, static_cast<uint32_t>(size)));
}

napi_value ended(napi_env env, napi_callback_info info) {
  Call call(env, info);
  cx_sim_stream_ended(call.handleOf<Handle>()->node, static_cast<uint32_t>(call.number(1)));
  return nullptr;
}

napi_value ending(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return numberOf(env, cx_sim_ending(call.handleOf<Handle>()->node));
}

napi_value cut(napi_env env, napi_callback_info info) {
  Call call(env, info);
  cx_sim_cut_power_after(call.handleOf<Handle>()->node, static_cast<uint32_t>(call.number(1)));
  return nullptr;
}

napi_value status(napi_env env, napi_callback_info info) {
  Call call(env, info);
  cx_sim_status found;
  cx_sim_status_of(call.handleOf<Handle>()->node, &found);
  napi_value out, value;
  napi_create_object(env, &out);
  const auto put = [&](const char* name, double number) { napi_set_named_property(env, out, name, numberOf(env, number)); };
  put("phase", found.phase);
  put("isTrial", found.is_trial);
  put("isRegistered", found.is_registered);
  put("isBrokerConnected", found.is_broker_connected);
  put("attemptState", found.attempt_state);
  put("attemptPercent", found.attempt_percent);
  put("slot", found.slot);
  put("rolledBack", found.rolled_back);
  put("lastRev", found.last_rev);
  put("lifeFaults", found.life_faults);
  put("flashFaults", found.flash_faults);
  put("flashOperations", found.flash_operations);
  put("boots", found.boots);
  std::string digest;
  for (const uint8_t byte : found.digest) {
    digest += "0123456789abcdef"[byte >> 4U];
    digest += "0123456789abcdef"[byte & 15U];
  }
  napi_create_string_utf8(env, digest.c_str(), NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, out, "digest", value);
  napi_create_string_utf8(env, found.version, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, out, "version", value);
  return out;
}

}  // namespace

NAPI_MODULE_INIT() {
  static const AddonFunction table[] = {{"size", sizeOf}, {"install", install}, {"create", create}, {"step", step}, {"drain", drain}, {"datagram", datagram},
                                        {"connected", connected}, {"data", data}, {"ended", ended}, {"ending", ending}, {"status", status}, {"cut", cut}};
  return exported(env, exports, table);
}
