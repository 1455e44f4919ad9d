/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler is to know nothing about. */
#ifndef KN_BASE_OPAQUE_H
#define KN_BASE_OPAQUE_H

/*
 * A number, of which the compiler does not know that it is the one which was given. Where a branch has found two
 * numbers equal, it keeps the compiler from taking the one that is known later for the one that is known now.
 */
static inline unsigned kn_opaque(unsigned number)
{
    __asm__("" : "+r"(number));
    return number;
}

#endif
