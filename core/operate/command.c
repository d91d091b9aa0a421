/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of commands: names leased to modules, and how an operator's words find one. */

#include "operate/command.h"

#include "base/text.h"

#include <string.h>

enum { WORDS_MAX = 4 }; /* of a name */

/* name -> GQueue of leases, the newest first; both of the control lane alone. */
static GTree *table;

G_DEFINE_QUARK (td - operate, td_operate_error)

static int
compare_names (const void *a, const void *b, void *data)
{
    return strcmp (a, b);
}

static GQueue *
leases_of (const char *name)
{
    return table != NULL ? g_tree_lookup (table, name) : NULL;
}

static void
free_leases (void *leases)
{
    g_queue_free (leases);
}

/* The lease that counts for NAME, or NULL. */
static TdCommandLease *
newest (const char *name)
{
    GQueue *leases = leases_of (name);

    return leases != NULL ? g_queue_peek_head (leases) : NULL;
}

static void
take_back (TdOwned *owned)
{
    TdCommandLease *lease = (TdCommandLease *) owned;
    GQueue *leases = leases_of (lease->decl.name);

    g_queue_remove (leases, lease);
    if (g_queue_is_empty (leases)) {
        g_tree_remove (table, lease->decl.name);
    }
    g_free ((char *) lease->decl.name);
    g_free (lease->arguments);
    g_free (lease);
}

/* The number of words of NAME, lower case, divided by single spaces; 0 when it is no name. */
static unsigned
count_words (const char *name)
{
    unsigned n_words = 1;

    if (name == NULL) {
        return 0;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == ' ') {
            n_words++;
        }
        bool is_edge = c == name || c[-1] == ' ' || c[1] == ' ' || c[1] == '\0';
        if (!g_ascii_islower (*c)
            && (is_edge || (*c != '-' && *c != ' ' && !g_ascii_isdigit (*c)))) {
            return 0;
        }
    }
    return *name != '\0' && n_words <= WORDS_MAX ? n_words : 0;
}

static TdCommandLease *
make_lease (TdModule *module, const TdCommand *decl)
{
    TdCommandLease *lease = g_new0 (TdCommandLease, 1);

    memcpy (&lease->decl, decl, MIN (decl->size, sizeof lease->decl));
    lease->module = module;
    lease->arguments = g_new0 (TdArgument, lease->decl.n_arguments + 1);
    for (uint32_t i = 0; i < lease->decl.n_arguments; i++) {
        memcpy (&lease->arguments[i],
                (const char *) lease->decl.arguments + (size_t) i * lease->decl.argument_size,
                MIN (lease->decl.argument_size, sizeof (TdArgument)));
    }
    lease->decl.arguments = lease->arguments;
    lease->decl.name = g_strdup (lease->decl.name);
    lease->decl.help = lease->decl.help != NULL ? lease->decl.help : "";
    lease->n_words = count_words (lease->decl.name);
    return lease;
}

bool
td_command_add (TdModule *module, const TdCommand *decl, GError **error)
{
    const char *owner_name = td_owner_of (module)->name;

    if (count_words (decl->name) == 0) {
        g_set_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_NAME,
                     "module %s declares the command \"%s\": give it a name of one to %d words in "
                     "lower case",
                     owner_name, decl->name != NULL ? decl->name : "", WORDS_MAX);
        return false;
    }
    const TdCommandLease *holder = newest (decl->name);
    if (holder != NULL && !g_str_equal (td_owner_of (holder->module)->name, owner_name)) {
        g_set_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_TAKEN,
                     "the command \"%s\" belongs to module %s: module %s must name its own "
                     "differently, or only one of them be enabled",
                     decl->name, td_owner_of (holder->module)->name, owner_name);
        return false;
    }
    if (table == NULL) {
        table = g_tree_new_full (compare_names, NULL, g_free, free_leases);
    }
    TdCommandLease *lease = make_lease (module, decl);
    GQueue *leases = leases_of (decl->name);
    if (leases == NULL) {
        leases = g_queue_new ();
        g_tree_insert (table, g_strdup (decl->name), leases);
    }
    g_queue_push_head (leases, lease);
    lease->owned = (TdOwned){
        .kind = "command", .name = lease->decl.name, .revoke = take_back, .is_lease = true
    };
    td_owner_add (td_owner_of (module), &lease->owned);
    return true;
}

void
td_command_add_own (const TdCommand *command)
{
    g_autoptr (GError) error = NULL;

    if (!td_command_add (NULL, command, &error)) {
        g_critical ("%s", error->message);
    }
}

typedef struct {
    void (*visit) (const TdCommandLease *lease, void *data);
    void *data;
} Visit;

static gboolean
visit_newest (void *name, void *leases, void *data)
{
    const Visit *visit = data;

    visit->visit (g_queue_peek_head (leases), visit->data);
    return FALSE;
}

void
td_command_each (void (*visit) (const TdCommandLease *lease, void *data), void *data)
{
    Visit each = { visit, data };

    if (table != NULL) {
        g_tree_foreach (table, visit_newest, &each);
    }
}

/* The first N_WORDS of WORDS with a space between them (transfer full). */
static char *
join (const char *const *words, unsigned n_words)
{
    g_autoptr (GString) joined = g_string_new (NULL);

    for (unsigned i = 0; i < n_words && words[i] != NULL; i++) {
        g_string_append_printf (joined, "%s%s", i > 0 ? " " : "", words[i]);
    }
    return g_string_free (g_steal_pointer (&joined), FALSE);
}

static void
add_name (const TdCommandLease *lease, void *names)
{
    g_ptr_array_add (names, (void *) lease->decl.name);
}

static bool
is_under (const char *name, const char *noun)
{
    size_t len = strlen (noun);

    return strncmp (name, noun, len) == 0 && name[len] == ' ';
}

/* What may have been meant by WORDS: a command, or the noun of some (transfer full, nullable). */
static char *
guess (const char *const *words, const GPtrArray *names)
{
    g_autofree char *two = join (words, 2);
    g_autoptr (GPtrArray) nouns = g_ptr_array_new_with_free_func (g_free);

    for (unsigned i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_ptr_array_add (nouns, g_strndup (name, strcspn (name, " ")));
    }
    const char *found = td_text_nearest (two, (const char *const *) names->pdata, names->len);
    if (found == NULL) {
        found = td_text_nearest (words[0], (const char *const *) nouns->pdata, nouns->len);
    }
    return g_strdup (found);
}

/* "call hangup, call list or call show" of those NAMES that begin with NOUN; "" for none (transfer
 * full). */
static char *
list_under (const char *noun, const GPtrArray *names)
{
    g_autoptr (GPtrArray) under = g_ptr_array_new ();
    g_autoptr (GString) list = g_string_new (NULL);

    for (unsigned i = 0; i < names->len; i++) {
        if (is_under (names->pdata[i], noun)) {
            g_ptr_array_add (under, names->pdata[i]);
        }
    }
    for (unsigned i = 0; i < under->len; i++) {
        const char *divider = i == 0 ? "" : i + 1 == under->len ? " or " : ", ";
        g_string_append_printf (list, "%s%s", divider, (const char *) under->pdata[i]);
    }
    return g_string_free (g_steal_pointer (&list), FALSE);
}

static void
set_unknown (GError **error, const char *const *words)
{
    g_autoptr (GPtrArray) names = g_ptr_array_new ();

    td_command_each (add_name, names);
    g_autofree char *under = list_under (words[0], names);
    if (*under != '\0' && words[1] == NULL) {
        g_set_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_UNKNOWN,
                     "\"%s\" alone is no command: say %s", words[0], under);
        return;
    }
    g_autofree char *said = join (words, 2);
    g_autofree char *meant = guess (words, names);
    if (meant != NULL && !g_str_equal (meant, words[0])) {
        g_set_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_UNKNOWN,
                     "there is no command \"%s\": did you mean \"%s\"?", said, meant);
    } else if (*under != '\0') {
        g_set_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_UNKNOWN,
                     "there is no command \"%s\": say %s", said, under);
    } else {
        g_set_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_UNKNOWN,
                     "there is no command \"%s\": \"help\" lists those there are; a module that is "
                     "not enabled brings none",
                     said);
    }
}

const TdCommandLease *
td_command_find (const char *const *words, GError **error)
{
    if (words[0] == NULL) {
        g_set_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_UNKNOWN,
                     "no command given: \"help\" lists those there are");
        return NULL;
    }
    unsigned n_words = g_strv_length ((char **) words);
    for (unsigned n = MIN (n_words, WORDS_MAX); n > 0; n--) {
        g_autofree char *name = join (words, n);
        const TdCommandLease *lease = newest (name);
        if (lease != NULL) {
            return lease;
        }
    }
    set_unknown (error, words);
    return NULL;
}
