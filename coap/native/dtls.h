/* DTLS 1.2 without a socket: datagrams in, datagrams and plaintext out. OpenSSL (the one inside node) does the handshake; a finished
 * session moves to the record layer of dtls_record.c and costs its row alone. One writer at a time: OpenSSL until the hand-over,
 * ours from there on, beginning behind the highest sequence number that OpenSSL wrote.
 *
 * Sessions are rows that JavaScript numbers. Each call leaves in `out` the datagrams to send and in `plain` the messages that came;
 * `outRows` and `plainRows` hold [offset, length] of each, `counts` how many there are. */
#ifndef COXSWAIN_DTLS_H
#define COXSWAIN_DTLS_H

#include <openssl/ssl.h>
#include <string.h>
#include "addon.h"
#include "dtls_record.h"

enum { MAX_ROWS = 64, OUT_BYTES = 131072, PLAIN_BYTES = 65536, SECRET = 32, MAX_PSK = 64, MAX_ID = 128, MAX_ADDRESS = 64, TICKET_KEYS = 4, KEY_DIGEST = 16 };
enum state { FREE, HANDSHAKING, FINISHED, OWN };
enum { COUNT_OUT, COUNT_PLAIN, COUNT_FORGED, COUNT_REPLAYED, COUNT_TIMEOUT_MS, COUNT_FAILURE, COUNTS };
/* Why a handshake failed. */
enum failure { FAILURE_OTHER, FAILURE_CERTIFICATE, FAILURE_CIPHER, FAILURE_ALERT };
/* What feed() and tick() return. */
enum { NEWLY_FINISHED = 1, CLOSED = 2, FAILED = 4, RESUMED = 8, NEWER = 16 };

struct session {
  SSL* ssl;
  struct session_keys keys;
  uint8_t state;
  bool is_server;
  /* Ours was the last flight, so it may have to be repeated until the peer shows that it has it. */
  bool has_last_flight;
  /* The hello said that connection IDs are understood. */
  bool takes_ids;
  /* What is added to the sequence numbers that OpenSSL gives to records in the clear. */
  uint64_t plain_offset;
  /* The identity isn't ours: it was given a random key, so that it fails as a wrong key does. */
  bool is_stranger;
  /* Of the pre-shared key that the peer had to know. The identity may have another one by the time the handshake is over. */
  uint8_t key_digest[KEY_DIGEST];
};

/* What seals a session into a ticket. */
struct ticket_key {
  uint8_t name[16], mac[32], cipher[32];
};

struct dtls {
  napi_env env;
  napi_ref psk;
  SSL_CTX *server, *client;
  BIO_METHOD* method;
  BIO* bio;
  struct session* sessions;
  int capacity;
  int mtu;
  unsigned retransmit_us;
  struct table out, out_rows, plain, plain_rows, counts, address;
  size_t out_end, plain_end;
  /* The session of the present call, and what its BIO reads. */
  struct session* current;
  const uint8_t* in;
  size_t in_length;
  /* The present secret and the one before, so that a rotation refuses nobody on the way. */
  uint8_t secrets[2][SECRET];
  /* The present key and the two before; with a shared secret the next one behind them. */
  struct ticket_key ticket_keys[TICKET_KEYS];
  int ticket_count;
  uint8_t row_mask[4];
  uint8_t extension[1 + OWN_CID];
  bool shares_tickets;
  uint8_t ticket_secret[SECRET];
  char client_identity[MAX_ID + 1];
  uint8_t client_key[MAX_PSK];
  size_t client_key_length;
};

static inline int32_t* counts_of(struct dtls* d) { return d->counts.data; }

static inline void begin(struct dtls* d) {
  memset(d->counts.data, 0, COUNTS * sizeof(int32_t));
  d->out_end = d->plain_end = 0;
}

static inline bool push(struct table* rows, int32_t* count, size_t offset, size_t length) {
  if (*count >= MAX_ROWS) return false;
  int32_t* row = (int32_t*)rows->data + (size_t)*count * 2;
  row[0] = (int32_t)offset;
  row[1] = (int32_t)length;
  ++*count;
  return true;
}

/* dtls.c: the object behind a call, and the session that a number stands for; NULL when there is none. */
struct dtls* self(napi_env env, napi_callback_info info, size_t* count, napi_value* arguments);
struct session* session_of(struct dtls* d, napi_env env, napi_value value);

/* dtls_peer.c */
napi_value js_peer(napi_env env, napi_callback_info info);
napi_value js_resumable(napi_env env, napi_callback_info info);

/* dtls_credentials.c */
SSL_CTX* make_context(napi_env env, napi_value options, bool is_server, const char** problem);
bool load_trust(napi_env env, napi_value options, SSL_CTX* context);
bool load_certificate(napi_env env, napi_value options, SSL_CTX* context, bool* has_one);

/* Asks JavaScript for the key of an identity; 0 when there is none. */
size_t key_of(struct dtls* d, const char* identity, uint8_t* to, size_t size);
void digest_of_key(const uint8_t* key, size_t length, uint8_t digest[KEY_DIGEST]);
/* Whether that is the key that the identity has now. */
bool is_key_of(struct dtls* d, const char* identity, const uint8_t digest[KEY_DIGEST]);

/* dtls_cid.c */
bool allow_connection_ids(SSL_CTX* context);
/* The row that a datagram's first record names by a connection ID of ours, or -1. Authentic it is not yet. */
int session_of_id(const struct dtls* d, const uint8_t* bytes, size_t length);

/* dtls_tickets.c */
/* Tickets of sessions that began less than `seconds` ago are given and taken. */
void allow_tickets(SSL_CTX* context, bool is_server, long seconds);
/* Another key from now on. A shared secret makes it of `period` alone, without one it is random. */
bool rotate_tickets(struct dtls* d, uint64_t period);
/* What a client needs to resume, with its keys; 0 when the server gave no ticket. */
size_t write_resumable(SSL* ssl, uint8_t* to, size_t room);
/* Offers it, unless the server's certificate is no longer good. */
void offer_session(SSL* ssl, const uint8_t* bytes, size_t length);

/* dtls_session.c */
bool make_bio(struct dtls* d);
SSL* new_ssl(struct dtls* d, SSL_CTX* context);
void free_ssl(struct session* s);
void drop(struct session* s);
void become_own(struct session* s);
void give_to_openssl(struct dtls* d, const uint8_t* bytes, size_t length);
int step(struct session* s);
int feed(struct dtls* d, struct session* s, const uint8_t* bytes, size_t length);
void note_timeout(struct dtls* d, struct session* s);
bool cookie_of(struct dtls* d, int which, const struct hello* hello, size_t address_length, uint8_t cookie[COOKIE]);

#endif
