/* SPDX-License-Identifier: Apache-2.0 */
/* The run under way, for the two halves of the test: who stops (stop.c) and the example's calls (calls.c). */
#ifndef TEST_SIM_STOP_RUN_H
#define TEST_SIM_STOP_RUN_H

#include "test/sim/stop/stop.h"

/* Where the example's thread is. */
enum stop_place { OUTSIDE, CALLING, AWAITING };

struct stop_run {
    struct koken *runtime; /* NULL: not started yet, or gone */
    enum stop_place place;
    bool is_stopping, is_stopped;
};

extern struct stop_run stop_run;

#endif
