/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a call was decided as it was. */

#include "explanation.h"

static void
clear_step (void *data)
{
    g_free (((ExplanationStep *) data)->sentence);
}

static void
clear_candidate (void *data)
{
    Candidate *candidate = data;

    g_free (candidate->name);
    g_free (candidate->reason);
}

Explanation *
explanation_new (void)
{
    Explanation *explanation = g_new (Explanation, 1);

    explanation->steps = g_array_new (false, false, sizeof (ExplanationStep));
    g_array_set_clear_func (explanation->steps, clear_step);
    explanation->candidates = g_array_new (false, false, sizeof (Candidate));
    g_array_set_clear_func (explanation->candidates, clear_candidate);
    return explanation;
}

void
explanation_free (Explanation *explanation)
{
    if (explanation != NULL) {
        g_array_unref (explanation->steps);
        g_array_unref (explanation->candidates);
        g_free (explanation);
    }
}

void
explanation_say (Explanation *explanation, const char *step, const char *format, ...)
{
    ExplanationStep said = { step, NULL };
    va_list arguments;

    va_start (arguments, format);
    said.sentence = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_array_append_val (explanation->steps, said);
}

void
explanation_judge (Explanation *explanation, const char *kind, const char *name, unsigned line,
                   bool is_chosen, const char *format, ...)
{
    Candidate candidate = { kind, g_strdup (name), line, is_chosen, NULL };
    va_list arguments;

    va_start (arguments, format);
    candidate.reason = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_array_append_val (explanation->candidates, candidate);
}
