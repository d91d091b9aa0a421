/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Media threads: their turns, their rest between turns, and the commands that lanes send them. */

#include "player.h"
#include "stream.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_EVENTS = 256,
    SWEEP_US = 1000000,
};

static void
wake (RtpThread *thread)
{
    uint64_t one = 1;
    ssize_t n = write (thread->wake_fd, &one, sizeof one);

    (void) n; /* it can only be full, and then the thread is awake */
}

void
rtp_thread_post (RtpThread *thread, RtpCommand *command)
{
    command->next = NULL;
    pthread_mutex_lock (&thread->lock);
    *thread->last = command;
    thread->last = &command->next;
    pthread_mutex_unlock (&thread->lock);
    /* A thread says that it sleeps before it looks at the commands: either it finds this one there,
     * or the lock has made its word visible here. */
    if (atomic_load_explicit (&thread->is_asleep, memory_order_relaxed)) {
        wake (thread);
    }
}

static RtpCommand *
take_commands (RtpThread *thread)
{
    pthread_mutex_lock (&thread->lock);
    RtpCommand *first = thread->first;
    thread->first = NULL;
    thread->last = &thread->first;
    pthread_mutex_unlock (&thread->lock);
    return first;
}

static bool
run_commands (RtpThread *thread)
{
    RtpCommand *command = take_commands (thread);
    bool has_run = command != NULL;

    while (command != NULL) {
        RtpCommand *next = command->next;
        command->run (thread, command);
        command = next;
    }
    return has_run;
}

/* How long epoll may wait, in milliseconds. */
static int
wait_ms (const RtpThread *thread)
{
    int64_t left_us = rtp_players_wait_us (thread);

    if (thread->n_awaited > 0 && rtp_setting (&thread->engine->silence_ms) > 0) {
        int64_t sweep_us = MAX (thread->next_sweep_us - thread->now_us, 0);
        left_us = left_us < 0 ? sweep_us : MIN (left_us, sweep_us);
    }
    return left_us <= 0 ? (int) left_us : (int) (left_us / 1000) + 1;
}

/* Waits for packets, for a command, or for the next sweep. */
static int
wait_for_events (RtpThread *thread, struct epoll_event *events)
{
    atomic_store_explicit (&thread->is_asleep, true, memory_order_relaxed);
    bool has_run = run_commands (thread);
    bool must_end = atomic_load_explicit (&thread->must_end, memory_order_acquire);
    int n = epoll_wait (thread->epoll_fd, events, MAX_EVENTS,
                        has_run || must_end ? 0 : wait_ms (thread));
    atomic_store_explicit (&thread->is_asleep, false, memory_order_relaxed);
    return n;
}

static void
drain_wake (RtpThread *thread)
{
    uint64_t count;
    ssize_t n = read (thread->wake_fd, &count, sizeof count);

    (void) n;
}

/* Returns whether a packet may have been carried. */
static bool
handle_events (RtpThread *thread, const struct epoll_event *events, int n_events)
{
    bool has_packets = false;

    for (int i = 0; i < n_events; i++) {
        uintptr_t tagged = (uintptr_t) events[i].data.ptr;
        RtpStream *stream = (RtpStream *) (tagged & ~(uintptr_t) RTP_TAG_BITS);
        switch (tagged & RTP_TAG_BITS) {
        case RTP_TAG_RTP:
            rtp_relay_receive (thread, stream, &stream->rtp);
            has_packets = true;
            break;
        case RTP_TAG_RTCP:
            rtp_relay_receive (thread, stream, &stream->rtcp);
            has_packets = true;
            break;
        default:
            drain_wake (thread);
        }
    }
    return has_packets;
}

/* Rests for the batch time. Not until a moment: a thread that is late must let more come, too. */
static void
rest (const RtpThread *thread)
{
    int64_t batch_us = rtp_setting (&thread->engine->batch_us);
    struct timespec pause = { .tv_sec = batch_us / 1000000, .tv_nsec = batch_us % 1000000 * 1000 };

    clock_nanosleep (CLOCK_MONOTONIC, 0, &pause, NULL);
}

static void
sweep (RtpThread *thread)
{
    if (thread->now_us >= thread->next_sweep_us) {
        thread->next_sweep_us = thread->now_us + SWEEP_US;
        if (thread->n_awaited > 0 && rtp_setting (&thread->engine->silence_ms) > 0) {
            rtp_relay_sweep (thread);
        }
    }
}

static void
tell_totals (RtpThread *thread)
{
    const RtpEngineSetup *setup = &thread->engine->setup;
    const RtpTotals *totals = &thread->totals;

    if (setup->count != NULL
        && (totals->n_relayed | totals->n_ignored | totals->n_bad | totals->n_unsent) != 0) {
        setup->count (totals, setup->data);
    }
    thread->totals = (RtpTotals){ 0 };
}

bool
rtp_thread_turn (RtpThread *thread)
{
    struct epoll_event events[MAX_EVENTS];

    int n = wait_for_events (thread, events);
    thread->now_us = rtp_engine_now_us (thread->engine);
    /* What a lane asked for before a packet was sent is done before it is carried. */
    run_commands (thread);
    bool has_packets = handle_events (thread, events, n);
    rtp_players_turn (thread);
    sweep (thread);
    rtp_streams_bury (thread);
    tell_totals (thread);
    return has_packets && n < MAX_EVENTS;
}

static void
run_thread (void *data)
{
    RtpThread *thread = data;
    bool must_end;

    do {
        /* Before the turn: what was asked for before the end is done in it. */
        must_end = atomic_load_explicit (&thread->must_end, memory_order_acquire);
        if (rtp_thread_turn (thread) && rtp_setting (&thread->engine->batch_us) > 0) {
            rest (thread);
        }
    } while (!must_end || thread->n_streams > 0);
}

static void
thread_free (RtpThread *thread)
{
    if (thread == NULL) {
        return;
    }
    if (thread->epoll_fd >= 0) {
        close (thread->epoll_fd);
    }
    if (thread->wake_fd >= 0) {
        close (thread->wake_fd);
    }
    pthread_mutex_destroy (&thread->lock);
    g_free (thread);
}

static RtpThread *
thread_new (RtpEngine *engine, GError **error)
{
    RtpThread *thread = g_new0 (RtpThread, 1);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = (void *) (uintptr_t) RTP_TAG_WAKE };

    thread->engine = engine;
    pthread_mutex_init (&thread->lock, NULL);
    thread->last = &thread->first;
    thread->now_us = rtp_engine_now_us (engine);
    thread->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    thread->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (thread->epoll_fd < 0 || thread->wake_fd < 0
        || epoll_ctl (thread->epoll_fd, EPOLL_CTL_ADD, thread->wake_fd, &event) < 0) {
        int code = errno;
        g_set_error (error, g_quark_from_string ("td-rtp-error"), code,
                     "a media thread gets no descriptors: %s", g_strerror (code));
        thread_free (thread);
        return NULL;
    }
    rtp_relay_prepare (thread);
    return thread;
}

int64_t
rtp_engine_now_us (const RtpEngine *engine)
{
    struct timespec now;

    if (engine->setup.now_us != NULL) {
        return engine->setup.now_us ();
    }
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
take_settings (RtpEngine *engine, const RtpSettings *settings)
{
    atomic_store_explicit (&engine->batch_us, settings->batch_us, memory_order_relaxed);
    atomic_store_explicit (&engine->silence_ms, settings->silence_ms, memory_order_relaxed);
    atomic_store_explicit (&engine->lock_after, settings->lock_after, memory_order_relaxed);
    atomic_store_explicit (&engine->dscp, settings->dscp, memory_order_relaxed);
    atomic_store_explicit (&engine->priority_dscp, settings->priority_dscp, memory_order_relaxed);
}

void
rtp_engine_change (RtpEngine *engine, const RtpSettings *settings)
{
    rtp_ports_change (engine->ports, &settings->range, rtp_engine_now_us (engine));
    take_settings (engine, settings);
    /* One that sleeps may have to look for silence from now on. */
    for (unsigned i = 0; i < engine->n_threads; i++) {
        wake (engine->threads[i]);
    }
}

RtpEngine *
rtp_engine_new (const RtpEngineSetup *setup, GError **error)
{
    RtpEngine *engine = g_malloc0 (sizeof *engine + setup->n_threads * sizeof engine->threads[0]);

    engine->setup = *setup;
    pthread_mutex_init (&engine->lock, NULL);
    take_settings (engine, &setup->settings);
    engine->ports = rtp_ports_new (&setup->settings.range, error);
    if (engine->ports == NULL) {
        rtp_engine_free (engine);
        return NULL;
    }
    for (unsigned i = 0; i < setup->n_threads; i++) {
        engine->threads[i] = thread_new (engine, error);
        if (engine->threads[i] == NULL) {
            rtp_engine_free (engine);
            return NULL;
        }
        engine->n_threads++;
    }
    return engine;
}

bool
rtp_engine_start (RtpEngine *engine, GError **error)
{
    for (unsigned i = 0; i < engine->n_threads; i++) {
        g_autofree char *name = g_strdup_printf ("media-%u", i);
        if (!engine->setup.start (name, run_thread, engine->threads[i], engine->setup.data,
                                  error)) {
            rtp_engine_stop (engine);
            return false;
        }
    }
    return true;
}

static void
end (RtpEngine *engine)
{
    /* First: without threads nothing keeps the module. */
    if (engine->setup.ended != NULL) {
        engine->setup.ended (engine->setup.data);
    }
    for (unsigned i = 0; i < engine->n_threads; i++) {
        atomic_store_explicit (&engine->threads[i]->must_end, true, memory_order_release);
        wake (engine->threads[i]);
    }
}

void
rtp_engine_stop (RtpEngine *engine)
{
    pthread_mutex_lock (&engine->lock);
    engine->is_stopping = true;
    bool is_over = engine->n_clients == 0;
    pthread_mutex_unlock (&engine->lock);
    if (is_over) {
        end (engine);
    }
}

bool
rtp_engine_enter (RtpEngine *engine)
{
    pthread_mutex_lock (&engine->lock);
    bool may_enter = !engine->is_stopping || engine->n_clients > 0;
    engine->n_clients += may_enter;
    pthread_mutex_unlock (&engine->lock);
    return may_enter;
}

void
rtp_engine_leave (RtpEngine *engine)
{
    pthread_mutex_lock (&engine->lock);
    bool is_over = --engine->n_clients == 0 && engine->is_stopping;
    pthread_mutex_unlock (&engine->lock);
    if (is_over) {
        end (engine);
    }
}

void
rtp_engine_free (RtpEngine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (unsigned i = 0; i < engine->n_threads; i++) {
        thread_free (engine->threads[i]);
    }
    rtp_ports_free (engine->ports);
    pthread_mutex_destroy (&engine->lock);
    g_free (engine);
}

unsigned
rtp_engine_ports_in_use (RtpEngine *engine)
{
    return rtp_ports_in_use (engine->ports);
}

unsigned
rtp_engine_ports_total (RtpEngine *engine)
{
    return rtp_ports_total (engine->ports);
}
