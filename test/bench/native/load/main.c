/*
 * The benchmark's load generator: memcached's text protocol over TCP and UDP, RESP, in a closed loop or at a fixed rate, from one thread or
 * several. Compiled by gcc when the benchmark starts; prints one JSON object.
 *
 *   load port=11211 [protocol=memcached|redis|memcached-udp] [keys=N] [value=BYTES] [connections=N] [threads=N] [pipeline=N] [multi=N]
 *        [sets=PERCENT] [fill=1 | requests=N | rate=N seconds=S [warmup=S]] [seed=N]
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

enum { THREADS_MAX = 64, CONNECTIONS_MAX = 20000, PIPELINE_MAX = 10000, MULTI_MAX = 1000, VALUE_BYTES_MAX = 1 << 20 };

atomic_int_fast64_t requests_left;

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* xorshift64*: Marsaglia's, with Vigna's multiplier. */
uint64_t next_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return (x * 0x2545F4914F6CDD1Dull) >> 16;
}

void die(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  va_end(values);
  _exit(1);
}

static double number(const char *name, const char *text, double min, double max) {
  char *end;
  double value = strtod(text, &end);
  if (*text == 0 || *end != 0 || !(value >= min && value <= max)) die("%s=%s: a number from %g to %g", name, text, min, max);
  return value;
}

static enum protocol protocol_named(const char *name) {
  if (strcmp(name, "memcached") == 0) return MEMCACHED;
  if (strcmp(name, "redis") == 0) return REDIS;
  if (strcmp(name, "memcached-udp") == 0) return MEMCACHED_UDP;
  die("protocol=%s: memcached, redis or memcached-udp", name);
}

static void set_option(struct options *o, const char *name, const char *value) {
  if (strcmp(name, "port") == 0) o->port = (int)number(name, value, 1, 65535);
  else if (strcmp(name, "protocol") == 0) o->protocol = protocol_named(value);
  else if (strcmp(name, "keys") == 0) o->keys = (uint64_t)number(name, value, 1, 1e12 - 1);
  else if (strcmp(name, "value") == 0) o->value_bytes = (unsigned)number(name, value, 0, VALUE_BYTES_MAX);
  else if (strcmp(name, "connections") == 0) o->connections = (unsigned)number(name, value, 1, CONNECTIONS_MAX);
  else if (strcmp(name, "threads") == 0) o->threads = (unsigned)number(name, value, 1, THREADS_MAX);
  else if (strcmp(name, "pipeline") == 0) o->pipeline = (unsigned)number(name, value, 1, PIPELINE_MAX);
  else if (strcmp(name, "multi") == 0) o->multi = (unsigned)number(name, value, 1, MULTI_MAX);
  else if (strcmp(name, "sets") == 0) o->set_percent = (unsigned)number(name, value, 0, 100);
  else if (strcmp(name, "fill") == 0) o->fill = (int)number(name, value, 0, 1);
  else if (strcmp(name, "requests") == 0) o->requests = (uint64_t)number(name, value, 1, 1e12);
  else if (strcmp(name, "rate") == 0) o->rate = number(name, value, 1, 1e8);
  else if (strcmp(name, "seconds") == 0) o->seconds = number(name, value, 0.01, 3600);
  else if (strcmp(name, "warmup") == 0) o->warmup = number(name, value, 0, 3600);
  else if (strcmp(name, "seed") == 0) o->seed = (uint64_t)number(name, value, 1, 1e15);
  else die("unknown option %s", name);
}

static struct options read_options(int argc, char **argv) {
  struct options o = {.keys = 100000, .value_bytes = 100, .connections = 50, .threads = 1, .pipeline = 1, .multi = 1, .seed = 1};
  for (int i = 1; i < argc; i++) {
    char *equals = strchr(argv[i], '=');
    if (equals == NULL) die("%s: give NAME=VALUE", argv[i]);
    *equals = 0;
    set_option(&o, argv[i], equals + 1);
  }
  if (o.port == 0) die("port=N is missing");
  if (o.fill + (o.requests > 0) + (o.rate > 0) != 1) die("give one of fill=1, requests=N and rate=N");
  if (o.rate > 0 && !(o.seconds > o.warmup)) die("rate=N needs seconds=S above warmup=S");
  if (o.protocol == MEMCACHED_UDP && o.requests == 0) die("over UDP, requests=N only");
  if (o.protocol == MEMCACHED_UDP && o.pipeline != 1) die("over UDP, pipeline=1 only");
  if (o.protocol == REDIS && o.multi != 1) die("multi=N is memcached's");
  if (o.connections < o.threads) die("fewer connections than threads");
  return o;
}

static void *run(void *argument) {
  struct worker *worker = argument;
  if (worker->options->protocol == MEMCACHED_UDP) run_datagrams(worker);
  else run_streams(worker);
  return NULL;
}

static void print_report(const struct worker *sum, double seconds) {
  printf("{\"requests\":%llu,\"keys\":%llu,\"misses\":%llu,\"lost\":%llu,\"seconds\":%.6f,", (unsigned long long)sum->requests,
         (unsigned long long)sum->keys, (unsigned long long)(sum->keys - sum->found), (unsigned long long)sum->lost, seconds);
  printf("\"latencyUs\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}}\n",
         (double)histogram_percentile(&sum->latency, 0.5) / 1e3, (double)histogram_percentile(&sum->latency, 0.9) / 1e3,
         (double)histogram_percentile(&sum->latency, 0.99) / 1e3, (double)histogram_percentile(&sum->latency, 0.999) / 1e3,
         (double)sum->latency.max / 1e3);
}

int main(int argc, char **argv) {
  struct options options = read_options(argc, argv);
  struct worker *workers = calloc(options.threads + 1, sizeof *workers);
  pthread_t threads[THREADS_MAX];
  if (workers == NULL) die("no memory");
  atomic_store(&requests_left, (int_fast64_t)options.requests);
  uint64_t seed = options.seed;
  const uint64_t start = now_ns();
  for (unsigned i = 0; i < options.threads; i++) {
    struct worker *worker = &workers[i];
    worker->options = &options;
    worker->index = i;
    worker->connections = options.connections / options.threads + (i < options.connections % options.threads);
    worker->random = (next_random(&seed) << 1) | 1;
    worker->fill_next = options.keys * i / options.threads;
    worker->fill_end = options.keys * (i + 1) / options.threads;
    if (pthread_create(&threads[i], NULL, run, worker) != 0) die("no thread");
  }
  struct worker *sum = &workers[options.threads];
  for (unsigned i = 0; i < options.threads; i++) {
    pthread_join(threads[i], NULL);
    sum->requests += workers[i].requests;
    sum->keys += workers[i].keys;
    sum->found += workers[i].found;
    sum->lost += workers[i].lost;
    histogram_add(&sum->latency, &workers[i].latency);
  }
  print_report(sum, (double)(now_ns() - start) / 1e9);
  free(workers);
  return 0;
}
