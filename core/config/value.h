/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values: one text read as its key's type. */

#ifndef CORE_CONFIG_VALUE_H
#define CORE_CONFIG_VALUE_H

#include <tandem/config.h>

/* What a text means. A REPEATED key's value has every occurrence in TEXTS. */
typedef struct {
    char *text;       /* as given, a path made absolute; NULL: nothing is given */
    int64_t number;   /* of the last occurrence */
    GPtrArray *texts; /* NULL-terminated; NULL: empty */
} TdValue;

/* Reads TEXT into VALUE, which must be zero, or have a REPEATED key's earlier occurrences. A path is
 * relative to FOLDER. Returns NULL, or the reason why not, without the key's name and never with a
 * secret (transfer full); VALUE is then as before. References are not looked up here. */
char *td_value_read (TdValue *value, const TdConfigKey *key, const char *text, const char *folder);

void td_value_clear (TdValue *value);

/* Whether A and B mean the same: 60 s is 1 min. */
bool td_value_equal (const TdValue *a, const TdValue *b, const TdConfigKey *key);

#endif
