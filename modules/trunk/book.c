/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All trunk groups, and what is common to them. */

#include "book.h"

#include <string.h>

enum { KEPT_H = 48 };

#define KEPT_US ((int64_t) KEPT_H * 3600 * G_USEC_PER_SEC)

static void
unref_group (void *group)
{
    group_unref (group);
}

static void
free_groups (GHashTable *groups)
{
    GHashTableIter iter;
    void *group;

    g_hash_table_iter_init (&iter, groups);
    while (g_hash_table_iter_next (&iter, NULL, &group)) {
        group_unref (group);
    }
    g_hash_table_unref (groups);
}

Book *
book_new (void)
{
    Book *book = g_new0 (Book, 1);

    atomic_init (&book->n_refs, 1);
    pthread_mutex_init (&book->lock, NULL);
    book->controls = control_set_new ();
    book->reach = reach_new ();
    book->groups = g_hash_table_new (g_str_hash, g_str_equal);
    book->closed = g_hash_table_new (g_str_hash, g_str_equal);
    return book;
}

Book *
book_ref (Book *book)
{
    atomic_fetch_add (&book->n_refs, 1);
    return book;
}

void
book_unref (Book *book)
{
    if (book != NULL && atomic_fetch_sub (&book->n_refs, 1) == 1) {
        free_groups (book->groups);
        free_groups (book->closed);
        control_set_free (book->controls);
        reach_free (book->reach);
        pthread_mutex_destroy (&book->lock);
        g_free (book);
    }
}

/* --- Applying a plan --------------------------------------------------------------------- */

Member *
group_find_member (const Group *group, const char *name)
{
    for (unsigned i = 0; group->members != NULL && i < group->members->len; i++) {
        Member *member = group->members->pdata[i];
        if (strcmp (member->name, name) == 0) {
            return member;
        }
    }
    return NULL;
}

/* The members of GROUP by name: there may be thousands. */
static GHashTable *
index_members (const Group *group)
{
    GHashTable *index = g_hash_table_new (g_str_hash, g_str_equal);

    for (unsigned i = 0; group->members != NULL && i < group->members->len; i++) {
        Member *member = group->members->pdata[i];
        g_hash_table_insert (index, member->name, member);
    }
    return index;
}

static void
set_member (Group *group, Member *member, const PlanMember *plan)
{
    pthread_mutex_lock (&group->lock);
    if (strcmp (member->address, plan->address) != 0) {
        g_free (member->address);
        member->address = g_strdup (plan->address);
    }
    member->hunt.capacity = plan->capacity;
    member->hunt.reserved = plan->reserved;
    member->hunt.cost = plan->cost;
    member->hunt.share = plan->share;
    pthread_mutex_unlock (&group->lock);
}

static GPtrArray *
make_members (Group *group, const PlanEntry *entry, BookRemoved removed, void *data)
{
    GPtrArray *members = g_ptr_array_sized_new (entry->members->len);
    g_autoptr (GHashTable) known = index_members (group);
    GHashTableIter iter;
    void *left;

    for (unsigned i = 0; i < entry->members->len; i++) {
        const PlanMember *plan = entry->members->pdata[i];
        Member *member = g_hash_table_lookup (known, plan->name);
        g_hash_table_remove (known, plan->name);
        member = member != NULL ? member_ref (member) : member_new (plan->name, plan->address);
        set_member (group, member, plan);
        g_ptr_array_add (members, member);
    }
    g_hash_table_iter_init (&iter, known);
    while (removed != NULL && g_hash_table_iter_next (&iter, NULL, &left)) {
        removed (group, left, data);
    }
    return members;
}

static void
set_common (Book *book, const Plan *plan, int64_t now_us)
{
    pthread_mutex_lock (&book->lock);
    reach_set (book->reach, &plan->reach, now_us);
    pthread_mutex_unlock (&book->lock);
    atomic_store (&book->is_reach_on, plan->reach.n_digits > 0);
}

static void
table_free (TdTable *table)
{
    g_hash_table_unref (((GroupTable *) table)->groups);
    g_free (table);
}

/* Takes out of BOOK what TABLE has not. */
static void
close_others (Book *book, const GroupTable *table, BookRemoved removed, void *data)
{
    GHashTableIter iter;
    void *name, *group;

    g_hash_table_iter_init (&iter, book->groups);
    while (g_hash_table_iter_next (&iter, &name, &group)) {
        if (!g_hash_table_contains (table->groups, name)) {
            if (removed != NULL) {
                removed (group, NULL, data);
            }
            group_close (group);
            g_hash_table_iter_remove (&iter);
            g_hash_table_insert (book->closed, name, group);
        }
    }
}

/* Forgets the closed groups whose last leg has ended. */
static void
forget_closed (Book *book)
{
    GHashTableIter iter;
    void *group;

    g_hash_table_iter_init (&iter, book->closed);
    while (g_hash_table_iter_next (&iter, NULL, &group)) {
        if (group_load (group, NULL) == 0) {
            g_hash_table_iter_remove (&iter);
            group_unref (group);
        }
    }
}

/* The group called NAME: one that was closed while it had legs, which are its own again, or another. */
static Group *
open_group (Book *book, const char *name, int64_t now_us, int64_t wall_us)
{
    void *group = NULL;

    if (!g_hash_table_steal_extended (book->closed, name, NULL, &group)) {
        group = group_new (name, now_us, wall_us);
    }
    g_hash_table_insert (book->groups, ((Group *) group)->name, group);
    return group;
}

static GroupTable *
table_new (void)
{
    GroupTable *table = g_new0 (GroupTable, 1);

    td_table_init (&table->table, table_free);
    table->groups = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, unref_group);
    return table;
}

GroupTable *
book_table (const Book *book)
{
    GroupTable *table = table_new ();
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, book->groups);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        Group *group = value;
        g_hash_table_insert (table->groups, group->name, group_ref (group));
    }
    return table;
}

GroupTable *
book_apply (Book *book, const Plan *plan, TdModule *module, bool is_new, BookRemoved removed,
            void *data)
{
    GroupTable *table = table_new ();
    int64_t now_us = td_clock_now_us (), wall_us = td_clock_wall_us ();

    set_common (book, plan, now_us);
    forget_closed (book);
    for (unsigned i = 0; i < plan->entries->len; i++) {
        const PlanEntry *entry = plan->entries->pdata[i];
        Group *group = g_hash_table_lookup (book->groups, entry->name);
        bool is_fresh = group == NULL;
        if (is_fresh) {
            group = open_group (book, entry->name, now_us, wall_us);
        }
        group_configure (group, is_new || is_fresh ? module : NULL, &entry->settings,
                         make_members (group, entry, removed, data), now_us);
        pthread_mutex_lock (&group->lock);
        intervals_set (&group->intervals, entry->settings.period_us, KEPT_US, now_us, wall_us);
        pthread_mutex_unlock (&group->lock);
        g_hash_table_insert (table->groups, group->name, group_ref (group));
    }
    close_others (book, table, removed, data);
    forget_closed (book);
    return table;
}

Group *
group_table_find (const GroupTable *table, const char *name)
{
    return name != NULL && name[0] != '\0' ? g_hash_table_lookup (table->groups, name) : NULL;
}
