/* Batch UDP for Linux: one recvmmsg a wake-up into tables that JavaScript reads, one sendmmsg for what it wrote.
 *
 * Rows are 8 int32 each.
 *   received  [offset, length, flags, interface, port, ipv4, local ipv4, 0]
 *   to send   [offset, length, flags, interface, port, ipv4, local ipv4, 0]
 * IPv4 addresses stand in the row, in host order. With IS_IPV6 they stand in the address table instead: 9 words a row, peer (4),
 * local (4), scope (1). A local address of zero leaves the choice to the kernel. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>
#include "addon.h"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

enum { ROW = 8, ADDRESS = 9, MAX_BATCH = 256, MAX_QUEUE = 1024, CONTROL = 128 };
enum { OFFSET, LENGTH, FLAGS, INTERFACE, PORT, IPV4, LOCAL };
enum { IS_MULTICAST = 1, IS_TRUNCATED = 2, IS_IPV6 = 4 };
/* So that timers and HTTP get their turn while datagrams keep coming. */
enum { ROUNDS_A_WAKE_UP = 16 };
enum { STAT_WAKE_UPS, STAT_ROUNDS, STAT_RECEIVED, STAT_RECEIVE_FAILED, STAT_SENT, STAT_SEND_FAILED, STAT_KERNEL_DROPPED, STATS };

struct udp {
  napi_env env;
  napi_ref callback, receiver;
  napi_async_cleanup_hook_handle cleanup;
  uv_poll_t poll;
  int fd;
  int family;
  bool is_closed;
  bool is_cleaning_up;
  bool counts_drops;
  uint32_t last_drops;
  /* One for the uv handle, one for the JavaScript object. */
  int owners;
  int batch, slot_bytes, queue;
  size_t tx_bytes;
  struct table rx, rx_rows, rx_addresses, tx, tx_rows, tx_addresses, stats;
  struct mmsghdr in[MAX_BATCH], out[MAX_QUEUE];
  struct iovec in_iov[MAX_BATCH], out_iov[MAX_QUEUE];
  struct sockaddr_storage in_from[MAX_BATCH];
  struct sockaddr_in6 out_to[MAX_QUEUE];
  char in_control[MAX_BATCH][CONTROL] __attribute__((aligned(8)));
  char out_control[MAX_QUEUE][CONTROL] __attribute__((aligned(8)));
};

static void release(struct udp* s) {
  if (--s->owners == 0) free(s);
}

static double* stats_of(struct udp* s) { return s->stats.data; }

/* ---- receiving ---- */

static bool is_mapped(const struct in6_addr* a) { return IN6_IS_ADDR_V4MAPPED(a); }

static uint32_t mapped_ipv4(const struct in6_addr* a) {
  uint32_t value;
  memcpy(&value, a->s6_addr + 12, 4);
  return ntohl(value);
}

/* Where the datagram was sent to, from the kernel's packet info. */
static void read_destination(struct udp* s, struct msghdr* message, int32_t* row, uint32_t* address) {
  for (struct cmsghdr* c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      row[INTERFACE] = info.ipi_ifindex;
      /* They differ for multicast and broadcast; neither may become the source of an answer. */
      if (info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr) row[FLAGS] |= IS_MULTICAST;
      else row[LOCAL] = (int32_t)ntohl(info.ipi_addr.s_addr);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      row[INTERFACE] = (int32_t)info.ipi6_ifindex;
      if (is_mapped(&info.ipi6_addr)) {
        uint32_t local = mapped_ipv4(&info.ipi6_addr);
        if (IN_MULTICAST(local) || local == INADDR_BROADCAST) row[FLAGS] |= IS_MULTICAST;
        else row[LOCAL] = (int32_t)local;
      } else if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) {
        row[FLAGS] |= IS_MULTICAST;
      } else {
        memcpy(address + 4, &info.ipi6_addr, 16);
      }
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
      uint32_t drops;
      memcpy(&drops, CMSG_DATA(c), sizeof drops);
      stats_of(s)[STAT_KERNEL_DROPPED] += (uint32_t)(drops - s->last_drops);
      s->last_drops = drops;
    }
  }
}

static void describe(struct udp* s, int i) {
  struct mmsghdr* m = &s->in[i];
  int32_t* row = (int32_t*)s->rx_rows.data + (size_t)i * ROW;
  uint32_t* address = (uint32_t*)s->rx_addresses.data + (size_t)i * ADDRESS;
  memset(row, 0, ROW * sizeof *row);
  memset(address, 0, ADDRESS * sizeof *address);
  row[OFFSET] = i * s->slot_bytes;
  row[LENGTH] = (int32_t)m->msg_len;
  if (m->msg_hdr.msg_flags & MSG_TRUNC) row[FLAGS] |= IS_TRUNCATED;
  const struct sockaddr_storage* from = &s->in_from[i];
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in* v4 = (const struct sockaddr_in*)from;
    row[PORT] = ntohs(v4->sin_port);
    row[IPV4] = (int32_t)ntohl(v4->sin_addr.s_addr);
  } else {
    const struct sockaddr_in6* v6 = (const struct sockaddr_in6*)from;
    row[PORT] = ntohs(v6->sin6_port);
    if (is_mapped(&v6->sin6_addr)) {
      row[IPV4] = (int32_t)mapped_ipv4(&v6->sin6_addr);
    } else {
      row[FLAGS] |= IS_IPV6;
      memcpy(address, &v6->sin6_addr, 16);
      address[8] = v6->sin6_scope_id;
    }
  }
  read_destination(s, &m->msg_hdr, row, address);
}

static int receive_round(struct udp* s) {
  for (int i = 0; i < s->batch; i++) {
    struct msghdr* h = &s->in[i].msg_hdr;
    /* The kernel writes into all of these. */
    h->msg_namelen = sizeof s->in_from[i];
    h->msg_controllen = CONTROL;
    h->msg_flags = 0;
  }
  int n = recvmmsg(s->fd, s->in, (unsigned)s->batch, MSG_DONTWAIT, NULL);
  for (int i = 0; i < n; i++) describe(s, i);
  return n;
}

/* ---- sending ---- */

static bool aim(struct udp* s, int i) {
  const int32_t* row = (const int32_t*)s->tx_rows.data + (size_t)i * ROW;
  const uint32_t* address = (const uint32_t*)s->tx_addresses.data + (size_t)i * ADDRESS;
  struct msghdr* h = &s->out[i].msg_hdr;
  bool is_ipv6 = row[FLAGS] & IS_IPV6;
  if (row[OFFSET] < 0 || row[LENGTH] < 0 || (size_t)row[OFFSET] + (size_t)row[LENGTH] > s->tx_bytes) return false;
  s->out_iov[i].iov_base = (uint8_t*)s->tx.data + row[OFFSET];
  s->out_iov[i].iov_len = (size_t)row[LENGTH];
  h->msg_control = NULL;
  h->msg_controllen = 0;
  h->msg_name = &s->out_to[i];
  if (s->family == AF_INET) {
    if (is_ipv6) return false;
    struct sockaddr_in* to = (struct sockaddr_in*)&s->out_to[i];
    memset(to, 0, sizeof *to);
    to->sin_family = AF_INET;
    to->sin_port = htons((uint16_t)row[PORT]);
    to->sin_addr.s_addr = htonl((uint32_t)row[IPV4]);
    h->msg_namelen = sizeof *to;
    if (row[LOCAL] == 0) return true;
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl((uint32_t)row[LOCAL])};
    h->msg_control = s->out_control[i];
    h->msg_controllen = CMSG_SPACE(sizeof info);
    struct cmsghdr* c = CMSG_FIRSTHDR(h);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    return true;
  }
  struct sockaddr_in6* to = &s->out_to[i];
  struct in6_pktinfo info;
  memset(to, 0, sizeof *to);
  memset(&info, 0, sizeof info);
  to->sin6_family = AF_INET6;
  to->sin6_port = htons((uint16_t)row[PORT]);
  h->msg_namelen = sizeof *to;
  if (is_ipv6) {
    memcpy(&to->sin6_addr, address, 16);
    memcpy(&info.ipi6_addr, address + 4, 16);
    to->sin6_scope_id = address[8];
  } else {
    uint32_t ipv4 = htonl((uint32_t)row[IPV4]), local = htonl((uint32_t)row[LOCAL]);
    memset(to->sin6_addr.s6_addr + 10, 0xff, 2);
    memcpy(to->sin6_addr.s6_addr + 12, &ipv4, 4);
    if (local) {
      memset(info.ipi6_addr.s6_addr + 10, 0xff, 2);
      memcpy(info.ipi6_addr.s6_addr + 12, &local, 4);
    }
  }
  if (IN6_IS_ADDR_UNSPECIFIED(&info.ipi6_addr)) return true;
  h->msg_control = s->out_control[i];
  h->msg_controllen = CMSG_SPACE(sizeof info);
  struct cmsghdr* c = CMSG_FIRSTHDR(h);
  c->cmsg_level = IPPROTO_IPV6;
  c->cmsg_type = IPV6_PKTINFO;
  c->cmsg_len = CMSG_LEN(sizeof info);
  memcpy(CMSG_DATA(c), &info, sizeof info);
  return true;
}

/* Whether IPv4 datagrams above the path's MTU leave in fragments. Where they may, the kernel finds an identification for each datagram, the short
 * ones too: 4 % of an answer's CPU. Both look for the path's MTU, with DF set. */
static void set_fragmenting(struct udp* s, bool may_fragment) {
  const int discover = may_fragment ? IP_PMTUDISC_WANT : IP_PMTUDISC_DO;
  setsockopt(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
}

static bool send_in_fragments(struct udp* s, int i) {
  set_fragmenting(s, true);
  bool is_sent = sendmsg(s->fd, &s->out[i].msg_hdr, MSG_DONTWAIT) >= 0;
  set_fragmenting(s, false);
  return is_sent;
}

/* Sends rows 0..count-1. sendmmsg ends at a message it can't send: that one is counted and skipped, the rest still goes. */
static void send_rows(struct udp* s, int count) {
  double* stats = stats_of(s);
  if (count > s->queue) count = s->queue;
  for (int i = 0; i < count; i++) {
    if (!aim(s, i)) {
      /* Nothing to send it by; an empty name makes the kernel refuse it, which is then counted like every other. */
      s->out[i].msg_hdr.msg_name = NULL;
      s->out[i].msg_hdr.msg_namelen = 0;
    }
  }
  for (int at = 0; at < count;) {
    int sent = sendmmsg(s->fd, s->out + at, (unsigned)(count - at), MSG_DONTWAIT);
    if (sent > 0) {
      at += sent;
      stats[STAT_SENT] += sent;
    } else if (errno != EINTR) {
      bool is_sent = errno == EMSGSIZE && send_in_fragments(s, at);
      stats[is_sent ? STAT_SENT : STAT_SEND_FAILED]++;
      at++;
    }
  }
}

/* ---- the loop ---- */

static void hand_over(struct udp* s, int n) {
  napi_env env = s->env;
  napi_value receiver, callback, count, result;
  if (napi_get_reference_value(env, s->receiver, &receiver) != napi_ok) return;
  if (napi_get_reference_value(env, s->callback, &callback) != napi_ok) return;
  napi_create_int32(env, n, &count);
  /* Drains microtasks too, so what a handler resolved leaves in the same wake-up. */
  if (napi_make_callback(env, NULL, receiver, callback, 1, &count, &result) == napi_pending_exception) {
    napi_value error;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
}

static void readable(uv_poll_t* handle, int status, int events) {
  struct udp* s = handle->data;
  (void)events;
  if (s->is_closed) return;
  double* stats = stats_of(s);
  stats[STAT_WAKE_UPS]++;
  if (status < 0) {
    stats[STAT_RECEIVE_FAILED]++;
    return;
  }
  napi_handle_scope scope;
  if (napi_open_handle_scope(s->env, &scope) != napi_ok) return;
  for (int round = 0; round < ROUNDS_A_WAKE_UP && !s->is_closed; round++) {
    int n = receive_round(s);
    if (n < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      /* An ICMP error of an earlier datagram, for instance: fetched, and the next read goes on. */
      if (errno != EINTR) stats[STAT_RECEIVE_FAILED]++;
      continue;
    }
    stats[STAT_ROUNDS]++;
    stats[STAT_RECEIVED] += n;
    if (n == 0) break;
    hand_over(s, n);
    if (n < s->batch) break;
  }
  napi_close_handle_scope(s->env, scope);
}

static void closed(uv_handle_t* handle) {
  struct udp* s = handle->data;
  if (s->cleanup) napi_remove_async_cleanup_hook(s->cleanup);
  release(s);
}

static void close_socket(struct udp* s) {
  if (s->is_closed) return;
  s->is_closed = true;
  uv_poll_stop(&s->poll);
  close(s->fd);
  if (!s->is_cleaning_up) {
    napi_delete_reference(s->env, s->callback);
    napi_delete_reference(s->env, s->receiver);
    struct table* tables[] = {&s->rx, &s->rx_rows, &s->rx_addresses, &s->tx, &s->tx_rows, &s->tx_addresses, &s->stats};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) napi_delete_reference(s->env, tables[i]->reference);
  }
  uv_close((uv_handle_t*)&s->poll, closed);
}

static void clean_up(napi_async_cleanup_hook_handle handle, void* data) {
  struct udp* s = data;
  (void)handle;
  s->is_cleaning_up = true;
  close_socket(s);
}

static void finalize(napi_env env, void* data, void* hint) {
  (void)env;
  (void)hint;
  release(data);
}

/* ---- what JavaScript calls ---- */

static struct udp* self(napi_env env, napi_callback_info info, size_t* count, napi_value* arguments) {
  void* data = NULL;
  napi_get_cb_info(env, info, count, arguments, NULL, &data);
  struct udp* s = data;
  return s->is_closed ? NULL : s;
}

static napi_value js_send(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  struct udp* s = self(env, info, &count, &argument);
  int32_t rows = 0;
  if (s && napi_get_value_int32(env, argument, &rows) == napi_ok && rows > 0) send_rows(s, rows);
  return NULL;
}

static napi_value js_close(napi_env env, napi_callback_info info) {
  size_t count = 0;
  struct udp* s = self(env, info, &count, NULL);
  if (s) close_socket(s);
  return NULL;
}

/* text(row): the IPv6 address of a received row, with %interface when it is link-local. */
static napi_value js_text(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result = NULL;
  struct udp* s = self(env, info, &count, &argument);
  int32_t row = -1;
  if (!s || napi_get_value_int32(env, argument, &row) != napi_ok || row < 0 || row >= s->batch) return NULL;
  const uint32_t* address = (const uint32_t*)s->rx_addresses.data + (size_t)row * ADDRESS;
  char text[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
  if (!inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN)) return NULL;
  if (IN6_IS_ADDR_LINKLOCAL((const struct in6_addr*)address) && address[8] != 0) {
    size_t end = strlen(text);
    text[end] = '%';
    if (!if_indextoname(address[8], text + end + 1)) text[end] = 0;
  }
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

/* aim(text, row): writes an IPv6 address into the table of what is sent; false when it is none. */
static napi_value js_aim(napi_env env, napi_callback_info info) {
  size_t count = 2, length;
  napi_value arguments[2], result = NULL;
  struct udp* s = self(env, info, &count, arguments);
  char text[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
  int32_t row = -1;
  bool is_good = false;
  if (s && count == 2 && napi_get_value_string_utf8(env, arguments[0], text, sizeof text, &length) == napi_ok &&
      napi_get_value_int32(env, arguments[1], &row) == napi_ok && row >= 0 && row < s->queue) {
    uint32_t* address = (uint32_t*)s->tx_addresses.data + (size_t)row * ADDRESS;
    memset(address, 0, ADDRESS * sizeof *address);
    char* scope = strchr(text, '%');
    if (scope) {
      *scope++ = 0;
      address[8] = if_nametoindex(scope);
      if (address[8] == 0) address[8] = (uint32_t)strtoul(scope, NULL, 10);
    }
    is_good = inet_pton(AF_INET6, text, address) == 1;
  }
  napi_get_boolean(env, is_good, &result);
  return result;
}

/* join(group, interface name): membership, on that interface only. */
static napi_value js_join(napi_env env, napi_callback_info info) {
  size_t count = 2, length;
  napi_value arguments[2];
  struct udp* s = self(env, info, &count, arguments);
  char group[INET6_ADDRSTRLEN + 1], name[IF_NAMESIZE + 1];
  if (!s || count != 2 || napi_get_value_string_utf8(env, arguments[0], group, sizeof group, &length) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[1], name, sizeof name, &length) != napi_ok) {
    return throw_errno(env, EINVAL, "join");
  }
  unsigned index = if_nametoindex(name);
  if (index == 0) return throw_errno(env, ENODEV, name);
  struct ip_mreqn v4 = {.imr_ifindex = (int)index};
  struct ipv6_mreq v6 = {.ipv6mr_interface = index};
  int failed;
  if (inet_pton(AF_INET, group, &v4.imr_multiaddr) == 1) {
    failed = setsockopt(s->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof v4);
  } else if (inet_pton(AF_INET6, group, &v6.ipv6mr_multiaddr) == 1) {
    failed = setsockopt(s->fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &v6, sizeof v6);
  } else {
    return throw_errno(env, EINVAL, group);
  }
  return failed ? throw_errno(env, errno, group) : NULL;
}

static int bind_socket(napi_env env, napi_value options, struct udp* s) {
  char address[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  if (!text_property(env, options, "address", address, sizeof address)) return EINVAL;
  uint16_t port = htons((uint16_t)number_property(env, options, "port", 0));
  char* scope = strchr(address, '%');
  if (scope) {
    *scope++ = 0;
    v6.sin6_scope_id = if_nametoindex(scope);
  }
  if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) s->family = AF_INET;
  else if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) s->family = AF_INET6;
  else return EINVAL;
  v4.sin_port = v6.sin6_port = port;
  s->fd = socket(s->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s->fd < 0) return errno;
  const int on = 1, off = 0;
  int receive_buffer = (int)number_property(env, options, "receiveBuffer", 4194304);
  /* A smaller buffer only loses more of a burst: neither of these may fail the start. */
  setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  setsockopt(s->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  if (bool_property(env, options, "sharesPort")) setsockopt(s->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bool_property(env, options, "sharesAddress")) setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  /* Only a wildcard socket doesn't know from its own address where a datagram was sent to. */
  bool is_wildcard = s->family == AF_INET ? v4.sin_addr.s_addr == INADDR_ANY : IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr);
  setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off);
  set_fragmenting(s, false);
  if (s->family == AF_INET) {
    if (is_wildcard) setsockopt(s->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  } else {
    setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (is_wildcard) setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    setsockopt(s->fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &off, sizeof off);
  }
  int failed = s->family == AF_INET ? bind(s->fd, (struct sockaddr*)&v4, sizeof v4) : bind(s->fd, (struct sockaddr*)&v6, sizeof v6);
  return failed ? errno : 0;
}

static uint16_t bound_port(struct udp* s) {
  struct sockaddr_in6 at;
  socklen_t length = sizeof at;
  if (getsockname(s->fd, (struct sockaddr*)&at, &length)) return 0;
  return ntohs(s->family == AF_INET ? ((struct sockaddr_in*)&at)->sin_port : at.sin6_port);
}

static bool make_tables(napi_env env, napi_value object, struct udp* s) {
  size_t batch = (size_t)s->batch, queue = (size_t)s->queue;
  return make_table(env, object, "rx", BYTES, batch * (size_t)s->slot_bytes, &s->rx) &&
         make_table(env, object, "rxRows", INT32S, batch * ROW, &s->rx_rows) &&
         make_table(env, object, "rxAddresses", INT32S, batch * ADDRESS, &s->rx_addresses) &&
         make_table(env, object, "tx", BYTES, s->tx_bytes, &s->tx) &&
         make_table(env, object, "txRows", INT32S, queue * ROW, &s->tx_rows) &&
         make_table(env, object, "txAddresses", INT32S, queue * ADDRESS, &s->tx_addresses) &&
         make_table(env, object, "stats", FLOAT64S, STATS, &s->stats);
}

static int within(double value, int least, int most) { return value < least ? least : value > most ? most : (int)value; }

/* openUdp({address, port, sharesPort, sharesAddress, receiveBuffer, batch, slotBytes, queue, queueBytes}, onBatch(n)) */
static napi_value open_udp(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2], object, port;
  uv_loop_t* loop;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 2) return throw_errno(env, EINVAL, "openUdp");
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return throw_errno(env, EINVAL, "loop");
  struct udp* s = calloc(1, sizeof *s);
  if (!s) return throw_errno(env, ENOMEM, "openUdp");
  s->env = env;
  s->batch = within(number_property(env, arguments[0], "batch", 64), 1, MAX_BATCH);
  s->queue = within(number_property(env, arguments[0], "queue", 256), 1, MAX_QUEUE);
  s->slot_bytes = within(number_property(env, arguments[0], "slotBytes", 4096), 64, 65536);
  s->tx_bytes = (size_t)within(number_property(env, arguments[0], "queueBytes", 262144), 65536, 1 << 24);
  s->fd = -1;
  int error = bind_socket(env, arguments[0], s);
  if (!error && napi_create_object(env, &object) != napi_ok) error = ENOMEM;
  if (!error && !make_tables(env, object, s)) error = ENOMEM;
  if (!error && (napi_create_reference(env, arguments[1], 1, &s->callback) != napi_ok ||
                 napi_create_reference(env, object, 1, &s->receiver) != napi_ok)) error = EINVAL;
  if (!error && uv_poll_init(loop, &s->poll, s->fd) != 0) error = EINVAL;
  if (error) {
    if (s->fd >= 0) close(s->fd);
    free(s);
    return throw_errno(env, error, "bind");
  }
  for (int i = 0; i < s->batch; i++) {
    s->in_iov[i] = (struct iovec){(uint8_t*)s->rx.data + (size_t)i * (size_t)s->slot_bytes, (size_t)s->slot_bytes};
    s->in[i].msg_hdr = (struct msghdr){.msg_name = &s->in_from[i], .msg_iov = &s->in_iov[i], .msg_iovlen = 1, .msg_control = s->in_control[i]};
  }
  for (int i = 0; i < s->queue; i++) s->out[i].msg_hdr = (struct msghdr){.msg_iov = &s->out_iov[i], .msg_iovlen = 1};
  s->poll.data = s;
  s->owners = 2;
  napi_add_async_cleanup_hook(env, clean_up, s, &s->cleanup);
  napi_add_finalizer(env, object, s, finalize, NULL, NULL);
  set_function(env, object, "send", js_send, s);
  set_function(env, object, "close", js_close, s);
  set_function(env, object, "text", js_text, s);
  set_function(env, object, "aim", js_aim, s);
  set_function(env, object, "join", js_join, s);
  napi_create_uint32(env, bound_port(s), &port);
  napi_set_named_property(env, object, "port", port);
  uv_poll_start(&s->poll, UV_READABLE, readable);
  return object;
}

napi_value udp_exports(napi_env env, napi_value exports) {
  set_function(env, exports, "openUdp", open_udp, NULL);
  return exports;
}
