/* One real node over caller-owned memory: time, network, flash and randomness come from outside, nothing is global.
 *
 *   void* memory = aligned_alloc(16, cx_sim_size());
 *   cx_sim* node = cx_sim_create(memory, &config);       // power on: the boot loader runs over config.flash
 *   next = cx_sim_step(node, now);                        // again at `next`, or when something arrived
 *   cx_sim_datagram_in(node, &from, 0, bytes, size);
 *   ... cx_sim_ending(node) != CX_SIM_RUNNING: drop the memory, create again over the same flash.
 *
 * Power cut: drop the memory at any moment. All functions of one node are called by one thread. */
#ifndef COXSWAIN_SIM_CORE_H
#define COXSWAIN_SIM_CORE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CX_SIM_ABI 2u

enum { CX_SIM_RUNNING = 0, CX_SIM_RESTART = 1, CX_SIM_TERMINATED = 2, CX_SIM_CRASHED = 3, CX_SIM_NO_POWER = 4, CX_SIM_BLANK = 5 };
enum { CX_SIM_STREAM_MQTT = 0, CX_SIM_STREAM_HTTP = 1 };

typedef struct cx_sim cx_sim;

typedef struct {
  uint8_t family; /* 4 or 6 */
  uint8_t bytes[16];
  uint16_t port;
} cx_sim_address;

/* Called from within cx_sim_step; they copy and return. */
typedef struct {
  void* context;
  void (*datagram_out)(void* context, const cx_sim_address* to, const uint8_t* bytes, uint32_t size);
  void (*stream_connect)(void* context, uint32_t stream, const cx_sim_address* to);
  void (*stream_out)(void* context, uint32_t stream, const uint8_t* bytes, uint32_t size);
  void (*stream_close)(void* context, uint32_t stream);
  void (*log_line)(void* context, uint32_t level, const char* line, uint32_t size); /* may be null */
} cx_sim_callbacks;

typedef struct {
  uint32_t abi;              /* CX_SIM_ABI */
  const char* id;            /* may be empty */
  const char* model;
  const char* hardware;
  const char* manager_host;  /* numeric; empty: discovery by multicast */
  uint16_t manager_port;
  uint16_t discover_port;
  uint8_t prefer_coap;
  uint8_t q_block;           /* downloads by Q-Block2 */
  uint8_t reset_reason;      /* 0 unknown, 1 power on, 2 restart, 3 crash, 4 watchdog */
  uint8_t log_level;         /* 0 error .. 3 debug */
  uint32_t download_rate;    /* bytes a second; 0: no limit */
  const char* vendor;        /* domain of the images' maker; may be null */
  const uint8_t* anchors;    /* COSE key set; null: none, and images are taken that nobody signed */
  uint32_t anchors_size;
  uint64_t seed;
  uint64_t now_ms;
  uint8_t* flash;            /* kept by the caller over power cuts; blank is all 0xFF */
  uint32_t flash_size;       /* whole sectors of 4096 */
  uint32_t cut_power_after;  /* flash operations; 0: never */
  cx_sim_callbacks callbacks;
} cx_sim_config;

typedef struct {
  uint8_t phase;             /* 0 boot .. 6 terminated, as in the life cycle */
  uint8_t is_trial;
  uint8_t is_registered;
  uint8_t is_broker_connected;
  uint8_t attempt_state;     /* 0: none */
  uint8_t attempt_percent;
  uint8_t slot;              /* 0 a, 1 b */
  uint8_t rolled_back;
  uint8_t digest[32];        /* of the running image */
  uint32_t last_rev;
  uint32_t life_faults;
  uint32_t flash_faults;
  uint32_t flash_operations;
  uint32_t boots;
  char version[32];
} cx_sim_status;

uint32_t cx_sim_size(void);
/* A factory image into slot A of a blank flash. 0: done. */
int cx_sim_install(uint8_t* flash, uint32_t flash_size, const uint8_t* image, uint32_t size);
cx_sim* cx_sim_create(void* memory, const cx_sim_config* config);
/* When the next step is due, in the time of now_ms; UINT64_MAX: only when something arrives. */
uint64_t cx_sim_step(cx_sim* node, uint64_t now_ms);
void cx_sim_datagram_in(cx_sim* node, const cx_sim_address* from, int to_multicast, const uint8_t* bytes, uint32_t size);
void cx_sim_stream_connected(cx_sim* node, uint32_t stream, int is_connected);
/* How many bytes were taken; the rest is offered again after a step. */
uint32_t cx_sim_stream_in(cx_sim* node, uint32_t stream, const uint8_t* bytes, uint32_t size);
void cx_sim_stream_ended(cx_sim* node, uint32_t stream);
int cx_sim_ending(const cx_sim* node);
void cx_sim_status_of(const cx_sim* node, cx_sim_status* out);
/* Power goes within the n-th flash operation from now; 0: never. */
void cx_sim_cut_power_after(cx_sim* node, uint32_t operations);

#ifdef __cplusplus
}
#endif
#endif
