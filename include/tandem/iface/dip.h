/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The features "dip.NAME": sources that are asked where a number is served.
 *
 *     [dip lnp]                      route  -- ask (), cancel () -->  dip-sql    "dip.sql"
 *     driver = sql                          <-- done () -----------   dip-enum   "dip.enum"
 *
 * A driver only looks up. Who asks keeps what was answered, lets equal questions share one answer, waits
 * no longer than a deadline and knows what to do without an answer. A section [dip NAME] says with
 * "driver" which driver is asked; the driver adds its own keys to that section, and is a module of the
 * name "dip-DRIVER". The table is published with td_feature_provide() and found with
 * td_feature_acquire().
 */

#ifndef TANDEM_IFACE_DIP_H
#define TANDEM_IFACE_DIP_H

#include <tandem/config.h>

G_BEGIN_DECLS

#define TD_FEATURE_DIP "dip." /* and the name of the driver */

typedef enum {
    TD_DIP_TOLL_FREE,   /* who carries a freephone number, and which number stands for it */
    TD_DIP_PORTABILITY, /* whether another network serves a number, and by which routing number */
} TdDipKind;

typedef enum {
    TD_DIP_FOUND,
    TD_DIP_NOT_FOUND, /* the source knows the number, or all numbers, and has nothing to say of it */
    TD_DIP_FAILED,    /* the source did not say */
} TdDipResult;

/* Texts live as long as done() runs. */
typedef struct {
    uint32_t size; /* sizeof (TdDipAnswer) */
    TdDipResult result;
    /* FOUND: the routing number, or the number in the place of the freephone one: digits behind a "+" or
     * not, with visual separators or without; NULL: none, it is served where it always was. */
    const char *number;
    const char *carrier; /* FOUND: its code, NULL: none */
    bool has_ttl;        /* the source says for how long it holds */
    uint32_t ttl_s;
    const char *error; /* FAILED: why, in words */
} TdDipAnswer;

typedef struct TdDipQuestion TdDipQuestion;

/* Stays the asker's, untouched but for STATE, until DONE or cancel(). */
struct TdDipQuestion {
    uint32_t size; /* sizeof (TdDipQuestion) */
    TdDipKind kind;
    const char *dip;      /* the instance of the section: "lnp" */
    const char *number;   /* "+12125551234"; without "+" where nobody knows its country */
    uint32_t deadline_ms; /* who asks does not wait longer; an answer that comes later is kept */
    /* The answer: once, on the lane that asked, not before ask() has returned. */
    void (*done) (TdDipQuestion *question, const TdDipAnswer *answer);
    void *state; /* the driver's */
};

/* A driver uses its own module from ask() until DONE or cancel(). */
typedef struct {
    uint32_t size; /* sizeof (TdDipDriver) */
    void *data;

    /* Begins to look up. Returns NULL: DONE will come; or static text, why it cannot be asked, and
     * nothing comes. Thread: a lane. Blocks: never. */
    const char *(*ask) (TdDipQuestion *question, void *data);

    /* DONE will not come any more. Thread: the lane that asked. Blocks: never. */
    void (*cancel) (TdDipQuestion *question, void *data);
} TdDipDriver;

/* --- For drivers: the section they share ------------------------------------------------- */

#define TD_DIP_SECTION "dip"

/* Whether [dip DIP] is for DRIVER. */
static inline bool
td_dip_is_for (const TdConfig *config, const char *dip, const char *driver)
{
    return g_strcmp0 (td_config_text (config, TD_DIP_SECTION, dip, "driver"), driver) == 0;
}

/* CHECK_ONE must have nothing against the sections that are for DRIVER, and none of the N_KEYS may stand in
 * one that is for another. */
static inline bool
td_dip_check (const TdConfig *config, const char *driver, const TdConfigKey *keys, unsigned n_keys,
              bool (*check_one) (const TdConfig *config, const char *dip, GError **error),
              GError **error)
{
    const char *const *dips = td_config_instances (config, TD_DIP_SECTION);

    for (unsigned i = 0; dips[i] != NULL; i++) {
        bool is_ours = td_dip_is_for (config, dips[i], driver);
        if (is_ours && !check_one (config, dips[i], error)) {
            return false;
        }
        for (unsigned j = 0; !is_ours && j < n_keys; j++) {
            if (td_config_is_set (config, TD_DIP_SECTION, dips[i], keys[j].name)) {
                return td_config_refuse (
                    config, TD_DIP_SECTION, dips[i], keys[j].name, NULL, error,
                    "the key is only for driver = %s: take it out, or name that "
                    "driver",
                    driver);
            }
        }
    }
    return true;
}

G_END_DECLS

#endif
