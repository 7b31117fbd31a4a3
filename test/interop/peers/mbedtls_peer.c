/* A client by mbedTLS that resumes: it asks for /who once in a whole handshake and then, with what the first session left, `times` more.
 *
 *   mbedtls_peer HOST PORT IDENTITY KEY tickets|plain TIMES
 *
 * Prints a line for each: what the server answered, or the mbedTLS error. The key is text. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 3000 };

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_source;
static mbedtls_ssl_config configuration;
static mbedtls_ssl_session kept;

static int ask(const char* host, const char* port, int resumes) {
  /* CON GET /who, token 1, message ID 1. */
  static const unsigned char request[] = {0x41, 0x01, 0x00, 0x01, 0x01, 0xb3, 'w', 'h', 'o'};
  unsigned char answer[256];
  mbedtls_net_context net;
  mbedtls_ssl_context ssl;
  mbedtls_timing_delay_context timer;
  mbedtls_net_init(&net);
  mbedtls_ssl_init(&ssl);
  int result = mbedtls_net_connect(&net, host, port, MBEDTLS_NET_PROTO_UDP);
  if (result == 0) result = mbedtls_ssl_setup(&ssl, &configuration);
  mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, NULL, mbedtls_net_recv_timeout);
  mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
  if (result == 0 && resumes) result = mbedtls_ssl_set_session(&ssl, &kept);
  while (result == 0 || result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) {
    result = mbedtls_ssl_handshake(&ssl);
    if (result == 0) break;
  }
  if (result == 0) result = mbedtls_ssl_write(&ssl, request, sizeof request) == (int)sizeof request ? 0 : -1;
  if (result == 0) result = mbedtls_ssl_read(&ssl, answer, sizeof answer);
  if (result > 0) {
    const unsigned char* marker = memchr(answer, 0xff, (size_t)result);
    if (marker) printf("%.*s\n", (int)(answer + result - marker - 1), (const char*)marker + 1);
    else printf("code %u\n", answer[1]);
    result = 0;
    if (!resumes) result = mbedtls_ssl_get_session(&ssl, &kept);
    mbedtls_ssl_close_notify(&ssl);
  }
  if (result != 0) printf("error -0x%04x\n", (unsigned)-result);
  fflush(stdout);
  mbedtls_ssl_free(&ssl);
  mbedtls_net_free(&net);
  return result;
}

int main(int count, char** words) {
  if (count != 7) return 64;
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&random_source);
  mbedtls_ssl_config_init(&configuration);
  mbedtls_ssl_session_init(&kept);
  if (mbedtls_ctr_drbg_seed(&random_source, mbedtls_entropy_func, &entropy, NULL, 0) != 0) return 70;
  if (mbedtls_ssl_config_defaults(&configuration, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0) return 70;
  mbedtls_ssl_conf_rng(&configuration, mbedtls_ctr_drbg_random, &random_source);
  mbedtls_ssl_conf_min_version(&configuration, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_read_timeout(&configuration, ANSWER_MS);
  mbedtls_ssl_conf_handshake_timeout(&configuration, 250, 1000);
  mbedtls_ssl_conf_psk(&configuration, (const unsigned char*)words[4], strlen(words[4]), (const unsigned char*)words[3], strlen(words[3]));
  mbedtls_ssl_conf_session_tickets(&configuration, strcmp(words[5], "tickets") == 0 ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  int result = ask(words[1], words[2], 0);
  for (int left = atoi(words[6]); result == 0 && left > 0; left--) result = ask(words[1], words[2], 1);
  return result == 0 ? 0 : 1;
}
