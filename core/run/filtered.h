/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter of one flow: how it begins, how far it is, how it ends. What comes and goes is moved by
 * flow.c. All of it belongs to the reader of the flow. */

#ifndef CORE_RUN_FILTERED_H
#define CORE_RUN_FILTERED_H

#include "run/buffer.h"
#include "run/port.h"

/* Empty when it is all zeros. */
typedef struct {
    const TdStreamFilter *filter;
    void *state; /* NULL: nothing was said yet */
    TdPeer *peer;
    TdBuffer held; /* to be sent once it is known whom the stream is with */
} TdFiltered;

/* Begins with whatever LISTENER has. Returns NULL, or why it cannot be (static text). */
const char *td_filtered_begin (TdFiltered *filtered, const TdListener *listener,
                               const TdFilterFlow *flow, GByteArray *wire);

/* Ends what was begun, and lets go of what was held. */
void td_filtered_clear (TdFiltered *filtered);

#endif
