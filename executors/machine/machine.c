/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines from run to run. A run either ends well and stays, or leaves the machine as it was: counts are set
 * back, the main registers restored, and resources that it consumed are whole again.
 */
#include "executors/machine/machine.h"

#include "base/alloc.h"
#include "base/world.h"
#include "executors/machine/ledger.h"

#include <string.h>

enum { GAS = 1000000, CELLS = 65536 };

/* Whatever comes back to where it was pays for it: so gas ends a run. */
static bool is_bounding(const struct koken_gas_table *table)
{
    return table->cost[KOKEN_GAS_JUMP] > 0 && table->cost[KOKEN_GAS_MATCH] > 0 &&
           table->cost[KOKEN_GAS_APPLY] > 0 && table->cost[KOKEN_GAS_TRANSFORM] > 0;
}

int koken_machine_new(const struct koken_machine_config *config, struct koken_machine **ret_machine)
{
    struct koken_machine *m;
    int rc = kn_world_init();
    if (config && ((config->struct_size != 0 && config->struct_size != sizeof *config) ||
                   (config->gas_table && !is_bounding(config->gas_table)))) {
        return -EINVAL;
    }
    m = rc < 0 ? NULL : kn_alloc(sizeof *m, _Alignof(struct koken_machine), -1);
    if (!m) {
        return -ENOMEM;
    }
    memset(m, 0, sizeof *m);
    m->config = config ? *config : (struct koken_machine_config){0};
    m->config.gas = m->config.gas ? m->config.gas : (uint64_t)GAS;
    m->config.cells_max = m->config.cells_max ? m->config.cells_max : (uint32_t)CELLS;
    koken_gas_standard(&m->costs);
    if (m->config.gas_table) {
        m->costs = *m->config.gas_table;
        m->has_costs = true;
        m->config.gas_table = NULL; /* the caller's */
    }
    if (m->config.ledger) {
        (void)koken_ledger_ref(m->config.ledger);
    }
    koken_machine_touch(m);
    *ret_machine = m;
    return 0;
}

#define GIVE_BACK_(items, room) kn_free((items), (room) * sizeof *(items), 16)

void koken_machine_free(struct koken_machine *m)
{
    if (!m) {
        return;
    }
    if (m->program) { /* what it has spent so far is whole again */
        struct koken_machine_result result;
        koken_machine_abort(m, &result);
    }
    koken_ledger_free(m->config.ledger);
    GIVE_BACK_(m->registers, m->register_room);
    GIVE_BACK_(m->saved, m->saved_room);
    GIVE_BACK_(m->cells, m->cell_room);
    GIVE_BACK_(m->resources, m->resource_room);
    GIVE_BACK_(m->channels, m->channel_room);
    GIVE_BACK_(m->saved_channels, m->saved_channel_room);
    GIVE_BACK_(m->messages, m->message_room);
    GIVE_BACK_(m->nullified, m->nullified_room);
    GIVE_BACK_(m->touched, m->touched_room);
    GIVE_BACK_(m->effects, m->effect_room);
    GIVE_BACK_(m->texts, m->text_room);
    GIVE_BACK_(m->symbols, m->symbol_room);
    GIVE_BACK_(m->names, m->name_room);
    GIVE_BACK_(m->frames, m->frame_room);
    kn_free(m, sizeof *m, _Alignof(struct koken_machine));
}

/* ---- a run ---- */

static void take_mark(struct koken_machine *m)
{
    KN_ASSERT(m->resource_count <= KN_RESOURCES_MAX && m->effect_count <= KN_EFFECTS_MAX);
    m->mark = (struct kn_mark){.cells = m->cell_count,
                               .resources = m->resource_count,
                               .nullified = m->nullified_count,
                               .effects = m->effect_count,
                               .symbols = m->symbol_count,
                               .constraints = m->constraint_count,
                               .arrivals = m->arrivals,
                               .channels = m->channel_count,
                               .messages = m->message_count,
                               .steps_of_channels = m->steps_of_channels,
                               .serial = m->serial,
                               .has_sent = m->has_sent};
    m->saved_channel_count = 0;
    m->touched_count = 0;
}

static void go_back(struct koken_machine *m)
{
    KN_ASSERT(m->cell_count >= m->mark.cells && m->resource_count >= m->mark.resources);
    KN_ASSERT(m->nullified_count >= m->mark.nullified && m->symbol_count >= m->mark.symbols);
    for (uint32_t i = 0; i < m->touched_count; i++) {
        kn_resource_undo(m, m->touched[i]);
    }
    m->cell_count = m->mark.cells;
    m->resource_count = m->mark.resources;
    m->nullified_count = m->mark.nullified;
    m->effect_count = m->mark.effects;
    m->constraint_count = m->mark.constraints;
    m->serial = m->mark.serial;
    m->has_sent = m->mark.has_sent; /* parcels that were made are dropped */
    m->arrivals = m->mark.arrivals;
    m->touched_count = 0;
    m->channel_count = m->mark.channels;
    m->message_count = m->mark.messages;
    m->steps_of_channels = m->mark.steps_of_channels;
    if (m->saved_channel_count) {
        KN_ASSERT(m->saved_channel_count == m->channel_count);
        memcpy(m->channels, m->saved_channels, m->channel_count * sizeof *m->channels);
    }
    kn_symbols_cut(m, m->mark.symbols);
    m->main_count = m->saved_count;
    if (m->saved_count) {
        memcpy(m->registers, m->saved, m->saved_count * sizeof *m->registers);
    }
    m->value = (struct koken_value){0};
}

/* Registers for the program, a copy of what is there, and its symbols. */
static int make_ready(struct koken_machine *m, const struct koken_program *program)
{
    KN_ASSERT(program->register_count > 0 && program->register_count <= KN_REGISTERS_MAX);
    uint32_t count =
        program->register_count > m->main_count ? program->register_count : m->main_count;
    if (!kn_grow(&m->registers, &m->register_room, count, sizeof *m->registers) ||
        !kn_grow(&m->saved, &m->saved_room, count, sizeof *m->saved) ||
        !kn_grow(&m->saved_channels, &m->saved_channel_room, m->channel_count,
                 sizeof *m->saved_channels) ||
        !kn_grow(&m->names, &m->name_room, program->symbol_count, sizeof *m->names)) {
        return kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER, "Memory error: out of memory");
    }
    memset(m->registers + m->main_count, 0, (count - m->main_count) * sizeof *m->registers);
    m->saved_count = m->main_count;
    if (m->main_count) {
        memcpy(m->saved, m->registers, m->main_count * sizeof *m->saved);
    }
    m->main_count = count;
    m->saved_channel_count = m->channel_count;
    if (m->channel_count) {
        memcpy(m->saved_channels, m->channels, m->channel_count * sizeof *m->channels);
    }
    for (uint32_t i = 0; i < program->symbol_count; i++) {
        uint32_t len;
        const char *text = kn_program_text(program, i, &len);
        m->names[i] = kn_symbol(m, text, len);
        if (m->names[i] == UINT32_MAX) {
            return kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER,
                           "Memory error: out of memory");
        }
    }
    return 0;
}

static void forget(struct koken_machine *m)
{
    KN_ASSERT(!m->config.keeps_state || !m->program);
    m->main_count = m->saved_count = 0;
    m->cell_count = m->cells_tidied = m->resource_count = m->nullified_count = 0;
    m->touched_count = m->effect_count = m->constraint_count = 0;
    m->symbol_count = m->text_size = 0;
    m->channel_count = m->message_count = 0;
    m->serial = m->has_sent || m->config.ledger ? m->serial : 0; /* others may know them */
    m->value = (struct koken_value){0};
}

static void report(const struct koken_machine *m, struct koken_machine_result *ret_result)
{
    KN_ASSERT(m->gas_left <= m->config.gas);
    *ret_result = (struct koken_machine_result){.value = m->value,
                                                .gas_used = m->config.gas - m->gas_left,
                                                .steps = m->steps,
                                                .error = m->error};
    if (m->error.code == KOKEN_CODE_FINE) {
        ret_result->resources_made = (uint32_t)(m->serial - m->mark.serial);
        ret_result->resources_consumed = m->nullified_count - m->mark.nullified;
        ret_result->effects = m->effect_count - m->mark.effects;
        ret_result->constraints = m->constraint_count - m->mark.constraints;
    }
}

/* A run is over, well or not. */
static int close_run(struct koken_machine *m, int rc, struct koken_machine_result *ret_result)
{
    struct koken_program *program = m->program;
    KN_ASSERT(program && (rc < 0) == (m->error.code != KOKEN_CODE_FINE));
    if (rc == 0) {
        rc = kn_parcels_close(m);
    }
    if (rc == 0) {
        rc = kn_heap_settle(m);
    }
    if (rc < 0) {
        kn_parcels_drop(m);
        go_back(m);
    }
    m->outs = NULL;
    m->out_count = 0;
    report(m, ret_result);
    if (rc == 0 && m->config.keeps_state) {
        kn_heap_tidy(m, /* is_forced= */ false);
        ret_result->value = m->value;
    }
    m->program = NULL;
    m->depth = 0;
    koken_program_free(program);
    koken_machine_touch(m);
    return rc;
}

/* The state of a run before its first instruction. */
static void make_young(struct koken_machine *m, struct koken_program *program)
{
    KN_ASSERT(!m->program);
    if (!m->config.keeps_state) {
        forget(m);
    }
    m->error = (struct koken_machine_error){.reg = KOKEN_NO_REGISTER};
    m->program = koken_program_ref(program);
    m->gas_left = m->config.gas;
    m->gas_extra = m->gas_extra_most = m->steps = 0;
    m->pc = m->base = m->depth = 0;
    m->is_entered = false;
    m->is_exact =
        m->config.trace || m->config.steps_max || m->has_costs; /* blocks know the standard */
    m->value = (struct koken_value){0};
    take_mark(m);
    m->saved_count = 0;
}

int kn_machine_begin(struct koken_machine *m, struct koken_program *program,
                     const struct kn_move *ins, uint32_t in_count, struct kn_move *outs,
                     uint32_t out_count, struct koken_machine_result *ret_result)
{
    KN_ASSERT(in_count <= KN_MOVES_MAX && out_count <= KN_MOVES_MAX);
    if (m->program) {
        return -EBUSY;
    }
    make_young(m, program);
    m->outs = outs;
    m->out_count = out_count;
    int rc = 0;
    if (m->expires_ns && kn_now() > m->expires_ns) {
        m->saved_count = m->main_count;
        rc = kn_machine_fail(&m->error, KOKEN_CODE_SESSION_EXPIRED, NULL, 0, KOKEN_NO_REGISTER,
                             "Effect execution failed: the session has expired");
        report(m, ret_result);
        m->program = NULL;
        koken_program_free(program);
        return rc;
    }
    rc = make_ready(m, program);
    rc = rc < 0 ? rc : kn_parcels_open(m, ins, in_count);
    if (rc == 0 && !m->config.no_static) {
        rc = m->saved_count || in_count
                 ? kn_program_flow(program, m->registers, m->main_count, &m->error)
                 : kn_program_check_once(program, &m->error);
        rc = rc == 0 && m->saved_count + in_count > 0 ? kn_protocols_check_once(program, &m->error)
                                                      : rc;
    }
    return rc < 0 ? close_run(m, rc, ret_result) : 0;
}

int koken_machine_begin(struct koken_machine *m, struct koken_program *program,
                        struct koken_machine_result *ret_result)
{
    return kn_machine_begin(m, program, NULL, 0, NULL, 0, ret_result);
}

int koken_machine_go(struct koken_machine *m, uint64_t slice_gas,
                     struct koken_machine_result *ret_result)
{
    KN_ASSERT(!m->program || m->error.code == KOKEN_CODE_FINE);
    if (!m->program) {
        return -EINVAL;
    }
    int rc = kn_exec(m, slice_gas);
    return rc == -EAGAIN ? rc : close_run(m, rc, ret_result);
}

int koken_machine_run(struct koken_machine *m, struct koken_program *program,
                      struct koken_machine_result *ret_result)
{
    int rc = koken_machine_begin(m, program, ret_result);
    if (rc < 0 && rc == -EBUSY) {
        *ret_result = (struct koken_machine_result){0};
    }
    return rc < 0 ? rc : koken_machine_go(m, 0, ret_result);
}

void kn_machine_abort(struct koken_machine *m, enum koken_machine_code code, const char *why,
                      struct koken_machine_result *ret_result)
{
    KN_ASSERT(m->program);
    int rc = kn_stop(m, code, KOKEN_NO_REGISTER, "Effect execution failed: %s", why);
    rc = close_run(m, rc, ret_result);
    KN_ASSERT(rc < 0 && !m->program);
}

void koken_machine_abort(struct koken_machine *m, struct koken_machine_result *ret_result)
{
    if (!m->program) {
        *ret_result = (struct koken_machine_result){0};
        return;
    }
    kn_machine_abort(m, KOKEN_CODE_CANCELLED, "cancelled", ret_result);
}

/* ---- between runs ---- */

struct koken_value koken_machine_register(const struct koken_machine *m, uint32_t reg)
{
    return reg < m->main_count ? m->registers[reg] : (struct koken_value){0};
}

int koken_machine_put(struct koken_machine *m, uint32_t reg, struct koken_value value)
{
    if (reg >= KN_REGISTERS_MAX || m->program || value.tag == KOKEN_VALUE_NONE ||
        value.tag >= KOKEN_VALUE_TAG_COUNT_ ||
        (kn_has_cell(value) && value.data >= m->cell_count)) {
        return -EINVAL;
    }
    if (reg < m->main_count && kn_is_owed(m->registers[reg])) {
        return -EPERM;
    }
    if (!kn_grow(&m->registers, &m->register_room, reg + 1, sizeof *m->registers)) {
        return -ENOMEM;
    }
    if (reg >= m->main_count) {
        memset(m->registers + m->main_count, 0, (reg + 1 - m->main_count) * sizeof *m->registers);
        m->main_count = reg + 1;
    }
    value.state = KOKEN_REGISTER_LIVE;
    m->registers[reg] = value;
    return 0;
}

const char *koken_machine_effect(const struct koken_machine *m, uint32_t i)
{
    uint32_t len;
    return i < m->effect_count ? kn_symbol_text(m, m->effects[i], &len) : NULL;
}

void koken_machine_touch(struct koken_machine *m)
{
    m->expires_ns = m->config.ttl_ns ? kn_now() + m->config.ttl_ns : 0;
}

uint64_t koken_machine_expires(const struct koken_machine *m)
{
    return m->expires_ns;
}

int koken_machine_reset(struct koken_machine *m)
{
    if (m->program) {
        return -EBUSY;
    }
    if (m->config.end_check != KOKEN_END_OFF &&
        (koken_machine_left(m, NULL, 0) > 0 || koken_machine_channels(m) > 0)) {
        return -EPERM;
    }
    forget(m);
    return 0;
}
