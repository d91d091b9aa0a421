/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds how many seats of a shared pool: the one text that nodes read, change and put back. */

#include "ledger.h"

#include <string.h>

static const char head[] = "tandem-lease 1";

/* --- Text -------------------------------------------------------------------------------- */

static void
free_node (void *data)
{
    LedgerNode *node = data;

    g_free (node->name);
    g_free (node);
}

void
ledger_free (Ledger *ledger)
{
    if (ledger != NULL) {
        g_free (ledger->run);
        g_free (ledger->terms);
        g_ptr_array_unref (ledger->nodes);
        g_free (ledger);
    }
}

LedgerNode *
ledger_find (const Ledger *ledger, const char *name)
{
    for (unsigned i = 0; i < ledger->nodes->len; i++) {
        LedgerNode *node = ledger->nodes->pdata[i];
        if (strcmp (node->name, name) == 0) {
            return node;
        }
    }
    return NULL;
}

static bool
read_number (const char *text, unsigned base, uint64_t max, uint64_t *ret_number)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned (text, base, 0, max, &number, NULL)) {
        return false;
    }
    *ret_number = number;
    return true;
}

static LedgerNode *
add_node (Ledger *ledger, const char *name)
{
    LedgerNode *node = g_new0 (LedgerNode, 1);

    node->name = g_strdup (name);
    g_ptr_array_add (ledger->nodes, node);
    return node;
}

static bool
read_epoch (Ledger *ledger, char **words)
{
    if (g_strv_length (words) != 4 || ledger->epoch != 0) {
        return false;
    }
    ledger->is_ripe = strcmp (words[2], "ripe") == 0;
    ledger->run = g_uri_unescape_string (words[3], NULL);
    return (ledger->is_ripe || strcmp (words[2], "raw") == 0) && ledger->run != NULL
           && read_number (words[1], 16, UINT64_MAX, &ledger->epoch) && ledger->epoch != 0;
}

static bool
read_node (Ledger *ledger, char **words)
{
    uint64_t seats;

    if (g_strv_length (words) != 6 || ledger->nodes->len == LEDGER_MAX_NODES) {
        return false;
    }
    g_autofree char *name = g_uri_unescape_string (words[1], NULL);
    if (name == NULL || ledger_find (ledger, name) != NULL) {
        return false;
    }
    LedgerNode *node = add_node (ledger, name);
    bool is_good = read_number (words[2], 16, UINT64_MAX, &node->boot)
                   && read_number (words[3], 10, UINT64_MAX, &node->seq)
                   && read_number (words[4], 10, UINT32_MAX, &seats)
                   && read_number (words[5], 16, UINT64_MAX, &node->terms);
    node->seats = is_good ? (uint32_t) seats : 0;
    return is_good;
}

static bool
read_line (Ledger *ledger, const char *line)
{
    g_auto (GStrv) words = g_strsplit (line, " ", 8);

    if (strcmp (words[0], "epoch") == 0) {
        return read_epoch (ledger, words);
    }
    if (strcmp (words[0], "terms") == 0 && ledger->terms == NULL) {
        ledger->terms = g_strdup (line + strlen ("terms") + (words[1] != NULL));
        return true;
    }
    return strcmp (words[0], "node") == 0 && read_node (ledger, words);
}

static bool
read_lines (Ledger *ledger, const char *text, GError **error)
{
    g_auto (GStrv) lines = NULL;

    if (strlen (text) > LEDGER_MAX_BYTES || !g_utf8_validate (text, -1, NULL)) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "what the store has is too long, or no text");
        return false;
    }
    lines = g_strsplit (text, "\n", -1);
    if (lines[0] == NULL || strcmp (lines[0], head) != 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "what the store has does not begin with \"%s\"", head);
        return false;
    }
    for (unsigned i = 1; lines[i] != NULL; i++) {
        if (lines[i][0] != '\0' && !read_line (ledger, lines[i])) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                         "line %u of what the store has is not understood: \"%.80s\"", i + 1,
                         lines[i]);
            return false;
        }
    }
    if (ledger->epoch == 0 || ledger->terms == NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "what the store has lacks %s",
                     ledger->epoch == 0 ? "an epoch" : "terms");
        return false;
    }
    return true;
}

Ledger *
ledger_parse (const char *text, GError **error)
{
    g_autoptr (Ledger) ledger = g_new0 (Ledger, 1);

    ledger->nodes = g_ptr_array_new_with_free_func (free_node);
    if (text != NULL && !read_lines (ledger, text, error)) {
        return NULL;
    }
    return g_steal_pointer (&ledger);
}

char *
ledger_print (const Ledger *ledger)
{
    GString *text = g_string_new (head);
    g_autofree char *run = g_uri_escape_string (ledger->run, NULL, false);

    g_string_append_printf (text, "\nepoch %" G_GINT64_MODIFIER "x %s %s\nterms %s\n",
                            ledger->epoch, ledger->is_ripe ? "ripe" : "raw", run, ledger->terms);
    for (unsigned i = 0; i < ledger->nodes->len; i++) {
        const LedgerNode *node = ledger->nodes->pdata[i];
        g_autofree char *name = g_uri_escape_string (node->name, NULL, false);
        g_string_append_printf (text,
                                "node %s %" G_GINT64_MODIFIER "x %" G_GUINT64_FORMAT
                                " %u %" G_GINT64_MODIFIER "x\n",
                                name, node->boot, node->seq, node->seats, node->terms);
    }
    return g_string_free (text, FALSE);
}

/* --- Rules ------------------------------------------------------------------------------- */

/* FNV-1a: nobody forges terms, they are only mistaken. */
static uint64_t
sum_of (const char *text)
{
    uint64_t sum = UINT64_C (0xcbf29ce484222325);

    for (; *text != '\0'; text++) {
        sum = (sum ^ (uint8_t) *text) * UINT64_C (0x100000001b3);
    }
    return sum;
}

/* The store is another one, is empty, or has forgotten what this node holds: what it says of the others
 * may be as wrong. They have to say so themselves; who does not has lost its seats when a time-out is
 * over. To begin an epoch is never a risk. */
static bool
is_to_begin (const Ledger *ledger, const char *run, const LedgerAsk *ask, const LedgerNode *mine)
{
    uint32_t known = mine != NULL && mine->boot == ask->boot ? mine->seats : 0;

    return ledger->epoch == 0 || strcmp (ledger->run, run) != 0
           || (ledger->epoch == ask->epoch && ask->held > known
               && (mine == NULL || mine->boot == ask->boot));
}

static void
begin_epoch (Ledger *ledger, const char *run, const LedgerAsk *ask)
{
    ledger->epoch = ask->fresh;
    ledger->is_ripe = false;
    g_free (ledger->run);
    ledger->run = g_strdup (run);
    if (ledger->terms == NULL) {
        ledger->terms = g_strdup (ask->terms->text);
    }
    g_ptr_array_set_size (ledger->nodes, 0);
}

/* Who has not renewed since it was seen by whoever says so. */
static void
bury (Ledger *ledger, const LedgerAsk *ask)
{
    for (unsigned i = 0; i < ask->n_dead; i++) {
        LedgerNode *node = ledger_find (ledger, ask->dead[i].name);
        if (node != NULL && node->boot == ask->dead[i].boot && node->seq == ask->dead[i].seq) {
            g_ptr_array_remove (ledger->nodes, node);
        }
    }
}

/* Other terms are in force once the last node goes by them. */
static bool
agree (Ledger *ledger, const LedgerAsk *ask)
{
    uint64_t sum = sum_of (ask->terms->text);

    if (strcmp (ledger->terms, ask->terms->text) == 0) {
        return true;
    }
    for (unsigned i = 0; i < ledger->nodes->len; i++) {
        if (((const LedgerNode *) ledger->nodes->pdata[i])->terms != sum) {
            return false;
        }
    }
    g_free (ledger->terms);
    ledger->terms = g_strdup (ask->terms->text);
    return true;
}

static uint32_t
taken_by_others (const Ledger *ledger, const char *name)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < ledger->nodes->len; i++) {
        const LedgerNode *node = ledger->nodes->pdata[i];
        sum += strcmp (node->name, name) != 0 ? node->seats : 0;
    }
    return (uint32_t) MIN (sum, UINT32_MAX);
}

/* What ASK may rely on. Seats that are kept without a right to them count all the same: then nobody
 * gets any until so many are free again. */
static uint32_t
seats_for (const Ledger *ledger, const LedgerAsk *ask, bool is_agreed, uint32_t others)
{
    uint32_t pool = ask->terms->pool;
    uint32_t n_free = pool > others ? pool - others : 0;
    bool is_its_own = !ledger->is_ripe || ledger->epoch == ask->epoch;
    uint32_t least = MAX (is_its_own ? ask->held : 0, ask->kept);

    return ledger->is_ripe && is_agreed ? MAX (least, MIN (ask->want, n_free)) : least;
}

LedgerVerdict
ledger_apply (Ledger *ledger, const char *run, const LedgerAsk *ask)
{
    LedgerVerdict verdict = { 0 };

    if (ledger->epoch != 0 && strcmp (ledger->terms, ask->terms->text) == 0) {
        bury (ledger, ask);
        ledger->is_ripe |= ledger->epoch == ask->known;
    }
    LedgerNode *mine = ledger_find (ledger, ask->node);
    if (is_to_begin (ledger, run, ask, mine)) {
        begin_epoch (ledger, run, ask);
        mine = NULL;
    }
    verdict.is_twin = mine != NULL && mine->boot != ask->boot;
    verdict.is_crowded = mine == NULL && ledger->nodes->len == LEDGER_MAX_NODES;
    if (verdict.is_twin || verdict.is_crowded) {
        return verdict;
    }
    if (ask->is_leaving) {
        if (mine != NULL) {
            g_ptr_array_remove (ledger->nodes, mine);
        }
        return verdict;
    }
    mine = mine != NULL ? mine : add_node (ledger, ask->node);
    mine->boot = ask->boot;
    mine->seq = ask->seq;
    mine->terms = sum_of (ask->terms->text);
    verdict.is_agreed = agree (ledger, ask);
    uint32_t others = taken_by_others (ledger, ask->node);
    verdict.seats = mine->seats = seats_for (ledger, ask, verdict.is_agreed, others);
    verdict.n_taken = others + mine->seats;
    verdict.n_free = ask->terms->pool > verdict.n_taken ? ask->terms->pool - verdict.n_taken : 0;
    return verdict;
}
