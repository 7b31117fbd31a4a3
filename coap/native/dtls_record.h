/* The record layer of an established DTLS 1.2 session, and the reading of what a stranger sends before there is one. No Node, no
 * handshake: what is here sees bytes from the network first and is fuzzed on its own. */
#ifndef COXSWAIN_DTLS_RECORD_H
#define COXSWAIN_DTLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "aead.h"

enum { RECORD_HEADER = 13, MAX_HEADER = RECORD_HEADER + 16, COOKIE = 32, VERIFY_REQUEST = RECORD_HEADER + 12 + 3 + COOKIE, MAX_IV = 12, VERSION_AND_RANDOM = 34 };
enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23, TLS12_CID = 25 };
/* Length of the connection IDs that we give out, and of the longest that we put into records for a peer (RFC 9146). */
enum { OWN_CID = 8, MAX_CID = 16 };

struct record {
  uint8_t type;
  uint16_t epoch;
  uint64_t sequence;
  /* The header, which for TLS12_CID holds a connection ID of ours. */
  const uint8_t* head;
  size_t header;
  const uint8_t* body;
  size_t length;
};

/* RFC 6347 section 4.1. Reads the record at `*at` and moves it behind; false when there is no whole one of DTLS 1.0 or 1.2. */
bool read_record(const uint8_t* bytes, size_t length, size_t* at, struct record* record);

/* Over the number in a record's header; 48 bits of it. */
void put_sequence(uint8_t* record, uint64_t sequence);

struct hello {
  uint64_t sequence;
  const uint8_t* cookie;
  size_t cookie_length;
  /* Version and random, VERSION_AND_RANDOM bytes; the session id behind them is the handshake's alone. */
  const uint8_t* start;
  /* What stands behind the cookie. */
  const uint8_t* after;
  size_t after_length;
};

/* A datagram that is one unfragmented ClientHello in the clear (RFC 6347 section 4.2.1); false for everything else. */
bool read_hello(const uint8_t* bytes, size_t length, struct hello* hello);

/* Writes a HelloVerifyRequest of VERIFY_REQUEST bytes. */
void write_verify_request(uint8_t* to, uint64_t sequence, const uint8_t cookie[COOKIE]);

/* What both sides agreed on in the hellos (RFC 9146 section 3). */
struct connection_ids {
  /* The peer's, in the records that we send it; of length 0 they go without. */
  uint8_t write_length;
  uint8_t write[MAX_CID];
  /* Ours, which then must be in each record of epoch 1. */
  bool has_read;
  uint8_t read[OWN_CID];
};

/* Both directions of one session. */
struct session_keys {
  struct connection_ids ids;
  uint8_t aead;
  uint8_t read_key[MAX_KEY], write_key[MAX_KEY], read_iv[MAX_IV], write_iv[MAX_IV];
  uint64_t write_sequence;
  /* Highest sequence number that was authenticated, and which of the 64 up to it were seen (RFC 6347 section 4.1.2.6). */
  uint64_t highest, seen;
  bool has_read;
};

/* TLS 1.2 key expansion with SHA-256 (RFC 5246 section 6.3); connection IDs and numbers stay. */
bool derive_keys(struct session_keys* keys, enum aead aead, const uint8_t* master, size_t master_length,
                 const uint8_t client_random[32], const uint8_t server_random[32], bool is_server);

/* Bytes that a record has more than its plaintext. */
size_t seal_overhead(const struct session_keys* keys);

/* One record of epoch 1; returns its length, 0 when it can't be made. `to` has room for length + seal_overhead. */
size_t seal_record(struct session_keys* keys, uint8_t type, const uint8_t* plain, size_t length, uint8_t* to);

enum opened { OPENED, OPEN_FORGED, OPEN_REPLAYED };

/* Authenticates before anything changes. `to` has room for record->length; `type` is what the record is in truth. */
enum opened open_record(struct session_keys* keys, const struct record* record, uint8_t* to, size_t* length, uint8_t* type);

/* OpenSSL knows no connection IDs. What it reads: an opened record, sealed anew in the plain form under the peer's key and the same number. */
size_t seal_for_openssl(const struct session_keys* keys, const struct record* record, uint8_t type, const uint8_t* plain, size_t length, uint8_t* to);

/* What it wrote, in the form with the peer's connection ID and under the same number; 0 when that can't be. `to` has room for
 * record->length + MAX_HEADER + 1. The other form never leaves the process, so no nonce is seen twice. */
size_t seal_of_openssl(const struct session_keys* keys, const struct record* record, uint8_t* to);

#endif
