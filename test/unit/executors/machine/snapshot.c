/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: a session that was restored goes on as the one it was made of, and has the same bytes; equal sessions
 * have equal bytes, whatever garbage they carry; other bytes are refused; a resource that was used after the
 * snapshot is consumed in what is restored.
 */
#include "test/support/machine.h"

#include <koken/parcel.h>

enum { ROOM = 4000 };

static struct koken_machine *session_of(const char *text, struct koken_machine_config config)
{
    struct koken_machine *machine;
    struct koken_machine_result result;
    struct koken_program *program = assembled(text);
    config.keeps_state = true;
    cr_assert_eq(koken_machine_new(&config, &machine), 0);
    int rc = koken_machine_run(machine, program, &result);
    cr_assert_eq(rc, 0, "%s", result.error.text);
    koken_program_free(program);
    return machine;
}

static int run(struct koken_machine *machine, const char *text, struct koken_value *ret_value)
{
    struct koken_machine_result result;
    struct koken_program *program = assembled(text);
    int rc = koken_machine_run(machine, program, &result);
    koken_program_free(program);
    *ret_value = result.value;
    return rc;
}

static size_t snapshot_of(const struct koken_machine *machine, uint8_t *bytes)
{
    size_t size = 0;
    cr_assert_eq(koken_machine_snapshot(machine, bytes, ROOM, &size), 0);
    cr_assert_leq(size, ROOM);
    return size;
}

/* All there is: nested values, two tickets, one used up, effects, registers of all states. */
static const char full[] = "const r0, !type product(int, symbol)\n"
                           "const r1, product(1, \"one\")\n"
                           "const r2, product(2, \"two\")\n"
                           "alloc r0, r1, r3\n"
                           "alloc r0, r2, r4\n"
                           "consume r3, r5\n"
                           "const r6, sum(\"tag\", tensor(builtin add, inl(true)))\n"
                           "perform \"mail\" pre true, r7\n"
                           "const r8, builtin add\n const r9, !3\n apply r8, r9, r10\n"
                           "const r11, builtin increment\n"
                           "const r13, builtin increment\n"
                           "compose r11, r13, r12\n"
                           "const r20, unit\n const r21, relevant 7\n move r20, r22\n"
                           "tensor r4, r6, r14\n"
                           "check equal(r9, r9)\n";

Test(snapshot, byte_for_byte)
{
    uint8_t before[ROOM], after[ROOM];
    struct koken_machine *machine = session_of(full, (struct koken_machine_config){.origin = 77});
    struct koken_machine *again = NULL;
    size_t size = snapshot_of(machine, before);
    cr_assert_eq(koken_machine_restore(NULL, before, size, &again), 0);
    cr_assert_eq(snapshot_of(again, after), size);
    cr_assert_arr_eq(before, after, size);
    for (uint32_t reg = 0; reg < 30; reg++) {
        struct koken_value a = koken_machine_register(machine, reg);
        struct koken_value b = koken_machine_register(again, reg);
        char text[500];
        cr_assert_eq(a.state, b.state);
        if (a.state == KOKEN_REGISTER_LIVE && a.tag != KOKEN_VALUE_TENSOR) {
            (void)koken_machine_print(machine, a, text, sizeof text);
            cr_assert_str_eq(text, shown(again, b));
            cr_assert_eq(a.kind, b.kind);
        }
    }
    cr_assert_str_eq(koken_machine_effect(again, 0), "mail");
    cr_assert_eq(koken_machine_left(again, NULL, 0), 1);
    uint8_t nullifier[2][32];
    cr_assert_eq(koken_machine_nullifier(machine, 0, nullifier[0]), 0);
    cr_assert_eq(koken_machine_nullifier(again, 0, nullifier[1]), 0);
    cr_assert_arr_eq(nullifier[0], nullifier[1], 32);
    koken_machine_free(machine);
    koken_machine_free(again);
}

Test(snapshot, a_restored_session_goes_on)
{
    uint8_t bytes[ROOM], last[2][ROOM];
    struct koken_machine *machine[2] = {session_of(full, (struct koken_machine_config){0}), NULL};
    size_t size = snapshot_of(machine[0], bytes), sizes[2];
    struct koken_value value;
    cr_assert_eq(koken_machine_restore(NULL, bytes, size, &machine[1]), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(run(machine[i],
                         "const r30, 39\n apply r10, r30, r31\n apply r12, r31, r32\n"
                         "const r33, 1\n alloc r0, r33, r34\n return r32\n",
                         &value),
                     0);
        cr_assert_eq(value.data, 44);
        sizes[i] = snapshot_of(machine[i], last[i]);
    }
    cr_assert_eq(sizes[0], sizes[1]);
    cr_assert_arr_eq(last[0], last[1], sizes[0]);
    koken_machine_free(machine[0]);
    koken_machine_free(machine[1]);
}

/* Garbage, and the order in which things came to be, leave no trace. */
Test(snapshot, equal_sessions_have_equal_bytes)
{
    uint8_t bytes[2][ROOM];
    struct koken_value value;
    struct koken_machine *a =
        session_of("const r1, product(1, \"a\")\n const r2, product(2, \"b\")\n",
                   (struct koken_machine_config){0});
    struct koken_machine *b =
        session_of("const r2, product(9, \"c\")\n const r3, product(2, \"b\")\n const r2, unit\n",
                   (struct koken_machine_config){0});
    cr_assert_eq(run(b, "const r1, product(1, \"a\")\n move r3, r2\n", &value), 0);
    b->registers[3] = (struct koken_value){0}; /* a register that was never written */
    size_t size = snapshot_of(a, bytes[0]);
    cr_assert_eq(snapshot_of(b, bytes[1]), size);
    cr_assert_arr_eq(bytes[0], bytes[1], size);
    koken_machine_free(a);
    koken_machine_free(b);
}

Test(snapshot, a_machine_that_keeps_nothing_or_runs_has_none)
{
    struct koken_machine *plain,
        *busy = session_of("const r1, 1\n", (struct koken_machine_config){0});
    struct koken_program *loop = assembled("again:\njump again\n");
    struct koken_machine_result result;
    size_t size = 0;
    cr_assert_eq(koken_machine_new(NULL, &plain), 0);
    cr_assert_eq(koken_machine_snapshot(plain, NULL, 0, &size), -EINVAL);
    cr_assert_eq(koken_machine_begin(busy, loop, &result), 0);
    cr_assert_eq(koken_machine_go(busy, 100, &result), -EAGAIN);
    cr_assert_eq(koken_machine_snapshot(busy, NULL, 0, &size), -EBUSY);
    koken_machine_abort(busy, &result);
    cr_assert_eq(koken_machine_snapshot(busy, NULL, 0, &size), 0);
    koken_program_free(loop);
    koken_machine_free(plain);
    koken_machine_free(busy);
}

/* A snapshot with one byte changed, or cut, is refused, or is another session that is written as it was read. */
Test(snapshot, whatever_the_bytes_are)
{
    uint8_t bytes[ROOM], wrong[ROOM], again[ROOM];
    struct koken_machine *machine = session_of(full, (struct koken_machine_config){.origin = 7});
    size_t size = snapshot_of(machine, bytes);
    uint32_t restored = 0;
    for (size_t at = 0; at < size; at++) {
        for (unsigned change = 0; change < 256; change += at % 3 == 0 ? 1 : 17) {
            struct koken_machine *other;
            size_t length = change == 0 ? at : size;
            memcpy(wrong, bytes, size);
            wrong[at] ^= (uint8_t)change;
            int rc = koken_machine_restore(NULL, wrong, length, &other);
            cr_assert(rc == 0 || rc == -EINVAL || rc == -ENOMEM, "%d", rc);
            if (rc == 0) {
                cr_assert_eq(snapshot_of(other, again), length);
                cr_assert_arr_eq(again, wrong, length);
                restored++;
                koken_machine_free(other);
            }
        }
    }
    cr_assert_gt(restored, 0);
    koken_machine_free(machine);
}

/* ---- with channels ---- */

/*
 * A channel with messages under way, one of them an end of another channel and one a resource; a third one with choices
 * by name, of which one has been made; a fourth whose first end is closed; and a function that keeps an end that has gone on.
 */
static const char channels[] =
    "const r30, !builtin send\nconst r31, !builtin receive\nconst r32, !builtin choose\n"
    "const r33, !builtin offer\nconst r1, unit\n"
    "const r0, type rec(send(int, send(resource, send(receive(bool, end), again))))\n"
    "alloc r0, r1, r2\nsplit r2, r10, r20\n"
    "const r0, type receive(bool, end)\nconst r1, unit\nalloc r0, r1, r2\nsplit r2, r11, r21\n"
    "const r0, type rec(choose(buy: send(int, again), quit: end))\nconst r1, unit\n"
    "alloc r0, r1, r2\nsplit r2, r12, r22\n"
    "const r0, type end\nconst r1, unit\nalloc r0, r1, r2\nsplit r2, r13, r23\n"
    "const r3, 7\ntensor r10, r3, r5\ntransform r30, r5, r10\n"
    "const r0, type int\nconst r3, product(1, \"ticket\")\nalloc r0, r3, r4\n"
    "tensor r10, r4, r5\ntransform r30, r5, r10\ntensor r10, r11, r5\ntransform r30, r5, r10\n"
    "const r3, \"buy\"\ntensor r12, r3, r5\ntransform r32, r5, r12\n"
    "transform r33, r22, r25\nconsume r13, r6\n"
    "const r3, true\ntensor r21, r3, r5\ntransform r30, r5, r21\n";

/* Everything is received, and each channel goes on. */
static const char goes_on[] =
    "transform r31, r20, r5\nsplit r5, r7, r20\ntransform r31, r20, r5\nsplit r5, r8, r20\n"
    "transform r31, r20, r5\nsplit r5, r11, r20\ntransform r31, r11, r5\nsplit r5, r9, r11\n"
    "consume r11, r6\nconsume r21, r6\nconsume r23, r6\nconsume r8, r8\n"
    "case r25, r22, buy, yes, no\nno:\nreturn\nyes:\n"
    "const r3, 5\ntensor r12, r3, r5\ntransform r30, r5, r12\n"
    "transform r31, r22, r5\nsplit r5, r14, r22\n"
    "tensor r7, r8, r7\ntensor r7, r9, r7\ntensor r7, r14, r7\nreturn r7\n";

Test(snapshot, channels_byte_for_byte)
{
    uint8_t bytes[2][ROOM], last[2][ROOM];
    struct koken_machine *machine[2] = {session_of(channels, (struct koken_machine_config){0}),
                                        NULL};
    struct koken_value value;
    size_t size = snapshot_of(machine[0], bytes[0]), sizes[2];
    cr_assert_eq(koken_machine_restore(NULL, bytes[0], size, &machine[1]), 0);
    cr_assert_eq(snapshot_of(machine[1], bytes[1]), size);
    cr_assert_arr_eq(bytes[0], bytes[1], size);
    cr_assert_eq(koken_machine_channels(machine[0]), 7);
    cr_assert_eq(koken_machine_channels(machine[1]), 7);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(run(machine[i], goes_on, &value), 0);
        cr_assert_str_eq(shown(machine[i], value),
                         "tensor(tensor(tensor(7, product(1, \"ticket\")), true), 5)");
        cr_assert_eq(koken_machine_channels(machine[i]), 4);
        sizes[i] = snapshot_of(machine[i], last[i]);
    }
    cr_assert_eq(sizes[0], sizes[1]);
    cr_assert_arr_eq(last[0], last[1], sizes[0]);
    koken_machine_free(machine[0]);
    koken_machine_free(machine[1]);
}

/* An end of the snapshot is not an end of what came after it: steps are counted on from there. */
Test(snapshot, an_end_that_has_gone_on_stays_so)
{
    uint8_t bytes[ROOM];
    struct koken_machine *again;
    struct koken_value value;
    struct koken_machine *machine = session_of(
        "const r30, !builtin send\nconst r0, type rec(send(int, again))\nconst r1, unit\n"
        "alloc r0, r1, r2\nsplit r2, r10, r20\ntransform r30, r10, r11\nconst r3, 1\n"
        "transform r11, r3, r12\n",
        (struct koken_machine_config){0});
    /* r11 is send with an end that was used; a linear value is in it, so only a look is possible */
    size_t size = snapshot_of(machine, bytes);
    cr_assert_eq(koken_machine_restore(NULL, bytes, size, &again), 0);
    cr_assert_eq(run(again, "const r3, 2\ntransform r11, r3, r13\n", &value), -EPERM);
    cr_assert_eq(run(again, "const r3, 2\ntensor r12, r3, r5\ntransform r30, r5, r12\n", &value),
                 0);
    cr_assert_eq(run(again, "const r3, 2\ntransform r11, r3, r13\n", &value), -EPERM);
    koken_machine_free(machine);
    koken_machine_free(again);
}

/* Whatever is restored is sound: it is written as it was read, and what runs on it ends in some way. */
Test(snapshot, channels_whatever_the_bytes_are)
{
    uint8_t bytes[ROOM], wrong[ROOM], again[ROOM];
    struct koken_machine *machine =
        session_of(channels, (struct koken_machine_config){.origin = 7});
    const struct koken_machine_config config = {.no_static = true, .gas = 5000};
    size_t size = snapshot_of(machine, bytes);
    uint32_t restored = 0, refused_ones = 0;
    for (size_t at = 0; at < size; at++) {
        for (unsigned change = 0; change < 256; change += at % 5 == 0 ? 1 : 17) {
            struct koken_machine *other;
            struct koken_value value;
            size_t length = change == 0 ? at : size;
            memcpy(wrong, bytes, size);
            wrong[at] ^= (uint8_t)change;
            int rc = koken_machine_restore(&config, wrong, length, &other);
            cr_assert(rc == 0 || rc == -EINVAL || rc == -ENOMEM, "%d", rc);
            refused_ones += rc < 0;
            if (rc == 0) {
                cr_assert_eq(snapshot_of(other, again), length);
                cr_assert_arr_eq(again, wrong, length);
                restored++;
                (void)run(other, goes_on, &value);
                koken_machine_free(other);
            }
        }
    }
    cr_assert_gt(restored, 0);
    cr_assert_gt(refused_ones, restored);
    koken_machine_free(machine);
}

/* Two sessions of one snapshot: of the ticket in both one is used. */
Test(snapshot, what_was_spent_since_is_consumed)
{
    struct koken_ledger *ledger;
    uint8_t bytes[ROOM];
    struct koken_value value;
    cr_assert_eq(koken_ledger_new(0, &ledger), 0);
    const struct koken_machine_config config = {.origin = 5, .ledger = ledger};
    struct koken_machine *first =
        session_of("const r0, type int\n const r1, 7\n alloc r0, r1, r2\n", config);
    struct koken_machine *second, *third;
    size_t size = snapshot_of(first, bytes);
    cr_assert_eq(koken_machine_restore(&config, bytes, size, &second), 0);
    cr_assert_eq(run(second, "consume r2, r3\n return r3\n", &value), 0);
    cr_assert_eq(run(first, "consume r2, r3\n return r3\n", &value), -EPERM);
    cr_assert_eq(koken_machine_restore(&config, bytes, size, &third), 0);
    cr_assert_eq(koken_machine_left(third, NULL, 0), 0);
    cr_assert_eq(run(third, "consume r2, r3\n return r3\n", &value), -EPERM);
    koken_machine_free(first);
    koken_machine_free(second);
    koken_machine_free(third);
    koken_ledger_free(ledger);
}
