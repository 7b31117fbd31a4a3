#include "addon.h"
#include <errno.h>
#include <string.h>

napi_value throw_code(napi_env env, const char* code, const char* text) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, code, text);
  return NULL;
}

static const char* name_of(int error) {
  switch (error) {
    case EADDRINUSE: return "EADDRINUSE";
    case EADDRNOTAVAIL: return "EADDRNOTAVAIL";
    case EACCES: return "EACCES";
    case EAFNOSUPPORT: return "EAFNOSUPPORT";
    case EINVAL: return "EINVAL";
    case ENODEV: return "ENODEV";
    case EMFILE: return "EMFILE";
    case ENOMEM: return "ENOMEM";
    default: return "EIO";
  }
}

napi_value throw_errno(napi_env env, int error, const char* what) {
  char text[160];
  const char* reason = strerror(error);
  size_t length = strlen(what);
  if (length > 40) length = 40;
  memcpy(text, what, length);
  memcpy(text + length, ": ", 2);
  size_t rest = strlen(reason);
  if (rest > 100) rest = 100;
  memcpy(text + length + 2, reason, rest);
  text[length + 2 + rest] = 0;
  return throw_code(env, name_of(error), text);
}

double number_of(napi_env env, napi_value value, double otherwise) {
  double number;
  return value && napi_get_value_double(env, value, &number) == napi_ok ? number : otherwise;
}

double number_property(napi_env env, napi_value object, const char* name, double otherwise) {
  napi_value value;
  return napi_get_named_property(env, object, name, &value) == napi_ok ? number_of(env, value, otherwise) : otherwise;
}

bool bool_property(napi_env env, napi_value object, const char* name) {
  napi_value value;
  bool is = false;
  if (napi_get_named_property(env, object, name, &value) != napi_ok) return false;
  return napi_get_value_bool(env, value, &is) == napi_ok && is;
}

bool text_property(napi_env env, napi_value object, const char* name, char* to, size_t size) {
  napi_value value;
  size_t length;
  if (napi_get_named_property(env, object, name, &value) != napi_ok) return false;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length >= size) return false;
  return napi_get_value_string_utf8(env, value, to, size, &length) == napi_ok;
}

void set_function(napi_env env, napi_value object, const char* name, napi_callback callback, void* data) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function) == napi_ok) {
    napi_set_named_property(env, object, name, function);
  }
}

bool make_table(napi_env env, napi_value object, const char* name, enum array_kind kind, size_t length, struct table* table) {
  static const size_t widths[] = {1, 4, 8};
  static const napi_typedarray_type types[] = {napi_uint8_array, napi_int32_array, napi_float64_array};
  napi_value buffer, array;
  if (napi_create_arraybuffer(env, length * widths[kind], &table->data, &buffer) != napi_ok) return false;
  if (napi_create_typedarray(env, types[kind], length, buffer, 0, &array) != napi_ok) return false;
  if (napi_create_reference(env, buffer, 1, &table->reference) != napi_ok) return false;
  return napi_set_named_property(env, object, name, array) == napi_ok;
}

NAPI_MODULE_INIT() {
  napi_value version;
  if (napi_create_int32(env, ADDON_VERSION, &version) != napi_ok) return NULL;
  napi_set_named_property(env, exports, "version", version);
  return oscore_exports(env, dtls_exports(env, udp_exports(env, exports)));
}
