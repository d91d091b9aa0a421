/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One list of r-values out of any number of header fields. */

#include "marks.h"

#include <string.h>

/* A value that is folded has its line ends still (RFC 3261 7.3.1). */
static const char *
skip_space (const char *at)
{
    return at + strspn (at, " \t\r\n");
}

static const char *
skip_token (const char *at)
{
    while (mark_char (*at)) {
        at++;
    }
    return at;
}

/* Takes one r-value at AT; NULL when there is none. */
static const char *
take_mark (Mark *mark, const NamespaceTable *table, const char *at)
{
    const char *dot = skip_token (at);
    const char *end = *dot == '.' ? skip_token (dot + 1) : dot;

    if (dot == at || *dot != '.' || end == dot + 1) {
        return NULL;
    }
    *mark = (Mark){ .text = at, .len_bytes = (size_t) (end - at), .dot = (size_t) (dot - at) };
    mark->name_space = namespaces_find (table, at, mark->dot);
    if (mark->name_space != NULL) {
        mark->level = namespace_find_level (mark->name_space, dot + 1, (size_t) (end - dot) - 1);
    }
    return end;
}

static bool
has_namespace (const Marks *marks, const Mark *mark)
{
    for (unsigned i = 0; i < marks->n_marks; i++) {
        const Mark *other = &marks->marks[i];
        if (other->dot == mark->dot
            && g_ascii_strncasecmp (other->text, mark->text, mark->dot) == 0) {
            return true;
        }
    }
    return false;
}

bool
marks_next (const char **at, const NamespaceTable *table, Mark *ret)
{
    const char *end = take_mark (ret, table, skip_space (*at));

    if (end == NULL) {
        return false;
    }
    end = skip_space (end);
    if (*end == ',') {
        end = skip_space (end + 1);
        *at = *end == '\0' ? end - 1 : end; /* a comma at the end promises what does not come */
        return true;
    }
    *at = end;
    return *end == '\0';
}

static const char *
read_one (Marks *marks, const NamespaceTable *table, const char *text)
{
    Mark mark;

    do {
        if (!marks_next (&text, table, &mark)) {
            return "Malformed Resource-Priority";
        }
        if (marks->n_marks == MARKS_MAX) {
            return "Too Many Resource Values";
        }
        /* RFC 4412 3.1: "a particular namespace MUST NOT appear more than once". */
        if (has_namespace (marks, &mark)) {
            return "Resource-Priority Namespace Twice";
        }
        marks->marks[marks->n_marks++] = mark;
        marks->n_understood += mark.level != NULL;
    } while (*text != '\0');
    return NULL;
}

const char *
marks_read (Marks *ret, const NamespaceTable *table, const char *const *texts)
{
    const char *why = NULL;

    ret->n_marks = ret->n_understood = 0;
    for (; *texts != NULL && why == NULL; texts++) {
        why = read_one (ret, table, *texts);
    }
    return why;
}

void
mark_append (GString *out, const Mark *mark)
{
    if (out->len > 0) {
        g_string_append (out, ", ");
    }
    g_string_append_len (out, mark->text, (gssize) mark->len_bytes);
}
