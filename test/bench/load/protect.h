/* What stands between coap-load's messages and its datagrams: nothing, OSCORE or DTLS, each a file that it is linked with. */
#ifndef PROTECT_H
#define PROTECT_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_PROTECTION = 64 };

/* Sessions or contexts for so many endpoints, once these are open. Exits with a message when one can't be had. */
void protect_open(int count);

/* Writes the datagram of a request, at most MAX_PROTECTION longer than it, and returns its length. */
size_t protect(int endpoint, const uint8_t* message, size_t length, uint8_t* to);

/* Makes a datagram the message that it carries, in place, and returns its length; 0: it carries none. */
size_t unprotect(int endpoint, uint8_t* bytes, size_t length);

#endif
