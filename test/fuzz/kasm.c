/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The assembler: any text gives an error with its line or a program; a program that is printed and assembled
 * again prints the same, and no program runs past its gas.
 */
#include "base/assert.h"

#include <koken/machine.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char first[1 << 17], second[1 << 17];
    struct koken_program *program, *again;
    struct koken_machine *machine;
    struct koken_machine_result result;
    struct koken_machine_config config = {.gas = 5000, .no_static = size % 2 == 0};
    struct koken_machine_error error;
    if (koken_program_assemble((const char *)data, size, &program, &error) < 0) {
        KOKEN_CHECK(error.code != KOKEN_CODE_FINE && error.text[0] != '\0');
        return 0;
    }
    size_t len = koken_program_print(program, first, sizeof first);
    if (len < sizeof first && koken_program_assemble(first, len, &again, &error) == 0) {
        KOKEN_CHECK(koken_program_print(again, second, sizeof second) == len);
        KOKEN_CHECK(strcmp(first, second) == 0);
        koken_program_free(again);
    }
    KOKEN_CHECK(koken_machine_new(&config, &machine) == 0);
    int rc = koken_machine_run(machine, program, &result);
    KOKEN_CHECK((rc == 0) == (result.error.code == KOKEN_CODE_FINE));
    KOKEN_CHECK(result.gas_used <= config.gas);
    koken_machine_free(machine);
    koken_program_free(program);
    return 0;
}
