/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as what a store says who holds what: what is read can be printed, read again as the same,
 * and asked for seats. */

#include "fuzz.h"

#include "ledger.h"

#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autofree char *text = g_strndup ((const char *) data, n_bytes);
    g_autoptr (GError) error = NULL;
    g_autoptr (Ledger) ledger = ledger_parse (text, &error);

    if (ledger == NULL) {
        FUZZ_CHECK (error != NULL);
        return 0;
    }
    g_autofree char *printed = ledger_print (ledger);
    g_autoptr (Ledger) again = ledger_parse (printed, NULL);
    FUZZ_CHECK (again != NULL);
    g_autofree char *printed_again = ledger_print (again);
    FUZZ_CHECK (strcmp (printed, printed_again) == 0);
    LedgerTerms terms = { .pool = 100, .timeout_ms = 40000, .text = ledger->terms };
    LedgerAsk ask = { .node = "n",
                      .boot = 1,
                      .seq = 1,
                      .epoch = ledger->epoch,
                      .known = ledger->epoch,
                      .fresh = 5,
                      .want = 100,
                      .terms = &terms };
    LedgerVerdict verdict = ledger_apply (ledger, ledger->run, &ask);
    FUZZ_CHECK (verdict.seats <= 100);
    return 0;
}
