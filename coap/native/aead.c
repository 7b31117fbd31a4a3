#include "aead.h"
#include <openssl/evp.h>
#include <string.h>

enum { SHORT_NONCE = 12, LONG_NONCE = 13 };

size_t aead_key_length(enum aead aead) { return aead == AEAD_CHACHA ? 32 : 16; }
size_t aead_tag_length(enum aead aead) { return aead == AEAD_CCM8 ? 8 : 16; }

static const EVP_CIPHER* cipher_of(enum aead aead) {
  if (aead == AEAD_CHACHA) return EVP_chacha20_poly1305();
  return aead == AEAD_GCM ? EVP_aes_128_gcm() : EVP_aes_128_ccm();
}

/* One context a cipher, nonce length and direction for all messages of the thread: it is given key and nonce anew each time, so an idle
 * session needs none, and no message pays for looking a cipher up. */
static EVP_CIPHER_CTX* shared_context(enum aead aead, size_t nonce_length, bool is_sealing) {
  static __thread EVP_CIPHER_CTX* contexts[AEAD_CHACHA + 1][2][2];
  EVP_CIPHER_CTX** c = &contexts[aead][nonce_length == LONG_NONCE][is_sealing];
  if (*c) return *c;
  EVP_CIPHER_CTX* fresh = EVP_CIPHER_CTX_new();
  if (!fresh) return NULL;
  if (EVP_CipherInit_ex(fresh, cipher_of(aead), NULL, NULL, NULL, is_sealing) != 1 ||
      EVP_CIPHER_CTX_ctrl(fresh, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce_length, NULL) != 1) {
    EVP_CIPHER_CTX_free(fresh);
    return NULL;
  }
  return *c = fresh;
}

static bool run(enum aead aead, bool is_sealing, const uint8_t* key, const uint8_t* nonce, size_t nonce_length, const uint8_t* aad,
                size_t aad_length, const uint8_t* in, size_t length, uint8_t* out, uint8_t* tag) {
  if (aead < AEAD_CCM8 || aead > AEAD_CHACHA || length < 1) return false;
  const bool is_ccm = aead == AEAD_CCM8 || aead == AEAD_CCM;
  if (nonce_length != SHORT_NONCE && !(is_ccm && nonce_length == LONG_NONCE)) return false;
  EVP_CIPHER_CTX* c = shared_context(aead, nonce_length, is_sealing);
  const int tag_length = (int)aead_tag_length(aead);
  int n = 0, rest = 0;
  uint8_t none[16];
  if (!c) return false;
  /* CCM takes the length of its tag before the key, and every cipher the tag to compare with. */
  if ((is_ccm || !is_sealing) && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, tag_length, is_sealing ? NULL : tag) != 1) return false;
  if (EVP_CipherInit_ex(c, NULL, NULL, key, nonce, is_sealing) != 1) return false;
  if (is_ccm && EVP_CipherUpdate(c, NULL, &n, NULL, (int)length) != 1) return false;
  if (EVP_CipherUpdate(c, NULL, &n, aad, (int)aad_length) != 1) return false;
  if (EVP_CipherUpdate(c, out, &n, in, (int)length) != 1) return false;
  if (!is_ccm && EVP_CipherFinal_ex(c, none, &rest) != 1) return false;
  return !is_sealing || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, tag_length, tag) == 1;
}

bool aead_seal(enum aead aead, const uint8_t* key, const uint8_t* nonce, size_t nonce_length, const uint8_t* aad, size_t aad_length,
               const uint8_t* in, size_t length, uint8_t* out, uint8_t* tag) {
  return run(aead, true, key, nonce, nonce_length, aad, aad_length, in, length, out, tag);
}

bool aead_open(enum aead aead, const uint8_t* key, const uint8_t* nonce, size_t nonce_length, const uint8_t* aad, size_t aad_length,
               const uint8_t* in, size_t length, uint8_t* out, const uint8_t* tag) {
  /* OpenSSL takes the tag by a pointer that isn't const. */
  uint8_t expected[MAX_TAG];
  if (aead < AEAD_CCM8 || aead > AEAD_CHACHA) return false;
  memcpy(expected, tag, aead_tag_length(aead));
  return run(aead, false, key, nonce, nonce_length, aad, aad_length, in, length, out, expected);
}
