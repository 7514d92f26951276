/* Runs a script of readiness calls on the host's Linux and prints each result: the reference for readiness.differential.test.ts. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int by_data(const void *a, const void *b) {
  const struct epoll_event *x = a, *y = b;
  return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}

int main(void) {
  char call[16];
  long a, b, c, d;
  signal(SIGPIPE, SIG_IGN);
  while (scanf("%15s %ld %ld %ld %ld", call, &a, &b, &c, &d) == 5) {
    long result = 0;
    if (!strcmp(call, "pipe")) {
      int fds[2];
      result = pipe2(fds, O_NONBLOCK);
      if (result == 0) result = fds[0] * 1000 + fds[1];
    } else if (!strcmp(call, "eventfd")) {
      result = eventfd(a, O_NONBLOCK | (b ? EFD_SEMAPHORE : 0));
    } else if (!strcmp(call, "epoll")) {
      result = epoll_create1(0);
    } else if (!strcmp(call, "add") || !strcmp(call, "mod") || !strcmp(call, "del")) {
      struct epoll_event event = {.events = (uint32_t)c, .data = {.u64 = d}};
      result = epoll_ctl(a, *call == 'a' ? EPOLL_CTL_ADD : *call == 'm' ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, b, &event);
    } else if (!strcmp(call, "write")) {
      uint64_t value = b;
      result = write(a, &value, 8);
    } else if (!strcmp(call, "read")) {
      static char bytes[65536];
      result = read(a, bytes, b);
    } else if (!strcmp(call, "wait")) {
      struct epoll_event events[64];
      result = epoll_wait(a, events, 64, 0);
      if (result >= 0) {
        qsort(events, result, sizeof events[0], by_data);
        printf("wait");
        for (int i = 0; i < result; i++) printf(" %lu/%x", (unsigned long)events[i].data.u64, events[i].events);
        printf("\n");
        continue;
      }
    } else if (!strcmp(call, "close")) {
      result = close(a);
    } else if (!strcmp(call, "dup")) {
      result = dup(a);
    } else if (!strcmp(call, "poll")) {
      struct pollfd entry = {a, b, 0};
      result = poll(&entry, 1, 0);
      if (result >= 0) result = entry.revents;
    }
    printf("%s %ld\n", call, result < 0 ? (long)-errno : result);
  }
  return 0;
}
