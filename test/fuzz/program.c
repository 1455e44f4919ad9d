/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of programs: any bytes give an error, or a program of these very bytes that stays within its gas. */
#include "base/assert.h"

#include <koken/machine.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[1 << 16];
    static char text[1 << 16];
    struct koken_program *program;
    struct koken_machine *machine;
    struct koken_machine_result result;
    struct koken_machine_config config = {.gas = 5000, .no_static = size % 2 == 0};
    if (koken_program_decode(data, size, &program, NULL) < 0) {
        return 0;
    }
    KOKEN_CHECK(koken_program_encode(program, again, sizeof again) == size);
    KOKEN_CHECK(size > sizeof again || memcmp(again, data, size) == 0);
    (void)koken_program_print(program, text, sizeof text);
    KOKEN_CHECK(koken_machine_new(&config, &machine) == 0);
    int rc = koken_machine_run(machine, program, &result);
    KOKEN_CHECK((rc == 0) == (result.error.code == KOKEN_CODE_FINE));
    KOKEN_CHECK(result.gas_used <= config.gas);
    (void)koken_machine_print(machine, result.value, text, sizeof text);
    koken_machine_free(machine);
    koken_program_free(program);
    return 0;
}
