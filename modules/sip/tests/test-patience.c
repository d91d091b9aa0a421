/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is refused for having waited: in a model of a queue that serves so many a second (PRI-075). */

#include "patience.h"

enum { STEP_US = 1000, WAIT_US = 2000000, TARGET_US = 15000, MAX_WAITING = 1 << 17 };

/* One queue, served from its head at RATE; what is refused takes no time. */
typedef struct {
    SipPatience patience;
    int64_t now_us;
    int64_t arrived_us[MAX_WAITING];
    unsigned head, tail;
    double due, room; /* arrivals and service that are not whole yet */
    unsigned n_served, n_refused;
    int64_t longest_us; /* that anybody served waited */
} Queue;

static Queue *
queue_new (void)
{
    Queue *queue = g_new0 (Queue, 1);

    sip_patience_init (&queue->patience, WAIT_US, TARGET_US);
    queue->now_us = 1000000000;
    return queue;
}

static void
take_heads (Queue *queue)
{
    while (queue->head < queue->tail) {
        int64_t waited_us = queue->now_us - queue->arrived_us[queue->head];
        bool is_refused = sip_patience_is_over (&queue->patience, waited_us);
        if (!is_refused && queue->room < 1) {
            return;
        }
        queue->head++;
        sip_patience_note (&queue->patience, waited_us, queue->tail - queue->head, is_refused,
                           queue->now_us);
        queue->n_refused += is_refused;
        if (!is_refused) {
            queue->room -= 1;
            queue->n_served++;
            queue->longest_us = MAX (queue->longest_us, waited_us);
        }
    }
    queue->room = MIN (queue->room, 1); /* nobody is there: time is lost */
}

/* It waits, or is refused at once. */
static void
arrive (Queue *queue)
{
    unsigned n_waiting = queue->tail - queue->head;

    g_assert_cmpuint (queue->tail, <, MAX_WAITING);
    sip_patience_count (&queue->patience);
    if (sip_patience_is_full (&queue->patience, n_waiting)) {
        sip_patience_note (&queue->patience, 0, n_waiting, true, queue->now_us);
        queue->n_refused++;
    } else {
        queue->arrived_us[queue->tail++] = queue->now_us;
    }
}

/* SECONDS in which COME come each second, and SERVED can be served: 0 is a lane that stands still. */
static void
pass (Queue *queue, double seconds, double come, double served)
{
    for (int64_t end_us = queue->now_us + (int64_t) (seconds * G_USEC_PER_SEC);
         queue->now_us < end_us; queue->now_us += STEP_US) {
        for (queue->due += come / 1000; queue->due >= 1; queue->due -= 1) {
            arrive (queue);
        }
        queue->room += served / 1000;
        if (served > 0) {
            take_heads (queue);
        }
    }
}

static void
test_a_standstill_loses_nobody (void)
{
    static const double loads[] = { 10, 150, 200, 270 };

    for (size_t i = 0; i < G_N_ELEMENTS (loads); i++) {
        g_autofree Queue *queue = queue_new ();
        pass (queue, 3, loads[i], 300);
        pass (queue, 0.95, loads[i], 0);
        pass (queue, 15, loads[i], 300);
        g_assert_cmpuint (queue->n_refused, ==, 0);
        g_assert_false (queue->patience.is_overloaded);
    }
}

static void
test_many_pauses_lose_nobody (void)
{
    g_autofree Queue *queue = queue_new ();

    for (unsigned i = 0; i < 30; i++) {
        pass (queue, 0.3, 100, 0);
        pass (queue, 0.7, 100, 300);
    }
    g_assert_cmpuint (queue->n_refused, ==, 0);
}

static void
test_overload_serves_what_it_can (void)
{
    static const double loads[] = { 330, 400, 600, 3000 };

    for (size_t i = 0; i < G_N_ELEMENTS (loads); i++) {
        g_autofree Queue *queue = queue_new ();
        pass (queue, 30, loads[i], 300);
        g_assert_cmpuint (queue->n_served, >, 300 * 30 * 97 / 100);
        g_assert_cmpint (queue->longest_us, <=, WAIT_US);
        g_assert_cmpuint (queue->n_refused, >, 0);
    }
}

/* So that module congestion, which counts longer, has nothing to say. */
static void
test_overload_is_known_soon (void)
{
    g_autofree Queue *queue = queue_new ();

    pass (queue, 0.75, 100, 300);
    pass (queue, 1.6, 3000, 300);
    g_assert_true (queue->patience.is_overloaded);
    g_assert_cmpint (queue->now_us - queue->arrived_us[queue->head], <=, TARGET_US + STEP_US);
}

static void
test_overload_ends (void)
{
    g_autofree Queue *queue = queue_new ();

    pass (queue, 10, 3000, 300);
    g_assert_true (queue->patience.is_overloaded);
    pass (queue, 1.1, 200, 300);
    g_assert_false (queue->patience.is_overloaded);
    unsigned n_refused = queue->n_refused;
    pass (queue, 0.9, 200, 0);
    pass (queue, 10, 200, 300);
    g_assert_cmpuint (queue->n_refused, ==, n_refused);
}

/* Before those who wait send again, which is after T1: RFC 3261 17.1.1.2. */
static void
test_a_rush_is_known_before_callers_send_again (void)
{
    static const double loads[] = { 1200, 3000, 30000 };

    for (size_t i = 0; i < G_N_ELEMENTS (loads); i++) {
        g_autofree Queue *queue = queue_new ();
        pass (queue, 0.73, 100, 300);
        pass (queue, 0.45, loads[i], 300);
        g_assert_true (queue->patience.is_overloaded);
        g_assert_cmpuint (queue->tail - queue->head, <=, 5);
    }
}

static void
test_who_come_all_at_once_are_served (void)
{
    g_autofree Queue *queue = queue_new ();

    pass (queue, 1.03, 100, 300);
    pass (queue, 0.05, 8000, 300);
    pass (queue, 5, 50, 300);
    g_assert_cmpuint (queue->n_refused, ==, 0);
}

static void
test_no_more_wait_than_can_be_served_in_time (void)
{
    g_autofree Queue *queue = queue_new ();

    pass (queue, 5, 3000, 300);
    unsigned n_served = queue->n_served;
    queue->longest_us = 0;
    for (unsigned i = 0; i < 1000; i++) {
        pass (queue, 0.005, 3000, 300);
        g_assert_cmpuint (queue->tail - queue->head, <=, 5);
    }
    g_assert_cmpint (queue->longest_us, <=, TARGET_US + 5 * STEP_US);
    g_assert_cmpuint (queue->n_served - n_served, >=, 300 * 5 * 99 / 100);
}

/* Pauses of the machine do not end it: who came in them would be served at the cost of all behind. */
static void
test_pauses_do_not_end_overload (void)
{
    g_autofree Queue *queue = queue_new ();

    pass (queue, 5, 3000, 300);
    for (unsigned i = 0; i < 10; i++) {
        pass (queue, 0.6, 3000, 0);
        pass (queue, 0.4, 3000, 300);
        g_assert_true (queue->patience.is_overloaded);
    }
}

static void
test_long_ago_says_nothing (void)
{
    g_autofree Queue *queue = queue_new ();

    pass (queue, 5, 3000, 300);
    queue->head = queue->tail;
    queue->now_us += 60 * G_USEC_PER_SEC;
    unsigned n_refused = queue->n_refused;
    pass (queue, 0.1, 10, 300);
    pass (queue, 0.5, 100, 0);
    pass (queue, 5, 100, 300);
    g_assert_cmpuint (queue->n_refused, ==, n_refused);
}

static void
test_nobody_is_refused_for_ever (void)
{
    g_autofree Queue *queue = queue_new ();

    sip_patience_init (&queue->patience, 0, TARGET_US);
    pass (queue, 10, 3000, 300);
    g_assert_cmpuint (queue->n_refused, ==, 0);
    g_assert_cmpuint (queue->n_served, >, 2900);
}

#define ADD(name, function) g_test_add_func ("/sip/patience/" name, function)

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);
    ADD ("PRI-075/a-standstill-loses-nobody", test_a_standstill_loses_nobody);
    ADD ("PRI-075/many-pauses-lose-nobody", test_many_pauses_lose_nobody);
    ADD ("PRI-075/overload-serves-what-it-can", test_overload_serves_what_it_can);
    ADD ("PRI-075/overload-is-known-soon", test_overload_is_known_soon);
    ADD ("PRI-075/a-rush-is-known-soon", test_a_rush_is_known_before_callers_send_again);
    ADD ("PRI-075/who-come-all-at-once-are-served", test_who_come_all_at_once_are_served);
    ADD ("PRI-075/no-more-wait-than-can-be-served", test_no_more_wait_than_can_be_served_in_time);
    ADD ("overload-ends", test_overload_ends);
    ADD ("pauses-do-not-end-overload", test_pauses_do_not_end_overload);
    ADD ("long-ago-says-nothing", test_long_ago_says_nothing);
    ADD ("nobody-is-refused-for-ever", test_nobody_is_refused_for_ever);
    return g_test_run ();
}
