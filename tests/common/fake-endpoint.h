/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An endpoint that does what the test says: legs that are placed show up by their target, every verb
 * is written down, and nothing happens that the test did not ask for.
 *
 * Targets are "NAME" for a leg that the test leads by hand, "NAME=cause" for one that fails with that
 * cause as soon as it is placed, or "@TRUNK" for a trunk, whose members have such addresses behind
 * "fake:".
 */

#ifndef TESTS_COMMON_FAKE_ENDPOINT_H
#define TESTS_COMMON_FAKE_ENDPOINT_H

#include "common/fixture.h"

#include <tandem/call.h>

typedef struct {
    GString *log;        /* "b1:originate b1:release(16) ": what legs were told, in order */
    GHashTable *legs;    /* name -> TdId of the latest leg of that name */
    char *routes;        /* "b1 b2;b3": groups of targets; NULL: no route */
    TdHuntRules rules;   /* of the route list */
    const char *calling; /* what targets show as the calling number, nullable */
    unsigned min_digits; /* shorter numbers need more, unless they are complete */
    unsigned lane;       /* on which fake_call () and fake_say () work */
    const char *caller;  /* the name of the leg that fake_call () makes; "a" */
    const char *trunk;   /* by which it comes in; NULL: none */
    const char *number;  /* who it says that it calls; NULL: 5550100 */
    const char *source;  /* who it is (TD_ATTRIBUTE_SOURCE); NULL: nobody knows */
    bool is_quick;       /* legs clear when they are told to release; otherwise the test does it */
    bool is_through;     /* targets ask for media that go past the switch */
    uint32_t no_answer_ms;
} FakeEndpoint;

/* Registers the driver "fake" and a route hook. */
FakeEndpoint *fake_endpoint_new (TdFixture *fixture);
void fake_endpoint_free (FakeEndpoint *endpoint);

/* A leg called by the endpoint's caller name comes in, calls CALLED, and offers OFFER (SDP, nullable). */
void fake_call (FakeEndpoint *endpoint, TdFixture *fixture, const char *called, const char *offer);

typedef enum {
    FAKE_PROCEEDING,
    FAKE_RING,
    FAKE_PROGRESS,
    FAKE_ANSWER,
    FAKE_OFFER,
    FAKE_OFFER_ANSWERED,
    FAKE_OFFER_REFUSED,
    FAKE_DIGIT,
    FAKE_MORE_DIGITS,
    FAKE_LAST_DIGITS,
    FAKE_TRANSFER, /* TEXT: to whom */
    FAKE_REDIRECT, /* TEXT: those who are to be called instead (TD_ATTRIBUTE_REDIRECTION), blanks between */
    FAKE_RELEASE,
} FakeEvent;

/* The leg of NAME says EVENT; TEXT is SDP, digits, or a cause's number, and nullable. Then all
 * settles. */
void fake_say (FakeEndpoint *endpoint, TdFixture *fixture, const char *name, FakeEvent event,
               const char *text);

/* Whether the leg of NAME is still there, and the state of its call, "" when there is none. */
bool fake_is_there (FakeEndpoint *endpoint, TdFixture *fixture, const char *name);
const char *fake_call_state (FakeEndpoint *endpoint, TdFixture *fixture, const char *name);

/* Compares the log with EXPECTED and empties it. */
#define fake_assert_log(endpoint, expected)                                                        \
    do {                                                                                           \
        g_assert_cmpstr ((endpoint)->log->str, ==, (expected));                                    \
        g_string_truncate ((endpoint)->log, 0);                                                    \
    } while (0)

#endif
