/* SPDX-License-Identifier: Apache-2.0 */
/* The example STOP_EXAMPLE with its calls led through the test (stop.h), and its main renamed. */
#include "test/sim/stop/stop.h"

#undef _GNU_SOURCE /* some define it */
#define main example_main
#include STOP_EXAMPLE
