/* Requests and replies of memcached's text protocol and of RESP. Both are written and read in place: no copy, no allocation per request. */
#include <stdio.h>
#include <string.h>

#include "load.h"

size_t request_bytes_max(const struct options *options) {
  return 128 + options->value_bytes + (size_t)options->multi * (KEY_BYTES + 16);
}

size_t reply_bytes_max(const struct options *options) {
  return 64 + (size_t)options->multi * (options->value_bytes + KEY_BYTES + 48);
}

enum operation next_operation(struct worker *worker) {
  const struct options *options = worker->options;
  if (options->fill || options->set_percent == 100) return SET;
  if (options->set_percent == 0) return GET;
  return next_random(&worker->random) % 100 < options->set_percent ? SET : GET;
}

static char *put(char *out, const char *text) {
  size_t length = strlen(text);
  memcpy(out, text, length);
  return out + length;
}

static char *put_number(char *out, unsigned number) {
  char digits[12];
  int count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (count > 0) *out++ = digits[--count];
  return out;
}

static char *put_key(char *out, uint64_t number) {
  memcpy(out, "key:000000000000", KEY_BYTES);
  for (char *digit = out + KEY_BYTES; number > 0; number /= 10) *--digit = (char)('0' + number % 10);
  return out + KEY_BYTES;
}

static uint64_t next_key(struct worker *worker) {
  if (worker->options->fill) return worker->fill_next++;
  return next_random(&worker->random) % worker->options->keys;
}

static char *put_value(char *out, const char *key, unsigned bytes) {
  unsigned named = bytes < KEY_BYTES ? bytes : KEY_BYTES;
  memcpy(out, key, named);
  memset(out + named, 'x', bytes - named);
  return out + bytes;
}

static size_t write_memcached(struct worker *worker, enum operation operation, char *out) {
  const struct options *options = worker->options;
  char *at = out;
  if (operation == GET) {
    at = put(at, "get");
    for (unsigned i = 0; i < options->multi; i++) {
      *at++ = ' ';
      at = put_key(at, next_key(worker));
    }
    at = put(at, "\r\n");
  } else {
    at = put(at, "set ");
    char *key = at;
    at = put_key(at, next_key(worker));
    at = put(at, " 0 0 ");
    at = put_number(at, options->value_bytes);
    at = put(at, "\r\n");
    at = put_value(at, key, options->value_bytes);
    at = put(at, "\r\n");
  }
  return (size_t)(at - out);
}

static size_t write_redis(struct worker *worker, enum operation operation, char *out) {
  const struct options *options = worker->options;
  char *at = put(out, operation == GET ? "*2\r\n$3\r\nGET\r\n$16\r\n" : "*3\r\n$3\r\nSET\r\n$16\r\n");
  char *key = at;
  at = put_key(at, next_key(worker));
  at = put(at, "\r\n");
  if (operation == SET) {
    *at++ = '$';
    at = put_number(at, options->value_bytes);
    at = put(at, "\r\n");
    at = put_value(at, key, options->value_bytes);
    at = put(at, "\r\n");
  }
  return (size_t)(at - out);
}

size_t write_request(struct worker *worker, enum operation operation, char *out) {
  if (worker->options->protocol == REDIS) return write_redis(worker, operation, out);
  return write_memcached(worker, operation, out);
}

static _Noreturn void bad_reply(const char *in, size_t length) {
  char shown[96];
  size_t count = 0;
  for (; count < length && count < sizeof shown - 1; count++) shown[count] = in[count] < ' ' ? '.' : in[count];
  shown[count] = 0;
  die("unexpected reply: %s", shown);
}

/* The number whose digits end at `end`. */
static unsigned long number_before(const char *start, const char *end) {
  unsigned long number = 0, scale = 1;
  while (end > start && end[-1] >= '0' && end[-1] <= '9') {
    number += (unsigned long)(*--end - '0') * scale;
    scale *= 10;
  }
  return number;
}

static int starts_with(const char *in, size_t length, const char *text) {
  size_t wanted = strlen(text);
  return memcmp(in, text, length < wanted ? length : wanted) == 0;
}

/* A reply of one line that is known beforehand. */
static size_t read_line(const char *in, size_t length, const char *expected) {
  if (!starts_with(in, length, expected)) bad_reply(in, length);
  return length < strlen(expected) ? 0 : strlen(expected);
}

static size_t read_values(struct worker *worker, const char *in, size_t length, size_t *scanned) {
  const unsigned value_bytes = worker->options->value_bytes;
  for (;;) {
    const char *item = in + *scanned;
    size_t rest = length - *scanned;
    if (rest >= 5 && memcmp(item, "END\r\n", 5) == 0) return *scanned + 5;
    if (rest < 5) return 0;
    if (!starts_with(item, rest, "VALUE ")) bad_reply(item, rest);
    const char *newline = memchr(item, '\n', rest);
    if (newline == NULL) return 0;
    unsigned long bytes = number_before(item, newline - 1);
    size_t whole = (size_t)(newline + 1 - item) + bytes + 2;
    if (rest < whole) return 0;
    const char *value = newline + 1;
    unsigned named = value_bytes < KEY_BYTES ? value_bytes : KEY_BYTES;
    if (bytes != value_bytes || memcmp(value, item + 6, named) != 0 || memcmp(value + bytes, "\r\n", 2) != 0)
      bad_reply(item, rest);
    worker->found++;
    *scanned += whole;
  }
}

static size_t read_bulk(struct worker *worker, const char *in, size_t length) {
  if (in[0] != '$') bad_reply(in, length);
  const char *newline = memchr(in, '\n', length);
  if (newline == NULL) return 0;
  if (starts_with(in, length, "$-1\r\n")) return 5;
  unsigned long bytes = number_before(in, newline - 1);
  size_t whole = (size_t)(newline + 1 - in) + bytes + 2;
  if (length < whole) return 0;
  if (bytes != worker->options->value_bytes || in[whole - 1] != '\n') bad_reply(in, length);
  worker->found++;
  return whole;
}

size_t read_reply(struct worker *worker, enum operation operation, const char *in, size_t length, size_t *scanned) {
  if (length == 0) return 0;
  const struct options *options = worker->options;
  size_t reply;
  if (operation == SET) {
    reply = read_line(in, length, options->protocol == REDIS ? "+OK\r\n" : "STORED\r\n");
    if (reply > 0) worker->found++;
  } else {
    reply = options->protocol == REDIS ? read_bulk(worker, in, length) : read_values(worker, in, length, scanned);
  }
  if (reply > 0) {
    worker->requests++;
    worker->keys += operation == SET ? 1 : options->multi;
    *scanned = 0;
  }
  return reply;
}
