/* What TypeScript calls of DTLS; dtls.h says how the tables are read. */
#include <arpa/inet.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "dtls.h"

struct dtls* self(napi_env env, napi_callback_info info, size_t* count, napi_value* arguments) {
  void* data = NULL;
  for (size_t i = 0; i < *count; i++) arguments[i] = NULL;
  napi_get_cb_info(env, info, count, arguments, NULL, &data);
  return data;
}

struct session* session_of(struct dtls* d, napi_env env, napi_value value) {
  double row = number_of(env, value, -1);
  return row >= 0 && row < d->capacity ? &d->sessions[(int)row] : NULL;
}

/* bytes[start, end) of a Uint8Array. */
static const uint8_t* bytes_of(napi_env env, napi_value* arguments, size_t* length) {
  void* data;
  size_t size;
  napi_typedarray_type type;
  double start = number_of(env, arguments[1], -1), end = number_of(env, arguments[2], -1);
  if (!arguments[0] || napi_get_typedarray_info(env, arguments[0], &type, &size, &data, NULL, NULL) != napi_ok) return NULL;
  if (type != napi_uint8_array || start < 0 || end < start || end > (double)size) return NULL;
  *length = (size_t)(end - start);
  return (const uint8_t*)data + (size_t)start;
}

static napi_value integer(napi_env env, int32_t value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}

/* challenge(bytes, start, end, address length): 0 no ClientHello, 1 a HelloVerifyRequest is in `out`, 2 its cookie is good. */
static napi_value js_challenge(napi_env env, napi_callback_info info) {
  size_t count = 4, length;
  napi_value arguments[4];
  struct dtls* d = self(env, info, &count, arguments);
  uint8_t cookie[COOKIE];
  struct hello hello;
  begin(d);
  const uint8_t* bytes = bytes_of(env, arguments, &length);
  double address = number_of(env, arguments[3], -1);
  if (!bytes || address < 0 || !read_hello(bytes, length, &hello)) return integer(env, 0);
  if (hello.cookie_length == COOKIE) {
    for (int which = 0; which < 2; which++) {
      if (cookie_of(d, which, &hello, (size_t)address, cookie) && CRYPTO_memcmp(cookie, hello.cookie, COOKIE) == 0) return integer(env, 2);
    }
  }
  if (!cookie_of(d, 0, &hello, (size_t)address, cookie)) return integer(env, 0);
  write_verify_request(d->out.data, hello.sequence, cookie);
  push(&d->out_rows, counts_of(d) + COUNT_OUT, 0, VERIFY_REQUEST);
  return integer(env, 1);
}

static napi_value js_rotate(napi_env env, napi_callback_info info) {
  size_t count = 0;
  struct dtls* d = self(env, info, &count, NULL);
  memcpy(d->secrets[1], d->secrets[0], SECRET);
  if (RAND_bytes(d->secrets[0], SECRET) != 1) return throw_code(env, "EIO", "no randomness for cookies");
  return NULL;
}

/* accept(session, bytes, start, end): a ClientHello whose cookie is good begins a handshake. Returns events. */
static napi_value js_accept(napi_env env, napi_callback_info info) {
  size_t count = 4, length;
  napi_value arguments[4];
  struct dtls* d = self(env, info, &count, arguments);
  struct session* s = session_of(d, env, arguments[0]);
  const uint8_t* bytes = bytes_of(env, arguments + 1, &length);
  struct hello hello;
  begin(d);
  if (!s || !bytes || !d->server || s->state != FREE || !read_hello(bytes, length, &hello)) return integer(env, FAILED);
  s->plain_offset = hello.sequence - 1;
  s->ssl = new_ssl(d, d->server);
  BIO_ADDR* nobody = BIO_ADDR_new();
  if (!s->ssl || !nobody) {
    BIO_ADDR_free(nobody);
    drop(s);
    return integer(env, FAILED);
  }
  s->is_server = true;
  s->state = HANDSHAKING;
  d->current = s;
  SSL_set_options(s->ssl, SSL_OP_COOKIE_EXCHANGE);
  SSL_set_accept_state(s->ssl);
  give_to_openssl(d, bytes, length);
  int events = DTLSv1_listen(s->ssl, nobody) == 1 ? step(s) : FAILED;
  BIO_ADDR_free(nobody);
  note_timeout(d, s);
  d->in = NULL;
  d->current = NULL;
  ERR_clear_error();
  return integer(env, events);
}

/* connect(session, server name or address, what resumable() gave before?): begins a handshake as client. */
static napi_value js_connect(napi_env env, napi_callback_info info) {
  size_t count = 3, length;
  napi_value arguments[3];
  struct dtls* d = self(env, info, &count, arguments);
  struct session* s = session_of(d, env, arguments[0]);
  char name[256];
  void* earlier;
  napi_typedarray_type type;
  begin(d);
  if (!s || !d->client || s->state != FREE) return integer(env, FAILED);
  if (napi_get_value_string_utf8(env, arguments[1], name, sizeof name, &length) != napi_ok) return integer(env, FAILED);
  s->ssl = new_ssl(d, d->client);
  if (!s->ssl) return integer(env, FAILED);
  uint8_t parsed[16];
  bool is_address = inet_pton(AF_INET, name, parsed) == 1 || inet_pton(AF_INET6, name, parsed) == 1;
  X509_VERIFY_PARAM* verify = SSL_get0_param(s->ssl);
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_WILDCARDS);
  bool is_good = is_address ? X509_VERIFY_PARAM_set1_ip_asc(verify, name) == 1 : X509_VERIFY_PARAM_set1_host(verify, name, 0) == 1 && SSL_set_tlsext_host_name(s->ssl, name) == 1;
  if (!is_good) {
    drop(s);
    return integer(env, FAILED);
  }
  s->state = HANDSHAKING;
  d->current = s;
  bool has_earlier = arguments[2] && napi_get_typedarray_info(env, arguments[2], &type, &length, &earlier, NULL, NULL) == napi_ok;
  if (has_earlier && type == napi_uint8_array) offer_session(s->ssl, earlier, length);
  SSL_set_connect_state(s->ssl);
  int events = step(s);
  note_timeout(d, s);
  d->current = NULL;
  return integer(env, events);
}

/* feed(session, bytes, start, end): a datagram of the session's peer. Returns events. */
static napi_value js_feed(napi_env env, napi_callback_info info) {
  size_t count = 4, length;
  napi_value arguments[4];
  struct dtls* d = self(env, info, &count, arguments);
  struct session* s = session_of(d, env, arguments[0]);
  const uint8_t* bytes = bytes_of(env, arguments + 1, &length);
  begin(d);
  if (!s || !bytes || s->state == FREE) return integer(env, 0);
  d->current = s;
  int events = feed(d, s, bytes, length);
  note_timeout(d, s);
  d->current = NULL;
  return integer(env, events);
}

/* tick(session): the retransmission timer of a handshake ran out. */
static napi_value js_tick(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  struct dtls* d = self(env, info, &count, &argument);
  struct session* s = session_of(d, env, argument);
  begin(d);
  if (!s || !s->ssl || s->state != HANDSHAKING) return integer(env, 0);
  d->current = s;
  int events = DTLSv1_handle_timeout(s->ssl) < 0 ? FAILED : 0;
  note_timeout(d, s);
  d->current = NULL;
  ERR_clear_error();
  return integer(env, events);
}

static bool write_record(struct dtls* d, struct session* s, uint8_t type, const uint8_t* plain, size_t length) {
  if (d->out_end + length + seal_overhead(&s->keys) > OUT_BYTES) return false;
  size_t sealed = seal_record(&s->keys, type, plain, length, (uint8_t*)d->out.data + d->out_end);
  if (sealed == 0 || !push(&d->out_rows, counts_of(d) + COUNT_OUT, d->out_end, sealed)) return false;
  d->out_end += sealed;
  return true;
}

/* seal(session, bytes, start, end): one message as one record in `out`; false when the session is not established. */
static napi_value js_seal(napi_env env, napi_callback_info info) {
  size_t count = 4, length;
  napi_value arguments[4], result = NULL;
  struct dtls* d = self(env, info, &count, arguments);
  struct session* s = session_of(d, env, arguments[0]);
  const uint8_t* bytes = bytes_of(env, arguments + 1, &length);
  bool is_good = false;
  begin(d);
  /* Who has the peer's Finished and didn't send the last flight owes nothing more. */
  if (s && s->state == FINISHED && !s->has_last_flight) become_own(s);
  if (s && bytes && length > 0 && s->state == OWN) {
    is_good = write_record(d, s, APPLICATION_DATA, bytes, length);
  } else if (s && bytes && length > 0 && s->state == FINISHED) {
    /* OpenSSL may yet repeat its last flight under this key, so it stays the only writer. */
    d->current = s;
    is_good = SSL_write(s->ssl, bytes, (int)length) == (int)length;
    d->current = NULL;
    ERR_clear_error();
  }
  napi_get_boolean(env, is_good, &result);
  return result;
}

/* shut(session): close_notify into `out` when there is somebody to tell, and the row is free. */
static napi_value js_shut(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  struct dtls* d = self(env, info, &count, &argument);
  struct session* s = session_of(d, env, argument);
  static const uint8_t close_notify[] = {1, 0};
  begin(d);
  if (!s) return NULL;
  if (s->state == OWN) {
    write_record(d, s, ALERT, close_notify, sizeof close_notify);
  } else if (s->state == FINISHED) {
    d->current = s;
    SSL_shutdown(s->ssl);
    d->current = NULL;
  }
  drop(s);
  return NULL;
}

/* drop(session): the row is free, nobody is told. */
static napi_value js_drop(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  struct dtls* d = self(env, info, &count, &argument);
  struct session* s = session_of(d, env, argument);
  if (s) drop(s);
  return NULL;
}

/* trim(): memory of handshakes that are over goes back to the system; the allocator would keep their peak for itself. */
static napi_value js_trim(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return NULL;
}

/* sessionOf(bytes, start, end): the session that a connection ID names, or -1. */
static napi_value js_session_of(napi_env env, napi_callback_info info) {
  size_t count = 3, length;
  napi_value arguments[3];
  struct dtls* d = self(env, info, &count, arguments);
  const uint8_t* bytes = bytes_of(env, arguments, &length);
  return integer(env, bytes ? session_of_id(d, bytes, length) : -1);
}

/* rotateTickets(period): the key of tickets from now on. */
static napi_value js_rotate_tickets(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  struct dtls* d = self(env, info, &count, &argument);
  double period = number_of(env, argument, -1);
  bool is_good = period >= 0 && period < 9e15 && rotate_tickets(d, (uint64_t)period);
  return is_good ? NULL : throw_code(env, "EIO", "no key for tickets");
}

/* trust({ca, crl}): from now on, for handshakes that begin. */
static napi_value js_trust(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  struct dtls* d = self(env, info, &count, &argument);
  bool is_good = (!d->server || load_trust(env, argument, d->server)) && (!d->client || load_trust(env, argument, d->client));
  return is_good ? NULL : throw_code(env, "EINVAL", "the CA certificates or the revocation list can't be read");
}

/* certificate({cert, key}): from now on, for handshakes that begin. */
static napi_value js_certificate(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  struct dtls* d = self(env, info, &count, &argument);
  bool has_one = true;
  bool is_good = (!d->server || load_certificate(env, argument, d->server, &has_one)) && (!d->client || load_certificate(env, argument, d->client, &has_one));
  return is_good && has_one ? NULL : throw_code(env, "EINVAL", "certificate and private key can't be read or don't belong together");
}

static void finalize(napi_env env, void* data, void* hint) {
  struct dtls* d = data;
  (void)hint;
  struct table* tables[] = {&d->out, &d->out_rows, &d->plain, &d->plain_rows, &d->counts, &d->address};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    if (tables[i]->reference) napi_delete_reference(env, tables[i]->reference);
  }
  if (d->psk) napi_delete_reference(env, d->psk);
  for (int i = 0; i < d->capacity; i++) drop(&d->sessions[i]);
  free(d->sessions);
  SSL_CTX_free(d->server);
  SSL_CTX_free(d->client);
  BIO_free(d->bio);
  BIO_meth_free(d->method);
  OPENSSL_cleanse(d, sizeof *d);
  free(d);
}

static bool take_client_key(napi_env env, napi_value options, struct dtls* d) {
  napi_value value;
  void* bytes;
  napi_typedarray_type type;
  if (!text_property(env, options, "pskIdentity", d->client_identity, sizeof d->client_identity)) return true;
  if (napi_get_named_property(env, options, "pskKey", &value) != napi_ok) return false;
  if (napi_get_typedarray_info(env, value, &type, &d->client_key_length, &bytes, NULL, NULL) != napi_ok) return false;
  if (type != napi_uint8_array || d->client_key_length == 0 || d->client_key_length > MAX_PSK) return false;
  memcpy(d->client_key, bytes, d->client_key_length);
  return true;
}

/* None is none; one of another length is an error. */
static bool take_ticket_secret(napi_env env, napi_value options, struct dtls* d) {
  napi_value value;
  napi_valuetype kind;
  void* bytes;
  size_t length;
  napi_typedarray_type type;
  if (napi_get_named_property(env, options, "ticketSecret", &value) != napi_ok || napi_typeof(env, value, &kind) != napi_ok) return false;
  if (kind == napi_undefined) return true;
  if (napi_get_typedarray_info(env, value, &type, &length, &bytes, NULL, NULL) != napi_ok) return false;
  if (type != napi_uint8_array || length != SECRET) return false;
  memcpy(d->ticket_secret, bytes, SECRET);
  return d->shares_tickets = true;
}

/* createDtls({sessions, mtu, retransmitMs, ciphers, server, takesPsk, client, cert, key, ca, crl, pskIdentity, pskKey, ticketSeconds, ticketSecret, connectionId}, keyOf(identity)) */
static napi_value create_dtls(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2] = {NULL, NULL}, object;
  napi_valuetype type = napi_undefined;
  const char* problem = "out of memory";
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  napi_value options = arguments[0];
  struct dtls* d = calloc(1, sizeof *d);
  if (!d || napi_create_object(env, &object) != napi_ok) {
    free(d);
    return throw_code(env, "ENOMEM", problem);
  }
  d->env = env;
  napi_add_finalizer(env, object, d, finalize, NULL, NULL);
  d->capacity = (int)number_property(env, options, "sessions", 1024);
  d->mtu = (int)number_property(env, options, "mtu", 1280);
  d->retransmit_us = (unsigned)number_property(env, options, "retransmitMs", 1000) * 1000;
  d->sessions = calloc((size_t)(d->capacity > 0 ? d->capacity : 1), sizeof *d->sessions);
  if (napi_typeof(env, arguments[1], &type) == napi_ok && type == napi_function) napi_create_reference(env, arguments[1], 1, &d->psk);
  bool is_good = d->sessions && make_bio(d) && RAND_bytes((uint8_t*)d->secrets, sizeof d->secrets) == 1 &&
                 make_table(env, object, "out", BYTES, OUT_BYTES, &d->out) && make_table(env, object, "outRows", INT32S, MAX_ROWS * 2, &d->out_rows) &&
                 make_table(env, object, "plain", BYTES, PLAIN_BYTES, &d->plain) && make_table(env, object, "plainRows", INT32S, MAX_ROWS * 2, &d->plain_rows) &&
                 make_table(env, object, "counts", INT32S, COUNTS, &d->counts) && make_table(env, object, "address", BYTES, MAX_ADDRESS, &d->address);
  is_good = is_good && RAND_bytes(d->row_mask, sizeof d->row_mask) == 1;
  if (is_good && bool_property(env, options, "server")) is_good = (d->server = make_context(env, options, true, &problem)) != NULL;
  if (is_good && bool_property(env, options, "client")) is_good = (d->client = make_context(env, options, false, &problem)) != NULL;
  if (is_good && !take_client_key(env, options, d)) {
    is_good = false;
    problem = "the client's pre-shared key must have 1 to 64 bytes";
  }
  if (is_good && !take_ticket_secret(env, options, d)) {
    is_good = false;
    problem = "the shared secret of tickets must have 32 bytes";
  }
  if (!is_good) return throw_code(env, "EINVAL", problem);
  static const struct {
    const char* name;
    napi_callback call;
  } functions[] = {{"challenge", js_challenge}, {"rotate", js_rotate}, {"accept", js_accept}, {"connect", js_connect}, {"feed", js_feed}, {"tick", js_tick},
                   {"seal", js_seal},           {"shut", js_shut},     {"drop", js_drop},     {"peer", js_peer},       {"trust", js_trust}, {"trim", js_trim},
                   {"resumable", js_resumable}, {"rotateTickets", js_rotate_tickets}, {"sessionOf", js_session_of}, {"certificate", js_certificate}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) set_function(env, object, functions[i].name, functions[i].call, d);
  return object;
}

napi_value dtls_exports(napi_env env, napi_value exports) {
  set_function(env, exports, "createDtls", create_dtls, NULL);
  return exports;
}
