/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the book. */

#include "book.h"

#include <string.h>
#include <tandem/cause.h>

static const TdConfigKey announce_keys[] = {
    { .name = "tones",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "The tone plan, such as tones/north-america.ini in the data folder of Tandem. Not given: "
          "there are no tones.",
      .since = "0.1" },
    { .name = "prompts",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "The folder of recordings: NAME.wav is prompt/NAME. Not given: there are none.",
      .since = "0.1" },
    { .name = "treatment",
      .type = TD_CONFIG_REFERENCE,
      .flags = TD_CONFIG_RELOADABLE,
      .refers = "treatment",
      .help = "What callers hear when a call fails, unless their trunk or the routing tables say "
              "otherwise.",
      .since = "0.1" },
    { .name = "longest",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "60 s",
      .min = 1000,
      .max = 3600000,
      .help = "For so long anybody hears a tone or an announcement; then the call is released.",
      .since = "0.1" },
    { .name = "capacity",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .unit = "calls",
      .default_text = "500",
      .min = 0,
      .max = 1000000,
      .help = "So many may hear something at once; further calls are released at once.",
      .since = "0.1" },
};

static const TdConfigKey treatment_keys[] = {
    { .name = "*",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .help =
          "A Q.850 cause, by number or name, or default, or announcement (of calls that routing "
          "tables refuse with one; % stands for its name): what is heard, and the cause of the "
          "release where it is another one: tone/busy 20 s, release 17",
      .since = "0.1" },
};

static const TdConfigKey trunk_keys[] = {
    { .name = "treatment",
      .type = TD_CONFIG_REFERENCE,
      .flags = TD_CONFIG_RELOADABLE,
      .refers = "treatment",
      .help = "What callers from this trunk hear when a call fails.",
      .since = "0.1" },
};

const TdConfigSection book_sections[BOOK_N_SECTIONS] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "announce",
      .help = "Tones and announcements.",
      .keys = announce_keys,
      .n_keys = G_N_ELEMENTS (announce_keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "treatment",
      .help = "What a caller hears instead of the called party, for each cause.",
      .is_named = true,
      .takes_any_key = true,
      .keys = treatment_keys,
      .n_keys = G_N_ELEMENTS (treatment_keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "trunk",
      .is_addition = true,
      .keys = trunk_keys,
      .n_keys = G_N_ELEMENTS (trunk_keys) },
};

/* --- Making ------------------------------------------------------------------------------ */

static void
treatment_free (void *data)
{
    BookTreatment *treatment = data;

    for (unsigned i = 0; i < BOOK_N_CAUSES; i++) {
        g_free (treatment->causes[i].sequence);
    }
    g_free (treatment->others.sequence);
    g_free (treatment->announcement);
    g_free (treatment);
}

static void
book_free (TdTable *table)
{
    Book *book = (Book *) table;

    library_free (book->library);
    g_hash_table_unref (book->trunks);
    g_hash_table_unref (book->treatments);
    g_free (book);
}

static Book *
book_new (void)
{
    Book *book = g_new0 (Book, 1);

    td_table_init (&book->table, book_free);
    book->library = library_new ();
    book->treatments = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, treatment_free);
    book->trunks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    return book;
}

static bool
load_library (Book *book, const TdConfig *config, GError **error)
{
    const char *tones = td_config_text (config, "announce", NULL, "tones");
    const char *prompts = td_config_text (config, "announce", NULL, "prompts");

    g_autoptr (GError) why = NULL;

    if (tones != NULL && !library_add_tones (book->library, tones, &why)) {
        return td_config_refuse (config, "announce", NULL, "tones", NULL, error, "%s",
                                 why->message);
    }
    if (prompts != NULL && !library_add_prompts (book->library, prompts, &why)) {
        return td_config_refuse (config, "announce", NULL, "prompts", NULL, error, "%s",
                                 why->message);
    }
    return true;
}

/* "release 17". */
static bool
read_release (const char *text, uint8_t *ret_cause, GError **error)
{
    unsigned cause;

    if (!td_cause_parse (text + strlen ("release "), &cause) || cause == 0
        || cause >= BOOK_N_CAUSES) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "\"%s\" is not \"release CAUSE\", with a cause of 1 to 127 or its name", text);
        return false;
    }
    *ret_cause = (uint8_t) cause;
    return true;
}

/* A sequence, "release CAUSE" behind the last comma, or both. */
static bool
read_entry (const Book *book, BookEntry *entry, const char *given, GError **error)
{
    g_autofree char *text = g_strstrip (g_strdup (given));
    char *comma = strrchr (text, ',');
    const char *last = comma != NULL ? comma + 1 + strspn (comma + 1, " \t") : text;
    Sequence sequence;

    entry->is_set = true;
    if (g_str_has_prefix (last, "release ")) {
        if (!read_release (last, &entry->release_cause, error)) {
            return false;
        }
        if (comma == NULL) {
            return true;
        }
        *comma = '\0';
    }
    entry->sequence = g_strdup (g_strstrip (text));
    return sequence_parse (&sequence, book->library, entry->sequence, error);
}

/* The sequence with NAME in place of each "%" (transfer full). */
static char *
fill_in (const char *sequence, const char *name)
{
    g_auto (GStrv) parts = g_strsplit (sequence, "%", -1);

    return g_strjoinv (name, parts);
}

static bool
read_key (const Book *book, BookTreatment *treatment, const char *key, const char *value,
          GError **error)
{
    unsigned cause;

    if (g_str_equal (key, "announcement")) {
        treatment->announcement = g_strdup (value);
        return true; /* what stands for % is known when a call is refused */
    }
    if (g_str_equal (key, "default")) {
        return read_entry (book, &treatment->others, value, error);
    }
    if (!td_cause_parse (key, &cause) || cause == 0 || cause >= BOOK_N_CAUSES) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "it is no cause of 1 to 127, no name of one, and neither default nor "
                     "announcement");
        return false;
    }
    if (treatment->causes[cause].is_set) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "cause %u is there already", cause);
        return false;
    }
    return read_entry (book, &treatment->causes[cause], value, error);
}

static bool
read_treatment (Book *book, const TdConfig *config, const char *name, GError **error)
{
    BookTreatment *treatment = g_new0 (BookTreatment, 1);
    const char *const *keys = td_config_keys (config, "treatment", name);

    g_hash_table_insert (book->treatments, g_strdup (name), treatment);
    for (unsigned i = 0; keys[i] != NULL; i++) {
        g_autoptr (GError) why = NULL;
        if (!read_key (book, treatment, keys[i],
                       td_config_text (config, "treatment", name, keys[i]), &why)) {
            return td_config_refuse (config, "treatment", name, keys[i], NULL, error, "%s",
                                     why->message);
        }
    }
    return true;
}

static void
read_trunks (Book *book, const TdConfig *config)
{
    const char *const *trunks = td_config_instances (config, "trunk");
    const char *fallback = td_config_text (config, "announce", NULL, "treatment");

    for (unsigned i = 0; trunks[i] != NULL; i++) {
        const char *name = td_config_text (config, "trunk", trunks[i], "treatment");
        if (name != NULL) {
            g_hash_table_insert (book->trunks, g_strdup (trunks[i]),
                                 g_hash_table_lookup (book->treatments, name));
        }
    }
    book->fallback = fallback != NULL ? g_hash_table_lookup (book->treatments, fallback) : NULL;
}

Book *
book_load (const TdConfig *config, GError **error)
{
    Book *book = book_new ();
    const char *const *names = td_config_instances (config, "treatment");
    bool is_good = load_library (book, config, error);

    for (unsigned i = 0; is_good && names[i] != NULL; i++) {
        is_good = read_treatment (book, config, names[i], error);
    }
    if (!is_good) {
        td_table_unref (&book->table);
        return NULL;
    }
    read_trunks (book, config);
    book->longest_ms = (uint32_t) td_config_number (config, "announce", NULL, "longest");
    book->capacity = (unsigned) td_config_number (config, "announce", NULL, "capacity");
    return book;
}

/* --- Asking ------------------------------------------------------------------------------ */

const BookTreatment *
book_treatment (const Book *book, const char *name, const char *trunk)
{
    const BookTreatment *treatment =
        name != NULL ? g_hash_table_lookup (book->treatments, name) : NULL;

    if (treatment == NULL && trunk != NULL) {
        treatment = g_hash_table_lookup (book->trunks, trunk);
    }
    return treatment != NULL ? treatment : book->fallback;
}

const BookEntry *
book_entry (const BookTreatment *treatment, unsigned cause)
{
    if (treatment == NULL) {
        return NULL;
    }
    if (cause < BOOK_N_CAUSES && treatment->causes[cause].is_set) {
        return &treatment->causes[cause];
    }
    return treatment->others.is_set ? &treatment->others : NULL;
}

char *
book_sequence (const Book *book, const BookTreatment *treatment, const BookEntry *entry,
               const char *announcement)
{
    Sequence sequence;

    if (announcement != NULL && treatment->announcement != NULL) {
        g_autofree char *text = fill_in (treatment->announcement, announcement);
        if (sequence_parse (&sequence, book->library, text, NULL)) {
            return g_steal_pointer (&text);
        }
    }
    return entry != NULL ? g_strdup (entry->sequence) : NULL;
}
