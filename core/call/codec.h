/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The codec registry's life. */

#ifndef CORE_CALL_CODEC_H
#define CORE_CALL_CODEC_H

#include <tandem/codec.h>

void td_codecs_open (void);
void td_codecs_close (void);

#endif
