/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for what nobody may find: digits of personal numbers.
 *
 * The pages are not swapped out and stand in no core image. What is given back is wiped.
 */

#ifndef ACCESS_SECRET_H
#define ACCESS_SECRET_H

#include <glib.h>
#include <stdbool.h>

enum { SECRET_BYTES = 64 };

typedef struct Secrets Secrets;

/* Room for N_SECRETS. Errors: what the kernel says, and what helps. */
Secrets *secrets_new (unsigned n_secrets, GError **error);
void secrets_free (Secrets *secrets); /* nullable; all have been given back */

/* SECRET_BYTES of zeros, NULL when all are taken. Thread: any. */
char *secret_take (Secrets *secrets);

/* Wipes SECRET (nullable) and gives it back. Thread: any. */
void secret_give (Secrets *secrets, char *secret);

#endif
