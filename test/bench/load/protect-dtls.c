/* DTLS 1.2, a session for each endpoint, by the system's OpenSSL over memory. From the environment: LOAD_SUITE, OpenSSL's name, and
 * LOAD_CERT with LOAD_KEY for a suite with certificates; else the key of n1 is "benchmark". */
#include "protect.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "endpoints.h"
#include "psk-client.h"

enum { AT_ONCE = 64, AGAIN_MS = 100, GIVE_UP_MS = 60000 };

static SSL** sessions;
static SSL_CTX* context;
static int open_count;

static void fail(const char* what) {
  fprintf(stderr, "protect-dtls: %s\n", what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static void make_context(void) {
  const char *suite = getenv("LOAD_SUITE"), *certificate = getenv("LOAD_CERT"), *key = getenv("LOAD_KEY");
  context = SSL_CTX_new(DTLS_client_method());
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
  SSL_CTX_set_psk_client_callback(context, psk_client);
  if (!suite || SSL_CTX_set_cipher_list(context, suite) != 1) fail("LOAD_SUITE can't be used");
  if (!certificate || !key || !*certificate) return;
  if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1 || SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
    fail("LOAD_CERT or LOAD_KEY can't be used");
}

/* What the session has to send, as one datagram. */
static size_t take(int endpoint, uint8_t* to, size_t size) {
  int n = BIO_read(SSL_get_wbio(sessions[endpoint]), to, (int)size);
  return n > 0 ? (size_t)n : 0;
}

static void shake(int endpoint) {
  SSL* ssl = sessions[endpoint];
  if (SSL_is_init_finished(ssl)) return;
  ERR_clear_error();
  int result = SSL_do_handshake(ssl);
  if (result == 1) open_count++;
  else if (SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) fail("a handshake failed");
  uint8_t bytes[MAX_MESSAGE];
  size_t length = take(endpoint, bytes, sizeof bytes);
  if (length > 0) memcpy(endpoints_message(endpoint, length), bytes, length);
}

static void heard(int endpoint, uint8_t* bytes, size_t length) {
  if (!sessions[endpoint]) return;
  BIO_write(SSL_get_rbio(sessions[endpoint]), bytes, (int)length);
  shake(endpoint);
}

void protect_open(int count) {
  make_context();
  sessions = calloc((size_t)count, sizeof *sessions);
  int begun = 0;
  uint64_t start = now_ns(), looked = start;
  while (open_count < count) {
    for (; begun < count && begun - open_count < AT_ONCE; begun++) {
      SSL* ssl = sessions[begun] = SSL_new(context);
      SSL_set_mtu(ssl, 1200);
      SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
      SSL_set_connect_state(ssl);
      shake(begun);
    }
    endpoints_flush();
    endpoints_receive(heard);
    endpoints_flush();
    uint64_t now = now_ns();
    if (now - start > GIVE_UP_MS * 1000000ull) fail("not all sessions could be opened");
    if (now - looked < AGAIN_MS * 1000000ull) continue;
    looked = now;
    for (int e = 0; e < begun; e++)
      if (!SSL_is_init_finished(sessions[e]) && DTLSv1_handle_timeout(sessions[e]) > 0) shake(e);
  }
}

size_t protect(int endpoint, const uint8_t* message, size_t length, uint8_t* to) {
  SSL_write(sessions[endpoint], message, (int)length);
  return take(endpoint, to, length + MAX_PROTECTION);
}

size_t unprotect(int endpoint, uint8_t* bytes, size_t length) {
  SSL* ssl = sessions[endpoint];
  BIO_write(SSL_get_rbio(ssl), bytes, (int)length);
  int n = SSL_read(ssl, bytes, MAX_MESSAGE);
  if (n <= 0) ERR_clear_error();
  return n > 0 ? (size_t)n : 0;
}
