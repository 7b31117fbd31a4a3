/* DTLS sessions over loopback: CLIENTS sockets, each a client of its own, for SECONDS. Prints one JSON object.
 *
 *   dtls-load handshake|resume|hold PORT SECONDS CLIENTS SUITE [CERT KEY]
 *
 * handshake: each client opens a session, asks once, closes it and begins anew, by a whole handshake; resume: by its last ticket.
 * hold: each opens a session, asks once, and is silent from then on. SUITE is OpenSSL's name; without CERT the key of n1 is
 * "benchmark". This OpenSSL is the system's: not the one under test. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "psk-client.h"

enum { MAX_CLIENTS = 16384, LOST_AFTER_MS = 1000, AT_ONCE = 64, DRAIN_MS = 5000 };
enum mode { HANDSHAKE, RESUME, HOLD };
enum phase { IDLE, SHAKING, OPEN, DONE };

struct client {
  int fd;
  SSL* ssl;
  SSL_SESSION* session;
  enum phase phase;
  uint16_t id;
  int outstanding;
  uint64_t heard_ms;
};

static struct client clients[MAX_CLIENTS];
static struct pollfd polls[MAX_CLIENTS];
static uint64_t handshakes, resumed, answered, failed, lost;
static enum mode mode;
static SSL_CTX* context;
static bool is_over;

static uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static SSL_CTX* make_context(const char* suite, const char* certificate, const char* key) {
  SSL_CTX* c = SSL_CTX_new(DTLS_client_method());
  SSL_CTX_set_security_level(c, 0);
  SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION);
  if (mode != RESUME) SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
  if (SSL_CTX_set_cipher_list(c, suite) != 1) return NULL;
  SSL_CTX_set_psk_client_callback(c, psk_client);
  if (certificate && (SSL_CTX_use_certificate_file(c, certificate, SSL_FILETYPE_PEM) != 1 || SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1)) return NULL;
  return c;
}

/* CON POST /status with a token of four bytes and a payload, 60 bytes in all. */
static void ask(struct client* c) {
  uint8_t message[60] = {0x44, 2, 0, 0, 1, 2, 3, 4, 0xb6, 's', 't', 'a', 't', 'u', 's', 0xff};
  c->id++;
  message[2] = (uint8_t)(c->id >> 8);
  message[3] = (uint8_t)c->id;
  memset(message + 16, 7, sizeof message - 16);
  c->outstanding++;
  SSL_write(c->ssl, message, sizeof message);
}

static void begin(struct client* c) {
  c->outstanding = 0;
  c->heard_ms = now_ms();
  BIO* bio = BIO_new_dgram(c->fd, BIO_NOCLOSE);
  struct sockaddr_in peer;
  socklen_t length = sizeof peer;
  getpeername(c->fd, (struct sockaddr*)&peer, &length);
  BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
  c->ssl = SSL_new(context);
  SSL_set_options(c->ssl, SSL_OP_NO_QUERY_MTU);
  SSL_set_mtu(c->ssl, 1200);
  SSL_set_bio(c->ssl, bio, bio);
  SSL_set_connect_state(c->ssl);
  if (c->session) SSL_set_session(c->ssl, c->session);
  c->phase = SHAKING;
}

static void end(struct client* c, bool says_so) {
  if (mode == RESUME && says_so) {
    SSL_SESSION_free(c->session);
    c->session = SSL_get1_session(c->ssl);
  }
  if (says_so) SSL_shutdown(c->ssl);
  SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(c->ssl);
  c->ssl = NULL;
  c->phase = IDLE;
}

/* Goes on with the handshake, and asks when it is over. */
static void shake(struct client* c) {
  ERR_clear_error();
  int result = SSL_do_handshake(c->ssl);
  if (result == 1) {
    handshakes++;
    if (SSL_session_reused(c->ssl)) resumed++;
    c->phase = OPEN;
    ask(c);
  } else if (SSL_get_error(c->ssl, result) != SSL_ERROR_WANT_READ) {
    failed++;
    end(c, false);
  }
}

static void heard(struct client* c) {
  answered++;
  c->outstanding--;
  c->heard_ms = now_ms();
  if (mode == HOLD) {
    end(c, false);
    c->phase = DONE;
  } else {
    end(c, true);
  }
}

static void step(struct client* c) {
  uint8_t bytes[2048];
  if (c->phase == SHAKING) shake(c);
  while (c->phase == OPEN) {
    int n = SSL_read(c->ssl, bytes, sizeof bytes);
    if (n <= 0) break;
    heard(c);
  }
  if (c->phase == IDLE && !is_over) {
    begin(c);
    if (c->phase == SHAKING) shake(c);
  }
}

static void look_after(struct client* c, uint64_t now) {
  if (c->phase == SHAKING) {
    DTLSv1_handle_timeout(c->ssl);
  } else if (c->phase == OPEN && now > c->heard_ms + LOST_AFTER_MS) {
    lost += (uint64_t)c->outstanding;
    c->outstanding = 0;
    c->heard_ms = now;
    ask(c);
  }
}

int main(int argc, char** argv) {
  static const char* const modes[] = {"handshake", "resume", "hold"};
  if (argc < 6) return 2;
  for (int i = 0; i < 3; i++) {
    if (strcmp(argv[1], modes[i]) == 0) mode = (enum mode)i;
  }
  const int count = atoi(argv[4]);
  if (count < 1 || count > MAX_CLIENTS) return 2;
  if (!(context = make_context(argv[5], argc > 7 ? argv[6] : NULL, argc > 7 ? argv[7] : NULL))) {
    fprintf(stderr, "dtls-load: suite or certificate can't be used\n");
    return 1;
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int i = 0; i < count; i++) {
    clients[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (clients[i].fd < 0 || connect(clients[i].fd, (struct sockaddr*)&to, sizeof to) != 0) {
      perror("dtls-load");
      return 1;
    }
    polls[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
  }
  const uint64_t began = now_ms(), until = began + (uint64_t)(atof(argv[3]) * 1000);
  uint64_t looked = began;
  int begun = 0, over = 0;
  for (uint64_t now = began; now < until && over < count; now = now_ms()) {
    /* Sessions to hold are opened a few at a time, as each costs this process 90 KB until it is silent. */
    for (; begun < count && (mode != HOLD || begun - over < AT_ONCE); begun++) step(&clients[begun]);
    if (poll(polls, (nfds_t)begun, 20) > 0) {
      for (int i = 0; i < begun; i++) {
        if (polls[i].revents) step(&clients[i]);
      }
    }
    if (mode == HOLD) {
      over = 0;
      for (int i = 0; i < begun; i++) {
        over += clients[i].phase == DONE;
        if (clients[i].phase == DONE) polls[i].fd = -1;
      }
    }
    if (now - looked >= 100) {
      looked = now;
      for (int i = 0; i < begun; i++) look_after(&clients[i], now);
    }
  }
  const double took = (double)(now_ms() - began) / 1000;
  const uint64_t counted[] = {handshakes, resumed, answered, failed, lost};
  /* Handshakes that have begun end, and sessions are closed: what the server went on sending to these ports would meet whoever gets them next. */
  is_over = true;
  for (uint64_t looked = 0, now = now_ms(), last = now + DRAIN_MS; now < last; now = now_ms()) {
    int busy = 0;
    poll(polls, (nfds_t)begun, 20);
    for (int i = 0; i < begun; i++) {
      if (clients[i].phase == DONE) continue;
      step(&clients[i]);
      if (now - looked >= 100) look_after(&clients[i], now);
      busy += clients[i].phase != IDLE;
    }
    if (now - looked >= 100) looked = now;
    if (busy == 0) break;
  }
  printf("{\"seconds\":%.3f,\"handshakes\":%lu,\"resumed\":%lu,\"answered\":%lu,\"failed\":%lu,\"lost\":%lu}\n", took, counted[0], counted[1], counted[2], counted[3],
         counted[4]);
  return 0;
}
