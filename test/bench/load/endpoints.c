#define _GNU_SOURCE
#include "endpoints.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, CONTROL = 64, FIRST = 0x7f100001 };

struct batch {
  int fd, queued;
  struct mmsghdr out[BATCH], in[BATCH];
  struct iovec out_iov[BATCH], in_iov[BATCH];
  uint8_t out_bytes[BATCH][MAX_MESSAGE], in_bytes[BATCH][MAX_MESSAGE];
  char out_control[BATCH][CONTROL] __attribute__((aligned(8)));
  char in_control[BATCH][CONTROL] __attribute__((aligned(8)));
};

static struct batch* batches;
static int batch_count;
static struct sockaddr_in server;

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void open_batch(struct batch* b, uint16_t port) {
  const int on = 1, buffer = 4194304;
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
  b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  bool is_good = b->fd >= 0 && setsockopt(b->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0;
  bool is_bound = is_good && bind(b->fd, (struct sockaddr*)&any, sizeof any) == 0;
  if (is_good && !is_bound && errno == EADDRINUSE) {
    /* Somebody has got the port since the last run: these endpoints are new ones then. */
    any.sin_port = 0;
    is_bound = bind(b->fd, (struct sockaddr*)&any, sizeof any) == 0;
  }
  if (!is_bound) {
    perror("endpoints");
    exit(1);
  }
  setsockopt(b->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  for (int i = 0; i < BATCH; i++) {
    b->out_iov[i].iov_base = b->out_bytes[i];
    b->in_iov[i] = (struct iovec){b->in_bytes[i], MAX_MESSAGE};
    b->out[i].msg_hdr = (struct msghdr){.msg_name = &server, .msg_namelen = sizeof server, .msg_iov = &b->out_iov[i], .msg_iovlen = 1};
    b->in[i].msg_hdr = (struct msghdr){.msg_iov = &b->in_iov[i], .msg_iovlen = 1, .msg_control = b->in_control[i]};
  }
}

void endpoints_open(int count, int sockets, int server_port, const char* ports) {
  if (count < 1 || count > MAX_ENDPOINTS || sockets < 1 || sockets > MAX_SOCKETS) {
    fprintf(stderr, "endpoints: at most %d on %d sockets\n", MAX_ENDPOINTS, MAX_SOCKETS);
    exit(2);
  }
  server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)server_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  batch_count = sockets;
  batches = calloc((size_t)sockets, sizeof *batches);
  for (int i = 0; i < sockets; i++) {
    open_batch(&batches[i], ports ? (uint16_t)atoi(ports) : 0);
    const char* comma = ports ? strchr(ports, ',') : NULL;
    ports = comma ? comma + 1 : NULL;
  }
}

void endpoints_print_ports(void) {
  for (int i = 0; i < batch_count; i++) {
    struct sockaddr_in own = {0};
    socklen_t length = sizeof own;
    getsockname(batches[i].fd, (struct sockaddr*)&own, &length);
    printf("%s%u", i == 0 ? "\"" : ",", ntohs(own.sin_port));
  }
  printf("\"");
}

static void flush(struct batch* b) {
  for (int at = 0; at < b->queued;) {
    int sent = sendmmsg(b->fd, b->out + at, (unsigned)(b->queued - at), MSG_DONTWAIT);
    at += sent > 0 ? sent : 1;
  }
  b->queued = 0;
}

uint8_t* endpoints_message(int endpoint, size_t length) {
  struct batch* b = &batches[endpoint % batch_count];
  if (b->queued == BATCH) flush(b);
  int i = b->queued++;
  struct msghdr* h = &b->out[i].msg_hdr;
  struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(FIRST + (uint32_t)endpoint)};
  h->msg_control = b->out_control[i];
  h->msg_controllen = CMSG_SPACE(sizeof info);
  struct cmsghdr* c = CMSG_FIRSTHDR(h);
  c->cmsg_level = IPPROTO_IP;
  c->cmsg_type = IP_PKTINFO;
  c->cmsg_len = CMSG_LEN(sizeof info);
  memcpy(CMSG_DATA(c), &info, sizeof info);
  b->out_iov[i].iov_len = length;
  return b->out_bytes[i];
}

void endpoints_flush(void) {
  for (int i = 0; i < batch_count; i++)
    if (batches[i].queued) flush(&batches[i]);
}

static int endpoint_of(struct msghdr* h) {
  for (struct cmsghdr* c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
    if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO) continue;
    struct in_pktinfo info;
    memcpy(&info, CMSG_DATA(c), sizeof info);
    return (int)(ntohl(info.ipi_addr.s_addr) - FIRST);
  }
  return -1;
}

int endpoints_receive(received* receive) {
  int all = 0;
  for (int s = 0; s < batch_count; s++) {
    struct batch* b = &batches[s];
    for (int i = 0; i < BATCH; i++) b->in[i].msg_hdr.msg_controllen = CONTROL;
    int n = recvmmsg(b->fd, b->in, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
      int endpoint = endpoint_of(&b->in[i].msg_hdr);
      if (endpoint >= 0 && endpoint < MAX_ENDPOINTS) receive(endpoint, b->in_bytes[i], b->in[i].msg_len);
    }
    if (n > 0) all += n;
  }
  return all;
}

uint8_t* put_option(uint8_t* at, unsigned delta, const void* value, size_t length) {
  uint8_t* head = at++;
  unsigned d = delta < 13 ? delta : 13, l = length < 13 ? (unsigned)length : 13;
  *head = (uint8_t)(d << 4 | l);
  if (d == 13) *at++ = (uint8_t)(delta - 13);
  if (l == 13) *at++ = (uint8_t)(length - 13);
  memcpy(at, value, length);
  return at + length;
}
