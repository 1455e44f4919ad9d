/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time is a uint64_t of nanoseconds on one monotonic clock. A timeout is a length of it, a deadline
 * a point on it. A promise about time ("never early", "within") refers to koken_now().
 */
#ifndef KOKEN_TIME_H
#define KOKEN_TIME_H

#include <koken/error.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lengths of time. The argument is an integer; a fraction, which would be cut off, does not
 * compile. */
#define KOKEN_NS(n) ((uint64_t)((n) | 0))
#define KOKEN_US(n) (KOKEN_NS(n) * UINT64_C(1000))
#define KOKEN_MS(n) (KOKEN_NS(n) * UINT64_C(1000000))
#define KOKEN_S(n) (KOKEN_NS(n) * UINT64_C(1000000000))

/* The deadline, or the timeout, that never comes. */
#define KOKEN_NO_DEADLINE UINT64_MAX

/*
 * koken_now returns the nanoseconds of the monotonic clock: CLOCK_MONOTONIC to within 50 us, read
 * from the processor's time stamp counter where that can be trusted; virtual time under the
 * simulator. It never goes backwards on one thread, once a runtime has been started. Thread: any.
 * Cost: 20 ns, no system call.
 */
KOKEN_API uint64_t koken_now(void);

#ifdef __cplusplus
}
#endif

#endif
