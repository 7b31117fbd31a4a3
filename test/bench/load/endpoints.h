/* Thousands of CoAP endpoints on a handful of sockets: each has an address of its own in 127/8 and all that share a socket its port, by
 * IP_PKTINFO in both directions. Nothing here ever sleeps, so a server that answers never pays for waking its client up. */
#ifndef ENDPOINTS_H
#define ENDPOINTS_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_ENDPOINTS = 65535, MAX_MESSAGE = 1400 };

/* There is room for MAX_MESSAGE bytes. */
typedef void received(int endpoint, uint8_t* message, size_t length);

enum { MAX_SOCKETS = 64 };

/* Exits with a message when a socket can't be had. Endpoint e is 127.16.0.1 + e. PORTS, of the sockets, are as many numbers with commas between
 * them, from `endpoints_print_ports` of an earlier run: a server then meets the same peers again. NULL leaves them to the kernel. */
void endpoints_open(int count, int sockets, int server_port, const char* ports);

/* As a JSON string. */
void endpoints_print_ports(void);

/* Room for a message of that endpoint, which must be written in full before anything else of this header is called. */
uint8_t* endpoints_message(int endpoint, size_t length);

/* Sends what was written since. A message that doesn't fit into the server's buffer is lost, as on any network. */
void endpoints_flush(void);

/* Hands over what has come, at most one batch a socket, and doesn't wait for more. Returns how many. */
int endpoints_receive(received* receive);

uint64_t now_ns(void);

/* RFC 7252 section 3.1: an option of less than 269 bytes; returns the end. */
uint8_t* put_option(uint8_t* at, unsigned delta, const void* value, size_t length);

#endif
