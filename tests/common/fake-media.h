/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A media provider that makes every termination at once, writes down what is to be heard, and tells what the
 * test wants told: that a sound has ended, that a digit came.
 */

#ifndef TESTS_COMMON_FAKE_MEDIA_H
#define TESTS_COMMON_FAKE_MEDIA_H

#include "common/fixture.h"

#include <tandem/media.h>

typedef struct {
    TdFixture *fixture;
    GString *played; /* "tone/busy 5 s;": a part for each internal termination that was made */
    TdId bridge;     /* of the last one, and which it was */
    unsigned sound;
    bool is_deaf; /* it makes no internal ones */

    /* What is asked goes here when it is set; fake_media_answer () does it then or later. */
    void (*take) (TdMediaRequest *request, void *data);
    void *data;
} FakeMedia;

/* Registers the provider. */
FakeMedia *fake_media_new (TdFixture *fixture);

/* After the fixture has ended; NULL is accepted. */
void fake_media_free (FakeMedia *media);

/* Does what is asked. Thread: the lane that asked. */
void fake_media_answer (FakeMedia *media, TdMediaRequest *request);

/* Who is at TERMINATION (0: the caller), in the bridge with the last sound, types DIGITS in one turn; then all
 * settles. */
void fake_media_type (FakeMedia *media, unsigned termination, const char *digits);

/* The last sound has ended; then all settles. */
void fake_media_end_sound (FakeMedia *media);

/* Compares what was to be heard since the last look with EXPECTED. */
#define fake_assert_played(media, expected)                                                        \
    do {                                                                                           \
        g_assert_cmpstr ((media)->played->str, ==, (expected));                                    \
        g_string_truncate ((media)->played, 0);                                                    \
    } while (0)

#endif
