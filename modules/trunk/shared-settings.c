/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a configuration says of a capacity that several nodes share. */

#include "book.h"

#include <string.h>

enum { LEAST_KEEP_ALIVES = 5, MAX_NODES = LEDGER_MAX_NODES };

typedef struct {
    char *node;
    uint32_t calls;
} Share;

static void
clear_share (void *data)
{
    g_free (((Share *) data)->node);
}

static int
compare_shares (const void *a, const void *b)
{
    return strcmp (((const Share *) a)->node, ((const Share *) b)->node);
}

static bool
refuse (const TdConfig *config, const PlanEntry *entry, GError **error, const char *why)
{
    return plan_refuse (config, "trunk", entry->name, "shared-by", error, why);
}

/* "exchange-1 60" */
static bool
read_share (const char *text, Share *ret_share)
{
    const char *space = strrchr (text, ' ');
    guint64 calls;

    if (space == NULL || space == text
        || !g_ascii_string_to_unsigned (space + 1, 10, 0, 1000000, &calls, NULL)) {
        return false;
    }
    ret_share->node = g_strchomp (g_strndup (text, (gsize) (space - text)));
    ret_share->calls = (uint32_t) calls;
    return true;
}

static bool
read_shares (const TdConfig *config, const PlanEntry *entry, const char *const *texts,
             GArray *shares, GError **error)
{
    for (; *texts != NULL; texts++) {
        Share share;
        if (shares->len == MAX_NODES) {
            return refuse (config, entry, error, "more than 128 switches");
        }
        if (!read_share (*texts, &share)) {
            return refuse (config, entry, error,
                           "write each switch's [tandem] node and its places: exchange-1 60");
        }
        g_array_append_val (shares, share);
    }
    g_array_sort (shares, compare_shares);
    for (unsigned i = 1; i < shares->len; i++) {
        const Share *two = &g_array_index (shares, Share, i - 1);
        if (strcmp (two[0].node, two[1].node) == 0) {
            return refuse (config, entry, error, "it names a switch twice");
        }
    }
    return true;
}

/* What all nodes must mean alike, as a text. */
static char *
print_terms (const GArray *shares, const LeaseSettings *lease)
{
    GString *text = g_string_new (NULL);

    g_string_printf (text, "pool=%u timeout=%u shares=", lease->pool, lease->timeout_ms);
    for (unsigned i = 0; i < shares->len; i++) {
        const Share *share = &g_array_index (shares, Share, i);
        g_autofree char *node = g_uri_escape_string (share->node, NULL, false);
        g_string_append_printf (text, "%s%s:%u", i > 0 ? "," : "", node, share->calls);
    }
    return g_string_free (text, FALSE);
}

/* The places of SHARES together. RET_OWN: those of this node, none when it is not named. */
static uint64_t
add_up (const TdConfig *config, const GArray *shares, uint32_t *ret_own)
{
    const char *node = td_config_text (config, "tandem", NULL, "node");
    uint64_t sum = 0;

    *ret_own = 0;
    for (unsigned i = 0; i < shares->len; i++) {
        const Share *share = &g_array_index (shares, Share, i);
        sum += share->calls;
        if (g_strcmp0 (share->node, node) == 0) {
            *ret_own = share->calls;
        }
    }
    return sum;
}

static bool
read_times (const TdConfig *config, LeaseSettings *lease, GError **error)
{
    lease->keep_alive_ms = (uint32_t) td_config_number (config, "lease", NULL, "keep-alive");
    lease->timeout_ms = (uint32_t) td_config_number (config, "lease", NULL, "timeout");
    if (lease->timeout_ms < LEAST_KEEP_ALIVES * lease->keep_alive_ms) {
        return td_config_refuse (config, "lease", NULL, "timeout", NULL, error,
                                 "%u ms is less than %d times keep-alive, which is %u ms: a lost "
                                 "message or two would be taken for a dead switch",
                                 lease->timeout_ms, LEAST_KEEP_ALIVES, lease->keep_alive_ms);
    }
    return true;
}

bool
plan_read_sharing (const TdConfig *config, PlanEntry *entry, GError **error)
{
    const char *const *texts = td_config_list (config, "trunk", entry->name, "shared-by");
    g_autoptr (GArray) shares = g_array_new (FALSE, FALSE, sizeof (Share));
    LeaseSettings *lease = &entry->lease;
    uint32_t capacity = entry->settings.capacity[WAY_ALL];

    g_array_set_clear_func (shares, clear_share);
    if (texts == NULL || texts[0] == NULL) {
        return true;
    }
    if (capacity == GROUP_UNLIMITED) {
        return refuse (config, entry, error,
                       "there is nothing to share: say how much with capacity = N calls");
    }
    if (!read_shares (config, entry, texts, shares, error) || !read_times (config, lease, error)) {
        return false;
    }
    uint64_t sum = add_up (config, shares, &lease->share);
    if (sum > capacity) {
        g_autofree char *why = g_strdup_printf (
            "the places add up to %" G_GUINT64_FORMAT ", capacity is %u", sum, capacity);
        return refuse (config, entry, error, why);
    }
    lease->pool = capacity - (uint32_t) sum;
    lease->block = (uint32_t) td_config_number (config, "trunk", entry->name, "shared-block");
    lease->is_kept = td_config_number (config, "trunk", entry->name, "shared-loss") == 1;
    lease->terms = print_terms (shares, lease);
    entry->settings.is_shared = true;
    entry->settings.share = lease->share;
    return true;
}
