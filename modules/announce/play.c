/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sequences as sources: what a media provider plays. */

#include "announce.h"

#include <stdatomic.h>
#include <tandem/log.h>

/* One that is played, by however many. */
typedef struct {
    TdSource source; /* first */
    atomic_int n_refs;
    Book *book; /* whose tones and recordings it plays */
    Sequence sequence;
} Playing;

static unsigned
read_source (const TdSource *source, uint64_t position, int16_t *samples, unsigned n_samples)
{
    return sequence_read (&((const Playing *) source)->sequence, position, samples, n_samples);
}

static void
ref_source (TdSource *source)
{
    atomic_fetch_add (&((Playing *) source)->n_refs, 1);
}

static void
unref_source (TdSource *source)
{
    Playing *playing = (Playing *) source;

    if (atomic_fetch_sub (&playing->n_refs, 1) == 1) {
        td_table_unref (&playing->book->table);
        g_free (playing);
    }
}

static TdSource *
open_source (const char *name, const char **ret_why, void *data)
{
    Announce *announce = data;
    Book *book = announce_book (announce);
    g_autoptr (GError) error = NULL;
    Playing *playing = g_new0 (Playing, 1);

    if (!sequence_parse (&playing->sequence, book->library, name, &error)) {
        td_log_peer (announce->module, "announce.name", name, NULL, "cannot be played: %s",
                     error->message);
        *ret_why = "no tone or recording of that name";
        g_free (playing);
        return NULL;
    }
    atomic_init (&playing->n_refs, 1);
    playing->book = (Book *) td_table_ref (&book->table);
    playing->source = (TdSource){ .size = sizeof (TdSource),
                                  .owner = announce->module,
                                  .n_samples = playing->sequence.n_samples,
                                  .read = read_source,
                                  .ref = ref_source,
                                  .unref = unref_source };
    td_module_use (announce->module);
    return &playing->source;
}

bool
announce_play_start (Announce *announce, GError **error)
{
    announce->service = (TdSourceService){ .size = sizeof announce->service,
                                           .data = announce,
                                           .open = open_source };
    return td_feature_provide (announce->module, TD_FEATURE_SOURCE, &announce->service, error);
}
