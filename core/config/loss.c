/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Losses: files that were cut off, seen by what a reload would take away, and a start does not find. */

#include "config/loss.h"

#include <string.h>

#define IF_MEANT "if that is meant, say config reload --force"

static bool
has_file (const GPtrArray *files, const char *file)
{
    for (unsigned i = 0; i < files->len; i++) {
        if (strcmp (files->pdata[i], file) == 0) {
            return true;
        }
    }
    return false;
}

static unsigned
count_sections (const TdIni *ini, unsigned rank)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ini->sections->len; i++) {
        const TdIniSection *section = ini->sections->pdata[i];
        n += section->place.rank == rank;
    }
    return n;
}

/* A file that is gone was taken away by somebody, and one with nothing but comments was edited. */
static void
find_empty_files (const TdIni *before, const TdIni *after, GPtrArray *problems)
{
    for (unsigned rank = 0; rank < before->files->len; rank++) {
        const char *file = before->files->pdata[rank];
        unsigned n = has_file (after->empty_files, file) ? count_sections (before, rank) : 0;
        if (n > 0) {
            td_problem_add (problems, &(TdPlace){ .file = file, .rank = rank },
                            "the file is empty, and what is in force has %u section%s of it: "
                            "nothing is taken over; " IF_MEANT,
                            n, n == 1 ? "" : "s");
        }
    }
}

static unsigned
count_modules (const TdConfig *config)
{
    const TdConfigBlock *block = td_config_find_block (config, "modules", NULL);
    unsigned n = 0;

    for (unsigned i = 0; block != NULL && block->any_names != NULL && i < block->any_names->len;
         i++) {
        n += block->any_names->pdata[i] != NULL;
    }
    return n;
}

static unsigned
count_trunks (const TdConfig *config)
{
    unsigned n = 0;

    for (unsigned i = 0; i < config->blocks->len; i++) {
        const TdConfigBlock *block = config->blocks->pdata[i];
        n += block->instance != NULL && strcmp (block->decl->name, "trunk") == 0;
    }
    return n;
}

static void
compare_counts (const TdIni *ini, unsigned n_before, unsigned n_after, const char *what,
                GPtrArray *problems)
{
    if (n_before > 0 && n_after == 0 && ini->files->len > 0) {
        td_problem_add (problems, &(TdPlace){ .file = ini->files->pdata[0] },
                        "no %s is left, here or in conf.d, and %u %s in force: nothing is taken "
                        "over; " IF_MEANT,
                        what, n_before, n_before == 1 ? "is" : "are");
    }
}

bool
td_config_find_losses (const TdConfig *before, const TdConfig *after, GPtrArray *problems)
{
    unsigned n_earlier = problems->len;

    find_empty_files (before->ini, after->ini, problems);
    if (problems->len == n_earlier) { /* else that is why */
        compare_counts (after->ini, count_modules (before), count_modules (after),
                        "name of a module in [modules]", problems);
        compare_counts (after->ini, count_trunks (before), count_trunks (after),
                        "section [trunk ...]", problems);
    }
    return problems->len > n_earlier;
}

/* Nobody knows what stood there: it may have been every trunk. A comment is enough to say that nothing did. */
bool
td_ini_find_losses (const TdIni *ini, const char *const *overrides, GPtrArray *problems)
{
    unsigned n_earlier = problems->len;

    for (unsigned rank = 0; rank < ini->files->len; rank++) {
        const char *file = ini->files->pdata[rank];
        if (has_file (ini->empty_files, file)) {
            td_problem_add (problems, &(TdPlace){ .file = file, .rank = rank },
                            "the file is empty, as a write that was cut off leaves it: write it "
                            "again; if nothing is meant to stand there, write a comment (#)");
        }
    }
    if (problems->len == 0 && ini->files->len > 0 && ini->sections->len == 0
        && (overrides == NULL || *overrides == NULL)) {
        td_problem_add (problems, &(TdPlace){ .file = ini->files->pdata[0] },
                        "no section stands here or in conf.d: a switch without one can do nothing; "
                        "the least to write is [modules]");
    }
    return problems->len > n_earlier;
}
