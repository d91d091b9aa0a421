/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All trunk groups, and what is common to them. Two builds of the module share one book during an
 * upgrade, so that a call of the old one is counted where the new one looks. So nothing in it, or in
 * what it is made of, points to a function: the one that was meant may be unmapped by then.
 *
 *     configuration --plan_new ()--> plan --book_apply ()--> groups
 *                      (checks)             (cannot fail)
 */

#ifndef TRUNK_BOOK_H
#define TRUNK_BOOK_H

#include "group.h"
#include "reach.h"

#include <tandem/config.h>
#include <tandem/snapshot.h>

enum {
    /* Grows with every change of what two builds share: Book, Group, Member, TrunkLeg, LeaseData,
     * Control and what they are made of. A build that finds another number begins a book of its own. */
    BOOK_LAYOUT = 11,
};

typedef struct {
    atomic_int n_refs;
    pthread_mutex_t lock; /* of what follows; taken before a group's, never with one held */
    ControlSet *controls;
    Reach *reach;
    atomic_uint n_controls; /* so that nobody takes the lock for nothing */
    atomic_bool is_reach_on;
    atomic_uint newest; /* the generation of the build that is in charge */
    GHashTable *groups; /* name -> Group; control lane */
    GHashTable *closed; /* the same of groups that are no more, while they have legs */
} Book;

Book *book_new (void);
Book *book_ref (Book *book);
void book_unref (Book *book);

/* What a configuration makes of the groups. */
typedef struct {
    GPtrArray *entries; /* PlanEntry */
    ReachSettings reach;
    char *node; /* nullable: no group is shared */
} Plan;

typedef struct {
    char *name;
    GroupSettings settings;
    LeaseSettings lease; /* of a shared one */
    GPtrArray *members;  /* PlanMember */
} PlanEntry;

typedef struct {
    char *name, *address;
    uint32_t cost, share, capacity;
    uint32_t reserved; /* calls of the capacity */
} PlanMember;

/* Reads CONFIG. Errors: file, line, and what is wrong with a value. */
Plan *plan_new (const TdConfig *config, GError **error);
void plan_free (Plan *plan);

/* Reads what CONFIG says of a capacity that is shared into ENTRY, which has its settings. */
bool plan_read_sharing (const TdConfig *config, PlanEntry *entry, GError **error);

/* Reads what CONFIG says of the queue of NAME, and of its calls with a priority, into SETTINGS. */
bool plan_read_queue (const TdConfig *config, const char *name, GroupSettings *settings,
                      GError **error);

/* Whether no call of PLAN could wait in two queues. */
bool plan_check_queues (const TdConfig *config, const Plan *plan, GError **error);

/* Refuses the value of KEY in [SECTION INSTANCE]: false. */
bool plan_refuse (const TdConfig *config, const char *section, const char *instance,
                  const char *key, GError **error, const char *why);

/* The groups by name, for all lanes: a snapshot's table. */
typedef struct {
    TdTable table;      /* first */
    GHashTable *groups; /* name -> Group */
} GroupTable;

/* GROUP, or MEMBER (nullable) of it, is no more. */
typedef void (*BookRemoved) (Group *group, Member *member, void *data);

/* Makes the groups of BOOK what PLAN says, with the limits of MODULE where IS_NEW says that they are
 * another build's, and returns their table (transfer full). REMOVED is nullable. Thread: control. */
GroupTable *book_apply (Book *book, const Plan *plan, TdModule *module, bool is_new,
                        BookRemoved removed, void *data);

/* The groups as they are. */
GroupTable *book_table (const Book *book);

Group *group_table_find (const GroupTable *table, const char *name);

/* The member of GROUP called NAME, or NULL. Thread: control. */
Member *group_find_member (const Group *group, const char *name);

enum { TRUNK_N_SECTIONS = 4 };

extern const TdConfigSection trunk_sections[TRUNK_N_SECTIONS];

#endif
