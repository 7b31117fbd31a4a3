/* Keys, certificates and what OpenSSL may negotiate with them. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "dtls.h"

size_t key_of(struct dtls* d, const char* identity, uint8_t* to, size_t size) {
  napi_env env = d->env;
  napi_value callback, global, argument, result;
  size_t length = 0;
  void* bytes;
  napi_typedarray_type type;
  if (!d->psk || strlen(identity) > MAX_ID) return 0;
  if (napi_get_reference_value(env, d->psk, &callback) != napi_ok || napi_get_global(env, &global) != napi_ok) return 0;
  if (napi_create_string_utf8(env, identity, NAPI_AUTO_LENGTH, &argument) != napi_ok) return 0;
  if (napi_call_function(env, global, callback, 1, &argument, &result) != napi_ok) {
    /* A look-up that throws has found nothing; the handshake fails like any other. */
    napi_get_and_clear_last_exception(env, &result);
    return 0;
  }
  if (napi_get_typedarray_info(env, result, &type, &length, &bytes, NULL, NULL) != napi_ok) return 0;
  if (type != napi_uint8_array || length == 0 || length > size) return 0;
  memcpy(to, bytes, length);
  return length;
}

void digest_of_key(const uint8_t* key, size_t length, uint8_t digest[KEY_DIGEST]) {
  uint8_t whole[SHA256_DIGEST_LENGTH];
  SHA256(key, length, whole);
  memcpy(digest, whole, KEY_DIGEST);
}

bool is_key_of(struct dtls* d, const char* identity, const uint8_t digest[KEY_DIGEST]) {
  uint8_t key[MAX_PSK], now[KEY_DIGEST];
  size_t length = key_of(d, identity, key, sizeof key);
  if (length > 0) digest_of_key(key, length, now);
  OPENSSL_cleanse(key, sizeof key);
  return length > 0 && CRYPTO_memcmp(now, digest, KEY_DIGEST) == 0;
}

static unsigned psk_server(SSL* ssl, const char* identity, unsigned char* key, unsigned size) {
  struct dtls* d = SSL_get_app_data(ssl);
  size_t length = key_of(d, identity ? identity : "", key, size);
  if (length > 0 && d->current) digest_of_key(key, length, d->current->key_digest);
  if (length > 0) return (unsigned)length;
  if (d->current) d->current->is_stranger = true;
  return RAND_bytes(key, 16) == 1 ? 16 : 0;
}

static unsigned psk_client(SSL* ssl, const char* hint, char* identity, unsigned identity_size, unsigned char* key, unsigned size) {
  struct dtls* d = SSL_get_app_data(ssl);
  (void)hint;
  if (d->client_key_length == 0 || d->client_key_length > size || strlen(d->client_identity) >= identity_size) return 0;
  strcpy(identity, d->client_identity);
  memcpy(key, d->client_key, d->client_key_length);
  return (unsigned)d->client_key_length;
}

/* The cookie was checked before there was an SSL; DTLSv1_listen only sets the sequence numbers right. */
static int accept_cookie(SSL* ssl, const unsigned char* cookie, unsigned length) {
  (void)ssl;
  (void)cookie;
  (void)length;
  return 1;
}

static int no_cookie(SSL* ssl, unsigned char* cookie, unsigned* length) {
  (void)ssl;
  (void)cookie;
  (void)length;
  return 0;
}

static BIO* text_bio(napi_env env, napi_value options, const char* name, char** text) {
  napi_value value;
  size_t length;
  *text = NULL;
  if (napi_get_named_property(env, options, name, &value) != napi_ok) return NULL;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length == 0) return NULL;
  *text = malloc(length + 1);
  if (!*text || napi_get_value_string_utf8(env, value, *text, length + 1, &length) != napi_ok) return NULL;
  return BIO_new_mem_buf(*text, (int)length);
}

static void free_text(BIO* bio, char* text) {
  BIO_free(bio);
  if (text) OPENSSL_cleanse(text, strlen(text));
  free(text);
}

/* Trust anchors and revocation lists into a fresh store; with one list, every certificate must be covered by one. */
bool load_trust(napi_env env, napi_value options, SSL_CTX* context) {
  X509_STORE* store = X509_STORE_new();
  char* text;
  bool is_good = store != NULL;
  BIO* bio = text_bio(env, options, "ca", &text);
  for (X509* x; bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)); X509_free(x)) is_good &= X509_STORE_add_cert(store, x) == 1;
  free_text(bio, text);
  int lists = 0;
  bio = text_bio(env, options, "crl", &text);
  bool is_asked = bio != NULL;
  for (X509_CRL* x; bio && (x = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)); X509_CRL_free(x), lists++) is_good &= X509_STORE_add_crl(store, x) == 1;
  free_text(bio, text);
  /* A list that can't be read must not pass for "nothing is revoked". */
  if (is_asked && lists == 0) is_good = false;
  if (lists > 0) X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  ERR_clear_error();
  if (is_good) SSL_CTX_set_cert_store(context, store);
  else X509_STORE_free(store);
  return is_good;
}

/* Certificate, chain and key, all of them or nothing: what doesn't fit together leaves the context with those that it had. */
bool load_certificate(napi_env env, napi_value options, SSL_CTX* context, bool* has_one) {
  char* text;
  BIO* bio = text_bio(env, options, "cert", &text);
  *has_one = bio != NULL;
  if (!bio) return true;
  X509* certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  STACK_OF(X509)* chain = sk_X509_new_null();
  bool is_good = certificate && chain;
  for (X509* x; is_good && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL));) {
    is_good = sk_X509_push(chain, x) > 0;
    if (!is_good) X509_free(x);
  }
  free_text(bio, text);
  bio = text_bio(env, options, "key", &text);
  EVP_PKEY* key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
  free_text(bio, text);
  /* Without a chain OpenSSL looks for one among the trust anchors; with an empty one it doesn't. */
  is_good = is_good && key && SSL_CTX_use_cert_and_key(context, certificate, key, sk_X509_num(chain) > 0 ? chain : NULL, 1) == 1;
  EVP_PKEY_free(key);
  sk_X509_pop_free(chain, X509_free);
  X509_free(certificate);
  ERR_clear_error();
  return is_good;
}

/* Whether `host`, of a certificate's URI, is `name`; brackets and port are no part of it. */
static bool is_host(const char* authority, size_t length, const char* name) {
  size_t end = 0, wanted = strlen(name);
  if (length > 0 && authority[0] == '[') {
    authority++;
    length--;
    while (end < length && authority[end] != ']') end++;
  } else {
    while (end < length && !strchr("/?#:", authority[end])) end++;
  }
  return end == wanted && OPENSSL_strncasecmp(authority, name, wanted) == 0;
}

/* -1 the certificate has no CoAP URI, else whether one of them is the server's. */
static int is_in_uris(X509* certificate, const char* name) {
  GENERAL_NAMES* all = certificate ? X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL) : NULL;
  int result = -1;
  for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(all, i);
    if (one->type != GEN_URI) continue;
    const char* text = (const char*)ASN1_STRING_get0_data(one->d.ia5);
    size_t length = (size_t)ASN1_STRING_length(one->d.ia5);
    size_t scheme = length > 8 && OPENSSL_strncasecmp(text, "coaps://", 8) == 0 ? 8 : length > 7 && OPENSSL_strncasecmp(text, "coap://", 7) == 0 ? 7 : 0;
    if (scheme == 0) continue;
    if (result < 0) result = 0;
    if (name && is_host(text + scheme, length - scheme, name)) result = 1;
  }
  GENERAL_NAMES_free(all);
  return result;
}

/* RFC 7252 section 9.1.3.3: where a certificate has CoAP URIs, the server is one of their authorities. DNS names and IP addresses are
 * what OpenSSL looks at, for certificates without. */
static int check_name(int is_good, X509_STORE_CTX* c) {
  const int error = X509_STORE_CTX_get_error(c);
  if (X509_STORE_CTX_get_error_depth(c) != 0) return is_good;
  if (!is_good && error != X509_V_ERR_HOSTNAME_MISMATCH && error != X509_V_ERR_IP_ADDRESS_MISMATCH) return 0;
  X509_VERIFY_PARAM* names = X509_STORE_CTX_get0_param(c);
  X509* certificate = X509_STORE_CTX_get0_cert(c);
  char* address = X509_VERIFY_PARAM_get1_ip_asc(names);
  const char* host = address ? NULL : X509_VERIFY_PARAM_get0_host(names, 0);
  int verdict = is_in_uris(certificate, address ? address : host);
  OPENSSL_free(address);
  /* OpenSSL looks at the common name when no other name is a host's; the RFC only when there is no other name at all. */
  if (verdict < 0 && is_good && host && X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) >= 0) {
    verdict = X509_check_host(certificate, host, 0, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
  }
  if (verdict < 0) return is_good;
  X509_STORE_CTX_set_error(c, verdict ? X509_V_OK : X509_V_ERR_HOSTNAME_MISMATCH);
  return verdict;
}

SSL_CTX* make_context(napi_env env, napi_value options, bool is_server, const char** problem) {
  SSL_CTX* c = SSL_CTX_new(is_server ? DTLS_server_method() : DTLS_client_method());
  char ciphers[512];
  bool has_certificate;
  napi_value identity;
  napi_valuetype type;
  double ticket_seconds = number_property(env, options, "ticketSeconds", 0);
  *problem = "out of memory";
  if (!c) return NULL;
  /* CCM with a tag of 8 bytes is below OpenSSL's level 1; the list of suites, the version and the check of keys make up for it. */
  SSL_CTX_set_security_level(c, 0);
  SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION);
  SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set1_groups_list(c, "P-256:X25519");
  SSL_CTX_set1_sigalgs_list(c, "ECDSA+SHA256:ECDSA+SHA384");
  SSL_CTX_set_read_ahead(c, 1);
  *problem = "the list of cipher suites is not known to OpenSSL";
  bool is_good = text_property(env, options, "ciphers", ciphers, sizeof ciphers) && SSL_CTX_set_cipher_list(c, ciphers) == 1;
  if (is_good) {
    *problem = "certificate and private key can't be read or don't belong together";
    is_good = load_certificate(env, options, c, &has_certificate);
  }
  if (is_good) {
    *problem = "the CA certificates or the revocation list can't be read";
    is_good = load_trust(env, options, c);
  }
  if (!is_good) {
    SSL_CTX_free(c);
    return NULL;
  }
  if (is_server) {
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (bool_property(env, options, "takesPsk")) SSL_CTX_set_psk_server_callback(c, psk_server);
    SSL_CTX_set_cookie_verify_cb(c, accept_cookie);
    SSL_CTX_set_cookie_generate_cb(c, no_cookie);
  } else {
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, check_name);
    /* Without a key no suite with one is offered. */
    if (napi_get_named_property(env, options, "pskIdentity", &identity) == napi_ok && napi_typeof(env, identity, &type) == napi_ok && type == napi_string) SSL_CTX_set_psk_client_callback(c, psk_client);
  }
  if (bool_property(env, options, "connectionId") && !allow_connection_ids(c)) {
    SSL_CTX_free(c);
    return NULL;
  }
  if (ticket_seconds > 0) allow_tickets(c, is_server, (long)ticket_seconds);
  return c;
}
