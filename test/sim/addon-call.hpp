// Arguments and results of a native addon, as both addons of the simulation read and write them.
#pragma once
#include <node_api.h>

#include <string>

constexpr size_t argumentsMax = 5;

struct Call {
  Call(napi_env environment, napi_callback_info info) : env(environment) { napi_get_cb_info(env, info, &count, values, nullptr, nullptr); }
  // The external value that create() gave.
  template <class Handle>
  Handle* handleOf() const {
    void* data = nullptr;
    napi_get_value_external(env, values[0], &data);
    return static_cast<Handle*>(data);
  }
  double number(size_t index) const {
    double value = 0;
    napi_get_value_double(env, values[index], &value);
    return value;
  }
  bool boolean(size_t index) const {
    bool value = false;
    napi_get_value_bool(env, values[index], &value);
    return value;
  }
  uint8_t* bytes(size_t index, size_t& size) const { return bytesOf(values[index], size); }
  uint8_t* bytesOf(napi_value value, size_t& size) const {
    void* data = nullptr;
    napi_typedarray_type type;
    napi_value buffer;
    size_t offset = 0;
    size = 0;
    if (napi_get_typedarray_info(env, value, &type, &size, &data, &buffer, &offset) != napi_ok) return nullptr;
    return static_cast<uint8_t*>(data);
  }
  std::string text(size_t index) const { return textOf(values[index]); }
  std::string textOf(napi_value value) const {
    char out[256] = {};
    size_t size = 0;
    napi_get_value_string_utf8(env, value, out, sizeof out, &size);
    return std::string(out, size);
  }
  napi_value field(napi_value object, const char* name) const {
    napi_value value;
    napi_get_named_property(env, object, name, &value);
    return value;
  }
  double fieldNumber(napi_value object, const char* name) const {
    double value = 0;
    napi_get_value_double(env, field(object, name), &value);
    return value;
  }

  napi_env env;
  size_t count = argumentsMax;
  napi_value values[argumentsMax] = {};
};

inline napi_value numberOf(napi_env env, double value) {
  napi_value out;
  napi_create_double(env, value, &out);
  return out;
}

inline napi_value fail(napi_env env, const char* message) {
  napi_throw_error(env, "sim", message);
  return nullptr;
}

struct AddonFunction {
  const char* name;
  napi_callback function;
};

template <size_t N>
napi_value exported(napi_env env, napi_value exports, const AddonFunction (&table)[N]) {
  for (const AddonFunction& row : table) {
    napi_value function;
    napi_create_function(env, row.name, NAPI_AUTO_LENGTH, row.function, nullptr, &function);
    napi_set_named_property(env, exports, row.name, function);
  }
  return exports;
}
