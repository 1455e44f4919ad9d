/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: A52, A54, A66: meters, files of registers, contexts. */
#include <koken/context.h>

#include <criterion/criterion.h>
#include <errno.h>

Test(context, a52_a_meter_is_exhausted_exactly)
{
    struct koken_meter meter = koken_meter_of(100);
    cr_assert_eq(koken_meter_use(&meter, 50), 0);
    cr_assert_eq(koken_meter_use(&meter, 50), 0);
    cr_assert_eq(koken_meter_left(&meter), 0);
    cr_assert_eq(koken_meter_use(&meter, 1), -EOVERFLOW);
    cr_assert_eq(koken_meter_use(&meter, UINT64_MAX), -EOVERFLOW);
    cr_assert_eq(meter.used, 100);
    meter = koken_meter_of(UINT64_MAX);
    cr_assert_eq(koken_meter_use(&meter, UINT64_MAX), 0);
    cr_assert_eq(koken_meter_left(&meter), 0);
}

Test(context, a54_a_register_file)
{
    static struct koken_register_file file, snapshot;
    uint64_t name;
    koken_register_file_clear(&file);
    cr_assert_eq(koken_register_read(&file, 0, &name), -ESRCH);
    cr_assert_eq(koken_register_read(&file, 1024, &name), -EINVAL);
    int first = koken_register_take(&file), second = koken_register_take(&file);
    cr_assert_eq(first, 0);
    cr_assert_eq(second, 1);
    cr_assert_eq(koken_register_used(&file), 2);
    cr_assert_eq(koken_register_left(&file), 1022);
    cr_assert_eq(koken_register_write(&file, 1, 7), 0);
    cr_assert_eq(koken_register_read(&file, 1, &name), 0);
    cr_assert_eq(name, 7);
    snapshot = file;
    cr_assert_eq(koken_register_give(&file, 0), 0);
    cr_assert_eq(koken_register_give(&file, 0), -ESRCH);
    cr_assert_eq(koken_register_give(&file, 1024), -EINVAL);
    cr_assert_eq(koken_register_write(&file, 0, 1), -ESRCH);
    cr_assert_eq(koken_register_left(&file), 1023);
    cr_assert_eq(koken_register_take(&file), 0); /* the lowest again */
    cr_assert_eq(koken_register_give(&file, 1), 0);
    file = snapshot;
    cr_assert_eq(koken_register_read(&file, 1, &name), 0);
    cr_assert_eq(name, 7);
    for (int i = 2; i < 1024; i++) {
        cr_assert_eq(koken_register_take(&file), i);
    }
    cr_assert_eq(koken_register_take(&file), -E2BIG);
    cr_assert_eq(koken_register_left(&file), 0);
    cr_assert_eq(koken_register_give(&file, 700), 0);
    cr_assert_eq(koken_register_take(&file), 700);
}

static struct koken_context *made(uint64_t gas)
{
    struct koken_context *context = NULL;
    cr_assert_eq(koken_context_new(gas, &context), 0);
    return context;
}

Test(context, a66_gas)
{
    struct koken_context *context = made(0);
    cr_assert_eq(koken_context_gas(context), 1000000);
    cr_assert_eq(koken_context_use(context, 1000), 0);
    cr_assert_eq(koken_context_gas(context), 999000);
    cr_assert_eq(koken_context_use(context, 999000), 0);
    cr_assert_eq(koken_context_gas(context), 0);
    cr_assert_eq(koken_context_use(context, 1), -EOVERFLOW);
    koken_context_free(context);
}

Test(context, a66_things_are_consumed_once)
{
    struct koken_context *context = made(1);
    cr_assert_eq(koken_context_consume(context, 5), -ESRCH);
    cr_assert_eq(koken_context_standing(context, 5), KOKEN_STANDING_UNKNOWN);
    cr_assert_eq(koken_context_add(context, 0), -EINVAL);
    for (uint64_t name = 1; name <= 1000; name++) { /* it grows */
        cr_assert_eq(koken_context_add(context, name), 0);
    }
    cr_assert_eq(koken_context_add(context, 5), -EALREADY);
    cr_assert_eq(koken_context_borrow(context, 5), 0);
    cr_assert_eq(koken_context_consume(context, 5), -EPERM);
    cr_assert_eq(koken_context_borrow(context, 5), -EPERM);
    cr_assert_eq(koken_context_return(context, 5), 0);
    cr_assert_eq(koken_context_return(context, 5), -EPERM);
    for (uint64_t name = 1; name <= 1000; name++) {
        cr_assert_eq(koken_context_consume(context, name), 0);
        cr_assert_eq(koken_context_consume(context, name), -EPERM);
        cr_assert_eq(koken_context_standing(context, name), KOKEN_STANDING_CONSUMED);
    }
    cr_assert_eq(koken_context_add(context, 5), -EALREADY);
    cr_assert_eq(koken_context_borrow(context, 5), -EPERM);
    cr_assert_eq(koken_context_new(1, NULL), -EINVAL);
    cr_assert_eq(koken_context_use(NULL, 1), -EINVAL);
    cr_assert_eq(koken_context_gas(NULL), 0);
    cr_assert_eq(koken_context_enter(NULL), -EINVAL);
    cr_assert_eq(koken_context_leave(NULL), -EINVAL);
    cr_assert_eq(koken_context_add(NULL, 1), -EINVAL);
    cr_assert_eq(koken_context_borrow(NULL, 1), -EINVAL);
    cr_assert_eq(koken_context_standing(NULL, 1), KOKEN_STANDING_UNKNOWN);
    koken_context_free(context);
}

Test(context, a66_depth)
{
    struct koken_context *context = made(0);
    cr_assert_eq(koken_context_leave(context), -EINVAL);
    cr_assert_eq(koken_context_enter(context), 1);
    cr_assert_eq(koken_context_leave(context), 0);
    for (int i = 1; i <= 1000; i++) {
        cr_assert_eq(koken_context_enter(context), i);
    }
    cr_assert_eq(koken_context_enter(context), -EOVERFLOW); /* the 1001st */
    koken_context_free(context);
    koken_context_free(NULL);
}
