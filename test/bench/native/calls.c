/*
 * The Linux side of the system-call rows: `calls getppid|futex|yield` prints
 * picoseconds per operation, one line per round. Both threads of `futex` and
 * `yield` are pinned to one core, so that every handover is a context switch.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 2000000, HANDOVERS = 100000, ROUNDS = 5 };

static volatile int turn;
static int use_yield;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void play(int me) {
  for (int i = 0; i < HANDOVERS; i++) {
    if (use_yield) {
      sched_yield();
      continue;
    }
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != me)
      syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 1 - me, NULL, NULL, 0);
    __atomic_store_n(&turn, 1 - me, __ATOMIC_RELEASE);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  }
}

static void *second(void *arg) {
  (void)arg;
  play(1);
  return NULL;
}

static void pin_to_this_core(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(sched_getcpu(), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) perror("sched_setaffinity");
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "getppid") == 0) {
    long sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
      double start = now_ns();
      for (int i = 0; i < CALLS; i++) sum += syscall(SYS_getppid);
      printf("%.0f\n", (now_ns() - start) * 1000 / CALLS);
    }
    return sum == 1;
  }
  use_yield = strcmp(what, "yield") == 0;
  if (!use_yield && strcmp(what, "futex") != 0) {
    fprintf(stderr, "usage: calls getppid|futex|yield\n");
    return 2;
  }
  pin_to_this_core();
  for (int round = 0; round < ROUNDS; round++) {
    pthread_t other;
    double start = now_ns();
    turn = 0;
    if (pthread_create(&other, NULL, second, NULL) != 0) return 1;
    play(0);
    pthread_join(other, NULL);
    printf("%.0f\n", (now_ns() - start) * 1000 / (2.0 * HANDOVERS));
  }
  return 0;
}
