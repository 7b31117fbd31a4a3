/* Feeds the readers of DTLS records and ClientHellos mutated, truncated and random bytes, under the address sanitizer. Every input
 * stands at the end of a heap block of its exact size, so that one byte read too far ends the run.
 *
 *   dtls-records ROUNDS SEED */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../coap/native/dtls_record.h"

static uint64_t state;

static uint32_t chance(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}

static void fail(const char* what) {
  printf("not ok: %s\n", what);
  exit(1);
}

static size_t a_hello(uint8_t* to, size_t cookie) {
  static const uint8_t rest[] = {0, 4, 0xc0, 0xa8, 0, 0xff, 1, 0};
  size_t body = 2 + 32 + 1 + 1 + cookie + sizeof rest, length = 12 + body;
  const uint8_t head[] = {22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 7, (uint8_t)(length >> 8), (uint8_t)length, 1, 0, 0, (uint8_t)body,
                          0,  1,    0,    0, 0, 0, 0, (uint8_t)body, 0xfe, 0xfd};
  memcpy(to, head, sizeof head);
  uint8_t* at = to + sizeof head;
  memset(at, 0x5a, 32);
  at += 32;
  *at++ = 0;
  *at++ = (uint8_t)cookie;
  memset(at, 0xc0, cookie);
  memcpy(at + cookie, rest, sizeof rest);
  return RECORD_HEADER + length;
}

static void check_hello(const uint8_t* bytes, size_t length) {
  struct hello hello;
  if (!read_hello(bytes, length, &hello)) return;
  const uint8_t* end = bytes + length;
  if (hello.start < bytes || hello.start + VERSION_AND_RANDOM > end) fail("version and random are outside");
  if (hello.cookie < bytes || hello.cookie + hello.cookie_length > end) fail("the cookie is outside");
  if (hello.after < bytes || hello.after + hello.after_length > end) fail("the part behind the cookie is outside");
}

/* An opened record in the form that OpenSSL reads, and such a one in the form of the wire. */
static void check_forms(const struct session_keys* keys, const struct record* record, const uint8_t* plain, size_t length) {
  struct session_keys peer = *keys;
  struct record other;
  size_t at = 0;
  uint8_t* sealed = malloc(length + 64);
  size_t n = seal_for_openssl(keys, record, APPLICATION_DATA, plain, length, sealed);
  if (!read_record(sealed, n, &at, &other) || other.type != APPLICATION_DATA || other.sequence != record->sequence) fail("the plain form is no record");
  /* As the peer, whose writing key is our reading key. */
  memcpy(peer.write_key, keys->read_key, sizeof peer.write_key);
  memcpy(peer.write_iv, keys->read_iv, sizeof peer.write_iv);
  peer.ids.write_length = keys->ids.has_read ? OWN_CID : 0;
  memcpy(peer.ids.write, keys->ids.read, OWN_CID);
  uint8_t* wire = malloc(other.length + MAX_HEADER + 1);
  size_t back = seal_of_openssl(&peer, &other, wire);
  if (back != record->header + record->length || memcmp(wire, record->head, back) != 0) fail("the form of the wire is another one");
  sealed[n - 1] ^= 1;
  if (seal_of_openssl(&peer, &other, wire) != 0) fail("a forged record got another form");
  free(wire);
  free(sealed);
}

/* How many records were authentic. */
static int check_records(struct session_keys* keys, const uint8_t* bytes, size_t length) {
  struct record record;
  int opened = 0;
  for (size_t at = 0; read_record(bytes, length, &at, &record);) {
    if (at > length) fail("a record goes past its datagram");
    uint8_t* plain = malloc(record.length ? record.length : 1);
    size_t n = 0;
    uint8_t type = 0;
    uint64_t highest = keys->highest, seen = keys->seen;
    if (open_record(keys, &record, plain, &n, &type) == OPENED) {
      opened++;
      if (n == 0 || n > record.length) fail("a plaintext longer than its record");
      if (type != APPLICATION_DATA) fail("a record of another type");
      check_forms(keys, &record, plain, n);
    } else if (keys->highest != highest || keys->seen != seen) {
      fail("a forged or replayed record moved the window");
    }
    free(plain);
  }
  return opened;
}

int main(int argc, char** argv) {
  long rounds = argc > 1 ? atol(argv[1]) : 100000;
  state = 0x9e3779b97f4a7c15ull ^ (argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
  static const enum aead kinds[] = {AEAD_CCM8, AEAD_CCM, AEAD_GCM, AEAD_CHACHA};
  uint8_t master[48], randoms[64], plain[600], wire[1400];
  for (size_t i = 0; i < sizeof master; i++) master[i] = (uint8_t)chance();
  for (size_t i = 0; i < sizeof randoms; i++) randoms[i] = (uint8_t)chance();
  for (size_t i = 0; i < sizeof plain; i++) plain[i] = (uint8_t)chance();
  long good = 0;
  for (long round = 0; round < rounds; round++) {
    enum aead kind = kinds[chance() % 4];
    struct session_keys client = {0}, server = {0};
    if (!derive_keys(&client, kind, master, 48, randoms, randoms + 32, false)) fail("no client keys");
    if (!derive_keys(&server, kind, master, 48, randoms, randoms + 32, true)) fail("no server keys");
    client.write_sequence = chance() % 100000;
    if (chance() % 2) {
      server.ids.has_read = true;
      client.ids.write_length = OWN_CID;
      for (size_t i = 0; i < OWN_CID; i++) client.ids.write[i] = server.ids.read[i] = (uint8_t)chance();
    }
    size_t length = 1 + chance() % sizeof plain;
    size_t sealed = seal_record(&client, APPLICATION_DATA, plain, length, wire);
    if (sealed != length + seal_overhead(&client)) fail("the overhead is another one");
    /* Two records in one datagram, as a client may send them. */
    sealed += seal_record(&client, APPLICATION_DATA, plain, 20, wire + sealed);
    uint8_t* exact = malloc(sealed);
    memcpy(exact, wire, sealed);
    switch (round % 4) {
      case 0:
        if (check_records(&server, exact, sealed) != 2) fail("authentic records were refused");
        if (check_records(&server, exact, sealed) != 0) fail("replayed records were taken");
        good++;
        break;
      case 1: {
        size_t at = chance() % sealed;
        exact[at] ^= (uint8_t)(1 + chance() % 255);
        /* A change in one of them may leave the other, never both. */
        if (check_records(&server, exact, sealed) > 1) fail("a changed record was taken");
        break;
      }
      case 2: {
        size_t cut = chance() % sealed;
        uint8_t* shorter = malloc(cut ? cut : 1);
        memcpy(shorter, exact, cut);
        check_records(&server, shorter, cut);
        free(shorter);
        break;
      }
      default: {
        size_t n = chance() % 2 ? a_hello(wire, chance() % 100) : chance() % 200;
        uint8_t* hello = malloc(n ? n : 1);
        memcpy(hello, wire, n);
        for (uint32_t flips = chance() % 4; flips > 0 && n > 0; flips--) hello[chance() % n] = (uint8_t)chance();
        size_t cut = chance() % 3 && n ? n : chance() % (n + 1);
        uint8_t* shorter = malloc(cut ? cut : 1);
        memcpy(shorter, hello, cut);
        check_hello(shorter, cut);
        check_records(&server, shorter, cut);
        free(shorter);
        free(hello);
      }
    }
    free(exact);
  }
  /* RFC 9146 section 4: zeros behind the type are padding, and an inner record of zeros alone is none. */
  struct session_keys writer = {0}, reader = {0};
  writer.ids.write_length = OWN_CID;
  reader.ids.has_read = true;
  derive_keys(&writer, AEAD_CCM8, master, 48, randoms, randoms + 32, false);
  derive_keys(&reader, AEAD_CCM8, master, 48, randoms, randoms + 32, true);
  const uint8_t padded[] = {1, 2, 3, APPLICATION_DATA, 0, 0, 0}, zeros[5] = {0};
  struct record record;
  uint8_t opened[64], type = 0;
  size_t at = 0, n = seal_record(&writer, 0, padded, sizeof padded, wire);
  if (!read_record(wire, n, &at, &record) || open_record(&reader, &record, opened, &n, &type) != OPENED) fail("a padded record was refused");
  if (n != 3 || type != APPLICATION_DATA || memcmp(opened, padded, 3) != 0) fail("padding was read as content");
  n = seal_record(&writer, 0, zeros, sizeof zeros, wire);
  at = 0;
  if (!read_record(wire, n, &at, &record) || open_record(&reader, &record, opened, &n, &type) != OPEN_FORGED) fail("a record without a type was taken");
  uint8_t hello[400];
  struct hello read;
  if (!read_hello(hello, a_hello(hello, 32), &read) || read.cookie_length != 32 || read.sequence != 7) fail("a good hello was refused");
  /* A cookie may take all that follows its length, and no byte more: whoever hashes what stands behind it relies on that. */
  for (int claimed = 0; claimed < 256; claimed++) {
    n = a_hello(hello, 32);
    uint8_t* exact = malloc(n);
    memcpy(exact, hello, n);
    size_t cookie_at = RECORD_HEADER + 12 + VERSION_AND_RANDOM + 1, left = n - cookie_at - 1;
    exact[cookie_at] = (uint8_t)claimed;
    if (read_hello(exact, n, &read) != ((size_t)claimed <= left)) fail("a cookie's length was judged wrongly");
    check_hello(exact, n);
    free(exact);
  }
  printf("ok: %ld rounds, %ld of them good\n", rounds, good);
  return 0;
}
