/*
 * Load over TCP: one epoll loop a thread, a fixed number of connections.
 *
 * Closed loop: each connection has `pipeline` requests under way, sends them with one write, and sends the next ones when all of them are
 * answered. Open loop: requests leave at a fixed rate, one packet each, taking turns among the connections, whether the server keeps up or not;
 * a latency counts from when its request was due, not from when it could be sent, so that a pause of the server hits every request that it
 * would have hit (no coordinated omission).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { EVENTS = 256, IN_BYTES_MIN = 64 * 1024, BACKLOG_MAX = 1 << 16, DRAIN_SECONDS = 30 };

struct request {
  uint64_t due;
  enum operation operation;
};

struct connection {
  int fd;
  int writable_wanted;
  char *in;
  size_t in_length, in_size, scanned;
  char *out;
  size_t out_length, out_sent, out_size;
  /* Requests under way, a ring; `size` is a power of two. */
  struct request *ring;
  size_t head, tail, size;
};

struct loop {
  struct worker *worker;
  struct connection *connections;
  int epoll;
  /* Connections of a closed loop that have something to do, requests under way of an open one. */
  uint64_t busy;
  /* Before this time latencies do not count. */
  uint64_t count_from;
};

static void *allocate(size_t bytes) {
  void *memory = malloc(bytes);
  if (memory == NULL) die("no memory");
  return memory;
}

static void open_connection(struct loop *loop, struct connection *c) {
  const struct options *options = loop->worker->options;
  memset(c, 0, sizeof *c);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
    die("connect to port %d: %s", options->port, strerror(errno));
  int on = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  size_t reply = reply_bytes_max(options);
  c->in_size = reply * 2 > IN_BYTES_MIN ? reply * 2 : IN_BYTES_MIN;
  c->in = allocate(c->in_size);
  c->size = options->rate > 0 ? 64 : 1;
  while (c->size < options->pipeline) c->size *= 2;
  c->ring = allocate(c->size * sizeof *c->ring);
  c->out_size = request_bytes_max(options) * options->pipeline;
  c->out = allocate(c->out_size);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
}

static void want_writable(struct loop *loop, struct connection *c, int wanted) {
  if (c->writable_wanted == wanted) return;
  c->writable_wanted = wanted;
  struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = c};
  if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, c->fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
}

static void send_out(struct loop *loop, struct connection *c) {
  while (c->out_sent < c->out_length) {
    ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_length - c->out_sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) die("send: %s", strerror(errno));
    c->out_sent += (size_t)sent;
  }
  if (c->out_sent == c->out_length) c->out_sent = c->out_length = 0;
  want_writable(loop, c, c->out_length > 0);
}

static void grow_ring(struct connection *c) {
  if (c->size >= BACKLOG_MAX) die("the server is %d requests behind on one connection: it cannot keep this rate", BACKLOG_MAX);
  struct request *ring = allocate(c->size * 2 * sizeof *ring);
  for (size_t i = c->tail; i != c->head; i++) ring[i & (c->size * 2 - 1)] = c->ring[i & (c->size - 1)];
  free(c->ring);
  c->ring = ring;
  c->size *= 2;
}

static void add_request(struct loop *loop, struct connection *c, uint64_t due) {
  if (c->head - c->tail == c->size) grow_ring(c);
  size_t wanted = c->out_length + request_bytes_max(loop->worker->options);
  if (wanted > c->out_size) {
    c->out_size = wanted * 2;
    c->out = realloc(c->out, c->out_size);
    if (c->out == NULL) die("no memory");
  }
  enum operation operation = next_operation(loop->worker);
  c->ring[c->head++ & (c->size - 1)] = (struct request){.due = due, .operation = operation};
  c->out_length += write_request(loop->worker, operation, c->out + c->out_length);
}

/* Takes as many of the remaining requests as one connection sends at once. */
static unsigned take_requests(struct worker *worker) {
  const struct options *options = worker->options;
  if (options->fill) {
    uint64_t left = worker->fill_end - worker->fill_next;
    return left < options->pipeline ? (unsigned)left : options->pipeline;
  }
  int_fast64_t before = atomic_fetch_sub(&requests_left, options->pipeline);
  if (before <= 0) return 0;
  return before < (int_fast64_t)options->pipeline ? (unsigned)before : options->pipeline;
}

static void send_batch(struct loop *loop, struct connection *c) {
  unsigned count = take_requests(loop->worker);
  if (count == 0) {
    loop->busy--;
    return;
  }
  uint64_t now = now_ns();
  for (unsigned i = 0; i < count; i++) add_request(loop, c, now);
  send_out(loop, c);
}

static void take_replies(struct loop *loop, struct connection *c) {
  ssize_t got = recv(c->fd, c->in + c->in_length, c->in_size - c->in_length, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) die("recv: %s", strerror(errno));
  if (got == 0) die("the server has closed a connection");
  c->in_length += (size_t)got;
  uint64_t now = now_ns();
  size_t at = 0;
  while (c->tail != c->head) {
    struct request *request = &c->ring[c->tail & (c->size - 1)];
    size_t reply = read_reply(loop->worker, request->operation, c->in + at, c->in_length - at, &c->scanned);
    if (reply == 0) break;
    at += reply;
    c->tail++;
    if (request->due >= loop->count_from) histogram_record(&loop->worker->latency, now - request->due);
    if (loop->worker->options->rate > 0) loop->busy--;
  }
  if (c->tail == c->head && at < c->in_length) die("the server said more than it was asked for");
  c->in_length -= at;
  if (at > 0 && c->in_length > 0) memmove(c->in, c->in + at, c->in_length);
}

static void wait_events(struct loop *loop, uint64_t until, int closed) {
  struct epoll_event events[EVENTS];
  struct timespec timeout = {0}, *limit = NULL;
  if (until > 0) {
    uint64_t now = now_ns();
    uint64_t rest = until > now ? until - now : 0;
    timeout = (struct timespec){.tv_sec = (time_t)(rest / 1000000000), .tv_nsec = (long)(rest % 1000000000)};
    limit = &timeout;
  }
  int count = epoll_pwait2(loop->epoll, events, EVENTS, limit, NULL);
  if (count < 0 && errno != EINTR) die("epoll_pwait2: %s", strerror(errno));
  for (int i = 0; i < count; i++) {
    struct connection *c = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) send_out(loop, c);
    if (!(events[i].events & ~EPOLLOUT)) continue;
    take_replies(loop, c);
    if (closed && c->tail == c->head) send_batch(loop, c);
  }
}

static void run_closed(struct loop *loop) {
  loop->busy = loop->worker->connections;
  for (unsigned i = 0; i < loop->worker->connections; i++) send_batch(loop, &loop->connections[i]);
  while (loop->busy > 0) wait_events(loop, 0, 1);
}

static void run_open(struct loop *loop) {
  const struct options *options = loop->worker->options;
  const double gap = 1e9 * options->threads / options->rate;
  const uint64_t start = now_ns();
  const uint64_t end = start + (uint64_t)(options->seconds * 1e9);
  loop->count_from = start + (uint64_t)(options->warmup * 1e9);
  uint64_t count = 0;
  /* Threads take turns, so that their requests do not leave together. */
  uint64_t due = start + (uint64_t)(gap * loop->worker->index / options->threads);
  const uint64_t first = due;
  while (due < end) {
    for (uint64_t now = now_ns(); due <= now && due < end; due = first + (uint64_t)(gap * (double)count)) {
      struct connection *c = &loop->connections[count++ % loop->worker->connections];
      add_request(loop, c, due);
      loop->busy++;
      /* What the socket did not take goes out with the next packet. */
      if (!c->writable_wanted) send_out(loop, c);
    }
    wait_events(loop, due, 0);
  }
  const uint64_t patience = now_ns() + (uint64_t)DRAIN_SECONDS * 1000000000;
  while (loop->busy > 0) {
    if (now_ns() > patience) die("%llu requests without an answer", (unsigned long long)loop->busy);
    wait_events(loop, patience, 0);
  }
}

void run_streams(struct worker *worker) {
  struct loop loop = {.worker = worker, .epoll = epoll_create1(EPOLL_CLOEXEC)};
  loop.connections = allocate(worker->connections * sizeof *loop.connections);
  for (unsigned i = 0; i < worker->connections; i++) open_connection(&loop, &loop.connections[i]);
  if (worker->options->rate > 0) run_open(&loop);
  else run_closed(&loop);
  for (unsigned i = 0; i < worker->connections; i++) {
    struct connection *c = &loop.connections[i];
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c->ring);
  }
  free(loop.connections);
  close(loop.epoll);
}
