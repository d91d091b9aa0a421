/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place that knows how a text is written in JSON (RFC 8259 7). */

#ifndef CORE_BASE_JSON_H
#define CORE_BASE_JSON_H

#include <tandem/base.h>

/* Appends VALUE as a JSON string, quotes and all; NULL becomes null. Bytes that are no UTF-8 become
 * U+FFFD, and what could steer a terminal is written as a number. */
void td_json_append_text (GString *json, const char *value);

/* Appends `"NAME":`, after a comma when *IS_FIRST is false, which it then is. */
void td_json_append_name (GString *json, const char *name, bool *is_first);

#endif
