/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes, as the call itself hands them on. */

#ifndef CORE_CALL_ATTRIBUTE_H
#define CORE_CALL_ATTRIBUTE_H

#include <tandem/attribute.h>

/* Adds to ATTRIBUTES what FROM has of those that are declared with TD_ATTRIBUTE_RETURN. */
void td_attributes_add_returned (TdAttributes *attributes, const TdAttributes *from);

#endif
