/*
 * Latencies in nanoseconds, counted in buckets whose width is below one per cent of their value (128 buckets for each power of two, as
 * HdrHistogram has them). Recording costs a few instructions and no memory; histograms of several threads are added up at the end.
 */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

enum { SUB_BITS = 7, SUB_COUNT = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS) * SUB_COUNT };

struct histogram {
  uint64_t counts[BUCKETS];
  uint64_t total;
  uint64_t max;
};

static inline unsigned bucket_of(uint64_t ns) {
  if (ns < SUB_COUNT) return (unsigned)ns;
  unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - SUB_BITS;
  return ((shift + 1) << SUB_BITS) + (unsigned)((ns >> shift) & (SUB_COUNT - 1));
}

/* The largest value of a bucket: a percentile must not flatter. */
static inline uint64_t bucket_end(unsigned bucket) {
  if (bucket < SUB_COUNT) return bucket;
  unsigned shift = (bucket >> SUB_BITS) - 1;
  return ((((uint64_t)SUB_COUNT | (bucket & (SUB_COUNT - 1))) + 1) << shift) - 1;
}

static inline void histogram_record(struct histogram *h, uint64_t ns) {
  h->counts[bucket_of(ns)]++;
  h->total++;
  if (ns > h->max) h->max = ns;
}

static inline void histogram_add(struct histogram *to, const struct histogram *from) {
  for (unsigned i = 0; i < BUCKETS; i++) to->counts[i] += from->counts[i];
  to->total += from->total;
  if (from->max > to->max) to->max = from->max;
}

static inline uint64_t histogram_percentile(const struct histogram *h, double share) {
  uint64_t wanted = (uint64_t)(share * (double)h->total + 0.999999);
  uint64_t seen = 0;
  for (unsigned i = 0; i < BUCKETS; i++) {
    seen += h->counts[i];
    if (seen >= wanted && seen > 0) return bucket_end(i) < h->max ? bucket_end(i) : h->max;
  }
  return h->max;
}

#endif
