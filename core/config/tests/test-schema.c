/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The schema copies what is declared, widens what is older, and refuses a wrong table. */

#include "config/config.h"
#include "config/schema.h"

#include <string.h>

/* Declares one section of module "m" that has the one KEY; returns why that is refused. */
static char *
refusal_of (TdConfigKey key, bool takes_any_key)
{
    TdConfigSection section = { .size = sizeof section,
                                .key_size = sizeof key,
                                .name = "s",
                                .takes_any_key = takes_any_key,
                                .keys = &key,
                                .n_keys = 1 };
    TdSchemaOwner owner = { .name = "m", .sections = &section, .n_sections = 1 };
    g_autoptr (GError) error = NULL;
    g_autoptr (TdSchema) schema = td_schema_new (&owner, 1, &error);

    g_assert_true ((schema == NULL) == (error != NULL));
    if (error == NULL) {
        return NULL;
    }
    g_assert_error (error, TD_CONFIG_ERROR, TD_CONFIG_ERROR_DECLARATION);
    return g_strdup (error->message);
}

static void
expect_refusal (TdConfigKey key, const char *wanted)
{
    g_autofree char *got = refusal_of (key, false);
    g_autofree char *whole = g_strconcat ("m declares section [s] wrongly: ", wanted, NULL);

    g_assert_cmpstr (got, ==, whole);
}

static void
test_wrong_keys_are_refused (void)
{
    expect_refusal ((TdConfigKey){ .name = "Key" },
                    "key \"Key\" is not lower case, digits and hyphens");
    expect_refusal ((TdConfigKey){ .name = "a_b" },
                    "key \"a_b\" is not lower case, digits and hyphens");
    expect_refusal ((TdConfigKey){ .name = NULL },
                    "key \"\" is not lower case, digits and hyphens");
    expect_refusal ((TdConfigKey){ .name = "*" },
                    "key \"*\" is not lower case, digits and hyphens");
    expect_refusal ((TdConfigKey){ .name = "k", .type = 99 }, "key \"k\" has the unknown type 99");
    expect_refusal ((TdConfigKey){ .name = "k", .type = TD_CONFIG_INTEGER, .min = 1 },
                    "key \"k\" has its least value above its greatest");
    expect_refusal ((TdConfigKey){ .name = "k", .type = TD_CONFIG_CHOICE },
                    "key \"k\" has no choices");
    expect_refusal ((TdConfigKey){ .name = "k", .type = TD_CONFIG_REFERENCE },
                    "key \"k\" refers to nothing");
    expect_refusal ((TdConfigKey){ .name = "k", .flags = TD_CONFIG_REQUIRED, .default_text = "x" },
                    "key \"k\" is required and has a default");
    expect_refusal (
        (TdConfigKey){ .name = "k", .type = TD_CONFIG_DURATION, .default_text = "30" },
        "key \"k\": default \"30\" has no unit: expected a duration in ms, s, min, h or d");
}

static void
test_any_key_may_have_a_type (void)
{
    g_autofree char *refusal = refusal_of ((TdConfigKey){ .name = "*" }, true);

    g_assert_null (refusal);
}

static void
test_a_section_has_one_owner (void)
{
    TdConfigSection section = { .size = sizeof section, .name = "s" };
    TdSchemaOwner owners[] = { { .name = "a", .sections = &section, .n_sections = 1 },
                               { .name = "b", .sections = &section, .n_sections = 1 } };
    g_autoptr (GError) error = NULL;
    g_autoptr (TdSchema) schema = td_schema_new (owners, 2, &error);

    g_assert_null (schema);
    g_assert_cmpstr (error->message, ==,
                     "b declares section [s] wrongly: a has declared it already");
}

static void
test_a_key_stands_once (void)
{
    TdConfigKey keys[] = { { .name = "k" }, { .name = "k" } };
    TdConfigSection section = { sizeof section, sizeof keys[0], .name = "s", .keys = keys,
                                .n_keys = 2 };
    TdSchemaOwner owner = { .name = "m", .sections = &section, .n_sections = 1 };
    g_autoptr (GError) error = NULL;
    g_autoptr (TdSchema) schema = td_schema_new (&owner, 1, &error);

    g_assert_null (schema);
    g_assert_cmpstr (error->message, ==,
                     "m declares section [s] wrongly: key \"k\" stands there twice");
}

static void
test_an_unknown_layout_is_refused (void)
{
    TdConfigKey key = { .name = "k" };
    TdConfigSection section = { .size = 8, .name = "s" };
    TdConfigSection keys = {
        .size = sizeof keys, .key_size = 8, .name = "s", .keys = &key, .n_keys = 1
    };
    TdSchemaOwner owner = { .name = "m", .sections = &section, .n_sections = 1 };
    g_autoptr (GError) error = NULL, key_error = NULL;

    g_assert_null (td_schema_new (&owner, 1, &error));
    g_assert_error (error, TD_CONFIG_ERROR, TD_CONFIG_ERROR_DECLARATION);
    owner.sections = &keys;
    g_assert_null (td_schema_new (&owner, 1, &key_error));
    g_assert_error (key_error, TD_CONFIG_ERROR, TD_CONFIG_ERROR_DECLARATION);
}

/* A module of a later minor has longer structs; what is behind is not ours. */
static void
test_longer_structs_are_stepped_over (void)
{
    struct {
        TdConfigKey key;
        const char *later;
    } keys[] = { { { .name = "a" }, "x" }, { { .name = "b" }, "y" } };
    struct {
        TdConfigSection section;
        const char *later;
    } sections[] = {
        { { .name = "s", .key_size = sizeof keys[0], .keys = &keys[0].key, .n_keys = 2 }, "x" },
        { { .name = "t" }, "y" },
    };
    sections[0].section.size = sections[1].section.size = sizeof sections[0];
    TdSchemaOwner owner = { .name = "m", .sections = &sections[0].section, .n_sections = 2 };
    g_autoptr (GError) error = NULL;
    g_autoptr (TdSchema) schema = td_schema_new (&owner, 1, &error);

    g_assert_no_error (error);
    g_assert_nonnull (td_schema_find (schema, "t"));
    g_assert_nonnull (td_schema_find_key (td_schema_find (schema, "s"), "b"));
}

/* The program file that declared may be unmapped while the schema lives. */
static void
test_nothing_of_the_declaration_is_kept (void)
{
    char name[] = "section", key_name[] = "key", text[] = "one", choice[] = "one",
         owner_name[] = "m";
    const char *choices[] = { choice, NULL };
    TdConfigKey key = {
        .name = key_name, .type = TD_CONFIG_CHOICE, .default_text = text, .choices = choices
    };
    TdConfigSection section = {
        .size = sizeof section, .key_size = sizeof key, .name = name, .keys = &key, .n_keys = 1
    };
    TdSchemaOwner owner = { .name = owner_name, .sections = &section, .n_sections = 1 };
    g_autoptr (TdSchema) schema = td_schema_new (&owner, 1, NULL);

    g_assert_nonnull (schema);
    memset (name, 'x', sizeof name - 1);
    memset (key_name, 'x', sizeof key_name - 1);
    memset (text, 'x', sizeof text - 1);
    memset (choice, 'x', sizeof choice - 1);
    memset (owner_name, 'x', sizeof owner_name - 1);
    const TdSchemaSection *copied = td_schema_find (schema, "section");
    g_assert_nonnull (copied);
    g_assert_cmpstr (copied->owner, ==, "m");
    const TdSchemaKey *copied_key = td_schema_find_key (copied, "key");
    g_assert_nonnull (copied_key);
    g_assert_cmpstr (copied_key->decl.default_text, ==, "one");
    g_assert_cmpstr (copied_key->decl.choices[0], ==, "one");
}

static const TdConfigKey trunk_keys[] = {
    { .name = "address", .type = TD_CONFIG_TEXT },
    { .name = "media", .type = TD_CONFIG_TEXT },
};
static const TdConfigSection trunk_section = {
    sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk",
    .is_named = true,         .keys = trunk_keys,   .n_keys = 2
};
static const TdConfigKey capacity_keys[] = {
    { .name = "capacity", .type = TD_CONFIG_INTEGER, .default_text = "7" },
    { .name = "hunt", .type = TD_CONFIG_TEXT },
};
static const TdConfigSection capacity_addition = {
    sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk",
    .keys = capacity_keys,    .n_keys = 2,          .is_addition = true
};
static const TdConfigKey user_keys[] = {
    { .name = "username", .type = TD_CONFIG_TEXT },
};
static const TdConfigSection user_addition = {
    sizeof (TdConfigSection), sizeof (TdConfigKey), "trunk",
    .keys = user_keys,        .n_keys = 1,          .is_addition = true
};

/* Those who add stand on both sides of the one who declares. */
static TdSchema *
new_with_additions (void)
{
    TdSchemaOwner owners[] = {
        { .name = "trunk", .sections = &capacity_addition, .n_sections = 1, .can_reload = true },
        { .name = "core", .sections = &trunk_section, .n_sections = 1 },
        { .name = "sip", .sections = &user_addition, .n_sections = 1 },
    };
    g_autoptr (GError) error = NULL;
    TdSchema *schema = td_schema_new (owners, G_N_ELEMENTS (owners), &error);

    g_assert_no_error (error);
    return schema;
}

static void
test_keys_are_added_behind_in_the_order_of_owners (void)
{
    g_autoptr (TdSchema) schema = new_with_additions ();
    const TdSchemaSection *section = td_schema_find (schema, "trunk");
    static const char *const names[] = { "address", "media", "capacity", "hunt", "username" };

    g_assert_cmpuint (schema->sections->len, ==, 1);
    g_assert_true (section->is_named);
    g_assert_cmpuint (section->n_keys, ==, G_N_ELEMENTS (names));
    for (unsigned i = 0; i < section->n_keys; i++) {
        g_assert_cmpstr (section->keys[i].decl.name, ==, names[i]);
        g_assert_cmpuint (section->keys[i].index, ==, i);
        g_assert_true (section->keys[i].section == section);
        g_assert_true (td_schema_find_key (section, names[i]) == &section->keys[i]);
    }
    g_assert_null (td_schema_find_key (section, "password"));
}

static void
test_an_added_key_is_of_who_adds_it (void)
{
    g_autoptr (TdSchema) schema = new_with_additions ();
    const TdSchemaSection *section = td_schema_find (schema, "trunk");

    g_assert_cmpstr (section->owner, ==, "core");
    g_assert_false (section->can_reload);
    g_assert_cmpstr (td_schema_find_key (section, "media")->owner, ==, "core");
    g_assert_false (td_schema_find_key (section, "media")->can_reload);
    g_assert_cmpstr (td_schema_find_key (section, "hunt")->owner, ==, "trunk");
    g_assert_true (td_schema_find_key (section, "hunt")->can_reload);
    g_assert_cmpstr (td_schema_find_key (section, "username")->owner, ==, "sip");
    g_assert_false (td_schema_find_key (section, "username")->can_reload);
}

/* What the module "adder" hears when it adds ADDITION to what core declares as SECTION (nullable). */
static void
expect_no_addition (const TdConfigSection *section, TdConfigSection addition, const char *wanted)
{
    TdSchemaOwner owners[] = {
        { .name = "core", .sections = section, .n_sections = section != NULL },
        { .name = "adder", .sections = &addition, .n_sections = 1 },
    };
    g_autofree char *whole =
        g_strconcat ("adder cannot add keys to section [trunk]: ", wanted, NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (TdSchema) schema = td_schema_new (owners, 2, &error);

    g_assert_null (schema);
    g_assert_error (error, TD_CONFIG_ERROR, TD_CONFIG_ERROR_DECLARATION);
    g_assert_cmpstr (error->message, ==, whole);
}

static void
test_nothing_is_added_to_what_nobody_declares (void)
{
    expect_no_addition (NULL, user_addition,
                        "no module in [modules] declares it: name the one that does, or disable "
                        "adder");
}

/* An optional module that is broken is absent: what others would add to its section stops nobody. */
static void
test_additions_to_an_absent_module_are_orphans (void)
{
    TdSchemaOwner owners[] = {
        { .name = "core", .sections = &trunk_section, .n_sections = 1 },
        { .name = "adder",
          .sections = &(TdConfigSection){ .size = sizeof (TdConfigSection),
                                          .key_size = sizeof (TdConfigKey),
                                          .name = "dip",
                                          .is_addition = true,
                                          .keys = user_keys,
                                          .n_keys = 1 },
          .n_sections = 1 },
        { .name = "dip", .is_absent = true },
    };
    g_autoptr (GError) error = NULL;
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), &error);

    g_assert_no_error (error);
    g_assert_null (td_schema_find (schema, "dip"));
    g_assert_cmpstr (g_hash_table_lookup (schema->orphans, "dip"), ==, "adder");
    TdIni *ini = td_ini_new_empty ();
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (TdConfig) config = td_config_check (ini, NULL, schema, 0, problems);
    g_assert_cmpuint (problems->len, ==, 0);
    g_assert_null (td_config_text (config, "dip", NULL, "username")); /* and nobody is blamed */
    td_ini_unref (ini);
}

static void
test_a_key_that_is_there_is_not_added (void)
{
    TdConfigSection addition = user_addition;

    addition.keys = &trunk_keys[1];
    expect_no_addition (&trunk_section, addition, "core has declared key \"media\" there already");
}

static void
test_a_key_that_was_added_is_not_added_again (void)
{
    TdSchemaOwner owners[] = {
        { .name = "core", .sections = &trunk_section, .n_sections = 1 },
        { .name = "sip", .sections = &user_addition, .n_sections = 1 },
        { .name = "mgcp", .sections = &user_addition, .n_sections = 1 },
    };
    g_autoptr (GError) error = NULL;

    g_assert_null (td_schema_new (owners, G_N_ELEMENTS (owners), &error));
    g_assert_cmpstr (error->message, ==,
                     "mgcp cannot add keys to section [trunk]: sip has declared key \"username\" "
                     "there already");
}

static void
test_nothing_is_added_where_any_key_is_taken (void)
{
    TdConfigSection any = { .size = sizeof any, .name = "trunk", .takes_any_key = true };

    expect_no_addition (&any, user_addition, "core has declared that it takes any key");
}

static void
test_an_addition_says_nothing_of_the_section (void)
{
    static const char wanted[] = "is_named, takes_any_key and help are for who declares it to say";
    TdConfigSection named = user_addition, any = user_addition, helpful = user_addition;

    named.is_named = true;
    expect_no_addition (&trunk_section, named, wanted);
    any.takes_any_key = true;
    expect_no_addition (&trunk_section, any, wanted);
    helpful.help = "Trunks.";
    expect_no_addition (&trunk_section, helpful, wanted);
}

static void
test_a_wrong_key_is_not_added (void)
{
    TdConfigKey any = { .name = "*" };
    TdConfigSection addition = user_addition;

    addition.keys = &any;
    expect_no_addition (&trunk_section, addition,
                        "key \"*\" is not lower case, digits and hyphens");
}

static void
test_who_is_absent_adds_nothing (void)
{
    TdSchemaOwner owners[] = {
        { .name = "core", .sections = &trunk_section, .n_sections = 1 },
        { .name = "sip", .sections = &user_addition, .n_sections = 1, .is_absent = true },
    };
    g_autoptr (TdSchema) schema = td_schema_new (owners, G_N_ELEMENTS (owners), NULL);

    g_assert_cmpuint (td_schema_find (schema, "trunk")->n_keys, ==, 2);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/config/schema/wrong-keys-are-refused", test_wrong_keys_are_refused);
    g_test_add_func ("/config/schema/any-key-may-have-a-type", test_any_key_may_have_a_type);
    g_test_add_func ("/config/schema/a-section-has-one-owner", test_a_section_has_one_owner);
    g_test_add_func ("/config/schema/a-key-stands-once", test_a_key_stands_once);
    g_test_add_func ("/config/schema/an-unknown-layout-is-refused",
                     test_an_unknown_layout_is_refused);
    g_test_add_func ("/config/schema/longer-structs-are-stepped-over",
                     test_longer_structs_are_stepped_over);
    g_test_add_func ("/config/schema/nothing-of-the-declaration-is-kept",
                     test_nothing_of_the_declaration_is_kept);
    g_test_add_func ("/config/schema/keys-are-added-behind-in-the-order-of-owners",
                     test_keys_are_added_behind_in_the_order_of_owners);
    g_test_add_func ("/config/schema/an-added-key-is-of-who-adds-it",
                     test_an_added_key_is_of_who_adds_it);
    g_test_add_func ("/config/schema/nothing-is-added-to-what-nobody-declares",
                     test_nothing_is_added_to_what_nobody_declares);
    g_test_add_func ("/config/schema/addition/to-an-absent-module",
                     test_additions_to_an_absent_module_are_orphans);
    g_test_add_func ("/config/schema/a-key-that-is-there-is-not-added",
                     test_a_key_that_is_there_is_not_added);
    g_test_add_func ("/config/schema/a-key-that-was-added-is-not-added-again",
                     test_a_key_that_was_added_is_not_added_again);
    g_test_add_func ("/config/schema/nothing-is-added-where-any-key-is-taken",
                     test_nothing_is_added_where_any_key_is_taken);
    g_test_add_func ("/config/schema/an-addition-says-nothing-of-the-section",
                     test_an_addition_says_nothing_of_the_section);
    g_test_add_func ("/config/schema/a-wrong-key-is-not-added", test_a_wrong_key_is_not_added);
    g_test_add_func ("/config/schema/who-is-absent-adds-nothing", test_who_is_absent_adds_nothing);
    return g_test_run ();
}
