/* OBSERVERS endpoints observe one resource. It is changed by a POST, and changed again when all have been told, or a second after the POST was
 * answered: whom nobody told by then has missed it. A POST that isn't answered in 200 ms is sent again, for the server to tell as a duplicate. Confirmable notifications are acknowledged at once. The first second isn't counted: the server
 * compiles its code and learns each observer's round trip. Prints one JSON object.
 *
 *   coap-observe PORT SECONDS OBSERVERS PATH
 *
 * The payload is the number of changes in decimal digits; a POST to the same path adds one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "endpoints.h"

enum { SOCKETS = 32, MISSED_AFTER_MS = 1000, CHANGE_AGAIN_MS = 200, GIVE_UP_MS = 10000, ASK_AGAIN_MS = 500, ASKING = 256, LONGEST_US = 2000000, TOKEN = 4 };

static const uint64_t WARM_UP_NS = 1000000000u;

static int observers, registered, told, is_changing;
static uint32_t *latest, change, latencies[LONGEST_US + 1];
static uint8_t* is_registered;
static uint64_t now, changed_at, answered_at, notifications, confirmable, missed, refused, again;
static uint16_t message_id = 1;

static void request(int endpoint, uint8_t code, int observe, const char* path) {
  uint8_t message[128], *at = message;
  uint32_t token = (uint32_t)endpoint;
  *at++ = 0x40 | TOKEN;
  *at++ = code;
  *at++ = (uint8_t)(message_id >> 8);
  *at++ = (uint8_t)message_id++;
  memcpy(at, &token, TOKEN);
  at += TOKEN;
  if (observe) at = put_option(at, 6, "", 0);
  at = put_option(at, observe ? 5 : 11, path, strlen(path));
  size_t length = (size_t)(at - message);
  memcpy(endpoints_message(endpoint, length), message, length);
}

/* The payload begins behind the options, of which a value may hold the byte of the marker too. They are shorter than 13 bytes and close together. */
static uint32_t number_in(const uint8_t* message, size_t length) {
  uint32_t value = 0;
  size_t at = 4 + TOKEN;
  while (at < length && message[at] != 0xff) at += 1u + (message[at] & 15);
  while (++at < length) value = value * 10 + (message[at] - '0');
  return value;
}

static void receive(int endpoint, uint8_t* message, size_t length) {
  if (length < 4) return;
  int type = message[0] >> 4 & 3;
  if (type == 0) {
    uint8_t* ack = endpoints_message(endpoint, 4);
    ack[0] = 0x60;
    ack[1] = 0;
    ack[2] = message[2];
    ack[3] = message[3];
  }
  if (length < 4 + TOKEN || (message[0] & 15) != TOKEN) return;
  if (message[1] >> 5 != 2) {
    refused++;
    return;
  }
  if (endpoint == observers) {
    is_changing = 0;
    answered_at = now;
    return;
  }
  if (endpoint > observers) return;
  if (!is_registered[endpoint]) {
    is_registered[endpoint] = 1;
    registered++;
  }
  if (type == 2 || change == 0) return;
  notifications++;
  confirmable += type == 0;
  uint32_t number = number_in(message, length);
  if (number < change || latest[endpoint] >= change) return;
  latest[endpoint] = number;
  told++;
  uint64_t us = (now - changed_at) / 1000;
  latencies[us < LONGEST_US ? us : LONGEST_US]++;
}

static void turn(void) {
  now = now_ns();
  endpoints_receive(receive);
  endpoints_flush();
}

static int all_observe(const char* path) {
  uint64_t deadline = now_ns() + 30000000000u;
  while (registered < observers && now_ns() < deadline) {
    uint64_t asked = now_ns();
    int sent = 0;
    for (int i = 0; i < observers; i++) {
      if (is_registered[i]) continue;
      request(i, 1, 1, path);
      if (++sent % ASKING == 0) {
        endpoints_flush();
        for (uint64_t until = now_ns() + 5000000u; now_ns() < until;) turn();
      }
    }
    endpoints_flush();
    while (registered < observers && now_ns() < asked + (uint64_t)ASK_AGAIN_MS * 1000000u) turn();
  }
  return registered == observers;
}

static unsigned percentile(double share) {
  uint64_t all = 0, seen = 0;
  for (int us = 0; us <= LONGEST_US; us++) all += latencies[us];
  for (int us = 0; us <= LONGEST_US; us++) {
    seen += latencies[us];
    if (seen > (uint64_t)((double)all * share)) return (unsigned)us;
  }
  return 0;
}

/* Changes until the time is over; returns how many. */
static uint64_t changes_until(uint64_t end, const char* path) {
  uint64_t rounds = 0;
  while (now_ns() < end) {
    change++;
    told = 0;
    is_changing = 1;
    changed_at = now_ns();
    request(observers, 2, 0, path);
    endpoints_flush();
    uint64_t asked = changed_at;
    while (is_changing || (told < observers && now < answered_at + (uint64_t)MISSED_AFTER_MS * 1000000u)) {
      turn();
      if (!is_changing || now < asked + (uint64_t)CHANGE_AGAIN_MS * 1000000u) continue;
      if (now > changed_at + (uint64_t)GIVE_UP_MS * 1000000u) {
        fprintf(stderr, "coap-observe: a change isn't answered\n");
        exit(1);
      }
      asked = now;
      again++;
      message_id--;
      request(observers, 2, 0, path);
      endpoints_flush();
    }
    missed += (uint64_t)(observers - told);
    rounds++;
  }
  return rounds;
}

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: coap-observe PORT SECONDS OBSERVERS PATH\n");
    return 2;
  }
  observers = atoi(argv[3]);
  latest = calloc((size_t)observers, sizeof *latest);
  is_registered = calloc((size_t)observers, 1);
  endpoints_open(observers + 1, SOCKETS, atoi(argv[1]), NULL);
  if (!all_observe(argv[4])) {
    fprintf(stderr, "coap-observe: %d of %d could register\n", registered, observers);
    return 1;
  }
  changes_until(now_ns() + WARM_UP_NS, argv[4]);
  notifications = confirmable = missed = again = 0;
  memset(latencies, 0, sizeof latencies);
  uint64_t start = now_ns(), rounds = changes_until(start + (uint64_t)(atof(argv[2]) * 1e9), argv[4]);
  double took = (double)(now_ns() - start) / 1e9;
  printf("{\"seconds\":%.3f,\"rounds\":%llu,\"notifications\":%llu,\"confirmable\":%llu,\"missed\":%llu,\"refused\":%llu,\"again\":%llu,\"p50us\":%u,\"p99us\":%u}\n", took,
         (unsigned long long)rounds, (unsigned long long)notifications, (unsigned long long)confirmable, (unsigned long long)missed,
         (unsigned long long)refused, (unsigned long long)again, percentile(0.5), percentile(0.99));
  return 0;
}
