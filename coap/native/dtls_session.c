/* One session: the BIO that all share, the handshake, and the hand-over to the record layer. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include "dtls.h"

/* Headers of IPv6 and UDP, and what connection IDs add to a flight. */
enum { OVERHEAD = 48 + MAX_CID + 1, NEW_SESSION_TICKET = 4, MAX_SCRATCH = 2048 };

static enum aead aead_of(const SSL* ssl) {
  const SSL_CIPHER* cipher = SSL_get_pending_cipher(ssl);
  const char* name = SSL_CIPHER_get_name(cipher ? cipher : SSL_get_current_cipher(ssl));
  if (strstr(name, "CHACHA20")) return AEAD_CHACHA;
  if (strstr(name, "AES128-CCM8")) return AEAD_CCM8;
  if (strstr(name, "AES128-CCM")) return AEAD_CCM;
  return strstr(name, "AES128-GCM-SHA256") ? AEAD_GCM : AEAD_NONE;
}

/* As soon as the master secret is agreed: with connection IDs before the handshake is over. */
static bool take_keys(struct session* s) {
  uint8_t master[SSL_MAX_MASTER_KEY_LENGTH], client_random[32], server_random[32];
  if (s->keys.aead != AEAD_NONE) return true;
  enum aead aead = aead_of(s->ssl);
  SSL_SESSION* session = SSL_get_session(s->ssl);
  size_t length = session ? SSL_SESSION_get_master_key(session, master, sizeof master) : 0;
  if (aead == AEAD_NONE || length == 0) return false;
  if (SSL_get_client_random(s->ssl, client_random, 32) != 32 || SSL_get_server_random(s->ssl, server_random, 32) != 32) return false;
  bool is_good = derive_keys(&s->keys, aead, master, length, client_random, server_random, s->is_server);
  OPENSSL_cleanse(master, sizeof master);
  return is_good;
}

/* ---- the BIO that all sessions share: one datagram in, any number out ---- */

/* OpenSSL repeats a flight record by record. The last one goes in one datagram, as at first (RFC 6347 section 4.2.3), so that it survives a lossy
 * path more often. Not the others: clients by GnuTLS take only the first of several records that they know already, and stall. */
static bool joins_datagram(struct dtls* d, size_t length) {
  int32_t count = counts_of(d)[COUNT_OUT];
  if (count == 0) return false;
  int32_t* row = (int32_t*)d->out_rows.data + (size_t)(count - 1) * 2;
  const uint8_t* before = (const uint8_t*)d->out.data + row[0];
  bool is_last = before[0] == CHANGE_CIPHER_SPEC || (before[0] == HANDSHAKE && before[4] == 0 && before[RECORD_HEADER] == NEW_SESSION_TICKET);
  if (!is_last || (size_t)row[1] + length + OVERHEAD > (size_t)d->mtu) return false;
  row[1] += (int32_t)length;
  return true;
}

/* One record as OpenSSL made it, to `to` as it goes on the wire; returns its length there. */
static size_t write_out(struct session* s, const struct record* record, uint8_t* to) {
  const size_t length = record->header + record->length;
  if (record->epoch == 1 && s->keys.ids.write_length > 0) return take_keys(s) ? seal_of_openssl(&s->keys, record, to) : 0;
  memcpy(to, record->head, length);
  /* RFC 6347 section 4.2.1: the ServerHello takes the number of the ClientHello, lest it repeats that of a HelloVerifyRequest
   * and passes for a replay. OpenSSL always begins at 1. */
  if (record->epoch == 0) put_sequence(to, record->sequence + s->plain_offset);
  return length;
}

static int bio_write(BIO* bio, const char* bytes, int length) {
  struct dtls* d = BIO_get_data(bio);
  struct record record;
  uint8_t* start = (uint8_t*)d->out.data + d->out_end;
  size_t made = 0;
  /* Room for records that grow by a connection ID each. */
  if (length <= 0 || !d->current || d->out_end + 2 * (size_t)length + 1024 > OUT_BYTES) return length;
  for (size_t at = 0; read_record((const uint8_t*)bytes, (size_t)length, &at, &record);) {
    made += write_out(d->current, &record, start + made);
    /* Our own writer begins behind everything that OpenSSL wrote under the same key. */
    uint64_t next = record.sequence + 1;
    if (record.epoch == 1 && next > d->current->keys.write_sequence) d->current->keys.write_sequence = next;
  }
  if (made > 0 && (joins_datagram(d, made) || push(&d->out_rows, counts_of(d) + COUNT_OUT, d->out_end, made))) d->out_end += made;
  return length;
}

static int bio_read(BIO* bio, char* to, int size) {
  struct dtls* d = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (!d->in) {
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t length = d->in_length < (size_t)size ? d->in_length : (size_t)size;
  memcpy(to, d->in, length);
  d->in = NULL;
  return (int)length;
}

static long bio_ctrl(BIO* bio, int command, long number, void* pointer) {
  struct dtls* d = BIO_get_data(bio);
  (void)number;
  (void)pointer;
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_PENDING: return d->in ? (long)d->in_length : 0;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return d->mtu;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return OVERHEAD;
    default: return 0;
  }
}

bool make_bio(struct dtls* d) {
  d->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "coap datagrams");
  if (!d->method) return false;
  BIO_meth_set_write(d->method, bio_write);
  BIO_meth_set_read(d->method, bio_read);
  BIO_meth_set_ctrl(d->method, bio_ctrl);
  d->bio = BIO_new(d->method);
  if (!d->bio) return false;
  BIO_set_data(d->bio, d);
  BIO_set_init(d->bio, 1);
  return true;
}

/* ---- sessions ---- */

void free_ssl(struct session* s) {
  if (!s->ssl) return;
  SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(s->ssl);
  s->ssl = NULL;
  ERR_clear_error();
}

void drop(struct session* s) {
  free_ssl(s);
  OPENSSL_cleanse(&s->keys, sizeof s->keys);
  memset(s, 0, sizeof *s);
}

/* From here on the record layer is ours alone. */
void become_own(struct session* s) {
  free_ssl(s);
  s->state = OWN;
}

/* Of OpenSSL's error, before that is cleared. */
static enum failure failure_of(SSL* ssl) {
  const int reason = ERR_GET_REASON(ERR_peek_error());
  if (SSL_get_verify_result(ssl) != X509_V_OK || reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) return FAILURE_CERTIFICATE;
  if (reason == SSL_R_NO_SHARED_CIPHER) return FAILURE_CIPHER;
  return reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256 ? FAILURE_ALERT : FAILURE_OTHER;
}

/* Goes on with the handshake with what the BIO holds. */
int step(struct session* s) {
  ERR_clear_error();
  int result = SSL_do_handshake(s->ssl);
  if (result == 1) {
    if (s->is_stranger || !take_keys(s)) return FAILED;
    s->state = FINISHED;
    /* In an abbreviated handshake the client finishes last (RFC 5246 section 7.3). */
    bool is_resumed = SSL_session_reused(s->ssl) == 1;
    s->has_last_flight = s->is_server != is_resumed;
    return NEWLY_FINISHED | (is_resumed ? RESUMED : 0);
  }
  int error = SSL_get_error(s->ssl, result);
  bool is_open = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  if (!is_open) counts_of(SSL_get_app_data(s->ssl))[COUNT_FAILURE] = (int32_t)failure_of(s->ssl);
  ERR_clear_error();
  return is_open ? 0 : FAILED;
}

void give_to_openssl(struct dtls* d, const uint8_t* bytes, size_t length) {
  d->in = bytes;
  d->in_length = length;
}

/* The peer hasn't got our last flight and repeats its own: OpenSSL then repeats ours. */
static int repeat_flight(struct dtls* d, struct session* s, const uint8_t* bytes, size_t length) {
  uint8_t nothing[1];
  /* Both sides of OpenSSL answer a repeated Finished with their own; only who sent the last flight may. */
  if (s->state != FINISHED || !s->has_last_flight) return 0;
  give_to_openssl(d, bytes, length);
  ERR_clear_error();
  SSL_read(s->ssl, nothing, sizeof nothing);
  ERR_clear_error();
  d->in = NULL;
  return 0;
}

/* A record of an established session. Returns CLOSED when it ends it. */
static int take_record(struct dtls* d, struct session* s, const struct record* record) {
  int32_t* counts = counts_of(d);
  if (record->type == HANDSHAKE || record->type == CHANGE_CIPHER_SPEC) return repeat_flight(d, s, record->head, record->header + record->length);
  if (record->epoch != 1 || (record->type != APPLICATION_DATA && record->type != ALERT && record->type != TLS12_CID)) return 0;
  if (record->length > PLAIN_BYTES - d->plain_end || counts[COUNT_PLAIN] >= MAX_ROWS) return 0;
  uint8_t* to = (uint8_t*)d->plain.data + d->plain_end;
  uint8_t scratch[MAX_SCRATCH], type;
  size_t length = 0;
  const int newer = !s->keys.has_read || record->sequence > s->keys.highest ? NEWER : 0;
  switch (open_record(&s->keys, record, to, &length, &type)) {
    case OPEN_FORGED: counts[COUNT_FORGED]++; return 0;
    case OPEN_REPLAYED: counts[COUNT_REPLAYED]++; return 0;
    case OPENED: break;
  }
  if (type == ALERT) {
    /* close_notify and everything fatal end it; other warnings don't. */
    return length == 2 && (to[0] == 2 || to[1] == 0) ? CLOSED | newer : newer;
  }
  if (type == HANDSHAKE && length + seal_overhead(&s->keys) <= sizeof scratch) {
    repeat_flight(d, s, scratch, seal_for_openssl(&s->keys, record, type, to, length, scratch));
    return newer;
  }
  if (type != APPLICATION_DATA) return newer;
  if (s->state == FINISHED) {
    /* Authentic under the new keys: the peer has our Finished, and OpenSSL has nothing left to do. */
    become_own(s);
  }
  if (length > 0 && push(&d->plain_rows, counts + COUNT_PLAIN, d->plain_end, length)) d->plain_end += length;
  return newer;
}

/* A record with a connection ID while OpenSSL still needs it: its Finished, or an alert. Returns events. */
static int take_early_record(struct dtls* d, struct session* s, const struct record* record) {
  uint8_t plain[MAX_SCRATCH], sealed[MAX_SCRATCH + 64], type;
  size_t length = 0;
  if (record->length > sizeof plain || !take_keys(s)) return 0;
  if (open_record(&s->keys, record, plain, &length, &type) != OPENED) {
    counts_of(d)[COUNT_FORGED]++;
    return 0;
  }
  if (length == 0 || (type != HANDSHAKE && type != ALERT)) return 0;
  give_to_openssl(d, sealed, seal_for_openssl(&s->keys, record, type, plain, length, sealed));
  int events = step(s);
  d->in = NULL;
  return events;
}

int feed(struct dtls* d, struct session* s, const uint8_t* bytes, size_t length) {
  struct record record;
  int events = 0;
  for (size_t at = 0; !(events & (CLOSED | FAILED)) && read_record(bytes, length, &at, &record);) {
    if (s->state != HANDSHAKING) {
      events |= take_record(d, s, &record);
    } else if (record.type == TLS12_CID) {
      events |= take_early_record(d, s, &record);
    } else if (record.type != APPLICATION_DATA && !(record.epoch > 0 && s->keys.ids.has_read)) {
      /* Never application data: OpenSSL would read it under the keys whose replay window is ours. */
      give_to_openssl(d, record.head, record.header + record.length);
      events |= step(s);
      d->in = NULL;
    }
  }
  return events;
}

/* How long until tick() is due; -1 for never. */
void note_timeout(struct dtls* d, struct session* s) {
  struct timeval left;
  int32_t wait = -1;
  if (s->ssl && s->state == HANDSHAKING && DTLSv1_get_timeout(s->ssl, &left) == 1) wait = (int32_t)(left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
  counts_of(d)[COUNT_TIMEOUT_MS] = wait;
}

/* Over the address and what the client must say again (RFC 6347 section 4.2.1), but for the session id: mbedTLS that offers a ticket draws another
 * one for the hello that brings the cookie back. What the cookie proves is that its bearer receives at the address, with this
 * random; the id proves nothing. Who resumes is asked for the ticket and its keys, and the Finished messages cover the hello with the id in it. */
bool cookie_of(struct dtls* d, int which, const struct hello* hello, size_t address_length, uint8_t cookie[COOKIE]) {
  uint8_t text[MAX_ADDRESS + VERSION_AND_RANDOM + 2048];
  size_t after = hello->after_length, end = address_length;
  unsigned length = COOKIE;
  if (address_length > MAX_ADDRESS || after > 2048) return false;
  memcpy(text, d->address.data, address_length);
  memcpy(text + end, hello->start, VERSION_AND_RANDOM);
  memcpy(text + end + VERSION_AND_RANDOM, hello->after, after);
  return HMAC(EVP_sha256(), d->secrets[which], SECRET, text, end + VERSION_AND_RANDOM + after, cookie, &length) != NULL;
}

/* RFC 6347 section 4.2.4.1: twice as long each time, a minute at most. */
static unsigned next_timeout(SSL* ssl, unsigned before_us) {
  const struct dtls* d = SSL_get_app_data(ssl);
  if (before_us == 0) return d->retransmit_us;
  return before_us > 30000000 ? 60000000 : 2 * before_us;
}

SSL* new_ssl(struct dtls* d, SSL_CTX* context) {
  SSL* ssl = SSL_new(context);
  if (!ssl) return NULL;
  BIO_up_ref(d->bio);
  SSL_set_bio(ssl, d->bio, d->bio);
  SSL_set_app_data(ssl, d);
  DTLS_set_link_mtu(ssl, d->mtu);
  DTLS_set_timer_cb(ssl, next_timeout);
  return ssl;
}
