# SPDX-License-Identifier: LGPL-2.1-or-later
"""What contrib/check looks at. Each check is a function from a Tree to its Findings."""

from checks import abi, docs, exports, forbidden, headers, lint, machines, proof, reference, sizes, walls, words

# In the order they are run: what is quick and what is worst first.
CHECKS = {
    'walls': walls.check,
    'sizes': sizes.check,
    'forbidden': forbidden.check,
    'words': words.check,
    'opening': lint.check_opening,
    'listed': lint.check_listed,
    'exports': exports.check,
    'floor-plan': docs.check_floor_plan,
    'docs': docs.check,
    'machines': machines.check,
    'format': lint.check_format,
    'shell': lint.check_shell,
    'headers': headers.check,
    'abi': abi.check,
    'proof': proof.check,
    'reference': reference.check,
}
