/*
 * What the parts of the load generator share: the options, a thread's totals, requests and replies of the protocols.
 *
 * Always holds: a run that lost a reply, got another reply than it asked for or found a key missing says so; it never counts it as served.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

enum protocol { MEMCACHED, REDIS, MEMCACHED_UDP };
enum operation { GET, SET };

struct options {
  int port;
  enum protocol protocol;
  /* Keys are numbered from 0, "key:" and twelve digits; values start with their key. */
  uint64_t keys;
  unsigned value_bytes;
  unsigned connections;
  unsigned threads;
  /* Requests that a connection has under way; they leave in one write. */
  unsigned pipeline;
  /* Keys of one get. */
  unsigned multi;
  /* Share of sets among the requests. */
  unsigned set_percent;
  /* Stores every key once, in order; nothing else. */
  int fill;
  /* Closed loop: how many requests in all. */
  uint64_t requests;
  /* Open loop: requests a second, all threads together, and for how long; 0: closed loop. */
  double rate;
  double seconds;
  /* Seconds at the start of an open loop whose latencies do not count. */
  double warmup;
  uint64_t seed;
};

/* One thread's part of the work and what came of it. */
struct worker {
  const struct options *options;
  unsigned index;
  unsigned connections;
  uint64_t random;
  /* The next key and the end of this thread's keys, when filling. */
  uint64_t fill_next, fill_end;
  /* Requests answered, the keys in them, those that the server had (or stored); datagrams that no reply came for. */
  uint64_t requests, keys, found, lost;
  struct histogram latency;
};

/* Requests of a closed loop that nobody has taken yet, all threads'. */
extern atomic_int_fast64_t requests_left;

enum { KEY_BYTES = 16 };

/* Bytes that one request and its reply can have at most. */
size_t request_bytes_max(const struct options *options);
size_t reply_bytes_max(const struct options *options);

/* Which request comes next: chooses the operation. */
enum operation next_operation(struct worker *worker);
/* Writes a request to `out`; returns its length. */
size_t write_request(struct worker *worker, enum operation operation, char *out);
/*
 * Looks for one whole reply at `in`. Returns its length, or 0 if it is not all there; `scanned` (0 for a new reply) remembers how far it was
 * understood. Ends the process with a line on stderr if it is not a reply to such a request.
 */
size_t read_reply(struct worker *worker, enum operation operation, const char *in, size_t length, size_t *scanned);

/* Runs one thread's load over streams, and over datagrams. */
void run_streams(struct worker *worker);
void run_datagrams(struct worker *worker);

uint64_t now_ns(void);
uint64_t next_random(uint64_t *state);
/* One line on stderr, and the end with code 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
