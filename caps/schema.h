/* SPDX-License-Identifier: Apache-2.0 */
/* What koken prints of messages by itself, in dead letters and in the story of a simulation. */
#ifndef KN_CAPS_SCHEMA_H
#define KN_CAPS_SCHEMA_H

#include <koken/schema.h>

/*
 * A message of a type with a field list as koken_print writes it, cut at the end of text, with work for that much only;
 * of any other type its name. The caller owns the message. Contains no address.
 */
void kn_print_brief(char *text, size_t size, const struct koken_type *type, const void *message);

#endif
