/*
 * Load over memcached's UDP frames (doc/protocol.txt, "UDP protocol"): a fixed number of sockets, one request under way on each. A reply that
 * does not come in time counts as lost, and the socket goes on with its next request; a late one is known by its request id and dropped.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { EVENTS = 256, FRAME_BYTES = 8, DATAGRAM_BYTES_MAX = 65536, PATIENCE_MS = 200 };

struct datagram_socket {
  int fd;
  int busy;
  uint16_t id;
  enum operation operation;
  uint64_t sent;
};

static void open_socket(const struct options *options, int epoll, struct datagram_socket *s) {
  memset(s, 0, sizeof *s);
  s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&address, sizeof address) != 0)
    die("connect to UDP port %d: %s", options->port, strerror(errno));
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
}

static void send_request(struct worker *worker, struct datagram_socket *s, char *buffer) {
  s->busy = atomic_fetch_sub(&requests_left, 1) > 0;
  if (!s->busy) return;
  s->id++;
  s->operation = next_operation(worker);
  /* Request id, sequence number 0, one datagram in all, reserved. */
  const char frame[FRAME_BYTES] = {(char)(s->id >> 8), (char)s->id, 0, 0, 0, 1, 0, 0};
  memcpy(buffer, frame, sizeof frame);
  size_t length = FRAME_BYTES + write_request(worker, s->operation, buffer + FRAME_BYTES);
  s->sent = now_ns();
  if (send(s->fd, buffer, length, 0) < 0 && errno != EAGAIN && errno != ENOBUFS) die("send: %s", strerror(errno));
}

/* Takes one datagram; whether the socket's request is answered. */
static int take_reply(struct worker *worker, struct datagram_socket *s, char *buffer) {
  ssize_t got = recv(s->fd, buffer, DATAGRAM_BYTES_MAX, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got < 0) die("recv: %s", strerror(errno));
  const unsigned char *frame = (const unsigned char *)buffer;
  if (got < FRAME_BYTES) die("a datagram of %zd bytes", got);
  if (!s->busy || (frame[0] << 8 | frame[1]) != s->id) return 0;
  if ((frame[4] << 8 | frame[5]) != 1) die("a reply in several datagrams");
  size_t length = (size_t)got - FRAME_BYTES, scanned = 0;
  if (read_reply(worker, s->operation, buffer + FRAME_BYTES, length, &scanned) != length) die("a reply that is not whole");
  histogram_record(&worker->latency, now_ns() - s->sent);
  return 1;
}

void run_datagrams(struct worker *worker) {
  const struct options *options = worker->options;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct datagram_socket *sockets = calloc(worker->connections, sizeof *sockets);
  char *buffer = malloc(DATAGRAM_BYTES_MAX);
  if (sockets == NULL || buffer == NULL) die("no memory");
  if (FRAME_BYTES + request_bytes_max(options) > DATAGRAM_BYTES_MAX) die("such requests do not fit a datagram");
  unsigned busy = 0;
  for (unsigned i = 0; i < worker->connections; i++) {
    open_socket(options, epoll, &sockets[i]);
    send_request(worker, &sockets[i], buffer);
    busy += (unsigned)sockets[i].busy;
  }
  uint64_t checked = now_ns();
  while (busy > 0) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, PATIENCE_MS / 4);
    if (count < 0 && errno != EINTR) die("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
      struct datagram_socket *s = events[i].data.ptr;
      if (!take_reply(worker, s, buffer)) continue;
      send_request(worker, s, buffer);
      busy -= !s->busy;
    }
    uint64_t now = now_ns();
    if (now - checked < PATIENCE_MS / 4 * 1000000ull) continue;
    checked = now;
    for (unsigned i = 0; i < worker->connections; i++) {
      struct datagram_socket *s = &sockets[i];
      if (!s->busy || now < s->sent + PATIENCE_MS * 1000000ull) continue;
      worker->lost++;
      send_request(worker, s, buffer);
      busy -= !s->busy;
    }
  }
  for (unsigned i = 0; i < worker->connections; i++) close(sockets[i].fd);
  free(sockets);
  free(buffer);
  close(epoll);
}
