/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found of a token, and how it is called. */

#include "finding.h"

static const struct {
    const char *name;
    unsigned status;
} results[TD_PASSPORT_N_RESULTS] = {
    [TD_PASSPORT_VALID] = { "valid", 0 },
    [TD_PASSPORT_IGNORED] = { "ignored", 0 },
    [TD_PASSPORT_NO_CREDENTIAL] = { "no-credential", 436 },
    [TD_PASSPORT_UNTRUSTED] = { "untrusted", 437 },
    [TD_PASSPORT_INVALID] = { "invalid", 438 },
    [TD_PASSPORT_STALE] = { "stale", 403 },
    [TD_PASSPORT_REPLAYED] = { "replayed", 438 },
    [TD_PASSPORT_UNCHECKED] = { "unchecked", 0 },
};

const char *
finding_name (TdPassportResult result)
{
    return results[result].name;
}

unsigned
finding_status (TdPassportResult result)
{
    return results[result].status;
}

static void
add_step (Finding *finding, const char *name, bool is_passed, char *text)
{
    Step *step = g_new (Step, 1);

    *step = (Step){ .step = g_strdup (name), .is_passed = is_passed, .text = text };
    g_ptr_array_add (finding->steps, step);
}

bool
finding_fail (Finding *finding, const char *step, TdPassportResult result, const char *format, ...)
{
    va_list arguments;

    g_free (finding->reason);
    finding->result = result;
    va_start (arguments, format);
    finding->reason = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    if (finding->steps != NULL) {
        add_step (finding, step, false, g_strdup (finding->reason));
    }
    return false;
}

void
finding_pass (Finding *finding, const char *step, const char *format, ...)
{
    va_list arguments;

    if (finding->steps == NULL) {
        return;
    }
    va_start (arguments, format);
    add_step (finding, step, true, g_strdup_vprintf (format, arguments));
    va_end (arguments);
}

static void
free_step (void *data)
{
    Step *step = data;

    g_free (step->step);
    g_free (step->text);
    g_free (step);
}

GPtrArray *
finding_steps_new (void)
{
    return g_ptr_array_new_with_free_func (free_step);
}

void
finding_clear (Finding *finding)
{
    g_clear_pointer (&finding->reason, g_free);
    g_clear_pointer (&finding->steps, g_ptr_array_unref);
}
