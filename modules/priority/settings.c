/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes the configuration apart, and says what no table of keys can. */

#include "settings.h"

#include "source.h"

#include <string.h>

static void
policy_clear (Policy *policy)
{
    g_clear_pointer (&policy->accepted, g_hash_table_unref);
    g_clear_pointer (&policy->sent, g_ptr_array_unref);
    g_clear_pointer (&policy->mappings, g_array_unref);
    g_clear_pointer (&policy->categories, g_array_unref);
}

static void
policy_free (void *data)
{
    policy_clear (data);
    g_free (data);
}

static void
policy_init (Policy *policy, const char *name)
{
    *policy = (Policy){ .name = name, .is_border = true };
    policy->accepted = g_hash_table_new (NULL, NULL);
    policy->sent = g_ptr_array_new ();
    policy->mappings = g_array_new (FALSE, FALSE, sizeof (Mapping));
}

static void
clear_category (void *data)
{
    g_free (((CategoryRule *) data)->category);
}

static void
settings_free (TdTable *table)
{
    Settings *settings = (Settings *) table;

    policy_clear (&settings->stranger);
    g_hash_table_unref (settings->policies);
    g_array_unref (settings->categories);
    g_array_unref (settings->rules);
    g_clear_pointer (&settings->numbers, td_prefix_table_free);
    namespaces_free (settings->namespaces);
    interwork_free (settings->interwork);
    g_clear_pointer (&settings->config, td_config_unref);
    g_free (settings);
}

static bool
fail (const Settings *settings, const char *section, const char *name, const char *key,
      const char *value, const char *what, GError **error)
{
    return td_config_refuse (settings->config, section, name, key, value, error, "%s", what);
}

/* --- Values ------------------------------------------------------------------------------ */

/* "ets.0". */
static const Level *
find_level (const Settings *settings, const char *text)
{
    const char *dot = strchr (text, '.');
    const Namespace *name_space =
        dot != NULL ? namespaces_find (settings->namespaces, text, (size_t) (dot - text)) : NULL;

    return name_space != NULL ? namespace_find_level (name_space, dot + 1, strlen (dot + 1)) : NULL;
}

static const char no_value[] =
    "is no value of a namespace that is understood: write NAMESPACE.VALUE, "
    "such as ets.0, or NAMESPACE for all of its values";

/* Adds the levels that the list of KEY names to LEVELS. */
static bool
read_levels (const Settings *settings, const char *trunk, const char *key, GPtrArray *levels,
             GError **error)
{
    const char *const *texts = td_config_list (settings->config, "trunk", trunk, key);

    for (; *texts != NULL; texts++) {
        const Namespace *whole = namespaces_find (settings->namespaces, *texts, strlen (*texts));
        const Level *level = find_level (settings, *texts);
        if (whole == NULL && level == NULL) {
            return fail (settings, "trunk", trunk, key, *texts, no_value, error);
        }
        for (unsigned i = 0; whole != NULL && i < whole->n_levels; i++) {
            g_ptr_array_add (levels, (void *) &whole->levels[i]);
        }
        if (level != NULL) {
            g_ptr_array_add (levels, (void *) level);
        }
    }
    return true;
}

static bool
read_accepted (const Settings *settings, Policy *policy, GError **error)
{
    g_autoptr (GPtrArray) levels = g_ptr_array_new ();

    if (!read_levels (settings, policy->name, "rph-accept", levels, error)) {
        return false;
    }
    for (unsigned i = 0; i < levels->len; i++) {
        g_hash_table_add (policy->accepted, levels->pdata[i]);
    }
    return true;
}

/* --- Namespaces -------------------------------------------------------------------------- */

/* The text of the table that KEY names, SHIPPED where it names none; RET_NAME is for messages. */
static char *
read_table (const Settings *settings, const char *key, const char *shipped, const char **ret_name,
            GError **error)
{
    const char *path = td_config_text (settings->config, "priority", NULL, key);
    char *text = NULL;
    g_autoptr (GError) why = NULL;

    *ret_name = path != NULL ? path : key;
    if (path == NULL) {
        return g_strdup (shipped);
    }
    if (!g_file_get_contents (path, &text, NULL, &why)) {
        fail (settings, "priority", NULL, key, path, why->message, error);
        return NULL;
    }
    return text;
}

static bool
read_namespaces (Settings *settings, GError **error)
{
    const char *const *lines = td_config_list (settings->config, "priority", NULL, "namespace");
    const char *const *served = td_config_list (settings->config, "priority", NULL, "serve");
    const char *name;
    g_autofree char *table = read_table (settings, "namespaces", namespaces_shipped, &name, error);
    g_autoptr (GError) why = NULL;

    if (table == NULL || !namespaces_add_all (settings->namespaces, table, name, error)) {
        return false;
    }
    for (; *lines != NULL; lines++) {
        if (!namespaces_add (settings->namespaces, *lines, &why)) {
            return fail (settings, "priority", NULL, "namespace", NULL, why->message, error);
        }
    }
    return *served == NULL || namespaces_keep (settings->namespaces, served, &why)
           || fail (settings, "priority", NULL, "serve", NULL, why->message, error);
}

/* --- Categories -------------------------------------------------------------------------- */

char *
settings_category (const char *text)
{
    g_autofree char *word = g_ascii_strdown (text, -1);
    char *end;
    uint64_t number = g_ascii_strtoull (word, &end, g_str_has_prefix (word, "0x") ? 16 : 10);

    if (end != word && *end == '\0' && number <= 255) {
        return g_strdup_printf ("%u", (unsigned) number);
    }
    return g_steal_pointer (&word);
}

/* Adds the rules that the list TEXTS of KEY has to CATEGORIES. IS_GIVEN: somebody wrote it. */
static bool
read_categories (const Settings *settings, const char *section, const char *name, const char *key,
                 bool is_given, GArray *categories, GError **error)
{
    const char *const *texts = td_config_list (settings->config, section, name, key);

    for (; *texts != NULL; texts++) {
        const char *colon = strchr (*texts, ':');
        CategoryRule rule = { .level = colon != NULL ? find_level (settings, colon + 1) : NULL };
        if (rule.level == NULL && !is_given) {
            continue; /* of a namespace that is not served */
        }
        if (rule.level == NULL || colon == *texts) {
            return fail (settings, section, name, key, *texts,
                         "is no CATEGORY:VALUE, such as nsep:ets.4", error);
        }
        g_autofree char *text = g_strndup (*texts, (size_t) (colon - *texts));
        rule.category = settings_category (text);
        g_array_append_val (categories, rule);
    }
    return true;
}

static GArray *
categories_new (void)
{
    GArray *categories = g_array_new (FALSE, FALSE, sizeof (CategoryRule));

    g_array_set_clear_func (categories, clear_category);
    return categories;
}

/* --- Other protocols --------------------------------------------------------------------- */

static bool
read_interwork (Settings *settings, GError **error)
{
    const char *const *lines = td_config_list (settings->config, "priority", NULL, "interwork");
    const char *name;
    g_autofree char *table = read_table (settings, "interworking", interwork_shipped, &name, error);
    g_autoptr (GError) why = NULL;

    if (table == NULL || !interwork_add_all (settings->interwork, table, name, error)) {
        return false;
    }
    for (; *lines != NULL; lines++) {
        if (!interwork_add (settings->interwork, *lines, &why)) {
            return fail (settings, "priority", NULL, "interwork", NULL, why->message, error);
        }
    }
    interwork_resolve (settings->interwork, settings->namespaces);
    return true;
}

/* "0001:0000ff". */
static bool
read_precedence (const Settings *settings, Policy *policy, GError **error)
{
    const char *text = td_config_text (settings->config, "trunk", policy->name, "rph-precedence");
    uint64_t network, domain;

    if (text == NULL || *text == '\0') {
        return true;
    }
    g_auto (GStrv) sides = g_strsplit (text, ":", 2);
    if (strlen (text) != 11 || strlen (sides[0]) != 4
        || !g_ascii_string_to_unsigned (sides[0], 10, 0, 9999, NULL, NULL)
        || !g_ascii_string_to_unsigned (sides[0], 16, 0, UINT16_MAX, &network, NULL)
        || !g_ascii_string_to_unsigned (sides[1], 16, 0, 0xffffff, &domain, NULL)) {
        return fail (settings, "trunk", policy->name, "rph-precedence", text,
                     "is no NETWORK:DOMAIN: write four decimal digits and six hexadecimal ones, "
                     "such as 0001:0000ff",
                     error);
    }
    policy->says_precedence = true;
    policy->precedence_network = (uint16_t) network; /* each digit four bits, as it is sent */
    policy->precedence_domain = (uint32_t) domain;
    return true;
}

static bool
read_foreign (const Settings *settings, Policy *policy, GError **error)
{
    const TdConfig *config = settings->config;
    const char *name = policy->name;
    unsigned model = (unsigned) td_config_number (config, "trunk", name, "rph-admission");

    policy->isup = (Isup) td_config_number (config, "trunk", name, "rph-isup");
    policy->conflict = (Conflict) td_config_number (config, "trunk", name, "rph-conflict");
    policy->has_model = model > 0;
    policy->model = model > 0 ? (TdBandwidthModel) (model - 1) : TD_BANDWIDTH_MAM;
    if (td_config_is_set (config, "trunk", name, "rph-categories")) {
        policy->categories = categories_new ();
        if (!read_categories (settings, "trunk", name, "rph-categories", true, policy->categories,
                              error)) {
            return false;
        }
    }
    return read_precedence (settings, policy, error);
}

/* --- Trunks ------------------------------------------------------------------------------ */

/* VALUE:VALUE, or NAMESPACE:NAMESPACE. */
static bool
read_mapping (Settings *settings, Policy *policy, const char *text, GError **error)
{
    g_auto (GStrv) sides = g_strsplit (text, ":", 2);

    if (sides[0] == NULL || sides[1] == NULL) {
        return fail (settings, "trunk", policy->name, "rph-map", text, "is no pair FROM:TO", error);
    }
    Mapping one = { find_level (settings, g_strstrip (sides[0])),
                    find_level (settings, g_strstrip (sides[1])) };
    const Namespace *from = namespaces_find (settings->namespaces, sides[0], strlen (sides[0]));
    const Namespace *to = namespaces_find (settings->namespaces, sides[1], strlen (sides[1]));
    if (one.from != NULL && one.to != NULL) {
        g_array_append_val (policy->mappings, one);
        return true;
    }
    if (from == NULL || to == NULL || from->n_levels != to->n_levels) {
        return fail (
            settings, "trunk", policy->name, "rph-map", text,
            "names values or namespaces that are not understood, or two namespaces that do "
            "not have as many values",
            error);
    }
    for (unsigned i = 0; i < from->n_levels; i++) {
        g_array_append_val (policy->mappings, ((Mapping){ &from->levels[i], &to->levels[i] }));
    }
    return true;
}

static bool
read_mappings (Settings *settings, Policy *policy, GError **error)
{
    const char *const *texts = td_config_list (settings->config, "trunk", policy->name, "rph-map");

    for (; *texts != NULL; texts++) {
        if (!read_mapping (settings, policy, *texts, error)) {
            return false;
        }
    }
    return true;
}

/* RFC 4412 11.3: "a secure channel" between those who trust unsigned marks. */
static bool
check_source (const Settings *settings, const Policy *policy, const char *section,
              const char *instance, GError **error)
{
    const char *address = td_config_text (settings->config, section, instance, "address");
    const char *weakness =
        address != NULL ? source_weakness (settings->config, policy->name, address) : NULL;

    return weakness == NULL
           || fail (settings, section, instance, "address", address, weakness, error);
}

static bool
check_sources (const Settings *settings, const Policy *policy, GError **error)
{
    const char *const *members = td_config_instances (settings->config, "member");

    if (policy->trust != TRUST_ACCEPT || policy->has_interface) {
        return true;
    }
    if (!check_source (settings, policy, "trunk", policy->name, error)) {
        return false;
    }
    for (; *members != NULL; members++) {
        const char *trunk = td_config_text (settings->config, "member", *members, "trunk");
        if (g_strcmp0 (trunk, policy->name) == 0
            && !check_source (settings, policy, "member", *members, error)) {
            return false;
        }
    }
    return true;
}

static bool
check_trust (const Settings *settings, const Policy *policy, bool has_passport, GError **error)
{
    static const char *const names[] = { "none", "pass", "accept", "validate" };

    if (policy->trust < TRUST_ACCEPT) {
        return true;
    }
    if (policy->trust == TRUST_VALIDATE && !has_passport) {
        return fail (settings, "trunk", policy->name, "rph-trust", "validate",
                     "needs the module passport, which verifies signatures: enable it in [modules]",
                     error);
    }
    if (g_hash_table_size (policy->accepted) == 0) {
        return fail (settings, "trunk", policy->name, "rph-trust", names[policy->trust],
                     "needs rph-accept, the values that the trunk may use, such as \"ets, wps\"",
                     error);
    }
    return check_sources (settings, policy, error);
}

static bool
read_interface (const Settings *settings, Policy *policy, GError **error)
{
    const char *text = td_config_text (settings->config, "trunk", policy->name, "rph-interface");

    if (text == NULL || *text == '\0') {
        return true;
    }
    if (!td_address_parse (text, 0, &policy->interface)) {
        return fail (settings, "trunk", policy->name, "rph-interface", text,
                     "is no numeric address", error);
    }
    policy->has_interface = true;
    return true;
}

static bool
read_policy (Settings *settings, Policy *policy, bool has_passport, GError **error)
{
    const TdConfig *config = settings->config;
    const char *name = policy->name;

    policy->trust = (Trust) td_config_number (config, "trunk", name, "rph-trust");
    policy->is_border = td_config_bool (config, "trunk", name, "rph-border");
    policy->rate = (uint32_t) MAX (td_config_number (config, "trunk", name, "rph-rate"), 0);
    policy->burst = (uint32_t) td_config_number (config, "trunk", name, "rph-burst");
    policy->may_downgrade = td_config_number (config, "trunk", name, "rph-excess") == 1;
    policy->needs_proof = td_config_number (config, "trunk", name, "rph-unproven") == 1;
    policy->has_category = td_config_bool (config, "trunk", name, "rph-category");
    policy->egress = (Egress) td_config_number (config, "trunk", name, "rph-egress");
    policy->marks_dialog = td_config_bool (config, "trunk", name, "rph-in-dialog");
    policy->may_retry = td_config_bool (config, "trunk", name, "rph-retry");
    policy->signs = td_config_bool (config, "trunk", name, "rph-sign");
    return read_accepted (settings, policy, error)
           && read_levels (settings, name, "rph-send", policy->sent, error)
           && read_mappings (settings, policy, error) && read_interface (settings, policy, error)
           && read_foreign (settings, policy, error)
           && check_trust (settings, policy, has_passport, error)
           && (!policy->signs || has_passport
               || fail (settings, "trunk", name, "rph-sign", "yes",
                        "needs the module passport, which signs: enable it in [modules]", error));
}

static bool
read_policies (Settings *settings, bool has_passport, GError **error)
{
    const char *const *names = td_config_instances (settings->config, "trunk");

    policy_init (&settings->stranger, "");
    for (; *names != NULL; names++) {
        Policy *policy = g_new0 (Policy, 1);
        policy_init (policy, *names);
        g_hash_table_insert (settings->policies, (char *) *names, policy);
        if (!read_policy (settings, policy, has_passport, error)) {
            return false;
        }
    }
    return true;
}

/* --- Numbers ----------------------------------------------------------------------------- */

static bool
read_rule (Settings *settings, const char *name, GArray *prefixes, GError **error)
{
    const TdConfig *config = settings->config;
    const char *mark = td_config_text (config, "priority-number", name, "mark");
    const char *const *texts = td_config_list (config, "priority-number", name, "prefixes");
    NumberRule rule = {
        .name = name,
        .kind = (NumberKind) td_config_number (config, "priority-number", name, "kind"),
        .level = find_level (settings, mark),
        .cause = (uint8_t) td_config_number (config, "priority-number", name, "cause"),
        .trunks = td_config_list (config, "priority-number", name, "trunks"),
    };

    if ((rule.level == NULL) != (rule.kind == NUMBER_FEATURE_CODE)
        || (rule.level == NULL && *mark)) {
        return fail (settings, "priority-number", name, "mark", mark,
                     rule.kind == NUMBER_FEATURE_CODE
                         ? "is not for a feature code, which is refused: leave it out"
                         : "is no value of a namespace that is understood: write one such as ets.4",
                     error);
    }
    for (; *texts != NULL; texts++) {
        TdPrefix prefix = { *texts, settings->rules->len };
        if (!td_prefix_is_valid (*texts) || **texts == '\0') {
            return fail (settings, "priority-number", name, "prefixes", *texts,
                         "is no prefix: write digits, * and #, after a + for international numbers",
                         error);
        }
        g_array_append_val (prefixes, prefix);
    }
    g_array_append_val (settings->rules, rule);
    return true;
}

static bool
read_numbers (Settings *settings, GError **error)
{
    const char *const *names = td_config_instances (settings->config, "priority-number");
    g_autoptr (GArray) prefixes = g_array_new (FALSE, FALSE, sizeof (TdPrefix));
    TdPrefix duplicate = { NULL, 0 };

    for (; *names != NULL; names++) {
        if (!read_rule (settings, *names, prefixes, error)) {
            return false;
        }
    }
    if (prefixes->len == 0) {
        return true;
    }
    settings->numbers =
        td_prefix_table_new ((TdPrefix *) (void *) prefixes->data, prefixes->len, &duplicate);
    if (duplicate.digits != NULL) {
        const NumberRule *rule = &g_array_index (settings->rules, NumberRule, duplicate.value);
        return fail (settings, "priority-number", rule->name, "prefixes", duplicate.digits,
                     "is a prefix of another [priority-number] as well: leave one of them out",
                     error);
    }
    return true;
}

/* --- All --------------------------------------------------------------------------------- */

Settings *
settings_new (const TdConfig *config, bool has_passport, GError **error)
{
    Settings *settings = g_new0 (Settings, 1);

    td_table_init (&settings->table, settings_free);
    settings->config = td_config_ref ((TdConfig *) config);
    settings->namespaces = namespaces_new ();
    settings->interwork = interwork_new ();
    settings->policies = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, policy_free);
    settings->categories = categories_new ();
    settings->rules = g_array_new (FALSE, FALSE, sizeof (NumberRule));
    settings->ignores_faulty = td_config_number (config, "priority", NULL, "faulty") == 1;
    settings->tells_refused = td_config_bool (config, "priority", NULL, "tell-accepted");
    settings->alarm_refused =
        (uint32_t) td_config_number (config, "priority", NULL, "alarm-refused");
    settings->alarm_window_ms =
        (uint32_t) td_config_number (config, "priority", NULL, "alarm-window");
    if (!read_namespaces (settings, error) || !read_interwork (settings, error)
        || !read_policies (settings, has_passport, error)
        || !read_categories (settings, "priority", NULL, "categories",
                             td_config_is_set (config, "priority", NULL, "categories"),
                             settings->categories, error)
        || !read_numbers (settings, error)) {
        td_table_unref (&settings->table);
        return NULL;
    }
    return settings;
}

bool
settings_has_passport (const TdConfig *config)
{
    return source_has_module (config, "passport");
}

const Policy *
settings_policy (const Settings *settings, const char *trunk)
{
    const Policy *policy = g_hash_table_lookup (settings->policies, trunk);

    return policy != NULL ? policy : &settings->stranger;
}
