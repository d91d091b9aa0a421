/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which codes are hard to reach. */

#include "reach.h"

#include <string.h>

enum { MAX_DIGITS = 15 };

typedef struct {
    char digits[MAX_DIGITS + 2]; /* with a "+" */
    uint32_t n_calls, n_answered;
    uint8_t percent; /* of the window it was judged by */
    bool is_hard;
} Code;

struct Reach {
    ReachSettings settings;
    GHashTable *codes; /* digits -> Code */
    int64_t window_end_us;
    unsigned n_hard;
};

Reach *
reach_new (void)
{
    Reach *reach = g_new0 (Reach, 1);

    reach->codes = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
    return reach;
}

void
reach_free (Reach *reach)
{
    g_hash_table_unref (reach->codes);
    g_free (reach);
}

void
reach_set (Reach *reach, const ReachSettings *settings, int64_t now_us)
{
    if (settings->n_digits != reach->settings.n_digits) {
        g_hash_table_remove_all (reach->codes);
        reach->n_hard = 0;
    }
    reach->settings = *settings;
    reach->settings.n_digits = MIN (settings->n_digits, MAX_DIGITS);
    reach->window_end_us = now_us + settings->window_us;
}

/* At the end of a window. Returns whether CODE can be forgotten. */
static gboolean
judge (void *key, void *value, void *data)
{
    Reach *reach = data;
    Code *code = value;

    if (code->n_calls >= reach->settings.min_calls && code->n_calls > 0) {
        unsigned percent = (unsigned) ((uint64_t) code->n_answered * 100 / code->n_calls);
        code->percent = (uint8_t) percent;
        code->is_hard = code->is_hard ? percent < reach->settings.free_percent
                                      : percent < reach->settings.mark_percent;
    } else if (code->n_calls == 0) {
        code->is_hard = false;
    }
    bool is_idle = code->n_calls == 0;
    code->n_calls = code->n_answered = 0;
    reach->n_hard += code->is_hard;
    return is_idle;
}

static void
turn_window (Reach *reach, int64_t now_us)
{
    if (now_us < reach->window_end_us || reach->settings.n_digits == 0) {
        return;
    }
    reach->n_hard = 0;
    g_hash_table_foreach_remove (reach->codes, judge, reach);
    if (now_us >= reach->window_end_us + reach->settings.window_us) { /* a window went by unseen */
        reach->n_hard = 0;
        g_hash_table_foreach_remove (reach->codes, judge, reach);
    }
    reach->window_end_us = now_us + reach->settings.window_us;
}

/* The code of NUMBER in RET_CODE; false for what is shorter. */
static bool
code_of (const Reach *reach, const char *number, char ret_code[MAX_DIGITS + 2])
{
    size_t n = reach->settings.n_digits + (number[0] == '+');

    if (reach->settings.n_digits == 0 || strnlen (number, n) < n) {
        return false;
    }
    memcpy (ret_code, number, n);
    ret_code[n] = '\0';
    return true;
}

void
reach_count (Reach *reach, const char *number, bool is_answered, int64_t now_us)
{
    char digits[MAX_DIGITS + 2];

    turn_window (reach, now_us);
    if (!code_of (reach, number, digits)) {
        return;
    }
    Code *code = g_hash_table_lookup (reach->codes, digits);
    if (code == NULL) {
        if (g_hash_table_size (reach->codes) >= REACH_MAX_CODES) {
            return;
        }
        code = g_new0 (Code, 1);
        memcpy (code->digits, digits, sizeof digits);
        g_hash_table_insert (reach->codes, code->digits, code);
    }
    code->n_calls++;
    code->n_answered += is_answered;
}

bool
reach_is_hard (Reach *reach, const char *number, int64_t now_us)
{
    char digits[MAX_DIGITS + 2];

    turn_window (reach, now_us);
    if (reach->n_hard == 0 || !code_of (reach, number, digits)) {
        return false;
    }
    const Code *code = g_hash_table_lookup (reach->codes, digits);
    return code != NULL && code->is_hard;
}

void
reach_each (Reach *reach, int64_t now_us,
            void (*visit) (const char *code, unsigned percent, void *data), void *data)
{
    GHashTableIter iter;
    void *value;

    turn_window (reach, now_us);
    g_hash_table_iter_init (&iter, reach->codes);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const Code *code = value;
        if (code->is_hard) {
            visit (code->digits, code->percent, data);
        }
    }
}
