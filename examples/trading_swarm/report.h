/* SPDX-License-Identifier: Apache-2.0 */
/* What came of it, for people and for programs. */
#ifndef SWARM_REPORT_H
#define SWARM_REPORT_H

#include "audit.h"

#include <stdio.h>

void report_print(FILE *out, const struct floor *floor, const struct audit *audit);

/*
 * report_json writes the results; all that depends on bars, ticks and seed alone is under "ledger".
 */
void report_json(FILE *out, const struct floor *floor, const struct audit *audit);

#endif
