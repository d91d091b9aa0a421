/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Closed intervals on the disk: when they are written, and taken back.
 *
 * An interval is written within a second of its end, so a process that is killed loses the present
 * ones; one that is stopped writes them as well. Two builds that share a book take turns: what one has
 * stored is not given to the other.
 */

#include "tally.h"
#include "trunk.h"

#include <tandem/log.h>
#include <tandem/worker.h>

#define QUEUE "trunk.statistics"

typedef struct {
    TdWork work;
    Trunk *trunk;
    GString *lines;
    GError *error;
    bool has_run;
} Writing;

bool
statistics_open (Trunk *trunk, GError **error)
{
    const char *folder = td_module_state_dir (trunk->module, error);

    if (folder == NULL) {
        return false;
    }
    trunk->archive = archive_new (trunk->module, folder);
    return true;
}

/* --- Writing ----------------------------------------------------------------------------- */

static void
run_writing (TdWork *work)
{
    Writing *writing = (Writing *) work;

    archive_write (writing->trunk->archive, writing->lines, td_clock_wall_us (), &writing->error);
    writing->has_run = true;
}

static void
end_writing (TdWork *work)
{
    Writing *writing = (Writing *) work;

    if (!writing->has_run) { /* the module has stopped before its turn came */
        run_writing (work);
    }
    if (writing->error != NULL) {
        td_log_error (writing->trunk->module, "statistics",
                      "%s; a restart would lose these intervals", writing->error->message);
    }
    g_clear_error (&writing->error);
    g_string_free (writing->lines, TRUE);
    g_free (writing);
}

/* The intervals of all groups that were not stored yet, as lines in a work; NULL: there are none. */
static Writing *
collect (Trunk *trunk, bool is_last)
{
    GString *lines = g_string_new (NULL);
    GHashTableIter iter;
    void *group;

    g_hash_table_iter_init (&iter, trunk->book->groups);
    while (g_hash_table_iter_next (&iter, NULL, &group)) {
        group_append_unstored (group, lines, is_last, td_clock_now_us (), td_clock_wall_us ());
    }
    if (lines->len == 0) {
        g_string_free (lines, TRUE);
        return NULL;
    }
    Writing *writing = g_new0 (Writing, 1);
    writing->work = (TdWork){ .owner = trunk->module,
                              .queue = QUEUE,
                              .run = run_writing,
                              .done = end_writing,
                              .drop = end_writing };
    writing->trunk = trunk;
    writing->lines = lines;
    return writing;
}

void
statistics_store (Trunk *trunk)
{
    Writing *writing = collect (trunk, false);

    if (writing != NULL) {
        td_work_start (&writing->work);
    }
}

void
statistics_stop (Trunk *trunk)
{
    bool is_last = atomic_load (&trunk->book->newest) == td_module_generation (trunk->module);
    Writing *writing = collect (trunk, is_last);

    if (writing != NULL) {
        end_writing (&writing->work);
    }
}

/* --- Reading ----------------------------------------------------------------------------- */

static void
take_back (const char *name, const Interval *interval, void *data)
{
    const Trunk *trunk = data;
    Group *group = g_hash_table_lookup (trunk->book->groups, name);

    if (group != NULL) { /* else it is not configured any more */
        group_restore (group, interval);
    }
}

void
statistics_load (Trunk *trunk)
{
    archive_read (trunk->archive, td_clock_wall_us (), take_back, trunk);
}
