/* CoAP load over loopback from ENDPOINTS endpoints, each with an address of its own and at most one confirmable request outstanding.
 * With a RATE requests go out at that rate, and latency counts from when each was due (open loop); with rate 0 the next goes out when
 * one is answered, OUTSTANDING of them at a time, endpoint after endpoint (closed loop). One that isn't answered within a second is
 * counted as lost; nothing is sent twice, so a server runs its handler for each request once. With a RATE and OUTSTANDING 0 it sleeps a
 * millisecond between looks: for long runs, whose latencies say nothing then. The first third of a second isn't counted: a server that
 * had nothing to do has put its caches and its compiled code away. Prints one JSON object.
 *
 *   coap-load PORT PID SECONDS ENDPOINTS OUTSTANDING RATE METHOD PAYLOADHEX CONTENTFORMAT OWNPORTS PATH [QUERY...]
 *
 * PID is the server's: its CPU time is read when the counting begins and ends. OWNPORTS, "-" or the "ports" that an earlier run printed: with them the endpoints are the same again, which matters to a server whose
 * cost grows with the peers that it remembers. It is linked with one of protect-*.c.
 *
 * "%d" in path and queries becomes the endpoint's index, so that each is a node of its own; CONTENTFORMAT -1 leaves it out. The four
 * bytes "UUUUUUUU" in PAYLOADHEX grow with each request, the two of "HHHH" wander: no two reports of a node are alike. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "endpoints.h"
#include "protect.h"

enum { WARM_UP_MS = 300, LOST_AFTER_MS = 1000, DRAIN_MS = 1000, LONGEST_US = 1000000, SOCKETS = 16 };

struct endpoint { uint8_t* message; uint16_t length, id, growing, wandering; int is_waiting; uint32_t token, sent, uncounted; uint64_t due_ns; };

static struct endpoint* all;
static int count, in_line;
static uint32_t latencies[LONGEST_US + 1];
static uint64_t answered, lost, errors, strays, sent, outstanding;
static uint8_t last_error; /* CoAP code */
static uint32_t next_token = 1;

static void build(struct endpoint* e, int index, char** words, int word_count) {
  uint8_t *to = e->message, *at = to;
  *at++ = 0x44; /* version 1, CON, token of 4 */
  *at++ = (uint8_t)atoi(words[0]);
  at += 2 + 4; /* message ID and token, written at each send */
  char text[256], path[256];
  unsigned last = 0;
  int format = atoi(words[2]);
  snprintf(path, sizeof path, "%s", words[4]);
  for (char* segment = strtok(path, "/"); segment; segment = strtok(NULL, "/")) {
    snprintf(text, sizeof text, segment, index);
    at = put_option(at, 11 - last, text, strlen(text));
    last = 11;
  }
  if (format >= 0) {
    uint8_t value = (uint8_t)format;
    at = put_option(at, 12 - last, &value, format ? 1 : 0);
    last = 12;
  }
  for (int i = 5; i < word_count; i++) {
    snprintf(text, sizeof text, words[i], index);
    at = put_option(at, 15 - last, text, strlen(text));
    last = 15;
  }
  const char* hex = words[1];
  if (*hex) *at++ = 0xFF;
  for (size_t i = 0; hex[i] && hex[i + 1]; i += 2) {
    unsigned byte = 0;
    if (hex[i] == 'U' && !e->growing) e->growing = (uint16_t)(at - to);
    if (hex[i] == 'H' && !e->wandering) e->wandering = (uint16_t)(at - to);
    sscanf(hex + i, "%2x", &byte);
    *at++ = (uint8_t)byte;
  }
  e->length = (uint16_t)(at - to);
}

/* Both stay in the range that takes four and two bytes in CBOR's shortest form. */
static void change_payload(struct endpoint* e) {
  if (e->growing) {
    uint32_t value = 0x10000 + e->sent;
    for (int i = 0; i < 4; i++) e->message[e->growing + i] = (uint8_t)(value >> (24 - 8 * i));
  }
  if (e->wandering) {
    uint16_t value = (uint16_t)(0x8000 | (e->sent * 40503u >> 3));
    e->message[e->wandering] = (uint8_t)(value >> 8);
    e->message[e->wandering + 1] = (uint8_t)value;
  }
}

/* The next endpoint in line that isn't waiting; false when all are. */
static int send_next(uint64_t due_ns) {
  for (int tries = 0; tries < count; tries++) {
    int index = in_line;
    in_line = in_line + 1 == count ? 0 : in_line + 1;
    struct endpoint* e = &all[index];
    if (e->is_waiting) continue;
    e->id++;
    e->message[2] = (uint8_t)(e->id >> 8);
    e->message[3] = (uint8_t)e->id;
    e->token = next_token++;
    memcpy(e->message + 4, &e->token, 4);
    e->is_waiting = 1;
    e->due_ns = due_ns;
    e->sent++;
    change_payload(e);
    uint8_t datagram[MAX_MESSAGE + MAX_PROTECTION];
    size_t length = protect(index, e->message, e->length, datagram);
    memcpy(endpoints_message(index, length), datagram, length);
    sent++;
    outstanding++;
    return 1;
  }
  return 0;
}

static int is_closed_loop;
static uint64_t now;

/* The manager asks its nodes for their health: these have none. */
static void refuse(int index, const uint8_t* request, size_t length) {
  size_t token = request[0] & 0x0F;
  if (request[0] >> 4 != 4 || length < 4 + token || token > 8) return;
  uint8_t* answer = endpoints_message(index, 4 + token);
  memcpy(answer, request, 4 + token);
  answer[0] = (uint8_t)(0x60 | token); /* ACK */
  answer[1] = 0x84; /* 4.04 */
}

static void receive(int index, uint8_t* message, size_t length) {
  uint32_t token;
  if (index >= count || (length = unprotect(index, message, length)) == 0) return;
  if (length >= 4 && message[1] != 0 && message[1] >> 5 == 0) {
    refuse(index, message, length);
    return;
  }
  if (length < 8 || (message[0] & 0x0F) != 4 || message[1] == 0) return;
  struct endpoint* e = &all[index];
  memcpy(&token, message + 4, 4);
  if (!e->is_waiting || e->token != token) {
    strays++;
    return;
  }
  e->is_waiting = 0;
  outstanding--;
  if (message[1] >> 5 == 2) {
    uint64_t us = (now - e->due_ns) / 1000;
    latencies[us < LONGEST_US ? us : LONGEST_US]++;
    answered++;
  } else {
    errors++;
    last_error = message[1];
  }
  if (is_closed_loop) send_next(now);
}

static void give_up_late_ones(void) {
  for (int i = 0; i < count; i++) {
    if (!all[i].is_waiting || now < all[i].due_ns + (uint64_t)LOST_AFTER_MS * 1000000u) continue;
    all[i].is_waiting = 0;
    outstanding--;
    lost++;
    if (is_closed_loop) send_next(now);
  }
}

static unsigned percentile(double share) {
  uint64_t in_all = 0, seen = 0;
  for (int us = 0; us <= LONGEST_US; us++) in_all += latencies[us];
  uint64_t rank = (uint64_t)((double)in_all * share);
  for (int us = 0; us <= LONGEST_US; us++) {
    seen += latencies[us];
    if (seen > rank) return (unsigned)us;
  }
  return 0;
}

/* On a core so far, of all threads that still live, in nanoseconds. */
static uint64_t cpu_of(const char* process) {
  char path[300];
  uint64_t all = 0;
  snprintf(path, sizeof path, "/proc/%.20s/task", process);
  DIR* tasks = opendir(path);
  for (struct dirent* task; tasks && (task = readdir(tasks));) {
    unsigned long long ns;
    snprintf(path, sizeof path, "/proc/%.20s/task/%.20s/schedstat", process, task->d_name);
    FILE* file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
    if (!file) continue;
    if (fscanf(file, "%llu", &ns) == 1) all += ns;
    fclose(file);
  }
  if (tasks) closedir(tasks);
  return all;
}

int main(int argc, char** argv) {
  if (argc < 12) {
    fprintf(stderr, "usage: coap-load PORT PID SECONDS ENDPOINTS OUTSTANDING RATE METHOD PAYLOADHEX CONTENTFORMAT OWNPORTS PATH [QUERY...]\n");
    return 2;
  }
  double seconds = atof(argv[3]), rate = atof(argv[6]);
  int window = atoi(argv[5]);
  count = atoi(argv[4]);
  const char* ports = argv[10][0] == '-' ? NULL : argv[10];
  endpoints_open(count, count < SOCKETS ? count : SOCKETS, atoi(argv[1]), ports);
  all = calloc((size_t)count, sizeof *all);
  for (int i = 0; i < count; i++) {
    all[i].message = malloc(MAX_MESSAGE);
    build(&all[i], i, argv + 7, argc - 7);
    all[i].id = (uint16_t)(now_ns() / 1000 + (uint64_t)i * 77);
  }
  protect_open(count);
  uint64_t start = now = now_ns(), counted_from = start + (uint64_t)WARM_UP_MS * 1000000u, end = counted_from + (uint64_t)(seconds * 1e9), checked = start;
  uint64_t warm_sent = 0, warm_answered = 0, cpu_ns = 0;
  const struct timespec nap = {.tv_nsec = 1000000};
  const int is_gentle = rate > 0 && window == 0;
  is_closed_loop = rate == 0;
  uint64_t gap_ns = is_closed_loop ? 0 : (uint64_t)(1e9 / rate), due = start, skipped = 0;
  if (is_closed_loop) for (int i = 0; i < window; i++) send_next(now);
  endpoints_flush();
  while ((now = now_ns()) < end) {
    if (start < counted_from && now >= counted_from) {
      start = now;
      warm_sent = sent;
      warm_answered = answered;
      errors = lost = strays = skipped = 0;
      memset(latencies, 0, sizeof latencies);
      for (int i = 0; i < count; i++) all[i].uncounted = all[i].sent;
      cpu_ns = cpu_of(argv[2]);
    }
    if (!is_closed_loop)
      for (; due <= now; due += gap_ns) if (!send_next(due)) skipped++;
    endpoints_receive(receive);
    endpoints_flush();
    if (is_gentle) nanosleep(&nap, NULL);
    if (now - checked < 50000000u) continue;
    checked = now;
    give_up_late_ones();
    endpoints_flush();
  }
  cpu_ns = cpu_of(argv[2]) - cpu_ns;
  double took = (double)(now - start) / 1e9;
  uint64_t answered_in_time = answered - warm_answered;
  unsigned p50 = percentile(0.5), p99 = percentile(0.99);
  /* What is still under way gets its answer, so that sent and answered can be compared with what the server counted. */
  is_closed_loop = 0;
  for (uint64_t last = now + (uint64_t)DRAIN_MS * 1000000u; outstanding > 0 && (now = now_ns()) < last;) endpoints_receive(receive);
  lost += outstanding;
  uint32_t most = 0;
  for (int i = 0; i < count; i++) if (all[i].sent - all[i].uncounted > most) most = all[i].sent - all[i].uncounted;
  printf("{\"seconds\":%.3f,\"cpuUs\":%.1f,\"sent\":%llu,\"answeredInTime\":%llu,\"answered\":%llu,\"errors\":%llu,\"lost\":%llu,\"strays\":%llu,\"skipped\":%llu,"
         "\"p50us\":%u,\"p99us\":%u,\"mostAnEndpointSends\":%.1f,\"lastError\":\"%u.%02u\",\"warmUpSent\":%llu,\"warmUpAnswered\":%llu,\"ports\":", took,
         (double)cpu_ns / 1000,
         (unsigned long long)(sent - warm_sent), (unsigned long long)answered_in_time, (unsigned long long)(answered - warm_answered), (unsigned long long)errors,
         (unsigned long long)lost, (unsigned long long)strays, (unsigned long long)skipped, p50, p99, most / took, last_error >> 5, last_error & 31u,
         (unsigned long long)warm_sent, (unsigned long long)warm_answered);
  endpoints_print_ports();
  printf("}\n");
  return 0;
}
