# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced: ccache keeps what it knows below the home folder, and fails where that is read-only.
# shellcheck shell=bash

cache=${CCACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}/ccache}
if ! mkdir -p "$cache" 2>/dev/null || [ ! -w "$cache" ]; then
    export CCACHE_DISABLE=1
fi
