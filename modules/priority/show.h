/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operator asks: the tables that are in force. */

#ifndef PRIORITY_SHOW_H
#define PRIORITY_SHOW_H

#include "settings.h"

#include <tandem/module.h>

typedef struct {
    const Settings *(*settings) (void *data); /* in force now */
    void *data;
} Show;

/* Adds the commands, which ask SHOW (as long as they are there). Thread: control. */
bool show_add_commands (TdModule *module, Show *show, GError **error);

#endif
