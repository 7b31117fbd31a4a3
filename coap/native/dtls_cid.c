/* Connection IDs (RFC 9146): negotiated by an extension that OpenSSL carries without knowing it, and finding a session by one. */
#include <openssl/rand.h>
#include "dtls.h"

enum { CONNECTION_ID = 54 };

static int write_id(SSL* ssl, unsigned extension, unsigned context, const unsigned char** out, size_t* length, X509* x, size_t chain, int* alert, void* argument) {
  static const unsigned char none[] = {0};
  struct dtls* d = SSL_get_app_data(ssl);
  struct session* s = d->current;
  (void)extension;
  (void)x;
  (void)chain;
  (void)alert;
  (void)argument;
  if (!s) return 0;
  if (context == SSL_EXT_CLIENT_HELLO) {
    /* A client of ours takes records by address, so it asks for none, and offers to put the server's into its own. */
    *out = none;
    *length = sizeof none;
    return 1;
  }
  if (!s->takes_ids) return 0;
  struct connection_ids* ids = &s->keys.ids;
  /* The row, hidden from strangers that count sessions, and a number that a later session in the same row doesn't have. */
  const uint32_t row = (uint32_t)(s - d->sessions);
  if (RAND_bytes(ids->read + 4, 4) != 1) return -1;
  for (int i = 0; i < 4; i++) ids->read[i] = (uint8_t)(row >> (24 - 8 * i)) ^ ids->read[4 + i] ^ d->row_mask[i];
  ids->has_read = true;
  d->extension[0] = OWN_CID;
  memcpy(d->extension + 1, ids->read, OWN_CID);
  *out = d->extension;
  *length = sizeof d->extension;
  return 1;
}

static int read_id(SSL* ssl, unsigned extension, unsigned context, const unsigned char* in, size_t length, X509* x, size_t chain, int* alert, void* argument) {
  struct dtls* d = SSL_get_app_data(ssl);
  struct session* s = d->current;
  (void)extension;
  (void)context;
  (void)x;
  (void)chain;
  (void)argument;
  if (length < 1 || in[0] != length - 1) {
    *alert = SSL_AD_DECODE_ERROR;
    return 0;
  }
  if (!s) return 1;
  if (in[0] > MAX_CID) {
    /* A client's we need not take. A server chose among what we said we take, which is any. */
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    return context == SSL_EXT_CLIENT_HELLO;
  }
  s->takes_ids = true;
  s->keys.ids.write_length = in[0];
  memcpy(s->keys.ids.write, in + 1, in[0]);
  return 1;
}

bool allow_connection_ids(SSL_CTX* context) {
  const unsigned where = SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO;
  return SSL_CTX_add_custom_ext(context, CONNECTION_ID, where, write_id, NULL, NULL, read_id, NULL) == 1;
}

int session_of_id(const struct dtls* d, const uint8_t* bytes, size_t length) {
  struct record record;
  size_t at = 0;
  if (!read_record(bytes, length, &at, &record) || record.type != TLS12_CID) return -1;
  const uint8_t* id = record.head + 11;
  uint32_t row = 0;
  for (int i = 0; i < 4; i++) row = row << 8 | (uint8_t)(id[i] ^ id[4 + i] ^ d->row_mask[i]);
  if (row >= (uint32_t)d->capacity) return -1;
  const struct session* s = &d->sessions[row];
  return s->state != FREE && s->keys.ids.has_read && memcmp(s->keys.ids.read, id, OWN_CID) == 0 ? (int)row : -1;
}
