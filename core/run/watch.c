/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watches: a module's file descriptor on the control lane, with no source of the module's own. */

#include "run/lane.h"

#include <glib-unix.h>

/* A source whose functions are the core's: it may outlive the module's code by a turn. */
struct TdWatch {
    GSource source;
    TdOwned owned;
    TdModule *module;
    void *tag;
    void (*ready) (TdWatch *watch, unsigned conditions, void *data);
    void *data;
};

static GIOCondition
to_glib (unsigned conditions)
{
    return (conditions & TD_WATCH_READ ? G_IO_IN : 0)
           | (conditions & TD_WATCH_WRITE ? G_IO_OUT : 0);
}

static unsigned
from_glib (GIOCondition found)
{
    return (found & G_IO_IN ? TD_WATCH_READ : 0) | (found & G_IO_OUT ? TD_WATCH_WRITE : 0)
           | (found & (G_IO_HUP | G_IO_ERR | G_IO_NVAL) ? TD_WATCH_END : 0);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, void *data)
{
    TdWatch *watch = (TdWatch *) source;
    TdModule *module = watch->module;

    /* GLib holds the source meanwhile, so READY may close it. */
    if (!td_owner_is_stopped (module)) {
        watch->ready (watch, from_glib (g_source_query_unix_fd (source, watch->tag)), watch->data);
        td_lane_turn_over (module);
    }
    return G_SOURCE_CONTINUE;
}

static void
take_back (TdOwned *owned)
{
    td_watch_close ((TdWatch *) (void *) ((char *) owned - offsetof (TdWatch, owned)));
}

TdWatch *
td_watch_open (TdModule *module, int fd, unsigned conditions,
               void (*ready) (TdWatch *watch, unsigned conditions, void *data), void *data)
{
    static GSourceFuncs functions = { .dispatch = dispatch };
    TdWatch *watch = (TdWatch *) g_source_new (&functions, sizeof (TdWatch));

    watch->module = module;
    watch->ready = ready;
    watch->data = data;
    watch->tag = g_source_add_unix_fd (&watch->source, fd, to_glib (conditions));
    /* It never does, but otherwise each dispatch would wake the lane once more for nothing. */
    g_source_set_can_recurse (&watch->source, TRUE);
    watch->owned = (TdOwned){ .kind = "watch", .name = "file descriptor", .revoke = take_back };
    td_owner_add (td_owner_of (module), &watch->owned);
    g_source_set_static_name (&watch->source, "td_watch");
    g_source_attach (&watch->source, td_lane_context (td_lane_control ()));
    return watch;
}

void
td_watch_set (TdWatch *watch, unsigned conditions)
{
    g_source_modify_unix_fd (&watch->source, watch->tag, to_glib (conditions));
}

void
td_watch_close (TdWatch *watch)
{
    td_owner_remove (&watch->owned);
    g_source_destroy (&watch->source);
    g_source_unref (&watch->source);
}
