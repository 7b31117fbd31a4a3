/* What the parts of the addon share: calling Node-API with one check, and reading plain options. */
#ifndef COXSWAIN_ADDON_H
#define COXSWAIN_ADDON_H

#define NAPI_VERSION 9
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>

/* Raised with every change of what TypeScript sees; the loader refuses another one instead of misreading tables. */
enum { ADDON_VERSION = 8 };

napi_value udp_exports(napi_env env, napi_value exports);
napi_value dtls_exports(napi_env env, napi_value exports);
napi_value oscore_exports(napi_env env, napi_value exports);

/* Throws an Error with `code` (such as EADDRINUSE) and a text; returns NULL so that callers can return it. */
napi_value throw_code(napi_env env, const char* code, const char* text);
/* The same for the present errno. */
napi_value throw_errno(napi_env env, int error, const char* what);

double number_of(napi_env env, napi_value value, double otherwise);
double number_property(napi_env env, napi_value object, const char* name, double otherwise);
bool bool_property(napi_env env, napi_value object, const char* name);
/* Copies a string property with its terminator; false when it is absent, no string, or too long. */
bool text_property(napi_env env, napi_value object, const char* name, char* to, size_t size);

void set_function(napi_env env, napi_value object, const char* name, napi_callback callback, void* data);

enum array_kind { BYTES, INT32S, FLOAT64S };

/* A typed array that JavaScript and C both see. `reference` keeps it alive for C until it is deleted. */
struct table {
  void* data;
  napi_ref reference;
};
bool make_table(napi_env env, napi_value object, const char* name, enum array_kind kind, size_t length, struct table* table);

#endif
