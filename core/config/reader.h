/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The INI reader: text into sections, keys and values that know their place.
 *
 *     # a comment, also ; at a line's start or after white space
 *     [section]                      [section instance]
 *     key = value                    blanks around both are dropped
 *     key = "  a # value \"so\" "    escapes \\ \" \n \r \t
 *     key = one, \                   a backslash at a line's end: the next line goes on,
 *           two                      without its leading blanks
 *
 * UTF-8, with or without a byte order mark, lines end with LF or CRLF. The reader knows nothing of
 * what may be said; it never stops at a mistake, but reports it and goes on with the next line.
 */

#ifndef CORE_CONFIG_READER_H
#define CORE_CONFIG_READER_H

#include "config/problem.h"

#include <stdatomic.h>

#define TD_INI_FILE_MAX (4 * 1024 * 1024)
#define TD_INI_LINE_MAX (64 * 1024) /* of a line, and of a value over all its lines */

typedef struct {
    TdPlace key_place, value_place;
    const char *key;
    const char *value; /* may be empty; NULL: it could not be read, which was reported */
} TdIniEntry;

typedef struct {
    TdPlace place;
    const char *name;     /* NULL: its head could not be read, what follows belongs to nothing */
    const char *instance; /* NULL: [name] alone */
    TdIniEntry *entries;
    unsigned n_entries;
} TdIniSection;

/* What a set of files says, in their order. Immutable and counted. There may be 100,000 sections: their
 * texts stand behind each other, and those that are said again and again once. */
typedef struct {
    atomic_uint n_refs;
    char *folder;           /* of the main file, absolute */
    GPtrArray *files;       /* char *; index = rank */
    GPtrArray *empty_files; /* char *, of FILES: not even a comment stands in them */
    GPtrArray *sections;    /* TdIniSection * */
    GStringChunk *texts;
} TdIni;

/* Reads FILE and then, sorted, conf.d/?*.conf beside it. Whatever happens there is a result: what
 * could be read; the rest is in PROBLEMS. Blocks: on files. */
TdIni *td_ini_load (const char *file, GPtrArray *problems);

/* The same from memory, without conf.d. Paths are relative to the working folder. */
TdIni *td_ini_parse (const char *file, const char *bytes, size_t len_bytes, GPtrArray *problems);

/* No file at all. */
TdIni *td_ini_new_empty (void);

TdIni *td_ini_ref (TdIni *ini);
void td_ini_unref (TdIni *ini);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdIni, td_ini_unref)

#endif
