/* What the kernel takes for a request and its answer when nobody looks at either: whatever comes is answered with a 2.04 of its token, in
 * batches of 64. Prints its port; ends with SIGTERM. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, LONGEST = 2048 };

int main(void) {
  static uint8_t bytes[BATCH][LONGEST];
  static struct sockaddr_in from[BATCH];
  static struct iovec iov[BATCH];
  static struct mmsghdr rows[BATCH];
  const int receive_buffer = 4194304, no_identification = IP_PMTUDISC_DO;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof at;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr*)&at, sizeof at) || getsockname(fd, (struct sockaddr*)&at, &length)) {
    perror("kernel-alone");
    return 1;
  }
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &no_identification, sizeof no_identification);
  printf("port %u\n", ntohs(at.sin_port));
  fflush(stdout);
  struct pollfd readable = {.fd = fd, .events = POLLIN};
  for (;;) {
    poll(&readable, 1, -1);
    for (int i = 0; i < BATCH; i++) {
      iov[i] = (struct iovec){bytes[i], LONGEST};
      rows[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &iov[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, rows, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
      bytes[i][0] = (uint8_t)(0x60 | (bytes[i][0] & 15));
      bytes[i][1] = 0x44;
      iov[i].iov_len = 4u + (bytes[i][0] & 15);
    }
    for (int sent = 0; sent < count;) {
      int n = sendmmsg(fd, rows + sent, (unsigned)(count - sent), 0);
      sent += n > 0 ? n : 1;
    }
  }
}
