/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as what another node asks, answers, or says of itself: what is read as an answer can be printed,
 * and read again as the same. */

#include "fuzz.h"

#include "wire.h"

#include <string.h>

static bool
is_trunk (const char *name, const void *data)
{
    return *name != 'x';
}

static void
try_question (const char *json, size_t len_bytes)
{
    g_autoptr (GError) error = NULL;
    WireQuestion question;

    if (!wire_read_question (json, len_bytes, &question, &error)) {
        FUZZ_CHECK (error != NULL);
        return;
    }
    FUZZ_CHECK (*td_party_key (&question.called) != '\0');
    FUZZ_CHECK (question.time_us >= 0);
    FUZZ_CHECK (question.priority.priority_class <= TD_CLASS_MAX);
    wire_question_clear (&question);
}

static char *
print (const WireAnswer *answer)
{
    const WireNode node = { answer->node != NULL ? answer->node : "", answer->level };
    WireQuestion question = { .attributes = td_attributes_new () };
    const TdHookAnswer said = { .verdict = answer->verdict, .cause = (uint8_t) answer->cause };
    char *json = wire_print_answer (&node, &question, &said, answer->decided_by, answer->routes,
                                    answer->steps);

    wire_question_clear (&question);
    return json;
}

static void
try_answer (const char *json, size_t len_bytes)
{
    g_autoptr (GError) error = NULL;
    WireAnswer answer, again;

    if (!wire_read_answer (json, len_bytes, is_trunk, NULL, &answer, &error)) {
        FUZZ_CHECK (error != NULL);
        return;
    }
    FUZZ_CHECK ((answer.verdict == TD_HOOK_DONE) == (answer.routes != NULL));
    g_autofree char *printed = print (&answer);
    FUZZ_CHECK (wire_read_answer (printed, strlen (printed), is_trunk, NULL, &again, NULL));
    g_autofree char *printed_again = print (&again);
    FUZZ_CHECK (strcmp (printed, printed_again) == 0);
    wire_answer_clear (&answer);
    wire_answer_clear (&again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    /* Of its own size, so that a byte read behind it is seen. */
    g_autofree char *json = g_memdup2 (data, n_bytes);
    const char *text = json != NULL ? json : "";
    unsigned level = 0;

    try_question (text, n_bytes);
    try_answer (text, n_bytes);
    FUZZ_CHECK (!wire_read_status (text, n_bytes, &level, NULL) || level <= WIRE_MAX_LEVEL);
    return 0;
}
