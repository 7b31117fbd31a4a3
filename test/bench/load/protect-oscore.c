/* OSCORE (RFC 8613) with AES-CCM-16-64-128. The master secret is 16 bytes of 7, endpoint e's Sender ID {1, e >> 8, e}. What comes back is taken by
 * its token and outer code and not opened: that the handler ran is the server's to say. */
#include "protect.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY = 16, NONCE = 13, TAG = 8, ID = 3, PIV = 4, TOKEN = 4 };

struct context { uint8_t id[ID], key[KEY]; uint32_t next; };

static struct context* contexts;
static uint8_t prk[32], common_iv[NONCE];
static EVP_CIPHER_CTX* cipher;

/* HKDF's second half for at most one block (RFC 8613 section 3.2.1). */
static void expand(const uint8_t* info, size_t length, uint8_t* to, size_t size) {
  uint8_t input[64], block[32];
  memcpy(input, info, length);
  input[length] = 1;
  HMAC(EVP_sha256(), prk, sizeof prk, input, length + 1, block, NULL);
  memcpy(to, block, size);
}

void protect_open(int count) {
  static const uint8_t salt[32], iv_info[] = {0x85, 0x40, 0xf6, 0x0a, 0x62, 'I', 'V', NONCE};
  uint8_t secret[16];
  memset(secret, 7, sizeof secret);
  HMAC(EVP_sha256(), salt, sizeof salt, secret, sizeof secret, prk, NULL);
  expand(iv_info, sizeof iv_info, common_iv, NONCE);
  contexts = calloc((size_t)count, sizeof *contexts);
  /* Each run goes on above the numbers of the one before: 65 536 a second are more than an endpoint sends. */
  uint32_t first = (uint32_t)((uint64_t)time(NULL) << 16 & 0xffffffffu);
  for (int e = 0; e < count; e++) {
    struct context* c = &contexts[e];
    const uint8_t info[] = {0x85, 0x40 | ID, 1, (uint8_t)(e >> 8), (uint8_t)e, 0xf6, 0x0a, 0x63, 'K', 'e', 'y', KEY};
    memcpy(c->id, info + 2, ID);
    expand(info, sizeof info, c->key, KEY);
    c->next = first | 0x80000000u;
  }
  cipher = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(cipher, EVP_aes_128_ccm(), NULL, NULL, NULL);
  EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_IVLEN, NONCE, NULL);
  EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG, NULL);
}

/* Section 5.2: length of the ID, the ID, the Partial IV, each in its field, over the Common IV. */
static void make_nonce(const struct context* c, const uint8_t* piv, uint8_t* nonce) {
  memset(nonce, 0, NONCE);
  nonce[0] = ID;
  memcpy(nonce + NONCE - 5 - ID, c->id, ID);
  memcpy(nonce + NONCE - PIV, piv, PIV);
  for (int i = 0; i < NONCE; i++) nonce[i] ^= common_iv[i];
}

size_t protect(int endpoint, const uint8_t* message, size_t length, uint8_t* to) {
  struct context* c = &contexts[endpoint];
  uint32_t number = c->next++;
  uint8_t piv[PIV] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}, nonce[NONCE], plain[1500];
  make_nonce(c, piv, nonce);
  /* Outside: header and token, POST, the OSCORE option (9), a payload. All options of a heartbeat are for inside. */
  uint8_t* at = to;
  memcpy(at, message, 4 + TOKEN);
  at[1] = 2;
  at += 4 + TOKEN;
  *at++ = 0x90 | (1 + PIV + ID);
  *at++ = 8 | PIV;
  memcpy(at, piv, PIV);
  memcpy(at + PIV, c->id, ID);
  at += PIV + ID;
  *at++ = 0xff;
  size_t inner = length - 4 - TOKEN + 1;
  plain[0] = message[1];
  memcpy(plain + 1, message + 4 + TOKEN, inner - 1);
  /* ["Encrypt0", h'', << [1, [10], kid, piv, h''] >>] */
  uint8_t aad[] = {0x83, 0x68, 'E', 'n', 'c', 'r', 'y', 'p', 't', '0', 0x40, 0x40 | (5 + 1 + ID + PIV + 1), 0x85, 1, 0x81, 10,
                   0x40 | ID, c->id[0], c->id[1], c->id[2], 0x40 | PIV, piv[0], piv[1], piv[2], piv[3], 0x40};
  int n = 0;
  EVP_EncryptInit_ex(cipher, NULL, NULL, c->key, nonce);
  EVP_EncryptUpdate(cipher, NULL, &n, NULL, (int)inner);
  EVP_EncryptUpdate(cipher, NULL, &n, aad, sizeof aad);
  EVP_EncryptUpdate(cipher, at, &n, plain, (int)inner);
  at += inner;
  EVP_EncryptFinal_ex(cipher, at, &n);
  EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG, at);
  return (size_t)(at + TAG - to);
}

size_t unprotect(int endpoint, uint8_t* bytes, size_t length) {
  (void)endpoint;
  (void)bytes;
  return length;
}
