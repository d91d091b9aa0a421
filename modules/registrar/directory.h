/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who the users are, and the limits of what they may register. Immutable, swapped whole. */

#ifndef REGISTRAR_DIRECTORY_H
#define REGISTRAR_DIRECTORY_H

#include <tandem/config.h>
#include <tandem/number.h>
#include <tandem/snapshot.h>

typedef struct {
    char *name;
    char *password, *ha1_md5, *ha1_sha256; /* nullable */
    GPtrArray *numbers;                    /* texts, as td_party_key () gives them */
    bool is_configured;                    /* by a [user], not in the database */
} User;

typedef struct {
    TdTable table; /* first */
    bool has_any_domain;
    GHashTable *domains; /* lower case */
    char *realm;         /* of the hashes in the database, "": of any */
    uint32_t min_s, default_s, max_s;
    unsigned max_contacts;
    GHashTable *users;    /* name -> User */
    GHashTable *numbers;  /* number -> User (not owned) */
    GPtrArray *dialables; /* names and numbers, sorted (not owned) */
} Directory;

/* Whether CONFIG says of users and registrations what can be understood. Errors: as below. */
bool directory_check (const TdConfig *config, GError **error);

/* What CONFIG says, and the users of the database at PATH. Errors: file, line, and what is wrong; or
 * the database's. Thread: control. Blocks. */
Directory *directory_new (TdModule *module, const TdConfig *config, const char *path,
                          GError **error);

bool directory_is_local (const Directory *directory, const char *domain);

/* NULL: there is none. By a name, or by a name or number. */
const User *directory_user (const Directory *directory, const char *name);
const User *directory_find (const Directory *directory, const char *key);

/* Whether longer names or numbers begin with DIGITS. */
bool directory_goes_on (const Directory *directory, const char *digits);

/* H(user:realm:password) (transfer full), NULL where it is not known (RFC 7616 3.4.2). */
char *directory_credentials (const Directory *directory, const char *name, const char *realm,
                             const char *algorithm);

#endif
