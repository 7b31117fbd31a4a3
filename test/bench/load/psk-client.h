// The key that every server of the DTLS benchmark knows.
#pragma once

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

static unsigned psk_client(SSL* ssl, const char* hint, char* identity, unsigned identity_size, unsigned char* key,
                           unsigned size) {
  (void)ssl;
  (void)hint;
  snprintf(identity, identity_size, "n1");
  if (size < 9) return 0;
  memcpy(key, "benchmark", 9);
  return 9;
}
