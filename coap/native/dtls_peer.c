/* What TypeScript asks about a session in the turn in which its handshake finishes; later OpenSSL's object is gone. */
#include <openssl/x509v3.h>
#include "dtls.h"

static void put_text(napi_env env, napi_value object, const char* name, const char* text, size_t length) {
  napi_value value;
  if (napi_create_string_utf8(env, text, length, &value) == napi_ok) napi_set_named_property(env, object, name, value);
}

/* URIs and names of the certificate's subjectAltName; one with a zero byte inside is left out. */
static void put_alternatives(napi_env env, napi_value object, X509* certificate) {
  GENERAL_NAMES* all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  napi_value uris, names;
  uint32_t uri_count = 0, name_count = 0;
  napi_create_array(env, &uris);
  napi_create_array(env, &names);
  for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(all, i);
    if (one->type != GEN_URI && one->type != GEN_DNS) continue;
    const char* text = (const char*)ASN1_STRING_get0_data(one->d.ia5);
    int length = ASN1_STRING_length(one->d.ia5);
    napi_value value;
    if (length < 0 || memchr(text, 0, (size_t)length) || napi_create_string_utf8(env, text, (size_t)length, &value) != napi_ok) continue;
    if (one->type == GEN_URI) napi_set_element(env, uris, uri_count++, value);
    else napi_set_element(env, names, name_count++, value);
  }
  GENERAL_NAMES_free(all);
  napi_set_named_property(env, object, "uris", uris);
  napi_set_named_property(env, object, "names", names);
}

/* The serial number as big-endian bytes without a sign. */
static void put_serial(napi_env env, napi_value object, const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  int length = serial ? ASN1_STRING_length(serial) : 0;
  void* to;
  napi_value buffer, array;
  if (napi_create_arraybuffer(env, (size_t)length, &to, &buffer) != napi_ok) return;
  if (length > 0) memcpy(to, ASN1_STRING_get0_data(serial), (size_t)length);
  if (napi_create_typedarray(env, napi_uint8_array, (size_t)length, buffer, 0, &array) == napi_ok) napi_set_named_property(env, object, "serial", array);
}

/* peer(session): {cipher, psk?, uris?, names?, serial?}. With neither psk nor serial the key of the identity changed while the handshake was
 * under way, so nobody has proven to be it. */
napi_value js_peer(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, object;
  struct dtls* d = self(env, info, &count, &argument);
  struct session* s = session_of(d, env, argument);
  if (!s || !s->ssl || napi_create_object(env, &object) != napi_ok) return NULL;
  const char* identity = SSL_get_psk_identity(s->ssl);
  X509* certificate = SSL_get1_peer_certificate(s->ssl);
  put_text(env, object, "cipher", SSL_get_cipher_name(s->ssl), NAPI_AUTO_LENGTH);
  if (certificate) {
    put_alternatives(env, object, certificate);
    put_serial(env, object, certificate);
  } else if (identity && (!s->is_server || is_key_of(d, identity, s->key_digest))) {
    put_text(env, object, "psk", identity, NAPI_AUTO_LENGTH);
  }
  X509_free(certificate);
  return object;
}

/* resumable(session): what connect() takes to resume it, or undefined. */
napi_value js_resumable(napi_env env, napi_callback_info info) {
  size_t count = 1, length;
  napi_value argument, buffer, array;
  struct dtls* d = self(env, info, &count, &argument);
  struct session* s = session_of(d, env, argument);
  uint8_t bytes[4096];
  void* data;
  if (!s || !s->ssl || (length = write_resumable(s->ssl, bytes, sizeof bytes)) == 0) return NULL;
  bool is_good = napi_create_arraybuffer(env, length, &data, &buffer) == napi_ok;
  if (is_good) memcpy(data, bytes, length);
  OPENSSL_cleanse(bytes, sizeof bytes);
  return is_good && napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array) == napi_ok ? array : NULL;
}
