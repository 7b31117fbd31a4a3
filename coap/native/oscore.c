/* The AEAD for OSCORE: works in bytes that JavaScript fills and reads, so a message costs a call with three numbers.
 *
 *   [0, 32)    key      [32, 48)   nonce     [48, 160)  AAD     [160, ...)  text, replaced by what comes out
 */
#include "addon.h"
#include "aead.h"
#include <stdlib.h>

enum { KEY = 0, NONCE = 32, AAD = 48, TEXT = 160, MAX_BYTES = 1 << 20 };

struct box {
  struct table bytes;
  size_t length;
};

static void finalize(napi_env env, void* data, void* hint) {
  struct box* box = data;
  (void)hint;
  if (box->bytes.reference) napi_delete_reference(env, box->bytes.reference);
  free(box);
}

/* The nonce has 13 bytes with CCM, 12 otherwise (RFC 9053 section 4). */
static size_t nonce_length(enum aead aead) { return aead == AEAD_CCM8 || aead == AEAD_CCM ? 13 : 12; }

/* [cipher, bytes of AAD, bytes of text]; NULL when they don't fit. */
static struct box* read_call(napi_env env, napi_callback_info info, int32_t numbers[3]) {
  napi_value arguments[3];
  size_t count = 3;
  void* data = NULL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, &data) != napi_ok || count != 3 || !data) return NULL;
  for (int i = 0; i < 3; i++) {
    if (napi_get_value_int32(env, arguments[i], &numbers[i]) != napi_ok || numbers[i] < 0) return NULL;
  }
  struct box* box = data;
  bool is_cipher = numbers[0] >= AEAD_CCM8 && numbers[0] <= AEAD_CHACHA;
  return is_cipher && numbers[1] <= TEXT - AAD && (size_t)numbers[2] <= box->length - TEXT ? box : NULL;
}

static napi_value boolean(napi_env env, bool value) {
  napi_value result;
  return napi_get_boolean(env, value, &result) == napi_ok ? result : NULL;
}

static napi_value seal(napi_env env, napi_callback_info info) {
  int32_t n[3];
  struct box* box = read_call(env, info, n);
  if (!box) return boolean(env, false);
  const enum aead aead = (enum aead)n[0];
  const size_t length = (size_t)n[2];
  uint8_t *bytes = box->bytes.data, *text = bytes + TEXT;
  if (length + aead_tag_length(aead) > box->length - TEXT) return boolean(env, false);
  return boolean(env, aead_seal(aead, bytes + KEY, bytes + NONCE, nonce_length(aead), bytes + AAD, (size_t)n[1], text, length, text, text + length));
}

static napi_value open(napi_env env, napi_callback_info info) {
  int32_t n[3];
  struct box* box = read_call(env, info, n);
  if (!box) return boolean(env, false);
  const enum aead aead = (enum aead)n[0];
  const size_t tag = aead_tag_length(aead);
  uint8_t *bytes = box->bytes.data, *text = bytes + TEXT;
  if ((size_t)n[2] <= tag) return boolean(env, false);
  const size_t length = (size_t)n[2] - tag;
  return boolean(env, aead_open(aead, bytes + KEY, bytes + NONCE, nonce_length(aead), bytes + AAD, (size_t)n[1], text, length, text, text + length));
}

/* createAead(bytes of text) -> {bytes, seal, open}: both are called on the object, which keeps the bytes. */
static napi_value create_aead(napi_env env, napi_callback_info info) {
  napi_value argument, object;
  size_t count = 1;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count != 1) return throw_code(env, "EINVAL", "createAead");
  double text = number_of(env, argument, 0);
  if (!(text >= 16 && text <= MAX_BYTES)) return throw_code(env, "EINVAL", "createAead");
  struct box* box = calloc(1, sizeof *box);
  if (!box || napi_create_object(env, &object) != napi_ok) {
    free(box);
    return throw_code(env, "ENOMEM", "createAead");
  }
  napi_add_finalizer(env, object, box, finalize, NULL, NULL);
  box->length = TEXT + (size_t)text;
  if (!make_table(env, object, "bytes", BYTES, box->length, &box->bytes)) return throw_code(env, "ENOMEM", "createAead");
  set_function(env, object, "seal", seal, box);
  set_function(env, object, "open", open, box);
  return object;
}

napi_value oscore_exports(napi_env env, napi_value exports) {
  set_function(env, exports, "createAead", create_aead, NULL);
  return exports;
}
