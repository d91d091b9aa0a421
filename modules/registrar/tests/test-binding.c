/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a REGISTER does to the contacts of a user (RFC 3261 10.3 6, 7). */

#include "binding.h"

#include <string.h>

enum { NOW_US = 1000000 };

typedef struct {
    BindingSet *set;
    GString *changes; /* of the last request */
    unsigned max_contacts;
} User;

static void
set_up (User *user, const void *data)
{
    user->changes = g_string_new (NULL);
    user->max_contacts = 3;
}

static void
tear_down (User *user, const void *data)
{
    binding_set_unref (user->set);
    g_string_free (user->changes, TRUE);
}

static Binding *
make (const char *text, const char *call_id, uint32_t cseq)
{
    g_auto (GStrv) words = g_strsplit (text, " ", -1);
    TdBinding binding = { .contact = words[0], .call_id = call_id, .cseq = cseq };

    binding.q_thousandths = (uint16_t) g_ascii_strtoull (words[1], NULL, 10);
    return binding_new (&binding, NOW_US + g_ascii_strtoll (words[2], NULL, 10));
}

/* Registers CONTACTS, "URI Q LEFT" each and divided by commas. */
static TdRegistrarResult
ask (User *user, const char *call_id, uint32_t cseq, const char *contacts, bool remove_all)
{
    g_auto (GStrv) texts = g_strsplit (contacts, ",", -1);
    g_autoptr (GPtrArray) wanted = g_ptr_array_new_with_free_func (binding_unref);
    g_autoptr (GArray) changes = changes_new ();
    BindingSet *after = NULL;

    for (unsigned i = 0; texts[i] != NULL; i++) {
        g_ptr_array_add (wanted, make (texts[i], call_id, cseq));
    }
    Request request = { .wanted = (Binding *const *) wanted->pdata,
                        .n_wanted = wanted->len,
                        .remove_all = remove_all,
                        .max_contacts = user->max_contacts,
                        .now_us = NOW_US };
    TdRegistrarResult result = binding_set_apply (user->set, &request, &after, changes);
    g_string_truncate (user->changes, 0);
    for (unsigned i = 0; i < changes->len; i++) {
        const Change *change = &g_array_index (changes, Change, i);
        g_string_append_printf (user->changes, "%c%s ", "+~-!"[change->kind],
                                change -> binding -> contact);
    }
    if (result == TD_REGISTRAR_DONE) {
        binding_set_unref (user->set);
        user->set = after;
    }
    return result;
}

#define assert_set(user, expected)                                                                 \
    do {                                                                                           \
        g_autoptr (GString) text = g_string_new (NULL);                                            \
        for (unsigned i = 0; (user)->set != NULL && i < (user)->set->n; i++) {                     \
            g_string_append_printf (text, "%s ", (user)->set->items[i]->contact);                  \
        }                                                                                          \
        g_assert_cmpstr (text->str, ==, (expected));                                               \
    } while (0)

static void
test_highest_q_first (User *user, const void *data)
{
    g_assert_cmpint (ask (user, "c", 1, "sip:a 100 9,sip:b 1000 9,sip:c 500 9", false), ==,
                     TD_REGISTRAR_DONE);
    assert_set (user, "sip:b sip:c sip:a ");
    g_assert_cmpint (ask (user, "c", 2, "sip:a 1000 9", false), ==, TD_REGISTRAR_DONE);
    g_assert_cmpstr (user->changes->str, ==, "~sip:a ");
    assert_set (user, "sip:b sip:a sip:c ");
}

static void
test_same_contact_written_otherwise (User *user, const void *data)
{
    ask (user, "c", 1, "sip:a@HOST 1000 9", false);
    g_assert_cmpint (ask (user, "c", 2, "sip:%61@host;x=y 1000 9", false), ==, TD_REGISTRAR_DONE);
    assert_set (user, "sip:%61@host;x=y ");
}

static void
test_higher_order_only (User *user, const void *data)
{
    ask (user, "c", 5, "sip:a@h 1000 9", false);
    g_assert_cmpint (ask (user, "c", 5, "sip:a@h 1000 9", false), ==, TD_REGISTRAR_OUT_OF_ORDER);
    g_assert_cmpint (ask (user, "c", 4, "sip:a@h 1000 0", false), ==, TD_REGISTRAR_OUT_OF_ORDER);
    g_assert_cmpint (ask (user, "c", 6, "sip:a@h 1000 9", false), ==, TD_REGISTRAR_DONE);
    g_assert_cmpint (ask (user, "d", 1, "sip:a@h 1000 0", false), ==, TD_REGISTRAR_DONE);
    assert_set (user, "");
}

static void
test_all_or_none (User *user, const void *data)
{
    ask (user, "c", 5, "sip:b@h 1000 9", false);
    g_assert_cmpint (ask (user, "c", 5, "sip:a@h 1000 9,sip:b@h 1000 9", false), ==,
                     TD_REGISTRAR_OUT_OF_ORDER);
    assert_set (user, "sip:b@h ");
}

static void
test_star (User *user, const void *data)
{
    ask (user, "c", 5, "sip:a@h 1000 9", false);
    ask (user, "d", 9, "sip:b@h 1000 9", false);
    g_assert_cmpint (ask (user, "c", 5, "* 0 0", true), ==, TD_REGISTRAR_OUT_OF_ORDER);
    assert_set (user, "sip:a@h sip:b@h ");
    g_assert_cmpint (ask (user, "c", 6, "* 0 0", true), ==, TD_REGISTRAR_DONE);
    g_assert_cmpstr (user->changes->str, ==, "-sip:a@h -sip:b@h ");
    assert_set (user, "");
}

static void
test_unknown_is_removed_in_peace (User *user, const void *data)
{
    g_assert_cmpint (ask (user, "c", 1, "sip:a@h 1000 0", false), ==, TD_REGISTRAR_DONE);
    g_assert_cmpstr (user->changes->str, ==, "");
}

static void
test_twice_in_one_request (User *user, const void *data)
{
    g_assert_cmpint (ask (user, "c", 1, "sip:a@h 1000 9,sip:a@H 500 9", false), ==,
                     TD_REGISTRAR_DONE);
    assert_set (user, "sip:a@H ");
}

static void
test_limit (User *user, const void *data)
{
    g_assert_cmpint (ask (user, "c", 1, "sip:a@h 0 9,sip:b@h 0 9,sip:c@h 0 9,sip:d@h 0 9", false),
                     ==, TD_REGISTRAR_TOO_MANY);
    ask (user, "c", 1, "sip:a@h 0 9,sip:b@h 0 9,sip:c@h 0 9", false);
    g_assert_cmpint (ask (user, "c", 2, "sip:d@h 0 9", false), ==, TD_REGISTRAR_TOO_MANY);
    g_assert_cmpint (ask (user, "c", 2, "sip:a@h 0 0,sip:d@h 0 9", false), ==, TD_REGISTRAR_DONE);
    /* The limit was lowered: who is over it may keep what he has. */
    user->max_contacts = 1;
    g_assert_cmpint (ask (user, "c", 3, "sip:d@h 0 9", false), ==, TD_REGISTRAR_DONE);
    assert_set (user, "sip:b@h sip:c@h sip:d@h ");
}

static void
test_expired_makes_room (User *user, const void *data)
{
    Binding *over = make ("sip:a@h 0 0", "c", 9);

    user->set = binding_set_new (&over, 1);
    binding_unref (over);
    user->max_contacts = 1;
    g_assert_cmpint (ask (user, "c", 1, "sip:b@h 0 9", false), ==, TD_REGISTRAR_DONE);
    g_assert_cmpstr (user->changes->str, ==, "!sip:a@h +sip:b@h ");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/registrar/binding/" path, User, NULL, set_up, function, tear_down)
    ADD ("highest-q-first", test_highest_q_first);
    ADD ("same-contact-written-otherwise", test_same_contact_written_otherwise);
    ADD ("higher-order-only", test_higher_order_only);
    ADD ("all-or-none", test_all_or_none);
    ADD ("star", test_star);
    ADD ("unknown-is-removed-in-peace", test_unknown_is_removed_in_peace);
    ADD ("twice-in-one-request", test_twice_in_one_request);
    ADD ("limit", test_limit);
    ADD ("expired-makes-room", test_expired_makes_room);
    return g_test_run ();
}
