/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "media.source": sound by name, for whoever sends it to a peer.
 *
 *     a leg of "source/NAME" --> media provider -- open (NAME), once --> who makes the sound
 *                                     |                                        |
 *                                     +-- read (160 samples at 0, 160, ...) <--+ media thread, each 20 ms
 *
 * A source is immutable and keeps no position: whoever plays it does. So any number of calls play one
 * at the same time, from any thread. Samples are linear, 16 bits, 8000 a second, one channel.
 *
 * The table is published with td_feature_provide() and found with td_feature_acquire().
 */

#ifndef TANDEM_IFACE_SOURCE_H
#define TANDEM_IFACE_SOURCE_H

#include <tandem/module.h>

G_BEGIN_DECLS

#define TD_FEATURE_SOURCE "media.source"

#define TD_SOURCE_RATE_HZ 8000
#define TD_SOURCE_ENDLESS UINT64_MAX

typedef struct TdSource TdSource;

struct TdSource {
    uint32_t size;      /* sizeof (TdSource) */
    TdModule *owner;    /* whose code this is */
    uint64_t n_samples; /* all there are, or TD_SOURCE_ENDLESS */
    /* Fills SAMPLES with the N_SAMPLES at POSITION; returns how many there were, fewer only at the
     * end. Thread: media; allocates nothing, locks nothing. */
    unsigned (*read) (const TdSource *source, uint64_t position, int16_t *samples,
                      unsigned n_samples);
    void (*ref) (TdSource *source);   /* thread: any */
    void (*unref) (TdSource *source); /* thread: any */
};

typedef struct {
    uint32_t size; /* sizeof (TdSourceService) */
    void *data;
    /* The source called NAME, with one reference and one use of its owner: to be ended with
     * td_source_drop(). NULL: there is none of that name; WHY is then a static text.
     * Thread: a lane. */
    TdSource *(*open) (const char *name, const char **ret_why, void *data);
} TdSourceService;

/* One more, to be dropped. Thread: any. */
static inline TdSource *
td_source_keep (TdSource *source)
{
    td_module_use (source->owner);
    source->ref (source);
    return source;
}

/* The use is given back from outside of the owner's code, which may be unmapped then. Thread: any. */
static inline void
td_source_drop (TdSource *source)
{
    TdModule *owner = source->owner;

    source->unref (source);
    td_module_unuse (owner);
}

G_END_DECLS

#endif
