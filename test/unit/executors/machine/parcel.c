/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: what is linear moves from one machine to another and is in one of them at any time; a copy of a parcel
 * is refused where the first one is, and by a ledger everywhere; bytes that are no parcel are refused, and leave
 * the machine as it was; a run that fails gives its parcels back.
 */
#include "test/support/machine.h"

#include "base/alloc.h"

#include <koken/parcel.h>

static const char sale[] = "const r0, type int\n const r1, 7\n alloc r0, r1, r2\n";
static const char entry[] = "consume r1, r4\n return r4\n";

static struct koken_machine *session(struct koken_machine_config config)
{
    struct koken_machine *machine;
    config.keeps_state = true;
    cr_assert_eq(koken_machine_new(&config, &machine), 0);
    return machine;
}

/* Runs a text; answers the error's code. */
static enum koken_machine_code run(struct koken_machine *machine, const char *text,
                                   struct koken_value *ret_value)
{
    struct koken_machine_result result;
    struct koken_program *program = assembled(text);
    int rc = koken_machine_run(machine, program, &result);
    koken_program_free(program);
    cr_assert((rc == 0) == (result.error.code == KOKEN_CODE_FINE));
    if (ret_value) {
        *ret_value = result.value;
    }
    return result.error.code;
}

static struct koken_parcel *copy_of(const struct koken_parcel *parcel)
{
    struct koken_parcel *copy;
    size_t size;
    const void *bytes = koken_parcel_bytes(parcel, &size);
    cr_assert_eq(koken_parcel_of_bytes(bytes, size, &copy), 0);
    return copy;
}

Test(parcel, a_ticket_moves_and_is_used_where_it_is)
{
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1});
    struct koken_machine *b = session((struct koken_machine_config){.origin = 2});
    struct koken_parcel *parcel = NULL;
    struct koken_value value;
    cr_assert_eq(run(a, sale, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_left(a, NULL, 0), 1);
    cr_assert_eq(koken_machine_take(a, 2, &parcel), 0);
    cr_assert_eq(koken_parcel_resources(parcel), 1);
    cr_assert_eq(koken_machine_left(a, NULL, 0), 0);
    cr_assert_eq(koken_machine_take(a, 2, &parcel), -EINVAL); /* the second transfer */
    cr_assert_eq(run(a, "consume r2, r4\n", NULL), KOKEN_CODE_REGISTER_CONSUMED);
    cr_assert_eq(koken_machine_accept(b, 1, &parcel), 0);
    cr_assert_null(parcel);
    cr_assert_eq(koken_machine_left(b, NULL, 0), 1);
    cr_assert_eq(run(b, entry, &value), KOKEN_CODE_FINE);
    cr_assert_eq(value.data, 7);
    cr_assert_neq(run(b, entry, NULL), KOKEN_CODE_FINE);
    koken_machine_free(a);
    koken_machine_free(b);
}

/* The ids of what A makes are the same wherever they are. */
Test(parcel, a_resource_keeps_its_name)
{
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1});
    struct koken_machine *b = session((struct koken_machine_config){.origin = 2});
    struct koken_parcel *parcel = NULL;
    uint8_t before[1][32], after[1][32];
    cr_assert_eq(run(a, sale, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_left(a, before, 1), 1);
    cr_assert_eq(koken_machine_take(a, 2, &parcel), 0);
    cr_assert_eq(koken_machine_accept(b, 1, &parcel), 0);
    cr_assert_eq(koken_machine_left(b, after, 1), 1);
    cr_assert_arr_eq(before[0], after[0], 32);
    koken_machine_free(a);
    koken_machine_free(b);
}

Test(parcel, a_copy_is_refused_where_the_first_one_is)
{
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1});
    struct koken_machine *b = session((struct koken_machine_config){.origin = 2});
    struct koken_parcel *parcel = NULL, *copy;
    cr_assert_eq(run(a, sale, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_take(a, 2, &parcel), 0);
    copy = copy_of(parcel);
    cr_assert_eq(koken_machine_accept(b, 1, &parcel), 0);
    cr_assert_eq(koken_machine_accept(b, 2, &copy), -EPERM);
    cr_assert_not_null(copy);
    cr_assert_eq(run(b, entry, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_accept(b, 2, &copy), -EPERM); /* used up: the nullifier knows it */
    koken_parcel_free(copy);
    koken_machine_free(a);
    koken_machine_free(b);
}

Test(parcel, of_copies_in_many_machines_a_ledger_lets_one_be_used)
{
    struct koken_ledger *ledger;
    cr_assert_eq(koken_ledger_new(0, &ledger), 0);
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1, .ledger = ledger});
    struct koken_machine *b = session((struct koken_machine_config){.origin = 2, .ledger = ledger});
    struct koken_machine *c = session((struct koken_machine_config){.origin = 3, .ledger = ledger});
    struct koken_parcel *parcel = NULL, *copy, *late;
    koken_ledger_free(ledger); /* the machines have it */
    cr_assert_eq(run(a, sale, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_take(a, 2, &parcel), 0);
    copy = copy_of(parcel);
    late = copy_of(parcel);
    cr_assert_eq(koken_machine_accept(b, 1, &parcel), 0);
    cr_assert_eq(koken_machine_accept(c, 1, &copy), 0); /* nobody has used it yet */
    /* A use that is rolled back is none. */
    cr_assert_eq(
        run(b, "consume r1, r4\n const r5, false\n const r6, true\n check equal(r5, r6)\n", NULL),
        KOKEN_CODE_CONSTRAINT_VIOLATION);
    cr_assert_eq(run(c, entry, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(run(b, entry, NULL), KOKEN_CODE_RESOURCE_CONSUMED);
    cr_assert_eq(koken_machine_take(b, 1, &parcel), -EPERM);
    cr_assert_eq(koken_machine_accept(a, 1, &late), -EPERM);
    koken_parcel_free(late);
    koken_machine_free(a);
    koken_machine_free(b);
    koken_machine_free(c);
}

/* A pair of a number, a text, a type and a ticket, whose value is a pair again. */
Test(parcel, everything_that_a_value_leads_to_comes_along)
{
    static const char text[] = "const r0, type product(int, symbol)\n"
                               "const r1, product(1, \"inside\")\n"
                               "alloc r0, r1, r2\n"
                               "const r3, sum(\"tag\", tensor(builtin add, \"text\"))\n"
                               "tensor r2, r3, r4\n";
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1});
    struct koken_machine *b = session((struct koken_machine_config){.origin = 2});
    struct koken_parcel *parcel = NULL;
    cr_assert_eq(run(a, text, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(run(b, "const r9, \"other\"\n const r8, product(1, 2)\n", NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_take(a, 4, &parcel), 0);
    cr_assert_eq(koken_machine_accept(b, 1, &parcel), 0);
    struct koken_value moved = koken_machine_register(b, 1);
    cr_assert_str_eq(shown(b, koken_machine_second(b, moved)),
                     "sum(\"tag\", tensor(builtin add, \"text\"))");
    struct koken_value ticket = koken_machine_first(b, moved);
    cr_assert_eq(ticket.tag, KOKEN_VALUE_REF);
    cr_assert_eq(ticket.kind, KOKEN_KIND_LINEAR);
    koken_machine_free(a);
    koken_machine_free(b);
}

Test(parcel, what_may_be_copied_stays)
{
    struct koken_machine *a = session((struct koken_machine_config){0});
    struct koken_machine *b = session((struct koken_machine_config){0});
    struct koken_parcel *first, *second;
    cr_assert_eq(run(a, "const r1, !5\n", NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_take(a, 1, &first), 0);
    cr_assert_eq(koken_machine_take(a, 1, &second), 0);
    cr_assert_eq(koken_machine_accept(b, 1, &first), 0);
    cr_assert_eq(koken_machine_accept(b, 2, &second), 0);
    cr_assert_eq(run(b, "add r1, r2, r3\n return r3\n", NULL), KOKEN_CODE_FINE);
    koken_machine_free(a);
    koken_machine_free(b);
}

Test(parcel, refusals)
{
    struct koken_machine *a = session((struct koken_machine_config){0});
    struct koken_machine *plain;
    struct koken_parcel *parcel = NULL, *none = NULL;
    cr_assert_eq(koken_machine_new(NULL, &plain), 0);
    cr_assert_eq(run(a, "const r1, linear 5\n const r2, 6\n", NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_take(a, 900, &parcel), -EINVAL);
    cr_assert_eq(koken_machine_take(a, 2, &parcel), 0);
    cr_assert_eq(koken_machine_accept(a, 1024, &parcel), -EINVAL);
    cr_assert_eq(koken_machine_accept(a, 1, &parcel), -EPERM); /* must be used first */
    cr_assert_eq(koken_machine_accept(a, 3, &none), -EINVAL);
    cr_assert_eq(koken_machine_accept(plain, 3, &parcel), -EINVAL); /* would forget it */
    cr_assert_eq(koken_machine_accept(a, 3, &parcel), 0);
    koken_machine_free(a);
    koken_machine_free(plain);
}

/* Every parcel with one byte changed, or cut, is refused, or a value; and the machine goes on. */
Test(parcel, whatever_the_bytes_are)
{
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1});
    struct koken_parcel *parcel = NULL;
    uint8_t bytes[200];
    size_t size;
    uint32_t accepted = 0;
    cr_assert_eq(run(a,
                     "const r0, type product(int, int)\n const r1, product(3, 4)\n"
                     "alloc r0, r1, r2\n const r3, \"x\"\n tensor r2, r3, r4\n",
                     NULL),
                 KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_take(a, 4, &parcel), 0);
    const void *from = koken_parcel_bytes(parcel, &size);
    cr_assert_lt(size, sizeof bytes);
    for (size_t at = 0; at < size; at++) {
        for (unsigned change = 0; change < 256; change++) {
            struct koken_machine *b = session((struct koken_machine_config){.origin = 2});
            struct koken_parcel *wrong;
            memcpy(bytes, from, size);
            bytes[at] ^= (uint8_t)change;
            cr_assert_eq(koken_parcel_of_bytes(bytes, change == 0 ? at : size, &wrong), 0);
            int rc = koken_machine_accept(b, 1, &wrong);
            accepted += rc == 0;
            cr_assert(rc == 0 || rc == -EINVAL || rc == -ENOMEM);
            (void)shown(b, koken_machine_register(b, 1));
            if (rc < 0) {
                cr_assert_eq(b->cell_count + b->resource_count + b->symbol_count + b->arrivals, 0);
            }
            koken_parcel_free(wrong);
            koken_machine_free(b);
        }
    }
    cr_assert_gt(accepted, 0); /* other numbers and texts */
    koken_parcel_free(parcel);
    koken_machine_free(a);
}

#ifdef KN_DEBUG
Test(parcel, without_memory_nothing_is_lost)
{
    struct koken_ledger *ledger;
    cr_assert_eq(koken_ledger_new(0, &ledger), 0);
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1, .ledger = ledger});
    struct koken_machine *b = session((struct koken_machine_config){.origin = 2, .ledger = ledger});
    struct koken_parcel *parcel = NULL;
    int rc = -ENOMEM;
    cr_assert_eq(run(a, sale, NULL), KOKEN_CODE_FINE);
    for (uint64_t n = 0; rc == -ENOMEM; n++) { /* ends: once there is enough */
        kn_alloc_fail_after(n);
        rc = koken_machine_take(a, 2, &parcel);
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert_eq(koken_machine_left(a, NULL, 0), rc == 0 ? 0 : 1);
    }
    cr_assert_eq(rc, 0);
    rc = -ENOMEM;
    for (uint64_t n = 0; rc == -ENOMEM; n++) { /* ends: once there is enough */
        kn_alloc_fail_after(n);
        rc = koken_machine_accept(b, 1, &parcel);
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert((rc == 0) == (parcel == NULL));
    }
    cr_assert_eq(rc, 0);
    cr_assert_eq(run(b, entry, NULL), KOKEN_CODE_FINE);
    koken_ledger_free(ledger);
    koken_machine_free(a);
    koken_machine_free(b);
}
#endif

/* ---- channels ---- */

/* A channel in r2, both ends, with a number and a ticket under way; r11 is one end of another one. */
static const char talk[] =
    "const r30, !builtin send\nconst r31, !builtin receive\nconst r1, unit\n"
    "const r0, type send(int, send(resource, rec(choose(more: send(int, again), quit: end))))\n"
    "alloc r0, r1, r2\nsplit r2, r10, r20\nconst r3, 7\ntensor r10, r3, r5\n"
    "transform r30, r5, r10\nconst r0, type int\nconst r3, 35\nalloc r0, r3, r4\n"
    "tensor r10, r4, r5\ntransform r30, r5, r10\ntensor r10, r20, r2\n"
    "const r0, type send(int, end)\nconst r1, unit\nalloc r0, r1, r6\nsplit r6, r11, r21\n";
static const char listen[] =
    "const r31, !builtin receive\nsplit r1, r10, r20\ntransform r31, r20, r5\nsplit r5, r7, r20\n"
    "transform r31, r20, r5\nsplit r5, r8, r20\nconsume r8, r8\nadd r7, r8, r7\nreturn r7\n";

Test(parcel, a_channel_moves_with_both_ends)
{
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1});
    struct koken_machine *b = session((struct koken_machine_config){.origin = 2});
    struct koken_parcel *parcel = NULL, *copy;
    struct koken_value value;
    cr_assert_eq(run(b, "const r0, type end\nconst r1, unit\nalloc r0, r1, r3\n", NULL),
                 KOKEN_CODE_FINE);
    cr_assert_eq(run(a, talk, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_channels(a), 4);
    cr_assert_eq(koken_machine_take(a, 11, &parcel), -ENOTSUP); /* the other end is in r21 */
    cr_assert_eq(koken_machine_register(a, 11).state, KOKEN_REGISTER_LIVE);
    cr_assert_eq(koken_machine_take(a, 2, &parcel), 0);
    cr_assert_eq(koken_parcel_resources(parcel), 1); /* it was under way */
    cr_assert_eq(koken_machine_channels(a), 2);
    cr_assert_eq(koken_machine_left(a, NULL, 0), 0);
    copy = copy_of(parcel);
    cr_assert_eq(koken_machine_accept(b, 1, &parcel), 0);
    cr_assert_eq(koken_machine_accept(b, 5, &copy), -EPERM); /* the ticket is here already */
    cr_assert_eq(koken_machine_channels(b), 4);
    cr_assert_eq(run(b, listen, &value), KOKEN_CODE_FINE);
    cr_assert_eq(value.data, 42);
    /* where it was it is gone */
    cr_assert_eq(run(a, "split r2, r10, r20\n", NULL), KOKEN_CODE_REGISTER_CONSUMED);
    koken_parcel_free(copy);
    koken_machine_free(a);
    koken_machine_free(b);
}

/* What a run was to send stays where it is if the run fails, or the channel is not whole. */
Test(parcel, a_run_that_fails_keeps_its_channels)
{
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1});
    struct koken_program *program = assembled("const r9, 1\n");
    struct koken_machine_result result;
    struct kn_move outs[2] = {{.reg = 2}, {.reg = 40}};
    uint8_t before[2000], after[2000];
    size_t size = 0, again = 0;
    cr_assert_eq(run(a, talk, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_snapshot(a, before, sizeof before, &size), 0);
    for (uint32_t i = 0; i < 2; i++) { /* nothing is in r40; of r11 the other end stays */
        outs[1].reg = i == 0 ? 40 : 11;
        cr_assert_eq(kn_machine_begin(a, program, NULL, 0, outs, 2, &result), 0);
        int rc = koken_machine_go(a, 0, &result);
        cr_assert_eq(rc, i == 0 ? -EINVAL : -ENOTSUP);
        cr_assert_eq(result.error.code,
                     i == 0 ? KOKEN_CODE_REGISTER_NOT_FOUND : KOKEN_CODE_NOT_IMPLEMENTED);
        cr_assert_null(outs[0].parcel);
        cr_assert_eq(koken_machine_snapshot(a, after, sizeof after, &again), 0);
        cr_assert_eq(again, size);
        cr_assert_arr_eq(before, after, size);
    }
    outs[1].parcel = NULL;
    cr_assert_eq(kn_machine_begin(a, program, NULL, 0, outs, 1, &result), 0);
    cr_assert_eq(koken_machine_go(a, 0, &result), 0, "%s", result.error.text);
    cr_assert_eq(koken_machine_channels(a), 2);
    koken_parcel_free(outs[0].parcel);
    koken_program_free(program);
    koken_machine_free(a);
}

Test(parcel, channels_whatever_the_bytes_are)
{
    struct koken_machine *a = session((struct koken_machine_config){.origin = 1});
    struct koken_parcel *parcel = NULL;
    static uint8_t bytes[2000], before[2000], after[2000];
    size_t size, length = 0, again = 0;
    cr_assert_eq(run(a, talk, NULL), KOKEN_CODE_FINE);
    cr_assert_eq(koken_machine_take(a, 2, &parcel), 0);
    const void *whole = koken_parcel_bytes(parcel, &size);
    cr_assert_leq(size, sizeof bytes);
    struct koken_machine *b =
        session((struct koken_machine_config){.origin = 2, .no_static = true, .gas = 5000});
    cr_assert_eq(koken_machine_snapshot(b, before, sizeof before, &length), 0);
    uint32_t taken = 0;
    for (size_t at = 0; at < 8 * size; at++) {
        struct koken_parcel *wrong;
        memcpy(bytes, whole, size);
        bytes[at / 8] ^= (uint8_t)(1u << at % 8);
        cr_assert_eq(koken_parcel_of_bytes(bytes, at % 8 == 7 ? at / 8 : size, &wrong), 0);
        int rc = koken_machine_accept(b, 1, &wrong);
        if (rc < 0) {
            cr_assert(rc == -EINVAL || rc == -ENOMEM);
            koken_parcel_free(wrong);
            cr_assert_eq(koken_machine_snapshot(b, after, sizeof after, &again), 0);
            cr_assert_eq(again, length);
            cr_assert_arr_eq(before, after, length);
            continue;
        }
        taken++;
        (void)run(b, listen, NULL);
        koken_machine_free(b);
        b = session((struct koken_machine_config){.origin = 2, .no_static = true, .gas = 5000});
    }
    cr_assert_gt(taken, 0);
    koken_parcel_free(parcel);
    koken_machine_free(a);
    koken_machine_free(b);
}
