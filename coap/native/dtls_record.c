#include "dtls_record.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

enum { EXPLICIT_NONCE = 8, SALT = 4, NONCE = 12, MAX_AAD = 23 + MAX_CID, CLIENT_HELLO = 1, VERSION_10 = 0xfeff, VERSION_12 = 0xfefd };

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
  size_t header = head[0] == TLS12_CID ? RECORD_HEADER + OWN_CID : RECORD_HEADER;
  if (length - *at < header) return false;
  size_t body = u16(head + header - 2);
  if (version != VERSION_10 && version != VERSION_12) return false;
  if (length - *at - header < body) return false;
  record->type = head[0];
  record->epoch = u16(head + 3);
  record->sequence = u48(head + 5);
  record->head = head;
  record->header = header;
  record->body = head + header;
  record->length = body;
  *at += header + body;
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
  if (total < VERSION_AND_RANDOM + 1) return false;
  size_t end = VERSION_AND_RANDOM + 1 + (size_t)body[VERSION_AND_RANDOM];
  if (body[VERSION_AND_RANDOM] > 32 || end + 1 > total) return false;
  size_t cookie = body[end];
  if (end + 1 + cookie > total) return false;
  hello->sequence = record.sequence;
  hello->start = body;
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
  const size_t id = keys->ids.write_length;
  return RECORD_HEADER + nonce_length(keys->aead) + aead_tag_length(keys->aead) + (id ? id + 1 : 0);
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

/* RFC 6347 section 4.1.2.1, and with a connection ID RFC 9146 section 5.3. Returns its length. */
static size_t make_aad(uint8_t aad[MAX_AAD], const uint8_t* head, size_t header, size_t plain) {
  size_t at = 0, id = header - RECORD_HEADER;
  if (head[0] == TLS12_CID) {
    memset(aad, 0xff, 8);
    const uint8_t rest[] = {TLS12_CID, (uint8_t)id, TLS12_CID, head[1], head[2]};
    memcpy(aad + 8, rest, sizeof rest);
    /* Epoch, number and connection ID stand together in the header. */
    memcpy(aad + 13, head + 3, 8 + id);
    at = 21 + id;
  } else {
    memcpy(aad, head + 3, 8);
    memcpy(aad + 8, head, 3);
    at = 11;
  }
  aad[at] = (uint8_t)(plain >> 8);
  aad[at + 1] = (uint8_t)plain;
  return at + 2;
}

struct half {
  enum aead aead;
  const uint8_t *key, *iv;
};

static struct half write_half(const struct session_keys* keys) { return (struct half){keys->aead, keys->write_key, keys->write_iv}; }
static struct half read_half(const struct session_keys* keys) { return (struct half){keys->aead, keys->read_key, keys->read_iv}; }

/* A record of epoch 1 with a given number. With a connection ID its type goes inside (RFC 9146 section 4), without padding. */
static size_t seal_with(struct half half, uint64_t sequence, const uint8_t* id, size_t id_length, uint8_t type, const uint8_t* plain, size_t length, uint8_t* to) {
  const size_t header = RECORD_HEADER + id_length, nonce_part = nonce_length(half.aead), tag = aead_tag_length(half.aead);
  const size_t inner = length + (id_length ? 1 : 0), body = nonce_part + inner + tag;
  uint8_t nonce[NONCE], aad[MAX_AAD];
  to[0] = id_length ? TLS12_CID : type;
  to[1] = VERSION_12 >> 8;
  to[2] = VERSION_12 & 0xff;
  to[3] = 0;
  to[4] = 1;
  put48(to + 5, sequence);
  if (id_length) memcpy(to + 11, id, id_length);
  to[header - 2] = (uint8_t)(body >> 8);
  to[header - 1] = (uint8_t)body;
  size_t aad_length = make_aad(aad, to, header, inner);
  make_nonce(half.aead, half.iv, to + 3, nonce);
  if (nonce_part) memcpy(to + header, to + 3, EXPLICIT_NONCE);
  uint8_t* sealed = to + header + nonce_part;
  if (id_length) {
    memmove(sealed, plain, length);
    sealed[length] = type;
    plain = sealed;
  }
  return aead_seal(half.aead, half.key, nonce, NONCE, aad, aad_length, plain, inner, sealed, sealed + inner) ? header + body : 0;
}

/* Length of what was inside; 0 when it isn't authentic. */
static size_t open_with(struct half half, const struct record* record, uint8_t* to) {
  const size_t nonce_part = nonce_length(half.aead), tag = aead_tag_length(half.aead);
  uint8_t nonce[NONCE], aad[MAX_AAD];
  if (record->epoch != 1 || record->length < nonce_part + tag) return 0;
  const size_t inner = record->length - nonce_part - tag;
  /* An empty record says nothing, and OpenSSL's CCM is not sure to check the tag of one. */
  if (inner == 0 || inner > 16384 + 256) return 0;
  size_t aad_length = make_aad(aad, record->head, record->header, inner);
  make_nonce(half.aead, half.iv, nonce_part ? record->body : record->head + 3, nonce);
  const uint8_t* sealed = record->body + nonce_part;
  return aead_open(half.aead, half.key, nonce, NONCE, aad, aad_length, sealed, inner, to, sealed + inner) ? inner : 0;
}

size_t seal_record(struct session_keys* keys, uint8_t type, const uint8_t* plain, size_t length, uint8_t* to) {
  /* The last sequence number is never used, so that none is ever used twice (RFC 6347 section 4.1). */
  if (length == 0 || length > 16384 || keys->write_sequence >= (1ull << 48) - 1) return 0;
  return seal_with(write_half(keys), keys->write_sequence++, keys->ids.write, keys->ids.write_length, type, plain, length, to);
}

size_t seal_for_openssl(const struct session_keys* keys, const struct record* record, uint8_t type, const uint8_t* plain, size_t length, uint8_t* to) {
  return seal_with(read_half(keys), record->sequence, NULL, 0, type, plain, length, to);
}

size_t seal_of_openssl(const struct session_keys* keys, const struct record* record, uint8_t* to) {
  uint8_t plain[16384 + 256];
  if (record->length > sizeof plain) return 0;
  size_t length = open_with(write_half(keys), record, plain);
  size_t sealed = length ? seal_with(write_half(keys), record->sequence, keys->ids.write, keys->ids.write_length, record->type, plain, length, to) : 0;
  OPENSSL_cleanse(plain, length);
  return sealed;
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

enum opened open_record(struct session_keys* keys, const struct record* record, uint8_t* to, size_t* length, uint8_t* type) {
  const bool has_id = record->type == TLS12_CID;
  /* A session has connection IDs in each of its records or in none (RFC 9146 section 3). */
  if (has_id != keys->ids.has_read) return OPEN_FORGED;
  if (has_id && memcmp(record->head + 11, keys->ids.read, OWN_CID) != 0) return OPEN_FORGED;
  if (record->epoch == 1 && is_replayed(keys, record->sequence)) return OPEN_REPLAYED;
  size_t inner = open_with(read_half(keys), record, to);
  if (inner == 0) return OPEN_FORGED;
  *type = record->type;
  if (has_id) {
    /* The type stands behind the content and before any zeros; one without is refused (RFC 9146 section 4). */
    while (inner > 0 && to[inner - 1] == 0) inner--;
    if (inner == 0) return OPEN_FORGED;
    *type = to[--inner];
  }
  mark_seen(keys, record->sequence);
  *length = inner;
  return OPENED;
}
