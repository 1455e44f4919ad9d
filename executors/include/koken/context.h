/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host of programs keeps account with: gas meters, files of registers, and contexts of nested runs. The
 * register machine (koken/machine.h) has its own of each, inside; these are for hosts that interpret something
 * themselves, or that plan what to run.
 *
 *     struct koken_meter meter = koken_meter_of(100);
 *     int rc = koken_meter_use(&meter, 50);          0; twice; then -EOVERFLOW, and nothing is used
 *
 * Meters and register files are plain memory of one owner: copies are snapshots, and none is NULL. A context is
 * not to be copied, and NULL is -EINVAL, or nothing. Thread: one at a time. Idea: the metering,
 * bounded execution and runtime context of document 000.
 */
#ifndef KOKEN_CONTEXT_H
#define KOKEN_CONTEXT_H

#include <koken/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- gas ---- */

/* struct koken_meter counts what is used of a limit. */
struct koken_meter {
    uint64_t limit, used;
};

/* koken_meter_of is a meter of which nothing is used. */
struct koken_meter koken_meter_of(uint64_t limit);

/*
 * koken_meter_use uses some of it: all that was asked for, or nothing. koken_meter_left is what is left.
 * Errors: -EOVERFLOW there is not so much.
 */
KOKEN_MUST_USE int koken_meter_use(struct koken_meter *meter, uint64_t gas);
uint64_t koken_meter_left(const struct koken_meter *meter);

/* ---- registers ---- */

#define KOKEN_REGISTER_FILE 1024u

/* struct koken_register_file knows which registers are in use, and the name of what each holds (0: nothing). */
struct koken_register_file {
    uint32_t used;
    uint64_t is_used[KOKEN_REGISTER_FILE / 64];
    uint64_t names[KOKEN_REGISTER_FILE];
};

/* koken_register_file_clear makes all registers free. */
void koken_register_file_clear(struct koken_register_file *file);

/*
 * koken_register_take takes the lowest free register into use, holding nothing, and answers its number;
 * koken_register_give makes one free. Errors: -E2BIG all are in use; -EINVAL there is no such register
 * (InvalidRegister); -ESRCH it is not in use (RegisterNotAllocated).
 */
KOKEN_MUST_USE int koken_register_take(struct koken_register_file *file);
KOKEN_MUST_USE int koken_register_give(struct koken_register_file *file, uint32_t reg);

/* koken_register_read and koken_register_write: what a register holds. Errors: -EINVAL, -ESRCH as above. */
KOKEN_MUST_USE int koken_register_read(const struct koken_register_file *file, uint32_t reg,
                                       uint64_t *ret_name);
KOKEN_MUST_USE int koken_register_write(struct koken_register_file *file, uint32_t reg,
                                        uint64_t name);

/* koken_register_used is how many are in use, koken_register_left how many are not. */
uint32_t koken_register_used(const struct koken_register_file *file);
uint32_t koken_register_left(const struct koken_register_file *file);

/* ---- contexts ---- */

#define KOKEN_CONTEXT_GAS 1000000u
#define KOKEN_CONTEXT_DEPTH 1000u

/* How a named thing stands in a context. */
enum koken_standing {
    KOKEN_STANDING_UNKNOWN,
    KOKEN_STANDING_AVAILABLE,
    KOKEN_STANDING_BORROWED,
    KOKEN_STANDING_CONSUMED,
};

struct koken_context; /* gas, depth, and what there is to use; opaque */

/* koken_context_new makes a context: gas 0 is KOKEN_CONTEXT_GAS. Errors: -ENOMEM, -EINVAL. */
KOKEN_MUST_USE int koken_context_new(uint64_t gas, struct koken_context **ret_context);
void koken_context_free(struct koken_context *take_context);

/* koken_context_use uses gas, koken_context_gas is what is left. Errors: -EOVERFLOW, -EINVAL. */
KOKEN_MUST_USE int koken_context_use(struct koken_context *context, uint64_t gas);
uint64_t koken_context_gas(const struct koken_context *context);

/*
 * koken_context_enter goes one deeper, KOKEN_CONTEXT_DEPTH at most; koken_context_leave comes back. Both answer
 * the depth then. Errors: -EOVERFLOW too deep, -EINVAL not in it.
 */
KOKEN_MUST_USE int koken_context_enter(struct koken_context *context);
KOKEN_MUST_USE int koken_context_leave(struct koken_context *context);

/*
 * koken_context_add has a thing of that name (not 0) become available; koken_context_consume uses it up, once;
 * koken_context_borrow lends it, and koken_context_return takes it back. Errors: -ESRCH nobody has added it;
 * -EALREADY added already; -EPERM consumed already, or lent, or, of a return, not lent; -ENOMEM; -EINVAL.
 */
KOKEN_MUST_USE int koken_context_add(struct koken_context *context, uint64_t name);
KOKEN_MUST_USE int koken_context_consume(struct koken_context *context, uint64_t name);
KOKEN_MUST_USE int koken_context_borrow(struct koken_context *context, uint64_t name);
KOKEN_MUST_USE int koken_context_return(struct koken_context *context, uint64_t name);
enum koken_standing koken_context_standing(const struct koken_context *context, uint64_t name);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
