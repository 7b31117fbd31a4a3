#include "dtls_record.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

enum { EXPLICIT_NONCE = 8, SALT = 4, NONCE = 12, CLIENT_HELLO = 1, VERSION_10 = 0xfeff, VERSION_12 = 0xfefd };

static uint16_t u16(const uint8_t* at) { return (uint16_t)(at[0] << 8 | at[1]); }
static uint32_t u24(const uint8_t* at) { return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2]; }

static uint64_t u48(const uint8_t* at) {
  uint64_t value = 0;
  for (int i = 0; i < 6; i++) value = value << 8 | at[i];
  return value;
}

static void put48(uint8_t* at, uint64_t value) {
  for (int i = 5; i >= 0; i--, value >>= 8) at[i] = (uint8_t)value;
}

bool read_record(const uint8_t* bytes, size_t length, size_t* at, struct record* record) {
  if (length - *at < RECORD_HEADER) return false;
  const uint8_t* head = bytes + *at;
  uint16_t version = u16(head + 1);
  size_t body = u16(head + 11);
  if (version != VERSION_10 && version != VERSION_12) return false;
  if (length - *at - RECORD_HEADER < body) return false;
  record->type = head[0];
  record->epoch = u16(head + 3);
  record->sequence = u48(head + 5);
  record->body = head + RECORD_HEADER;
  record->length = body;
  *at += RECORD_HEADER + body;
  return true;
}

void put_sequence(uint8_t* record, uint64_t sequence) { put48(record + 5, sequence); }

bool read_hello(const uint8_t* bytes, size_t length, struct hello* hello) {
  struct record record;
  size_t at = 0;
  if (!read_record(bytes, length, &at, &record)) return false;
  if (record.type != HANDSHAKE || record.epoch != 0 || record.length < 12) return false;
  const uint8_t* m = record.body;
  uint32_t total = u24(m + 1);
  /* In one fragment, as RFC 6347 lets a server ask for: no state may be kept for a stranger. */
  if (m[0] != CLIENT_HELLO || u24(m + 6) != 0 || u24(m + 9) != total || total != record.length - 12) return false;
  const uint8_t* body = m + 12;
  if (total < 2 + 32 + 1) return false;
  size_t end = 2 + 32 + 1 + (size_t)body[34];
  if (body[34] > 32 || end + 1 > total) return false;
  size_t cookie = body[end];
  if (end + 1 + cookie > total) return false;
  hello->sequence = record.sequence;
  hello->before = body;
  hello->before_length = end;
  hello->cookie = body + end + 1;
  hello->cookie_length = cookie;
  hello->after = hello->cookie + cookie;
  hello->after_length = total - (end + 1 + cookie);
  return true;
}

void write_verify_request(uint8_t* to, uint64_t sequence, const uint8_t cookie[COOKIE]) {
  const uint8_t body = 3 + COOKIE;
  /* Always DTLS 1.0 in this message (RFC 6347 section 4.2.1), and the sequence number of the hello. */
  const uint8_t head[] = {HANDSHAKE, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12 + body, 3, 0, 0, body, 0, 0, 0, 0, 0, 0, 0, body, 0xfe, 0xff, COOKIE};
  memcpy(to, head, sizeof head);
  put48(to + 5, sequence);
  memcpy(to + sizeof head, cookie, COOKIE);
}

static size_t iv_length(uint8_t aead) { return aead == AEAD_CHACHA ? NONCE : SALT; }
static size_t nonce_length(uint8_t aead) { return aead == AEAD_CHACHA ? 0 : EXPLICIT_NONCE; }

bool derive_keys(struct session_keys* keys, enum aead aead, const uint8_t* master, size_t master_length,
                 const uint8_t client_random[32], const uint8_t server_random[32], bool is_server) {
  uint8_t block[2 * MAX_KEY + 2 * MAX_IV];
  size_t key = aead_key_length(aead), iv = iv_length((uint8_t)aead);
  char digest[] = "SHA256", label[] = "key expansion";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void*)(uintptr_t)master, master_length),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label, sizeof label - 1),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void*)(uintptr_t)server_random, 32),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void*)(uintptr_t)client_random, 32),
      OSSL_PARAM_construct_end(),
  };
  EVP_KDF* kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
  bool is_good = context && EVP_KDF_derive(context, block, 2 * key + 2 * iv, parameters) == 1;
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
  if (is_good) {
    const uint8_t *client_key = block, *server_key = block + key, *client_iv = block + 2 * key, *server_iv = client_iv + iv;
    memset(keys, 0, sizeof *keys);
    keys->aead = (uint8_t)aead;
    memcpy(keys->read_key, is_server ? client_key : server_key, key);
    memcpy(keys->write_key, is_server ? server_key : client_key, key);
    memcpy(keys->read_iv, is_server ? client_iv : server_iv, iv);
    memcpy(keys->write_iv, is_server ? server_iv : client_iv, iv);
  }
  OPENSSL_cleanse(block, sizeof block);
  return is_good;
}

size_t seal_overhead(const struct session_keys* keys) {
  return RECORD_HEADER + nonce_length(keys->aead) + aead_tag_length(keys->aead);
}

/* RFC 5288 section 3 and RFC 6655 section 3: salt and explicit part; RFC 7905 section 2: the sequence number over the whole IV. */
static void make_nonce(uint8_t aead, const uint8_t* iv, const uint8_t* explicit_part, uint8_t nonce[NONCE]) {
  if (aead == AEAD_CHACHA) {
    memcpy(nonce, iv, NONCE);
    for (int i = 0; i < 8; i++) nonce[4 + i] ^= explicit_part[i];
  } else {
    memcpy(nonce, iv, SALT);
    memcpy(nonce + SALT, explicit_part, EXPLICIT_NONCE);
  }
}

size_t seal_record(struct session_keys* keys, uint8_t type, const uint8_t* plain, size_t length, uint8_t* to) {
  const size_t explicit_length = nonce_length(keys->aead), body = explicit_length + length + aead_tag_length(keys->aead);
  /* The last sequence number is never used, so that none is ever used twice (RFC 6347 section 4.1). */
  if (length == 0 || length > 16384 || keys->write_sequence >= (1ull << 48) - 1) return 0;
  uint8_t nonce[NONCE], aad[13];
  to[0] = type;
  to[1] = VERSION_12 >> 8;
  to[2] = VERSION_12 & 0xff;
  to[3] = 0;
  to[4] = 1;
  put48(to + 5, keys->write_sequence++);
  to[11] = (uint8_t)(body >> 8);
  to[12] = (uint8_t)body;
  memcpy(aad, to + 3, 8);
  memcpy(aad + 8, to, 3);
  aad[11] = (uint8_t)(length >> 8);
  aad[12] = (uint8_t)length;
  if (explicit_length) memcpy(to + RECORD_HEADER, to + 3, EXPLICIT_NONCE);
  make_nonce(keys->aead, keys->write_iv, to + 3, nonce);
  uint8_t* sealed = to + RECORD_HEADER + explicit_length;
  if (!aead_seal(keys->aead, keys->write_key, nonce, NONCE, aad, sizeof aad, plain, length, sealed, sealed + length)) return 0;
  return RECORD_HEADER + body;
}

static bool is_replayed(const struct session_keys* keys, uint64_t sequence) {
  if (!keys->has_read || sequence > keys->highest) return false;
  uint64_t back = keys->highest - sequence;
  return back >= 64 || (keys->seen >> back & 1);
}

static void mark_seen(struct session_keys* keys, uint64_t sequence) {
  if (!keys->has_read || sequence > keys->highest) {
    uint64_t ahead = keys->has_read ? sequence - keys->highest : 64;
    keys->seen = ahead >= 64 ? 1 : keys->seen << ahead | 1;
    keys->highest = sequence;
    keys->has_read = true;
  } else {
    keys->seen |= 1ull << (keys->highest - sequence);
  }
}

enum opened open_record(struct session_keys* keys, const struct record* record, uint8_t* to, size_t* length) {
  const size_t explicit_length = nonce_length(keys->aead), tag = aead_tag_length(keys->aead);
  if (record->epoch != 1 || record->length < explicit_length + tag) return OPEN_FORGED;
  if (is_replayed(keys, record->sequence)) return OPEN_REPLAYED;
  const size_t plain = record->length - explicit_length - tag;
  /* An empty record says nothing, and OpenSSL's CCM is not sure to check the tag of one. */
  if (plain == 0 || plain > 16384) return OPEN_FORGED;
  uint8_t nonce[NONCE], aad[13];
  const uint8_t* head = record->body - RECORD_HEADER;
  memcpy(aad, head + 3, 8);
  memcpy(aad + 8, head, 3);
  aad[11] = (uint8_t)(plain >> 8);
  aad[12] = (uint8_t)plain;
  make_nonce(keys->aead, keys->read_iv, explicit_length ? record->body : head + 3, nonce);
  const uint8_t* sealed = record->body + explicit_length;
  if (!aead_open(keys->aead, keys->read_key, nonce, NONCE, aad, sizeof aad, sealed, plain, to, sealed + plain)) return OPEN_FORGED;
  mark_seen(keys, record->sequence);
  *length = plain;
  return OPENED;
}
