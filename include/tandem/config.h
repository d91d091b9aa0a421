/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration: keys declared in tables, values checked before anything of yours runs.
 *
 *     [trunk carrier-a]                   # section "trunk", instance "carrier-a"
 *     address  = sip:198.51.100.7         # text, number with unit, choice, reference, list
 *     capacity = 480 calls
 *
 * One table makes the check, the reload report, the sample file, the manual page and completion.
 * Values are read from a TdConfig, an immutable table: the one a module gets in start() holds until
 * a reload; whoever needs an older one longer keeps a reference.
 */

#ifndef TANDEM_CONFIG_H
#define TANDEM_CONFIG_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef enum {
    TD_CONFIG_TEXT,
    TD_CONFIG_BOOL,      /* yes no true false on off */
    TD_CONFIG_INTEGER,   /* a whole number; UNIT, where given, may follow it */
    TD_CONFIG_DURATION,  /* "1500 ms", "30 s", "5 min", "2 h", "7 d"; kept in milliseconds */
    TD_CONFIG_SIZE,      /* "64 KiB", "16 MiB", "1 GiB", "500 B"; kept in bytes */
    TD_CONFIG_CHOICE,    /* one of CHOICES */
    TD_CONFIG_ADDRESS,   /* IPv4 or [IPv6], with a port or without */
    TD_CONFIG_PATH,      /* absolute, or relative to the configuration file's folder */
    TD_CONFIG_REFERENCE, /* the instance of the section that REFERS names */
    TD_CONFIG_LIST,      /* texts, divided by commas */
} TdConfigType;

typedef enum {
    TD_CONFIG_REQUIRED = 1 << 0,   /* no default: it must be given */
    TD_CONFIG_RELOADABLE = 1 << 1, /* a reload takes it over; otherwise it needs a restart */
    TD_CONFIG_SECRET = 1 << 2,     /* never shown or logged */
    TD_CONFIG_REPEATED = 1 << 3,   /* may stand more than once; read with td_config_list () */
} TdConfigFlags;

typedef struct {
    const char *name; /* lower case, words joined by a hyphen */
    TdConfigType type;
    unsigned flags;
    const char *default_text; /* as a file would say it; NULL: none */
    const char *unit;         /* INTEGER: "calls", "ports"; for people */
    int64_t min, max; /* of numbers, in the unit kept; both 0: no limit; INT64_MAX: none above */
    /* CHOICE: what may be said. LIST: of what it is made. Of numbers: words that may stand instead
     * of one ("auto"), read as -1, -2 ... in their order. */
    const char *const *choices;
    const char *refers; /* REFERENCE, LIST: the section whose instances may be named */
    const char *help;   /* one or two sentences */
    const char *since;  /* the version that brought it */
} TdConfigKey;

typedef struct {
    uint32_t size;     /* sizeof (TdConfigSection) */
    uint32_t key_size; /* sizeof (TdConfigKey) */
    const char *name;
    const char *help;
    bool is_named; /* [name instance], any number of them; otherwise [name], once */
    /* Keys that are not declared are taken, too, such as the names in [modules]. A key declared as
     * "*" says what they are; without one they are texts. Such a section may go on in another file:
     * every other one stands once. */
    bool takes_any_key;
    const TdConfigKey *keys;
    uint32_t n_keys;
    /* KEYS are added to the section NAME, which the core or another module declares. What else there
     * is to say of the section is that one's to say: is_named, takes_any_key and help stay empty. A
     * section that takes any key takes no addition. */
    bool is_addition;
} TdConfigSection;

/* Thread: any. */
TD_API TdConfig *td_config_ref (TdConfig *config);
TD_API void td_config_unref (TdConfig *config);

/* The values. SECTION and KEY must be declared; INSTANCE is NULL for a section that is not named,
 * and must exist otherwise. A key that is not given has its default. All results are transfer none
 * and live as long as CONFIG. Thread: any. */
TD_API const char *td_config_text (const TdConfig *config, const char *section,
                                   const char *instance, const char *key);
TD_API bool td_config_bool (const TdConfig *config, const char *section, const char *instance,
                            const char *key);
/* Of INTEGER as written, of DURATION in milliseconds, of SIZE in bytes, of CHOICE its index. */
TD_API int64_t td_config_number (const TdConfig *config, const char *section, const char *instance,
                                 const char *key);
/* Of LIST, or of every occurrence of a REPEATED key: NULL-terminated, maybe empty. */
TD_API const char *const *td_config_list (const TdConfig *config, const char *section,
                                          const char *instance, const char *key);
/* Whether a file, or --set, gives the key: false where only the default speaks. */
TD_API bool td_config_is_set (const TdConfig *config, const char *section, const char *instance,
                              const char *key);
/* The keys that are given but not declared, of a section that takes any: in the order of the files,
 * NULL-terminated, maybe empty. One that is not given has no text. */
TD_API const char *const *td_config_keys (const TdConfig *config, const char *section,
                                          const char *instance);
/* The instances of a named section, in the order of the files: NULL-terminated, maybe empty. */
TD_API const char *const *td_config_instances (const TdConfig *config, const char *section);

/* Sets ERROR to what no table can check: "PLACE: [SECTION INSTANCE] KEY: VALUE WHY". PLACE is where the value
 * stands, such as "/etc/tandem/tandem.conf:12:9". VALUE: what is wrong, which may be a part of the value;
 * NULL where the sentence of FORMAT needs none. Returns false. */
TD_API bool td_config_refuse (const TdConfig *config, const char *section, const char *instance,
                              const char *key, const char *value, GError **error,
                              const char *format, ...) G_GNUC_PRINTF (7, 8);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdConfig, td_config_unref)

G_END_DECLS

#endif
