/* Sealing and opening with the ciphers of Node's OpenSSL: DTLS records and OSCORE messages alike. No Node here. */
#ifndef COXSWAIN_AEAD_H
#define COXSWAIN_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_KEY = 32, MAX_TAG = 16 };
enum aead { AEAD_NONE, AEAD_CCM8, AEAD_CCM, AEAD_GCM, AEAD_CHACHA };

size_t aead_key_length(enum aead aead);
size_t aead_tag_length(enum aead aead);

/* `out` may be `in`. CCM takes nonces of 12 and 13 bytes, the others of 12. Sealing writes the tag; false when it can't. */
bool aead_seal(enum aead aead, const uint8_t* key, const uint8_t* nonce, size_t nonce_length, const uint8_t* aad, size_t aad_length,
               const uint8_t* in, size_t length, uint8_t* out, uint8_t* tag);

/* Compares with `tag`; false when it isn't genuine, and what is in `out` then must not be used. `length` is at least 1: OpenSSL's CCM is
 * not sure to check the tag of an empty text. */
bool aead_open(enum aead aead, const uint8_t* key, const uint8_t* nonce, size_t nonce_length, const uint8_t* aad, size_t aad_length,
               const uint8_t* in, size_t length, uint8_t* out, const uint8_t* tag);

#endif
