/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels: two ends, each at a place of its protocol, and what has been sent to each and not been received. An end is
 * a linear value: each step uses it up and makes the next one, which knows the next place. Its generation is another
 * one then, so a copy that was smuggled past the registers finds the end gone on.
 *
 * Protocols are types. The other end has the dual one: it receives what this one sends, and offers what this one
 * chooses. So a message is always of the type that its receiver wants, and an end that has come to its end has nothing
 * left to receive.
 *
 * Protocols come from programs: they are checked before a channel is made, and are KN_DEPTH_MAX deep at most, so
 * recursion over them is bounded; parts may be shared, so visits are counted.
 */
#include "executors/machine/machine.h"

static struct koken_value part(const struct koken_machine *m, struct koken_value type, unsigned i)
{
    KN_ASSERT(kn_has_cell(type) && type.data < m->cell_count && i < kn_type_parts[type.aux]);
    return i == 0 ? m->cells[type.data].a : m->cells[type.data].b;
}

/* Of a list: its first name, and how it goes on after that choice. */
static struct koken_value first_choice(const struct koken_machine *m, struct koken_value list,
                                       uint32_t *ret_name)
{
    struct koken_value entry = part(m, list, 0);
    KN_ASSERT(kn_type_is_list(list.aux) && entry.tag == KOKEN_VALUE_SUM);
    *ret_name = entry.aux;
    return m->cells[entry.data].a;
}

/* How a list goes on after the choice of that name. False: there is none. */
static bool find_choice(const struct koken_machine *m, struct koken_value list, uint64_t name,
                        struct koken_value *ret_next)
{
    uint32_t found;
    for (; kn_type_is_list(list.aux); list = part(m, list, 1)) { /* ends: KN_DEPTH_MAX at most */
        *ret_next = first_choice(m, list, &found);
        if (found == name) {
            return true;
        }
    }
    return false;
}

/* ---- protocols ---- */

/* Which REC a variable means: 0 the innermost. */
static uint32_t level_of(const struct koken_machine *m, struct koken_value type)
{
    uint32_t level = 0;
    while (type.aux == KN_TYPE_OUTER) { /* ends: KN_DEPTH_MAX at most */
        type = part(m, type, 0);
        level++;
    }
    return type.aux == KN_TYPE_AGAIN ? level : UINT32_MAX;
}

static bool is_protocol(const struct koken_machine *m, struct koken_value type, uint32_t levels,
                        uint32_t fresh, uint32_t *visits);

/* Whether a list of choices is part of a protocol: each of them goes on with one, and has another name. */
static bool is_list(const struct koken_machine *m, struct koken_value list, uint32_t levels,
                    uint32_t *visits)
{
    uint32_t name;
    struct koken_value next, twice;
    for (; kn_type_is_list(list.aux); list = part(m, list, 1)) { /* ends: KN_DEPTH_MAX at most */
        next = first_choice(m, list, &name);
        if (!is_protocol(m, next, levels, 0, visits) ||
            find_choice(m, part(m, list, 1), name, &twice)) {
            return false;
        }
    }
    return true;
}

/*
 * Whether a type is a protocol: every variable has its REC, and something happens between the two. levels: how many
 * RECs are around it; fresh: how many of these nothing has happened since.
 */
static bool is_protocol(const struct koken_machine *m, struct koken_value type, uint32_t levels,
                        uint32_t fresh, uint32_t *visits)
{
    KN_ASSERT(type.tag == KOKEN_VALUE_TYPE && fresh <= levels);
    if (++*visits > KN_VISITS_MAX) {
        return false;
    }
    switch (type.aux) {
    case KN_TYPE_FINISH: return true;
    case KN_TYPE_SEND:
    case KN_TYPE_RECEIVE: return is_protocol(m, part(m, type, 1), levels, 0, visits);
    case KN_TYPE_CHOOSE:
    case KN_TYPE_OFFER:
        return is_protocol(m, part(m, type, 0), levels, 0, visits) &&
               is_protocol(m, part(m, type, 1), levels, 0, visits);
    case KN_TYPE_CHOOSE_OF:
    case KN_TYPE_OFFER_OF: return is_list(m, type, levels, visits);
    case KN_TYPE_REC: return is_protocol(m, part(m, type, 0), levels + 1, fresh + 1, visits);
    case KN_TYPE_OUTER:
    case KN_TYPE_AGAIN: {
        uint32_t level = level_of(m, type);
        return level < levels && level >= fresh;
    }
    default: return false;
    }
}

/* A type of those parts; the second is NONE if there is one. */
static int type_of(struct koken_machine *m, uint32_t kind, struct koken_value a,
                   struct koken_value b, struct koken_value *ret_type)
{
    KN_ASSERT(kind < KN_TYPE_COUNT_ && kn_type_parts[kind] > 0);
    return kn_cell_new(m, KOKEN_VALUE_TYPE, kind, a, b, ret_type);
}

/* A list of choices: the first one, by that name, and the others. */
static int list_of(struct koken_machine *m, uint32_t kind, uint32_t name, struct koken_value next,
                   struct koken_value others, struct koken_value *ret_list)
{
    struct koken_value entry;
    KN_ASSERT(kn_type_is_list(kind) && next.tag == KOKEN_VALUE_TYPE);
    int rc = kn_cell_new(m, KOKEN_VALUE_SUM, name, next, (struct koken_value){0}, &entry);
    return rc < 0 ? rc : type_of(m, kind, entry, others, ret_list);
}

/* The protocol of the other end. Sound ones only. */
static int dual(struct koken_machine *m, struct koken_value type, struct koken_value *ret_type)
{
    static const uint8_t others[KN_TYPE_COUNT_] = {[KN_TYPE_SEND] = KN_TYPE_RECEIVE,
                                                   [KN_TYPE_RECEIVE] = KN_TYPE_SEND,
                                                   [KN_TYPE_CHOOSE] = KN_TYPE_OFFER,
                                                   [KN_TYPE_OFFER] = KN_TYPE_CHOOSE,
                                                   [KN_TYPE_CHOOSE_OF] = KN_TYPE_OFFER_OF,
                                                   [KN_TYPE_OFFER_OF] = KN_TYPE_CHOOSE_OF,
                                                   [KN_TYPE_REC] = KN_TYPE_REC};
    struct koken_value a, b = {0};
    uint32_t name;
    KN_ASSERT(type.tag == KOKEN_VALUE_TYPE && type.aux < KN_TYPE_COUNT_);
    if (!others[type.aux]) { /* its end, a variable, or no more choices */
        *ret_type = type;
        return 0;
    }
    int rc = 0;
    if (kn_type_is_list(type.aux)) {
        rc = dual(m, first_choice(m, type, &name), &a);
        rc = rc < 0 ? rc : dual(m, part(m, type, 1), &b);
        return rc < 0 ? rc : list_of(m, others[type.aux], name, a, b, ret_type);
    }
    a = part(m, type, 0);
    if (type.aux != KN_TYPE_SEND && type.aux != KN_TYPE_RECEIVE) {
        rc = dual(m, a, &a);
    }
    if (rc == 0 && type.aux != KN_TYPE_REC) {
        rc = dual(m, part(m, type, 1), &b);
    }
    return rc < 0 ? rc : type_of(m, others[type.aux], a, b, ret_type);
}

/* type with `with` in the place of the variable of that level. */
static int replace(struct koken_machine *m, struct koken_value type, uint32_t level,
                   struct koken_value with, struct koken_value *ret_type)
{
    struct koken_value a, b = {0};
    uint32_t name;
    int rc = 0;
    if (type.aux == KN_TYPE_AGAIN || type.aux == KN_TYPE_OUTER) {
        *ret_type = level_of(m, type) == level ? with : type;
        return 0;
    }
    if (type.aux < KN_TYPE_SEND || kn_type_parts[type.aux] == 0) {
        *ret_type = type;
        return 0;
    }
    if (kn_type_is_list(type.aux)) {
        rc = replace(m, first_choice(m, type, &name), level, with, &a);
        rc = rc < 0 ? rc : replace(m, part(m, type, 1), level, with, &b);
        return rc < 0 ? rc : list_of(m, type.aux, name, a, b, ret_type);
    }
    a = part(m, type, 0);
    if (type.aux == KN_TYPE_REC) {
        rc = replace(m, a, level + 1, with, &a);
    } else {
        rc = type.aux == KN_TYPE_CHOOSE || type.aux == KN_TYPE_OFFER
                 ? replace(m, a, level, with, &a)
                 : 0;
        rc = rc < 0 ? rc : replace(m, part(m, type, 1), level, with, &b);
    }
    return rc < 0 ? rc : type_of(m, type.aux, a, b, ret_type);
}

/* A protocol that begins with something that happens. */
static int unfold(struct koken_machine *m, struct koken_value *type)
{
    while (type->aux == KN_TYPE_REC) { /* ends: each round takes a REC away that was there before */
        int rc = replace(m, part(m, *type, 0), 0, *type, type);
        if (rc < 0) {
            return rc;
        }
    }
    KN_ASSERT(kn_type_is_list(type->aux) ||
              (type->aux >= KN_TYPE_SEND && type->aux <= KN_TYPE_FINISH));
    return 0;
}

/* ---- ends ---- */

static struct koken_value end_of(const struct koken_machine *m, uint32_t number, unsigned side)
{
    KN_ASSERT(number < m->channel_count && side < 2);
    return (struct koken_value){.tag = KOKEN_VALUE_CHANNEL,
                                .kind = KOKEN_KIND_LINEAR,
                                .aux = m->channels[number].generation[side],
                                .data = 2 * (uint64_t)number + side};
}

bool kn_end_is_open(const struct koken_machine *m, struct koken_value end)
{
    KN_ASSERT(end.tag == KOKEN_VALUE_CHANNEL);
    if (end.data / 2 >= m->channel_count) {
        return false;
    }
    const struct kn_duplex *channel = &m->channels[end.data / 2];
    return !channel->is_closed[end.data & 1] && channel->generation[end.data & 1] == end.aux;
}

struct koken_value kn_end_protocol(const struct koken_machine *m, struct koken_value end)
{
    KN_ASSERT(kn_end_is_open(m, end));
    return m->channels[end.data / 2].protocol[end.data & 1];
}

int kn_ends_new(struct koken_machine *m, struct koken_value type, struct koken_value init,
                struct koken_value *ret_pair)
{
    struct kn_duplex channel = {.protocol = {type}};
    uint32_t visits = 0;
    if (!is_protocol(m, type, 0, 0, &visits)) {
        return kn_stop(m, KOKEN_CODE_NOT_A_TYPE, KOKEN_NO_REGISTER,
                       "Type mismatch: not a protocol: a variable without its rec, or nothing "
                       "between the two");
    }
    if (init.tag != KOKEN_VALUE_UNIT) {
        return kn_stop(m, KOKEN_CODE_TYPE_MISMATCH, KOKEN_NO_REGISTER,
                       "Type mismatch: a channel begins with unit");
    }
    if (m->channel_count >= KN_CHANNELS_MAX) {
        return kn_stop(m, KOKEN_CODE_RESOURCE_LIMIT, KOKEN_NO_REGISTER,
                       "Memory error: more than %d channels", KN_CHANNELS_MAX);
    }
    int rc = dual(m, type, &channel.protocol[1]);
    if (rc == 0 &&
        !kn_grow(&m->channels, &m->channel_room, m->channel_count + 1, sizeof *m->channels)) {
        rc = kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER, "Memory error: out of memory");
    }
    if (rc < 0) {
        return rc;
    }
    channel.generation[0] = ++m->steps_of_channels;
    channel.generation[1] = ++m->steps_of_channels;
    m->channels[m->channel_count++] = channel;
    return kn_cell_new(m, KOKEN_VALUE_PRODUCT, 0, end_of(m, m->channel_count - 1, 0),
                       end_of(m, m->channel_count - 1, 1), ret_pair);
}

/* ---- steps ---- */

/* One end, where its protocol is, and what is left of it after this step. */
struct step {
    struct kn_duplex *channel;
    uint32_t number;
    unsigned side;
    struct koken_value protocol;
};

/* A protocol violation, which says what the protocol wants instead. */
static int violates(struct koken_machine *m, const char *what, struct koken_value protocol)
{
    char text[100];
    size_t len = koken_machine_print(m, protocol, text, sizeof text);
    return kn_stop(m, KOKEN_CODE_PROTOCOL_VIOLATION, KOKEN_NO_REGISTER,
                   "Type mismatch: protocol violation: %s where the protocol says %s%s", what, text,
                   len < sizeof text ? "" : "...");
}

static int begin_step(struct koken_machine *m, struct koken_value end, uint32_t kind,
                      struct step *step)
{
    KN_ASSERT(kind >= KN_TYPE_SEND && kind <= KN_TYPE_FINISH);
    if (end.tag != KOKEN_VALUE_CHANNEL) {
        return kn_stop(m, KOKEN_CODE_TYPE_MISMATCH, KOKEN_NO_REGISTER,
                       "Type mismatch: %s needs a channel", kn_type_names[kind]);
    }
    if (!kn_end_is_open(m, end)) {
        return kn_stop(m, KOKEN_CODE_RESOURCE_CONSUMED, KOKEN_NO_REGISTER,
                       "Linearity violation: this end of channel %u has gone on already",
                       (unsigned)(end.data / 2));
    }
    *step = (struct step){.number = (uint32_t)(end.data / 2),
                          .side = (unsigned)(end.data & 1),
                          .protocol = kn_end_protocol(m, end)};
    int rc = unfold(m, &step->protocol);
    uint32_t says = step->protocol.aux;
    says = says == KN_TYPE_CHOOSE_OF  ? (uint32_t)KN_TYPE_CHOOSE
           : says == KN_TYPE_OFFER_OF ? (uint32_t)KN_TYPE_OFFER
                                      : says;
    if (rc == 0 && says != kind) {
        rc = violates(m, kn_type_names[kind], step->protocol);
    }
    step->channel = &m->channels[step->number];
    return rc;
}

static struct koken_value end_step(struct koken_machine *m, const struct step *step,
                                   struct koken_value next)
{
    KN_ASSERT(next.tag == KOKEN_VALUE_TYPE);
    step->channel->protocol[step->side] = next;
    step->channel->generation[step->side] = ++m->steps_of_channels;
    return end_of(m, step->number, step->side);
}

/* The oldest is first. */
int kn_queue_put(struct koken_machine *m, struct kn_queue *queue, struct koken_value value)
{
    if (m->message_count >= KN_MESSAGES_MAX) {
        return kn_stop(m, KOKEN_CODE_RESOURCE_LIMIT, KOKEN_NO_REGISTER,
                       "Memory error: more than %d messages", KN_MESSAGES_MAX);
    }
    if (!kn_grow(&m->messages, &m->message_room, m->message_count + 1, sizeof *m->messages)) {
        return kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER, "Memory error: out of memory");
    }
    value.state = 0;
    m->messages[m->message_count] = (struct kn_queued){.value = value};
    if (queue->count == 0) {
        queue->first = m->message_count;
    } else {
        KN_ASSERT(queue->last < m->message_count);
        m->messages[queue->last].next = m->message_count;
    }
    queue->last = m->message_count++;
    queue->count++;
    return 0;
}

static int put_message(struct koken_machine *m, const struct step *step, struct koken_value value)
{
    return kn_queue_put(m, &step->channel->queues[1 - step->side], value); /* to the other end */
}

static int take_message(struct koken_machine *m, const struct step *step,
                        struct koken_value *ret_value)
{
    struct kn_queue *queue = &step->channel->queues[step->side];
    if (queue->count == 0) {
        return kn_stop(m, KOKEN_CODE_CHANNEL_EMPTY, KOKEN_NO_REGISTER,
                       "Effect execution failed: nothing has been sent on channel %u",
                       step->number);
    }
    KN_ASSERT(queue->first < m->message_count);
    *ret_value = m->messages[queue->first].value;
    queue->first = m->messages[queue->first].next; /* nothing is said by it if this was the last */
    queue->count--;
    return 0;
}

int kn_end_send(struct koken_machine *m, struct koken_value end, struct koken_value value,
                struct koken_value *ret_end)
{
    struct step step;
    int rc = begin_step(m, end, KN_TYPE_SEND, &step);
    if (rc == 0 && !kn_value_has_type(m, value, part(m, step.protocol, 0))) {
        rc = violates(m, "a value of another type is sent", step.protocol);
    }
    rc = rc < 0 ? rc : put_message(m, &step, value);
    if (rc == 0) {
        *ret_end = end_step(m, &step, part(m, step.protocol, 1));
    }
    return rc;
}

int kn_end_choose(struct koken_machine *m, struct koken_value end, struct koken_value choice,
                  struct koken_value *ret_end)
{
    struct step step;
    struct koken_value next;
    int rc = begin_step(m, end, KN_TYPE_CHOOSE, &step);
    if (rc == 0 && step.protocol.aux == KN_TYPE_CHOOSE_OF) {
        if (choice.tag != KOKEN_VALUE_SYMBOL ||
            !find_choice(m, step.protocol, choice.data, &next)) {
            return violates(m, "a choice that has none of its names", step.protocol);
        }
        rc = put_message(m, &step, choice);
        *ret_end = rc < 0 ? end : end_step(m, &step, next);
        return rc;
    }
    if (rc == 0 && choice.tag != KOKEN_VALUE_BOOL) {
        rc = kn_stop(m, KOKEN_CODE_NOT_A_BOOLEAN, KOKEN_NO_REGISTER,
                     "Type mismatch: a choice is a boolean, true is left");
    }
    rc = rc < 0 ? rc : put_message(m, &step, choice);
    if (rc == 0) {
        *ret_end = end_step(m, &step, part(m, step.protocol, choice.data ? 0 : 1));
    }
    return rc;
}

int kn_end_receive(struct koken_machine *m, struct koken_value end, struct koken_value *ret_pair)
{
    struct step step;
    struct koken_value value;
    int rc = begin_step(m, end, KN_TYPE_RECEIVE, &step);
    rc = rc < 0 ? rc : take_message(m, &step, &value);
    return rc < 0 ? rc
                  : kn_cell_new(m, KOKEN_VALUE_PRODUCT, 0, value,
                                end_step(m, &step, part(m, step.protocol, 1)), ret_pair);
}

int kn_end_offer(struct koken_machine *m, struct koken_value end, struct koken_value *ret_sum)
{
    struct step step;
    struct koken_value choice;
    int rc = begin_step(m, end, KN_TYPE_OFFER, &step);
    rc = rc < 0 ? rc : take_message(m, &step, &choice);
    if (rc < 0) {
        return rc;
    }
    if (step.protocol.aux == KN_TYPE_OFFER_OF) {
        struct koken_value next = {0};
        bool is_there = find_choice(m, step.protocol, choice.data, &next);
        KN_ASSERT(is_there && choice.tag == KOKEN_VALUE_SYMBOL); /* the other end is dual */
        (void)is_there;
        return kn_cell_new(m, KOKEN_VALUE_SUM, (uint32_t)choice.data, end_step(m, &step, next),
                           (struct koken_value){0}, ret_sum);
    }
    KN_ASSERT(choice.tag == KOKEN_VALUE_BOOL); /* the other end is dual */
    uint32_t tag = kn_symbol(m, choice.data ? "left" : "right", choice.data ? 4 : 5);
    if (tag == UINT32_MAX) {
        return kn_stop(m, KOKEN_CODE_NO_MEMORY, KOKEN_NO_REGISTER, "Memory error: out of memory");
    }
    return kn_cell_new(m, KOKEN_VALUE_SUM, tag,
                       end_step(m, &step, part(m, step.protocol, choice.data ? 0 : 1)),
                       (struct koken_value){0}, ret_sum);
}

int kn_end_close(struct koken_machine *m, struct koken_value end, struct koken_value *ret_pair)
{
    struct step step;
    int rc = begin_step(m, end, KN_TYPE_FINISH, &step);
    if (rc < 0) {
        return rc;
    }
    uint32_t left = step.channel->queues[step.side].count;
    KN_ASSERT(left == 0); /* the other end has not sent what this one does not receive */
    step.channel->is_closed[step.side] = true;
    return kn_cell_new(m, KOKEN_VALUE_PRODUCT, 0, koken_value_unit(), koken_value_int(left),
                       ret_pair);
}

/* ---- channels that were read ---- */

/* What a protocol goes on with after a message to it. False: it wants another one, or none. */
static bool goes_on(struct koken_machine *m, struct koken_value message,
                    struct koken_value *protocol)
{
    KN_ASSERT(protocol->tag == KOKEN_VALUE_TYPE);
    switch (protocol->aux) {
    case KN_TYPE_RECEIVE:
        if (!kn_value_has_type(m, message, part(m, *protocol, 0)) &&
            (message.tag != KOKEN_VALUE_CHANNEL || kn_end_is_open(m, message))) {
            return false; /* an end that has gone on since is of no type any more */
        }
        *protocol = part(m, *protocol, 1);
        return true;
    case KN_TYPE_OFFER:
        *protocol = part(m, *protocol, message.data ? 0 : 1);
        return message.tag == KOKEN_VALUE_BOOL;
    case KN_TYPE_OFFER_OF:
        return message.tag == KOKEN_VALUE_SYMBOL &&
               find_choice(m, *protocol, message.data, protocol);
    default: return false;
    }
}

/* The end that is behind goes through what was sent to it; then the ends are where they are each other's dual. */
int kn_duplex_check(struct koken_machine *m, uint32_t number)
{
    KN_ASSERT(number < m->channel_count);
    const struct kn_duplex *channel = &m->channels[number];
    uint32_t visits = 0;
    unsigned behind = channel->is_closed[0] || channel->queues[1].count > 0;
    bool has_both = !channel->is_closed[0] && !channel->is_closed[1];
    for (unsigned side = 0; side < 2; side++) {
        if (!channel->is_closed[side] && !is_protocol(m, channel->protocol[side], 0, 0, &visits)) {
            return -EINVAL;
        }
    }
    if (channel->is_closed[behind] || (has_both && channel->queues[1 - behind].count > 0)) {
        return -EINVAL;
    }
    struct koken_value protocol = channel->protocol[behind];
    uint32_t at = channel->queues[behind].first;
    for (uint32_t i = 0; i < channel->queues[behind].count; i++) {
        if (unfold(m, &protocol) < 0) {
            return -ENOMEM;
        }
        if (!goes_on(m, m->messages[at].value, &protocol)) {
            return -EINVAL;
        }
        at = m->messages[at].next;
    }
    if (has_both && dual(m, protocol, &protocol) < 0) {
        return -ENOMEM;
    }
    return !has_both || kn_values_equal(m, protocol, channel->protocol[1 - behind]) == 1 ? 0
                                                                                         : -EINVAL;
}

uint32_t koken_machine_channels(const struct koken_machine *m)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < m->channel_count; i++) {
        open += 2u - m->channels[i].is_closed[0] - m->channels[i].is_closed[1];
    }
    return open;
}
