/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine from the inside: for a look at a configuration that starts nothing. */

#ifndef CORE_ENGINE_INSIDE_H
#define CORE_ENGINE_INSIDE_H

#include "config/config.h"

#include <tandem/engine.h>

/* Everything up to modules that are mapped and a configuration that was checked against all they
 * declare. PROBLEMS gets what is wrong with the files, TEXTS what is wrong with modules. Returns the
 * configuration (transfer none), which lives until td_engine_close(), or NULL: it could not even be
 * read, and nothing is open. */
const TdConfig *td_engine_open_and_check (const TdEngineOptions *options, GPtrArray *problems,
                                          GPtrArray *texts, GError **error);

#endif
