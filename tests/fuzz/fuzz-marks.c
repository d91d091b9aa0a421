/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-036: any bytes as values of Resource-Priority, a header field each line: what is read is what stands
 * there, no namespace twice; no mutation of a mark is worth more than the mark, and a valid one beside
 * anything is worth what it is alone. */

#include "fuzz.h"

#include "marks.h"

#include <string.h>

static NamespaceTable *
shipped (void)
{
    static NamespaceTable *table;

    if (table == NULL) {
        table = namespaces_new ();
        FUZZ_CHECK (namespaces_add_all (table, namespaces_shipped, "namespaces", NULL));
    }
    return table;
}

/* As a slow and plain reader would have it. */
static void
check_mark (const Mark *mark)
{
    g_autofree char *text = g_strndup (mark->text, mark->len_bytes);
    g_auto (GStrv) sides = g_strsplit (text, ".", -1);

    FUZZ_CHECK (g_strv_length (sides) == 2 && *sides[0] != '\0' && *sides[1] != '\0');
    if (mark->level == NULL) {
        return;
    }
    FUZZ_CHECK (g_ascii_strcasecmp (mark->level->name_space->name, sides[0]) == 0);
    FUZZ_CHECK (g_ascii_strcasecmp (mark->level->value, sides[1]) == 0);
    FUZZ_CHECK (mark->level->priority_class > TD_CLASS_ORDINARY
                && mark->level->priority_class <= TD_CLASS_MAX);
}

static void
check_all (const Marks *marks)
{
    FUZZ_CHECK (marks->n_marks <= MARKS_MAX);
    for (unsigned i = 0; i < marks->n_marks; i++) {
        check_mark (&marks->marks[i]);
        for (unsigned j = 0; j < i; j++) {
            FUZZ_CHECK (marks->marks[i].dot != marks->marks[j].dot
                        || g_ascii_strncasecmp (marks->marks[i].text, marks->marks[j].text,
                                                marks->marks[i].dot)
                               != 0);
        }
    }
}

/* "foo.1" is nobody's, "ets.2" is worth 9 whatever stands beside it. */
static void
check_beside (const char *const *texts)
{
    g_autoptr (GPtrArray) more = g_ptr_array_new ();
    Marks marks;

    for (; *texts != NULL; texts++) {
        g_ptr_array_add (more, (char *) *texts);
    }
    g_ptr_array_add (more, (char *) "ets.2");
    g_ptr_array_add (more, NULL);
    if (marks_read (&marks, shipped (), (const char *const *) more->pdata) == NULL) {
        const Mark *last = &marks.marks[marks.n_marks - 1];
        FUZZ_CHECK (last->level != NULL && last->level->priority_class == 9);
    }
}

static void
check_list (const char *text)
{
    const char *at = text;
    Mark mark;

    while (*at != '\0') {
        const char *before = at;
        if (!marks_next (&at, shipped (), &mark)) {
            break;
        }
        FUZZ_CHECK (at > before);
        check_mark (&mark);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autofree char *text = g_strndup ((const char *) data, n_bytes);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    Marks marks;

    if (marks_read (&marks, shipped (), (const char *const *) lines) == NULL) {
        check_all (&marks);
    }
    check_beside ((const char *const *) lines);
    check_list (text);
    return 0;
}
