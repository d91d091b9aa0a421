/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How strong one frequency is among samples. */

#ifndef MODULES_ANNOUNCE_TESTS_GOERTZEL_H
#define MODULES_ANNOUNCE_TESTS_GOERTZEL_H

#include <math.h>
#include <stdint.h>

/* The level of HZ in dBm0, by Goertzel's algorithm for any frequency; a sine that peaks at 22656 has
 * 0 dBm0 (ITU-T G.711 clause 4). Good to a tenth when N is many periods. */
static inline double
goertzel_dbm0 (const int16_t *samples, unsigned n, double hz)
{
    double turn = 2 * 3.14159265358979323846 * hz / 8000, coefficient = 2 * cos (turn);
    double before = 0, last = 0;

    for (unsigned i = 0; i < n; i++) {
        double next = samples[i] + coefficient * last - before;
        before = last;
        last = next;
    }
    double power = before * before + last * last - coefficient * before * last;
    double peak = 2 * sqrt (fmax (power, 1e-9)) / n;
    return 20 * log10 (peak / 22656);
}

#endif
