/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store in a folder of its own, or in a database of its own where there is a server, filled from CSV texts,
 * its contents as text. */

#ifndef ROUTE_TESTS_STORE_FIXTURE_H
#define ROUTE_TESTS_STORE_FIXTURE_H

#include "import.h"

typedef struct {
    char *folder, *path;
    Store *store;
    Report *report; /* of the last change */
    int64_t version;
} StoreFixture;

/* Where databases are: a URI without the last name, or NULL: tests are of files. */
const char *store_fixture_server (void);

void store_fixture_set_up (StoreFixture *fixture, const void *data);
void store_fixture_tear_down (StoreFixture *fixture, const void *data);

/* Opens the file, or fails as the last assertion of the caller says. */
Store *store_fixture_open (const StoreFixture *fixture, const char *path, GError **error);

typedef enum {
    FIXTURE_MERGE = 1 << 0, /* otherwise the tables named are replaced */
    FIXTURE_DRY = 1 << 1,
} StoreFixtureFlags;

/* Imports TEXT, of which each "[NAME]" line begins the CSV of that table. */
bool store_fixture_try (StoreFixture *fixture, const char *text, unsigned flags, GError **error);
int64_t store_fixture_import (StoreFixture *fixture, const char *text, unsigned flags);

/* Reads the CSV TEXT, through a pipe, into CHANGE. */
bool store_fixture_read (StoreChange *change, const char *table, const char *text,
                         bool is_replacement, Report *report, GError **error);

/* TABLE at VERSION, as a CSV with LF. */
char *store_fixture_dump (StoreFixture *fixture, const char *table, int64_t version);
/* Every table that has rows, with its name in front. */
char *store_fixture_dump_all (StoreFixture *fixture, int64_t version);

/* The problems of the last change, a line each. */
char *store_fixture_problems (const StoreFixture *fixture);

/* The differences: "+route main,1,0,...", "-...", "*... > ...", a line each. */
char *store_fixture_diff (StoreFixture *fixture, int64_t from, int64_t to);

#define ROUTE_FIXTURE_TABLES                                                                       \
    "[list]\nlabel,mode\na,\nb,percent\n"                                                          \
    "[target]\nlabel,position,trunk\na,1,carrier-a\nb,1,carrier-b\n"                               \
    "[route]\ntable,prefix,label\nmain,1,a\nmain,44,b\nmain,,a\n"

#endif
