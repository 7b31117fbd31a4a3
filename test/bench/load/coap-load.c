/* Closed-loop CoAP load over loopback: SOCKETS sockets with WINDOW confirmable requests outstanding each, for SECONDS.
 * A request is answered when a datagram with its token arrives; one not answered within a second is counted as lost and sent anew.
 * Prints one JSON object. The path's and queries' "%d" becomes the socket's index, so that each socket is a node of its own.
 *
 *   coap-load PORT SECONDS SOCKETS WINDOW METHOD PAYLOADHEX CONTENTFORMAT PATH [QUERY...]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SOCKETS = 1024, MAX_WINDOW = 16, MAX_MESSAGE = 1200, LOST_AFTER_MS = 1000, RESERVOIR = 1 << 20 };

struct slot { uint32_t token; uint64_t sent_ns; };
struct client { uint8_t message[MAX_MESSAGE]; size_t length; uint16_t id; struct slot slots[MAX_WINDOW]; };

static struct client clients[MAX_SOCKETS];
static struct pollfd polls[MAX_SOCKETS];
static uint32_t latencies_us[RESERVOIR];
static uint64_t answered, lost, errors, sent;
static uint8_t last_error; /* CoAP code */
static uint32_t next_token = 1;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* RFC 7252 section 3.1: option header with extended delta and length; returns the end. */
static uint8_t* put_option(uint8_t* at, unsigned delta, const void* value, size_t length) {
  uint8_t* head = at++;
  unsigned d = delta < 13 ? delta : 13, l = length < 13 ? (unsigned)length : 13;
  *head = (uint8_t)(d << 4 | l);
  if (d == 13) *at++ = (uint8_t)(delta - 13);
  if (l == 13) *at++ = (uint8_t)(length - 13);
  memcpy(at, value, length);
  return at + length;
}

static size_t build(uint8_t* to, int index, int method, const char* payload_hex, int format, char* path, char** queries, int count) {
  uint8_t* at = to;
  *at++ = 0x44; /* version 1, CON, token of 4 */
  *at++ = (uint8_t)method;
  at += 2 + 4; /* message ID and token, written at each send */
  char text[256], copy[256];
  unsigned last = 0;
  snprintf(copy, sizeof copy, "%s", path);
  for (char* segment = strtok(copy, "/"); segment; segment = strtok(NULL, "/")) {
    snprintf(text, sizeof text, segment, index);
    at = put_option(at, 11 - last, text, strlen(text));
    last = 11;
  }
  if (format >= 0) {
    uint8_t value = (uint8_t)format;
    at = put_option(at, 12 - last, &value, format ? 1 : 0);
    last = 12;
  }
  for (int i = 0; i < count; i++) {
    snprintf(text, sizeof text, queries[i], index);
    at = put_option(at, 15 - last, text, strlen(text));
    last = 15;
  }
  size_t hex = strlen(payload_hex);
  if (hex) *at++ = 0xFF;
  for (size_t i = 0; i + 1 < hex; i += 2) {
    unsigned byte;
    sscanf(payload_hex + i, "%2x", &byte);
    *at++ = (uint8_t)byte;
  }
  return (size_t)(at - to);
}

static void send_slot(int index, int slot) {
  struct client* c = &clients[index];
  c->id++;
  c->message[2] = (uint8_t)(c->id >> 8);
  c->message[3] = (uint8_t)c->id;
  c->slots[slot].token = next_token++;
  c->slots[slot].sent_ns = now_ns();
  memcpy(c->message + 4, &c->slots[slot].token, 4);
  if (send(polls[index].fd, c->message, c->length, 0) >= 0) sent++;
}

static void receive(int index, int window) {
  uint8_t in[2048];
  for (;;) {
    ssize_t n = recv(polls[index].fd, in, sizeof in, MSG_DONTWAIT);
    if (n < 0) return;
    if (n < 8 || (in[0] & 0x0F) != 4) continue;
    uint32_t token;
    memcpy(&token, in + 4, 4);
    for (int s = 0; s < window; s++) {
      if (clients[index].slots[s].token != token) continue;
      if (in[1] >> 5 == 2) {
        latencies_us[answered % RESERVOIR] = (uint32_t)((now_ns() - clients[index].slots[s].sent_ns) / 1000);
        answered++;
      } else {
        errors++;
        last_error = in[1];
      }
      send_slot(index, s);
      break;
    }
  }
}

static int by_value(const void* a, const void* b) {
  uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char** argv) {
  if (argc < 9) {
    fprintf(stderr, "usage: coap-load PORT SECONDS SOCKETS WINDOW METHOD PAYLOADHEX CONTENTFORMAT PATH [QUERY...]\n");
    return 2;
  }
  int port = atoi(argv[1]), sockets = atoi(argv[3]), window = atoi(argv[4]);
  double seconds = atof(argv[2]);
  if (sockets < 1 || sockets > MAX_SOCKETS || window < 1 || window > MAX_WINDOW) {
    fprintf(stderr, "coap-load: at most %d sockets and a window of %d\n", MAX_SOCKETS, MAX_WINDOW);
    return 2;
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int i = 0; i < sockets; i++) {
    polls[i].fd = socket(AF_INET, SOCK_DGRAM, 0);
    polls[i].events = POLLIN;
    if (polls[i].fd < 0 || connect(polls[i].fd, (struct sockaddr*)&to, sizeof to)) {
      perror("coap-load");
      return 1;
    }
    clients[i].length = build(clients[i].message, i, atoi(argv[5]), argv[6], atoi(argv[7]), argv[8], argv + 9, argc - 9);
    for (int s = 0; s < window; s++) send_slot(i, s);
  }
  uint64_t start = now_ns(), end = start + (uint64_t)(seconds * 1e9), checked = start;
  while (now_ns() < end) {
    if (poll(polls, (nfds_t)sockets, 100) < 0 && errno != EINTR) break;
    for (int i = 0; i < sockets; i++)
      if (polls[i].revents) receive(i, window);
    uint64_t now = now_ns();
    if (now - checked < 100000000u) continue;
    checked = now;
    for (int i = 0; i < sockets; i++)
      for (int s = 0; s < window; s++)
        if (now - clients[i].slots[s].sent_ns > (uint64_t)LOST_AFTER_MS * 1000000u) {
          lost++;
          send_slot(i, s);
        }
  }
  double took = (double)(now_ns() - start) / 1e9;
  size_t kept = answered < RESERVOIR ? (size_t)answered : RESERVOIR;
  qsort(latencies_us, kept, sizeof latencies_us[0], by_value);
  printf("{\"seconds\":%.3f,\"sent\":%llu,\"answered\":%llu,\"errors\":%llu,\"lost\":%llu,\"p50us\":%u,\"p99us\":%u,\"lastError\":\"%u.%02u\"}\n", took,
         (unsigned long long)sent, (unsigned long long)answered, (unsigned long long)errors, (unsigned long long)lost,
         kept ? latencies_us[kept / 2] : 0, kept ? latencies_us[kept * 99 / 100] : 0, last_error >> 5, last_error & 31u);
  return 0;
}
