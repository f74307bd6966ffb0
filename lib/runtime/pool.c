/* SPDX-License-Identifier: Apache-2.0
   Worker threads of one session: they wait for a ticket, run their part and report. A short spin
   comes before the sleep, because the next operator usually follows within microseconds. */
#define _POSIX_C_SOURCE 200809L
#include "runtime/pool.h"

#include <stdlib.h>

#ifdef BANTAM_NO_THREADS

bt_pool* bt_pool_create(int threads) { return (void)threads, NULL; }
void bt_pool_destroy(bt_pool* pool) { (void)pool; }
int bt_pool_threads(const bt_pool* pool) { return (void)pool, 1; }
void bt_pool_run(bt_pool* pool, int64_t n, int parts, bt_part_fn fn, void* arg) {
  (void)pool, (void)parts;
  fn(arg, 0, n, 0);
}

#else

#include <pthread.h>
#include <stdatomic.h>

#define SPIN_ROUNDS 2000

typedef struct worker {
  struct bt_pool* pool;
  int index;
  pthread_t thread;
} worker;

struct bt_pool {
  int threads;
  worker* workers; /* threads - 1 of them; worker i runs part i + 1 */
  pthread_mutex_t mutex;
  pthread_cond_t wake, done;
  atomic_uint ticket; /* grows by one for every job */
  atomic_int pending;
  atomic_int stop;
  bt_part_fn fn; /* the job; written before the ticket grows */
  void* arg;
  int64_t n;
  int parts;
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void run_part(bt_pool* p, int part) {
  const int64_t begin = p->n * part / p->parts, end = p->n * (part + 1) / p->parts;
  if (begin < end) p->fn(p->arg, begin, end, part);
}

static void* work(void* arg) {
  worker* self = arg;
  bt_pool* p = self->pool;
  unsigned seen = 0;
  for (;;) {
    for (int i = 0; i < SPIN_ROUNDS && atomic_load(&p->ticket) == seen; ++i) relax();
    if (atomic_load(&p->ticket) == seen) {
      pthread_mutex_lock(&p->mutex);
      while (atomic_load(&p->ticket) == seen) pthread_cond_wait(&p->wake, &p->mutex);
      pthread_mutex_unlock(&p->mutex);
    }
    ++seen;
    if (atomic_load(&p->stop)) return NULL;
    if (self->index + 1 < p->parts) run_part(p, self->index + 1);
    if (atomic_fetch_sub(&p->pending, 1) == 1) {
      pthread_mutex_lock(&p->mutex);
      pthread_cond_signal(&p->done);
      pthread_mutex_unlock(&p->mutex);
    }
  }
}

static void issue(bt_pool* p) {
  atomic_store(&p->pending, p->threads - 1);
  pthread_mutex_lock(&p->mutex);
  atomic_fetch_add(&p->ticket, 1);
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->mutex);
}

bt_pool* bt_pool_create(int threads) {
  if (threads <= 1) return NULL;
  bt_pool* p = calloc(1, sizeof *p);
  worker* workers = p ? calloc((size_t)threads - 1, sizeof *workers) : NULL;
  if (!workers) {
    free(p);
    return NULL;
  }
  p->workers = workers;
  pthread_mutex_init(&p->mutex, NULL);
  pthread_cond_init(&p->wake, NULL);
  pthread_cond_init(&p->done, NULL);
  p->threads = 1;
  for (int i = 0; i < threads - 1; ++i) {
    workers[i] = (worker){.pool = p, .index = i};
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) break;
    ++p->threads;
  }
  return p;
}

void bt_pool_destroy(bt_pool* p) {
  if (!p) return;
  atomic_store(&p->stop, 1);
  issue(p);
  for (int i = 0; i < p->threads - 1; ++i) pthread_join(p->workers[i].thread, NULL);
  pthread_mutex_destroy(&p->mutex);
  pthread_cond_destroy(&p->wake);
  pthread_cond_destroy(&p->done);
  free(p->workers);
  free(p);
}

int bt_pool_threads(const bt_pool* p) { return p ? p->threads : 1; }

void bt_pool_run(bt_pool* p, int64_t n, int parts, bt_part_fn fn, void* arg) {
  if (!p || parts <= 1) {
    fn(arg, 0, n, 0);
    return;
  }
  p->fn = fn;
  p->arg = arg;
  p->n = n;
  p->parts = parts < p->threads ? parts : p->threads;
  issue(p);
  run_part(p, 0);
  for (int i = 0; i < SPIN_ROUNDS && atomic_load(&p->pending) > 0; ++i) relax();
  if (atomic_load(&p->pending) > 0) {
    pthread_mutex_lock(&p->mutex);
    while (atomic_load(&p->pending) > 0) pthread_cond_wait(&p->done, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
  }
}

#endif
