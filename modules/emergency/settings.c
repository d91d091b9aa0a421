/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sections of the module, read into tables that are looked up in. */

#include "settings.h"

#include <string.h>

/* --- Reading ----------------------------------------------------------------------------- */

/* A section that is being read. */
typedef struct {
    const TdConfig *config;
    const char *section, *name; /* NAME: NULL for [emergency] */
    Settings *settings;
    GError **error;
} Reader;

static bool
fail (const Reader *reader, const char *key, const char *value, const char *what)
{
    return td_config_refuse (reader->config, reader->section, reader->name, key, value,
                             reader->error, "%s", what);
}

static const char *
text_of (const Reader *reader, const char *key)
{
    const char *text = td_config_text (reader->config, reader->section, reader->name, key);

    return text != NULL ? text : "";
}

static char *
text_or_null (const Reader *reader, const char *key)
{
    const char *text = text_of (reader, key);

    return *text != '\0' ? g_strdup (text) : NULL;
}

static const char *const *
list_of (const Reader *reader, const char *key)
{
    return td_config_list (reader->config, reader->section, reader->name, key);
}

static uint32_t
number_of (const Reader *reader, const char *key)
{
    return (uint32_t) td_config_number (reader->config, reader->section, reader->name, key);
}

static PsapList *
psaps_of (const Reader *reader, const char *key)
{
    const char *const *names = list_of (reader, key);
    PsapList *list = g_ptr_array_new ();

    for (unsigned i = 0; names[i] != NULL; i++) {
        g_ptr_array_add (list, g_hash_table_lookup (reader->settings->psap_by_name, names[i]));
    }
    return list;
}

/* As td_party_key() has it (transfer full), or NULL. */
static char *
number_key (const char *text)
{
    TdParty party;

    return td_party_from_number (&party, text) ? g_strdup (td_party_key (&party)) : NULL;
}

/* The numbers of a list, as keys (transfer full). */
static bool
read_numbers (const Reader *reader, const char *key, char ***ret)
{
    const char *const *texts = list_of (reader, key);
    g_autoptr (GStrvBuilder) numbers = g_strv_builder_new ();

    for (unsigned i = 0; texts[i] != NULL; i++) {
        g_autofree char *number = number_key (texts[i]);
        if (number == NULL) {
            return fail (reader, key, texts[i], "is no number: write digits, or + and digits");
        }
        g_strv_builder_add (numbers, number);
    }
    *ret = g_strv_builder_end (numbers);
    return true;
}

/* --- PSAPs ------------------------------------------------------------------------------- */

static void
psap_free (void *data)
{
    Psap *psap = data;

    g_free (psap->name);
    g_strfreev (psap->trunks);
    g_strfreev (psap->services);
    g_strfreev (psap->uris);
    g_strfreev (psap->keys);
    g_strfreev (psap->callbacks);
    g_free (psap->number);
    g_free (psap);
}

static bool
read_services (const Reader *reader, Psap *psap)
{
    const char *const *texts = list_of (reader, "services");
    g_autoptr (GStrvBuilder) services = g_strv_builder_new ();
    char urn[TD_PARTY_TEXT];

    for (unsigned i = 0; texts[i] != NULL; i++) {
        if (!urn_from_config (texts[i], urn)) {
            return fail (reader, "services", texts[i],
                         "is no emergency service: write police, or urn:service:sos.police");
        }
        g_strv_builder_add (services, urn);
    }
    psap->services = g_strv_builder_end (services);
    return true;
}

static bool
read_sent (const Reader *reader, Psap *psap)
{
    const char *text = text_of (reader, "send");

    psap->sends_urn = strcmp (text, "urn") == 0;
    if (psap->sends_urn || strcmp (text, "called") == 0) {
        return true;
    }
    psap->number = number_key (text);
    return psap->number != NULL
           || fail (reader, "send", text, "is neither called, nor urn, nor a number");
}

/* Whose word it is that a call is a callback: by default of its first trunk's, others only overflow there. */
static bool
read_callbacks (const Reader *reader, Psap *psap)
{
    const char *const *trunks = list_of (reader, "callback-trunks");
    const char *interface = text_of (reader, "callback-interface");

    psap->callbacks = *trunks != NULL ? g_strdupv ((char **) trunks)
                                      : g_strdupv ((char **) TD_LIST (psap->trunks[0]));
    psap->has_interface = *interface != '\0';
    return !psap->has_interface || td_address_parse (interface, 0, &psap->interface)
           || fail (reader, "callback-interface", interface, "is no numeric address");
}

static bool
read_psap (const Reader *reader)
{
    Psap *psap = g_new0 (Psap, 1);

    psap->name = g_strdup (reader->name);
    g_ptr_array_add (reader->settings->psaps, psap);
    g_hash_table_insert (reader->settings->psap_by_name, psap->name, psap);
    psap->trunks = g_strdupv ((char **) list_of (reader, "trunks"));
    psap->uris = g_strdupv ((char **) list_of (reader, "uris"));
    psap->no_answer_ms = number_of (reader, "no-answer");
    if (psap->trunks[0] == NULL) {
        return fail (reader, "trunks", "", "is nowhere to send a call: name at least one trunk");
    }
    return read_services (reader, psap) && read_sent (reader, psap)
           && read_numbers (reader, "keys", &psap->keys) && read_callbacks (reader, psap);
}

/* --- Regions ----------------------------------------------------------------------------- */

static void
region_free (void *data)
{
    Region *region = data;

    g_free (region->name);
    g_hash_table_unref (region->numbers);
    g_clear_pointer (&region->psaps, g_ptr_array_unref);
    g_free (region);
}

static void
add_number (const Reader *reader, Region *region, const char *prefix, const char *number,
            const char *urn)
{
    char *whole = g_strconcat (prefix, number, NULL);

    g_hash_table_add (reader->settings->numbers, g_strdup (whole));
    g_hash_table_insert (region->numbers, whole, g_strdup (urn));
}

/* "112", or "110 police". */
static bool
read_emergency_number (const Reader *reader, Region *region, const char *text, char **prefixes)
{
    g_auto (GStrv) words = g_strsplit (text, " ", 2);
    g_autofree char *number = number_key (words[0]);
    char urn[TD_PARTY_TEXT] = URN_PREFIX "sos";

    if (number == NULL) {
        return fail (reader, "numbers", text, "does not begin with a number, as 110 police does");
    }
    if (words[1] != NULL && !urn_from_config (g_strstrip (words[1]), urn)) {
        return fail (reader, "numbers", text,
                     "names no emergency service behind the number, as 110 police does");
    }
    add_number (reader, region, "", number, urn);
    for (; *prefixes != NULL; prefixes++) {
        add_number (reader, region, *prefixes, number, urn);
    }
    return true;
}

static bool
read_region_numbers (const Reader *reader, Region *region)
{
    const char *const *texts = list_of (reader, "numbers");
    g_auto (GStrv) prefixes = NULL;

    if (!read_numbers (reader, "prefixes", &prefixes)) {
        return false;
    }
    for (unsigned i = 0; texts[i] != NULL; i++) {
        if (!read_emergency_number (reader, region, texts[i], prefixes)) {
            return false;
        }
    }
    return true;
}

/* Each trunk is in one region only. */
static bool
place_trunks (const Reader *reader, GHashTable *by_trunk, void *what, const char *kind)
{
    const char *const *trunks = list_of (reader, "trunks");

    for (unsigned i = 0; trunks[i] != NULL; i++) {
        if (g_hash_table_contains (by_trunk, trunks[i])) {
            g_autofree char *text = g_strdup_printf ("is in another %s already", kind);
            return fail (reader, "trunks", trunks[i], text);
        }
        g_hash_table_insert (by_trunk, g_strdup (trunks[i]), what);
    }
    return true;
}

static bool
read_region (const Reader *reader)
{
    Region *region = g_new0 (Region, 1);

    region->name = g_strdup (reader->name);
    region->numbers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    region->psaps = psaps_of (reader, "psaps");
    g_ptr_array_add (reader->settings->regions, region);
    return read_region_numbers (reader, region)
           && place_trunks (reader, reader->settings->region_by_trunk, region, "region");
}

static const Region *
find_region (const Reader *reader, const char *key)
{
    const char *name = text_of (reader, key);

    for (unsigned i = 0; i < reader->settings->regions->len; i++) {
        const Region *region = reader->settings->regions->pdata[i];
        if (strcmp (region->name, name) == 0) {
            return region;
        }
    }
    return NULL;
}

/* --- Locations --------------------------------------------------------------------------- */

static void
place_free (void *data)
{
    Place *place = data;

    g_free (place->name);
    g_strfreev (place->trunks);
    g_clear_pointer (&place->psaps, g_ptr_array_unref);
    location_free (place->location);
    g_free (place->callback);
    g_free (place);
}

static bool
read_where (const Reader *reader, Place *place)
{
    const char *point = text_of (reader, "point");
    const char *const *civic = list_of (reader, "civic");
    g_autoptr (GError) error = NULL;

    if (*point != '\0' && civic[0] != NULL) {
        return fail (reader, "point", point, "stands beside civic: a question has one of them");
    }
    if (*point != '\0') {
        place->location = location_from_point (point, &error);
        return place->location != NULL || fail (reader, "point", point, error->message);
    }
    if (civic[0] != NULL) {
        place->location = location_from_civic (civic, &error);
        return place->location != NULL || fail (reader, "civic", civic[0], error->message);
    }
    return true;
}

static void
add_user (Settings *settings, const char *user, Place *place)
{
    GPtrArray *places = g_hash_table_lookup (settings->place_by_user, user);

    if (places == NULL) {
        places = g_ptr_array_new ();
        g_hash_table_insert (settings->place_by_user, g_strdup (user), places);
    }
    g_ptr_array_add (places, place);
}

/* Users as callers are known by, or "+1212*" for all that begin so. */
static bool
read_users (const Reader *reader, Place *place, GArray *prefixes)
{
    const char *const *users = list_of (reader, "users");

    for (unsigned i = 0; users[i] != NULL; i++) {
        size_t len = strlen (users[i]);
        if (users[i][len - 1] != '*' || len == 1) {
            add_user (reader->settings, users[i], place);
            continue;
        }
        char *digits = g_strndup (users[i], len - 1);
        TdPrefix prefix = { digits, reader->settings->places->len - 1 };
        g_array_append_val (prefixes, prefix);
        if (!td_prefix_is_valid (digits)) {
            return fail (reader, "users", users[i], "is no beginning of a number");
        }
    }
    return true;
}

static bool
read_place (const Reader *reader, GArray *prefixes)
{
    Place *place = g_new0 (Place, 1);
    const char *callback = text_of (reader, "callback");
    bool has_users = list_of (reader, "users")[0] != NULL;

    place->name = g_strdup (reader->name);
    place->trunks = g_strdupv ((char **) list_of (reader, "trunks"));
    place->psaps = psaps_of (reader, "psaps");
    place->region = find_region (reader, "region");
    place->callback = *callback != '\0' ? number_key (callback) : NULL;
    g_ptr_array_add (reader->settings->places, place);
    if (*callback != '\0' && place->callback == NULL) {
        return fail (reader, "callback", callback, "is no number");
    }
    if (!has_users && place->trunks[0] == NULL) {
        return fail (reader, "trunks", "", "and no users: say who is there");
    }
    return read_where (reader, place) && read_users (reader, place, prefixes)
           && (has_users
               || place_trunks (reader, reader->settings->place_by_trunk, place, "location"));
}

/* --- [emergency] ------------------------------------------------------------------------- */

static bool
is_server (const char *url)
{
    g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);

    return uri != NULL && g_strv_contains (TD_LIST ("http", "https"), g_uri_get_scheme (uri))
           && g_uri_get_host (uri) != NULL && *g_uri_get_host (uri) != '\0';
}

static bool
read_servers (const Reader *reader)
{
    const char *const *urls = list_of (reader, "lost-servers");

    for (unsigned i = 0; urls[i] != NULL; i++) {
        if (!is_server (urls[i])) {
            return fail (reader, "lost-servers", urls[i],
                         "is no server: write it as http://HOST:PORT/PATH, or https:");
        }
        if (i == SETTINGS_MAX_SERVERS) {
            return fail (reader, "lost-servers", urls[i], "is the tenth: nine may be asked");
        }
    }
    reader->settings->servers = g_strdupv ((char **) urls);
    return true;
}

/* What may stand in a digit map (RFC 3435 2.1.5) or is an x in it. */
static bool
read_priority_codes (const Reader *reader)
{
    const char *const *codes = list_of (reader, "priority-codes");

    for (unsigned i = 0; codes[i] != NULL; i++) {
        if (codes[i][strspn (codes[i], "0123456789*#ABCDx")] != '\0') {
            return fail (reader, "priority-codes", codes[i],
                         "is no code: write digits, *, #, A to D, and x for any digit");
        }
    }
    reader->settings->priority_codes = g_strdupv ((char **) codes);
    return true;
}

static bool
read_general (const Reader *reader)
{
    Settings *settings = reader->settings;

    settings->region = find_region (reader, "region");
    settings->fallback = psaps_of (reader, "fallback");
    settings->test = g_hash_table_lookup (settings->psap_by_name, text_of (reader, "test"));
    settings->admits_strangers = td_config_bool (reader->config, "emergency", NULL, "strangers");
    settings->max_strangers = number_of (reader, "strangers-calls");
    settings->refuses_bad_location = number_of (reader, "bad-location") == 1;
    settings->takes_location =
        td_config_bool (reader->config, "emergency", NULL, "caller-location");
    settings->may_hold = td_config_bool (reader->config, "emergency", NULL, "caller-hold");
    settings->shows_caller = td_config_bool (reader->config, "emergency", NULL, "show-caller");
    settings->lost_trunk = text_or_null (reader, "lost-trunk");
    settings->budget_ms = number_of (reader, "lost-budget");
    settings->cache_size = number_of (reader, "lost-cache");
    settings->key_life_ms = number_of (reader, "key-life");
    /* Where nothing at all is said there is nothing to contradict. */
    if (settings->fallback->len == 0 && settings->psaps->len + settings->regions->len > 0) {
        return fail (reader, "fallback", "",
                     "leaves calls without an answer: name the [emergency-psap] that takes those "
                     "nobody else takes");
    }
    return read_servers (reader) && read_priority_codes (reader);
}

/* --- The whole --------------------------------------------------------------------------- */

static void
settings_free (TdTable *table)
{
    Settings *settings = (Settings *) table;

    g_clear_pointer (&settings->place_prefixes, td_prefix_table_free);
    g_hash_table_unref (settings->psap_by_name);
    g_hash_table_unref (settings->region_by_trunk);
    g_hash_table_unref (settings->place_by_trunk);
    g_hash_table_unref (settings->place_by_user);
    g_hash_table_unref (settings->numbers);
    g_clear_pointer (&settings->fallback, g_ptr_array_unref);
    g_ptr_array_unref (settings->places);
    g_ptr_array_unref (settings->regions);
    g_ptr_array_unref (settings->psaps);
    g_strfreev (settings->priority_codes);
    g_strfreev (settings->servers);
    g_free (settings->lost_trunk);
    g_free (settings);
}

static Settings *
settings_alloc (void)
{
    Settings *settings = g_new0 (Settings, 1);

    td_table_init (&settings->table, settings_free);
    settings->psaps = g_ptr_array_new_with_free_func (psap_free);
    settings->regions = g_ptr_array_new_with_free_func (region_free);
    settings->places = g_ptr_array_new_with_free_func (place_free);
    settings->psap_by_name = g_hash_table_new (g_str_hash, g_str_equal);
    settings->region_by_trunk = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    settings->place_by_trunk = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    settings->place_by_user =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
    settings->numbers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    return settings;
}

typedef bool (*ReadSection) (const Reader *reader);

static bool
read_each (Reader *reader, const char *section, ReadSection read)
{
    const char *const *names = td_config_instances (reader->config, section);

    reader->section = section;
    for (; *names != NULL; names++) {
        reader->name = *names;
        if (!read (reader)) {
            return false;
        }
    }
    return true;
}

static void
clear_prefix (void *data)
{
    g_free ((char *) ((TdPrefix *) data)->digits);
}

static bool
read_places (Reader *reader)
{
    const char *const *names = td_config_instances (reader->config, "emergency-location");
    g_autoptr (GArray) prefixes = g_array_new (false, false, sizeof (TdPrefix));

    g_array_set_clear_func (prefixes, clear_prefix);
    reader->section = "emergency-location";
    for (; *names != NULL; names++) {
        reader->name = *names;
        if (!read_place (reader, prefixes)) {
            return false;
        }
    }
    reader->settings->place_prefixes =
        td_prefix_table_new ((TdPrefix *) prefixes->data, prefixes->len, NULL);
    return true;
}

Settings *
settings_new (const TdConfig *config, GError **error)
{
    Settings *settings = settings_alloc ();
    Reader reader = { .config = config, .settings = settings, .error = error };

    bool is_read = read_each (&reader, "emergency-psap", read_psap)
                   && read_each (&reader, "emergency-region", read_region) && read_places (&reader);
    reader.section = "emergency";
    reader.name = NULL;
    if (!is_read || !read_general (&reader)) {
        td_table_unref (&settings->table);
        return NULL;
    }
    return settings;
}

/* --- Looking up -------------------------------------------------------------------------- */

static bool
is_by (const Place *place, const char *trunk)
{
    return place->trunks[0] == NULL || g_strv_contains ((const char *const *) place->trunks, trunk);
}

/* The one that names the trunk before one that names none. */
static const Place *
choose_place (const GPtrArray *places, const char *trunk)
{
    const Place *found = NULL;

    for (unsigned i = 0; places != NULL && i < places->len; i++) {
        const Place *place = places->pdata[i];
        if (is_by (place, trunk) && (found == NULL || found->trunks[0] == NULL)) {
            found = place;
        }
    }
    return found;
}

static const Place *
place_of_user (const Settings *settings, const char *trunk, const TdParty *calling)
{
    g_autofree char *address = g_strconcat (calling->user, "@", calling->host, NULL);
    const char *key = td_party_key (calling);
    uint32_t found[TD_NUMBER_DIGITS];
    const Place *place =
        choose_place (g_hash_table_lookup (settings->place_by_user, address), trunk);

    if (place == NULL) {
        place = choose_place (g_hash_table_lookup (settings->place_by_user, key), trunk);
    }
    size_t n = place == NULL ? td_prefix_table_find_all (settings->place_prefixes, key, found,
                                                         G_N_ELEMENTS (found))
                             : 0;
    for (size_t i = 0; place == NULL && i < n; i++) {
        const Place *one = settings->places->pdata[found[i]];
        place = is_by (one, trunk) ? one : NULL;
    }
    return place;
}

const Place *
settings_place (const Settings *settings, const char *trunk, const TdParty *calling)
{
    const Place *place = calling != NULL ? place_of_user (settings, trunk, calling) : NULL;

    return place != NULL ? place : g_hash_table_lookup (settings->place_by_trunk, trunk);
}

const Region *
settings_region (const Settings *settings, const char *trunk, const Place *place)
{
    const Region *region = place != NULL ? place->region : NULL;

    if (region == NULL) {
        region = g_hash_table_lookup (settings->region_by_trunk, trunk);
    }
    return region != NULL ? region : settings->region;
}

static const Region *
region_of (const Settings *settings, const TdEmergencyQuestion *question)
{
    return settings_region (settings, question->trunk,
                            settings_place (settings, question->trunk, question->calling));
}

/* The service that CALLED stands for where the caller is, or NULL. */
static const char *
service_of (const Settings *settings, const TdEmergencyQuestion *question)
{
    if (!g_hash_table_contains (settings->numbers, question->called)) {
        return NULL; /* nearly all calls */
    }
    const Region *region = region_of (settings, question);
    return region != NULL ? g_hash_table_lookup (region->numbers, question->called) : NULL;
}

TdEmergencyKind
settings_recognise (const Settings *settings, const TdEmergencyQuestion *question,
                    TdEmergencyAnswer *ret)
{
    TdEmergencyAnswer answer = { .size = sizeof answer };
    const char *service = service_of (settings, question);

    answer.kind = urn_read (question->called, answer.service);
    if (service != NULL) {
        answer.kind = TD_EMERGENCY_CALL;
        answer.is_number = true;
        g_strlcpy (answer.service, service, sizeof answer.service);
    }
    answer.is_admitted = answer.kind == TD_EMERGENCY_CALL && settings->admits_strangers;
    uint32_t size = ret->size;
    memcpy (ret, &answer, MIN (size, sizeof answer));
    ret->size = size;
    return answer.kind;
}

bool
settings_has_longer (const Settings *settings, const TdEmergencyQuestion *question)
{
    const Region *region = region_of (settings, question);
    GHashTableIter numbers;
    void *number;

    if (region == NULL) {
        return false;
    }
    g_hash_table_iter_init (&numbers, region->numbers);
    while (g_hash_table_iter_next (&numbers, &number, NULL)) {
        if (g_str_has_prefix (number, question->called) && strcmp (number, question->called) != 0) {
            return true;
        }
    }
    return false;
}

/* RFC 7090 5.3: a white list of who is known, and an address in a datagram makes nobody known. */
bool
settings_is_psap (const Settings *settings, const char *trunk, const TdEmergencyWay *way)
{
    for (unsigned i = 0; i < settings->psaps->len; i++) {
        const Psap *psap = settings->psaps->pdata[i];
        bool is_sure = psap->has_interface
                           ? way->local != NULL && td_address_is_at (way->local, &psap->interface)
                           : !way->is_spoofable;
        if (is_sure && g_strv_contains ((const char *const *) psap->callbacks, trunk)) {
            return true;
        }
    }
    return false;
}

const Psap *
settings_psap_of_uri (const Settings *settings, const char *uri)
{
    for (unsigned i = 0; i < settings->psaps->len; i++) {
        const Psap *psap = settings->psaps->pdata[i];
        if (g_strv_contains ((const char *const *) psap->uris, uri)) {
            return psap;
        }
    }
    return NULL;
}

static int
compare_texts (const void *one, const void *other)
{
    return strcmp (*(const char *const *) one, *(const char *const *) other);
}

char *
settings_digit_map (const Settings *settings, const char *trunk)
{
    const Region *region =
        settings_region (settings, trunk, settings_place (settings, trunk, NULL));
    g_autoptr (GPtrArray) codes = g_ptr_array_new ();
    GHashTableIter numbers;
    void *number;

    if (region != NULL) {
        g_hash_table_iter_init (&numbers, region->numbers);
        while (g_hash_table_iter_next (&numbers, &number, NULL)) {
            g_ptr_array_add (codes, number);
        }
    }
    g_ptr_array_sort (codes, compare_texts); /* the same map each time */
    for (char **code = settings->priority_codes; *code != NULL; code++) {
        g_ptr_array_add (codes, *code);
    }
    GString *map = g_string_new ("(");
    for (unsigned i = 0; i < codes->len; i++) {
        g_string_append_printf (map, "%s%s", i > 0 ? "|" : "", (const char *) codes->pdata[i]);
    }
    return g_string_free (g_string_append_c (map, ')'), false);
}
