/* Resumption by tickets (RFC 5077): the keys that seal them, and what must still hold when one comes back. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include "dtls.h"

/* A ClientHello must come in one datagram, since nothing is kept of a stranger's fragments; this leaves 400 bytes for the rest of it. */
enum { MAX_SEALED_SESSION = 800, HELLO_WITHOUT_TICKET = 400 };

/* ---- keys ---- */

static bool derive_ticket_key(const uint8_t secret[SECRET], uint64_t period, struct ticket_key* key) {
  uint8_t text[9], made[3][SHA256_DIGEST_LENGTH];
  for (int i = 0; i < 8; i++) text[1 + i] = (uint8_t)(period >> (56 - 8 * i));
  for (uint8_t part = 0; part < 3; part++) {
    text[0] = part;
    if (!HMAC(EVP_sha256(), secret, SECRET, text, sizeof text, made[part], NULL)) return false;
  }
  memcpy(key->name, made[0], sizeof key->name);
  memcpy(key->mac, made[1], sizeof key->mac);
  memcpy(key->cipher, made[2], sizeof key->cipher);
  OPENSSL_cleanse(made, sizeof made);
  return true;
}

bool rotate_tickets(struct dtls* d, uint64_t period) {
  if (d->shares_tickets) {
    /* Processes whose clocks differ a little open each other's: the next key too. */
    const uint64_t periods[TICKET_KEYS] = {period, period - 1, period - 2, period + 1};
    for (int i = 0; i < TICKET_KEYS; i++) {
      if (!derive_ticket_key(d->ticket_secret, periods[i], &d->ticket_keys[i])) return false;
    }
    d->ticket_count = TICKET_KEYS;
    return true;
  }
  memmove(&d->ticket_keys[1], &d->ticket_keys[0], 2 * sizeof d->ticket_keys[0]);
  if (d->ticket_count < TICKET_KEYS - 1) d->ticket_count++;
  return RAND_priv_bytes((uint8_t*)&d->ticket_keys[0], sizeof d->ticket_keys[0]) == 1;
}

static bool set_mac_key(EVP_MAC_CTX* mac, struct ticket_key* key) {
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/* OpenSSL's callback: 0 no ticket or one that can't be opened, 1 good, 2 good but to be sealed anew, -1 trouble. */
static int on_ticket_key(SSL* ssl, unsigned char name[16], unsigned char iv[EVP_MAX_IV_LENGTH], EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int is_sealing) {
  struct dtls* d = SSL_get_app_data(ssl);
  if (is_sealing) {
    int room = d->mtu - HELLO_WITHOUT_TICKET, length = i2d_SSL_SESSION(SSL_get_session(ssl), NULL);
    if (d->ticket_count == 0 || length > MAX_SEALED_SESSION || length > room) return 0;
    struct ticket_key* key = &d->ticket_keys[0];
    memcpy(name, key->name, sizeof key->name);
    if (RAND_bytes(iv, 16) != 1 || EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv) != 1) return -1;
    return set_mac_key(mac, key) ? 1 : -1;
  }
  for (int i = 0; i < d->ticket_count; i++) {
    struct ticket_key* key = &d->ticket_keys[i];
    if (memcmp(name, key->name, sizeof key->name) != 0) continue;
    if (!set_mac_key(mac, key) || EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv) != 1) return -1;
    return i == 1 || i == 2 ? 2 : 1;
  }
  return 0;
}

/* ---- what a ticket is good for ---- */

/* A certificate that was good when the session began: its dates, its CA and the revocation lists of today. */
static bool is_still_trusted(SSL* ssl, X509* certificate, const char* purpose) {
  X509_STORE_CTX* c = X509_STORE_CTX_new();
  bool is_good = c && X509_STORE_CTX_init(c, SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)), certificate, NULL) == 1 &&
                 X509_STORE_CTX_set_default(c, purpose) == 1 &&
                 X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(c), SSL_get0_param(ssl)) == 1;
  /* A client of ours looks at names of its own too. */
  if (is_good && SSL_get_verify_callback(ssl)) X509_STORE_CTX_set_verify_cb(c, SSL_get_verify_callback(ssl));
  is_good = is_good && X509_verify_cert(c) == 1;
  X509_STORE_CTX_free(c);
  ERR_clear_error();
  return is_good;
}

/* Into the sealed part of a ticket: a digest of the pre-shared key that the peer has shown to know, then the identity. */
static int on_ticket(SSL* ssl, void* argument) {
  const struct dtls* d = SSL_get_app_data(ssl);
  uint8_t data[KEY_DIGEST + MAX_ID];
  const char* identity = SSL_get_psk_identity(ssl);
  (void)argument;
  if (!identity || strlen(identity) > MAX_ID || !d->current) return 1;
  memcpy(data, d->current->key_digest, KEY_DIGEST);
  memcpy(data + KEY_DIGEST, identity, strlen(identity));
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, KEY_DIGEST + strlen(identity));
}

static bool has_same_key(struct dtls* d, SSL_SESSION* session) {
  void* data = NULL;
  size_t length = 0;
  char identity[MAX_ID + 1];
  if (SSL_SESSION_get0_ticket_appdata(session, &data, &length) != 1 || length <= KEY_DIGEST || length > KEY_DIGEST + MAX_ID) return false;
  memcpy(identity, (uint8_t*)data + KEY_DIGEST, length - KEY_DIGEST);
  identity[length - KEY_DIGEST] = 0;
  if (!is_key_of(d, identity, data)) return false;
  if (d->current) memcpy(d->current->key_digest, data, KEY_DIGEST);
  return true;
}

/* A ticket came back. One that is no longer good means a whole handshake, in which the peer is refused as any other. */
static SSL_TICKET_RETURN on_ticket_back(SSL* ssl, SSL_SESSION* session, const unsigned char* name, size_t name_length, SSL_TICKET_STATUS status, void* argument) {
  (void)name;
  (void)name_length;
  (void)argument;
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const SSL_CIPHER* cipher = SSL_SESSION_get0_cipher(session);
  X509* certificate = SSL_SESSION_get0_peer(session);
  bool is_good = cipher && sk_SSL_CIPHER_find(SSL_get_ciphers(ssl), cipher) >= 0;
  if (is_good) is_good = certificate ? is_still_trusted(ssl, certificate, "ssl_client") : has_same_key(SSL_get_app_data(ssl), session);
  if (!is_good) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

void allow_tickets(SSL_CTX* context, bool is_server, long seconds) {
  static const unsigned char name[] = "coap";
  SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_timeout(context, seconds);
  SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
  if (!is_server) return;
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket_key);
  SSL_CTX_set_session_ticket_cb(context, on_ticket, on_ticket_back, NULL);
}

/* ---- client ---- */

size_t write_resumable(SSL* ssl, uint8_t* to, size_t room) {
  SSL_SESSION* session = SSL_get_session(ssl);
  if (!session || !SSL_SESSION_has_ticket(session)) return 0;
  int length = i2d_SSL_SESSION(session, NULL);
  if (length <= 0 || (size_t)length > room) return 0;
  return (size_t)i2d_SSL_SESSION(session, &to);
}

void offer_session(SSL* ssl, const uint8_t* bytes, size_t length) {
  SSL_SESSION* session = d2i_SSL_SESSION(NULL, &bytes, (long)length);
  X509* certificate = session ? SSL_SESSION_get0_peer(session) : NULL;
  if (session && (!certificate || is_still_trusted(ssl, certificate, "ssl_server"))) SSL_set_session(ssl, session);
  SSL_SESSION_free(session);
  ERR_clear_error();
}
