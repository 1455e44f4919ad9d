/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine's memory: registers in windows, cells (the insides of pairs), resources, texts. Cells do not change
 * once they are made, and everything grows at its end only; so undoing a run that fails is to set the counts
 * back, and the main registers to a copy of what they were.
 */
#ifndef KN_EXECUTORS_MACHINE_MACHINE_H
#define KN_EXECUTORS_MACHINE_MACHINE_H

#include "executors/machine/code.h"

#include <koken/parcel.h>

#include <string.h>

enum {
    KN_RESOURCES_MAX = 2048,
    KN_EFFECTS_MAX = 65536,
    KN_CHANNELS_MAX = 1024,
    KN_MESSAGES_MAX = 65536, /* sent in a run, and not received before it */
    KN_DEPTH_MAX = 200,      /* of values in values */
    KN_VISITS_MAX = 65536,   /* of parts, when values are compared or printed */
};

struct kn_cell {
    struct koken_value a, b;
};

/* A linear resource. Its id is a hash of origin and serial; references know it by index and serial. */
struct kn_resource {
    struct koken_value value, type;
    uint64_t origin, serial;
    uint32_t generation; /* of references to it, in koken_value.aux */
    uint32_t hop;        /* how often it has moved from one machine to another */
    uint32_t is_consumed;
};

/* Messages to one end of a channel; each knows the next one, and count says where they end. */
struct kn_queue {
    uint32_t first, last, count;
};

struct kn_queued {
    struct koken_value value;
    uint32_t next; /* once there is one; written again when a run fails and another one sends */
};

/* A channel (protocol.c). Of each end: */
struct kn_duplex {
    struct koken_value protocol[2]; /* what it does from here on: a type */
    uint32_t generation[2];         /* of the value that is this end, in koken_value.aux */
    struct kn_queue queues[2];      /* sent to it */
    bool is_closed[2];
};

struct kn_nullified {
    uint64_t origin, serial;
};

/* What happens with a value that is returned: it is stored, or another function is applied to it. */
struct kn_frame {
    struct koken_value then; /* tag NONE: back to pc, with the value in out of the window at base */
    uint32_t pc, base;
    uint32_t window; /* size of the window that is left */
    uint32_t out;
};

/* Counts at the begin of a run. */
struct kn_mark {
    uint32_t cells, resources, nullified, effects, symbols, constraints, arrivals;
    uint32_t channels, messages, steps_of_channels;
    uint64_t serial;
    bool has_sent;
};

enum { KN_MOVES_MAX = 8 }; /* parcels into a run, and out of one */

struct kn_move {
    uint32_t reg;
    struct koken_parcel *parcel;
};

struct koken_machine {
    struct koken_machine_config config; /* without gas_table, which is in costs */
    struct koken_gas_table costs;
    bool has_costs;                /* that are not the standard ones */
    struct koken_value *registers; /* main window, then those of calls */
    struct koken_value *saved;     /* the main window at the begin of a run */
    struct kn_cell *cells;
    struct kn_resource *resources;
    struct kn_duplex *channels;
    struct kn_duplex *saved_channels; /* as they were at the begin of a run */
    struct kn_queued *messages;
    struct kn_nullified *nullified;
    uint32_t *touched; /* resources consumed in this run */
    uint32_t *effects; /* symbols */
    char *texts;
    struct kn_text *symbols;
    uint32_t *names; /* symbols of the program, here */
    struct kn_frame *frames;
    uint32_t register_room, saved_room, cell_room, resource_room, nullified_room, touched_room;
    uint32_t effect_room, text_room, symbol_room, name_room, frame_room;
    uint32_t channel_room, saved_channel_room, message_room;
    uint32_t main_count; /* registers of the main window */
    uint32_t saved_count;
    uint32_t cell_count, resource_count, nullified_count, touched_count, effect_count;
    uint32_t text_size, symbol_count, constraint_count, cells_tidied;
    uint32_t channel_count, saved_channel_count, message_count;
    uint32_t steps_of_channels; /* so many have been done: generations of ends */
    uint64_t serial;            /* of the next resource that is made here */
    uint32_t arrivals;          /* resources that came from elsewhere */
    bool has_sent;              /* resources have left: serials are not used again */
    uint64_t expires_ns;
    /* The run under way. */
    struct koken_program *program; /* NULL: none */
    struct kn_mark mark;
    uint64_t gas_left;  /* not granted yet */
    uint64_t gas_extra; /* of functions that were applied by functions */
    uint64_t gas_extra_most;
    uint64_t steps;
    uint32_t pc, base, depth;
    bool is_exact;   /* gas and steps are counted by instruction, not by block */
    bool is_entered; /* the first block is paid */
    struct koken_value value;
    struct koken_machine_error error;
    struct kn_move *outs; /* what leaves when it has ended well; parcels are NULL until then */
    uint32_t out_count;
};

/* Of values whose data is a cell. */
static inline bool kn_has_cell(struct koken_value value)
{
    return (value.tag >= KOKEN_VALUE_PRODUCT && value.tag <= KOKEN_VALUE_SUM) ||
           value.tag == KOKEN_VALUE_PARTIAL || value.tag == KOKEN_VALUE_COMPOSED ||
           (value.tag == KOKEN_VALUE_TYPE && kn_type_parts[value.aux]);
}

/* Must the register be used before it may be written? (LIVE is 1, CONSUMED is 2, the kind's second bit: must.) */
static inline bool kn_is_owed(struct koken_value value)
{
    return (value.state & (value.kind >> 1)) != 0;
}

/*
 * The first half of a value as one word: tag, state and kind are bytes 0 to 2. Written and read as a word it
 * passes from one instruction to the next through the store buffer; in pieces it would not.
 */
static inline uint64_t kn_head(const struct koken_value *at)
{
    uint64_t head;
    memcpy(&head, at, sizeof head);
    return head;
}

/* What was read: LIVE, and if it may be copied not owed a use any more. */
static inline uint64_t kn_head_used(uint64_t head)
{
    return head & ~((head >> 16 & KOKEN_KIND_UNRESTRICTED) << 17);
}

/* What is left in a register that has been read: CONSUMED, unless it may be copied. */
static inline void kn_use_up(struct koken_value *at)
{
    uint64_t head = kn_head_used(kn_head(at));
    head += (head >> 16 & KOKEN_KIND_UNRESTRICTED ? 0 : UINT64_C(1)) << 8; /* LIVE + 1 */
    memcpy(at, &head, sizeof head);
}
/* A live value of that kind, written in two words. */
static inline void kn_set(struct koken_value *at, uint8_t tag, uint8_t kind, uint64_t data)
{
    uint64_t head = tag | (uint64_t)KOKEN_REGISTER_LIVE << 8 | (uint64_t)kind << 16;
    memcpy(at, &head, sizeof head);
    at->data = data;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes of a value's head");

static inline uint8_t kn_kind_of_both(uint8_t a, uint8_t b)
{
    return (uint8_t)((a & b & KOKEN_KIND_UNRESTRICTED) | ((a | b) & KOKEN_KIND_LINEAR));
}

/* Memory that grows: room for one more item. False: there is none. */
bool kn_grow(void *items, uint32_t *room, uint32_t need, size_t size);

/* Errors of the run under way, at m->pc. */
int kn_stop(struct koken_machine *m, enum koken_machine_code code, uint32_t reg, const char *format,
            ...) __attribute__((format(printf, 4, 5)));

/* Makes a value of the two, under a tag. */
int kn_cell_new(struct koken_machine *m, uint8_t tag, uint32_t aux, struct koken_value a,
                struct koken_value b, struct koken_value *ret_value);
uint32_t kn_symbol(struct koken_machine *m, const char *text, size_t len);
void kn_symbols_cut(struct koken_machine *m, uint32_t count);
static inline const char *kn_symbol_text(const struct koken_machine *m, uint64_t symbol,
                                         uint32_t *ret_len)
{
    KN_ASSERT(symbol < m->symbol_count);
    *ret_len = m->symbols[symbol].len;
    return m->texts + m->symbols[symbol].start;
}
bool kn_symbol_is(const struct koken_machine *m, uint64_t symbol, const char *text);

/* 1 equal, 0 not, < 0 there are too many parts. */
int kn_values_equal(const struct koken_machine *m, struct koken_value a, struct koken_value b);
bool kn_value_has_type(const struct koken_machine *m, struct koken_value value,
                       struct koken_value type);

/* The generation of the next resource here: never the same twice. */
static inline uint32_t kn_generation(const struct koken_machine *m)
{
    return (uint32_t)m->serial + m->arrivals;
}

int kn_resource_new(struct koken_machine *m, struct koken_value type, struct koken_value value,
                    struct koken_value *ret_ref);
int kn_resource_consume(struct koken_machine *m, struct koken_value ref, uint32_t reg,
                        struct koken_value *ret_value);

/*
 * Channels (protocol.c). A new one is the pair of its ends. Each step takes an end, which was read, and gives the next
 * one: send and choose alone, receive in a pair with what was sent, offer in a sum. To close one gives (unit, 0).
 */
int kn_ends_new(struct koken_machine *m, struct koken_value type, struct koken_value init,
                struct koken_value *ret_pair);
int kn_end_send(struct koken_machine *m, struct koken_value end, struct koken_value value,
                struct koken_value *ret_end);
int kn_end_choose(struct koken_machine *m, struct koken_value end, struct koken_value choice,
                  struct koken_value *ret_end);
int kn_end_receive(struct koken_machine *m, struct koken_value end, struct koken_value *ret_pair);
int kn_end_offer(struct koken_machine *m, struct koken_value end, struct koken_value *ret_sum);
int kn_end_close(struct koken_machine *m, struct koken_value end, struct koken_value *ret_pair);

/*
 * Of a channel that was read: its protocols are some, and what lies in it is what they say. 0, -EINVAL, -ENOMEM. The
 * cells that it needed are garbage.
 */
KOKEN_MUST_USE int kn_duplex_check(struct koken_machine *m, uint32_t number);
int kn_queue_put(struct koken_machine *m, struct kn_queue *queue, struct koken_value value);

/* Whether a value is an end as it is now; what it does from here on, then. */
bool kn_end_is_open(const struct koken_machine *m, struct koken_value end);
struct koken_value kn_end_protocol(const struct koken_machine *m, struct koken_value end);

void kn_resource_id(uint64_t origin, uint64_t serial, uint8_t ret_id[32]);

/* A constant of the program under way, as a value. */
int kn_constant(struct koken_machine *m, uint32_t number, struct koken_value *ret_value);

/* 1 true, 0 false, < 0 it cannot be told, and the run stops. */
int kn_condition(struct koken_machine *m, const struct koken_value *window, uint32_t number);

/* One more function that a function applies: 0, or < 0: there is no gas for it. */
int kn_gas_extra_exact(struct koken_machine *m);
static inline int kn_gas_extra(struct koken_machine *m)
{
    KN_ASSERT(m->program != NULL);
    m->gas_extra += m->costs.cost[KOKEN_GAS_TRANSFORM];
    return kn_likely(m->gas_extra <= m->gas_extra_most) ? 0 : kn_gas_extra_exact(m);
}

/* Applies what needs no call. */
int kn_apply_now(struct koken_machine *m, struct koken_value function, struct koken_value argument,
                 bool is_lenient, struct koken_value *ret_value);
int kn_builtin_of(const struct koken_machine *m, struct koken_value function);
int kn_arithmetic(struct koken_machine *m, unsigned builtin, struct koken_value a,
                  struct koken_value b, struct koken_value *ret_value);

/* Reads a register, and writes one; what each instruction does (step.c). */
int kn_read(struct koken_machine *m, struct koken_value *window, uint32_t reg,
            struct koken_value *ret_value);
int kn_write(struct koken_machine *m, struct koken_value *window, uint32_t reg,
             struct koken_value value);
int kn_return(struct koken_machine *m, struct koken_value value);
extern int (*const kn_ways[KN_OP_COUNT_])(struct koken_machine *m, const struct kn_insn *insn);

/*
 * A resource is gone from here: `next` is its next hop, KN_HOP_END if it was used up. A run that fails undoes it
 * (kn_resource_undo). Errors: -EPERM it is spent, says the ledger; -ENOMEM.
 */
KOKEN_MUST_USE int kn_resource_spend(struct koken_machine *m, uint32_t index, uint32_t next);
void kn_resource_undo(struct koken_machine *m, uint32_t index);

/* Parcels in and out of a run (parcel.c): the parcels that come in stay as they are. */
KOKEN_MUST_USE int kn_parcels_open(struct koken_machine *m, const struct kn_move *ins,
                                   uint32_t in_count);
KOKEN_MUST_USE int kn_parcels_close(struct koken_machine *m);
void kn_parcels_drop(struct koken_machine *m); /* of a run that failed after all */

/* koken_machine_begin, with parcels for registers and registers to make parcels of. */
KOKEN_MUST_USE int kn_machine_begin(struct koken_machine *m, struct koken_program *program,
                                    const struct kn_move *ins, uint32_t in_count,
                                    struct kn_move *outs, uint32_t out_count,
                                    struct koken_machine_result *ret_result);

/* koken_machine_abort with an error of one's own. */
void kn_machine_abort(struct koken_machine *m, enum koken_machine_code code, const char *why,
                      struct koken_machine_result *ret_result);

/* Runs until the end, an error, or -EAGAIN: the slice is over. */
int kn_exec(struct koken_machine *m, uint64_t slice);

/* The end of a run: what must be used is; garbage goes. */
int kn_heap_settle(struct koken_machine *m);
void kn_heap_tidy(struct koken_machine *m, bool is_forced);

#endif
