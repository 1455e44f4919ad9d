/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoders of snapshots and parcels: any bytes give an error, or a session that is written as it was read and
 * on which programs run within their gas; a parcel that is refused leaves nothing behind.
 */
#include "base/assert.h"

#include <koken/parcel.h>

#include <string.h>

/*
 * Looks at, uses and moves whatever lies in the first registers; each ends at its first mistake. The later ones talk: over a channel
 * with both ends in r1, as a parcel has it, and over the ends that the sessions of the corpus have in r10 to r12 and r20 to r22.
 */
static const char *const texts[] = {
    "consume r2, r9\napply r1, r0, r8\ntensor r8, r9, r7\nreturn r7\n",
    "perform \"a\", r9\nmatch r1, r2, r3, left, right\nleft:\nright:\n"
    "check equal(r4, r5)\ncompose r4, r5, r6\n",
    "split r1, r10, r11\nconst r12, 7\ntensor r10, r12, r13\nconst r14, !builtin send\n"
    "transform r14, r13, r10\nconst r14, !builtin receive\ntransform r14, r11, r13\n"
    "split r13, r12, r11\ntensor r10, r11, r1\n",
    "split r1, r10, r11\nconst r12, \"buy\"\ntensor r10, r12, r13\nconst r14, !builtin choose\n"
    "transform r14, r13, r10\nconst r14, !builtin offer\ntransform r14, r11, r13\n"
    "case r13, r11, \"buy\", yes, no\nyes:\nno:\ntensor r10, r11, r1\n",
    "const r14, !builtin receive\ntransform r14, r20, r5\nsplit r5, r6, r20\nreturn r6\n",
    "const r14, !builtin receive\ntransform r14, r10, r5\nsplit r5, r6, r10\nreturn r6\n",
    "const r3, 7\ntensor r10, r3, r5\nconst r14, !builtin send\ntransform r14, r5, r10\n",
    "const r14, !builtin offer\ntransform r14, r22, r5\ncase r5, r22, \"buy\", yes, "
    "no\nyes:\nno:\n",
    "const r3, \"quit\"\ntensor r12, r3, r5\nconst r14, !builtin choose\ntransform r14, r5, r12\n"
    "consume r12, r6\n",
};

static void run(struct koken_machine *machine, const char *program_text)
{
    struct koken_program *program;
    struct koken_machine_result result;
    if (koken_program_assemble(program_text, strlen(program_text), &program, NULL) == 0) {
        int rc = koken_machine_run(machine, program, &result);
        KOKEN_CHECK((rc == 0) == (result.error.code == KOKEN_CODE_FINE));
        KOKEN_CHECK(result.gas_used <= 5000);
        koken_program_free(program);
    }
}

static void use(struct koken_machine *machine)
{
    static char shown[1 << 14];
    struct koken_parcel *parcel;
    for (uint32_t reg = 0; reg < 12; reg++) {
        (void)koken_machine_print(machine, koken_machine_register(machine, reg), shown,
                                  sizeof shown);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        run(machine, texts[i]);
    }
    for (uint32_t reg = 0; reg < 12; reg++) {
        if (koken_machine_take(machine, reg, &parcel) == 0 &&
            koken_machine_accept(machine, 12 + reg, &parcel) < 0) {
            koken_parcel_free(parcel);
        }
    }
    (void)koken_machine_left(machine, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[1 << 16];
    static const struct koken_machine_config config = {
        .gas = 5000, .keeps_state = true, .no_static = true};
    struct koken_machine *machine;
    struct koken_parcel *parcel;
    size_t length = 0;
    if (koken_machine_restore(&config, data, size, &machine) == 0) {
        KOKEN_CHECK(koken_machine_snapshot(machine, again, sizeof again, &length) == 0);
        KOKEN_CHECK(length == size);
        KOKEN_CHECK(size > sizeof again || memcmp(again, data, size) == 0);
        use(machine);
        koken_machine_free(machine);
    }
    KOKEN_CHECK(koken_machine_new(&config, &machine) == 0);
    KOKEN_CHECK(koken_parcel_of_bytes(data, size, &parcel) == 0);
    if (koken_machine_accept(machine, 1, &parcel) == 0) {
        KOKEN_CHECK(parcel == NULL);
        use(machine);
    } else {
        KOKEN_CHECK(koken_machine_left(machine, NULL, 0) == 0);
        koken_parcel_free(parcel);
    }
    koken_machine_free(machine);
    return 0;
}
