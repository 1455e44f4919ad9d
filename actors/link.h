/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bonds: who wants to hear of whose end. A monitor is a bond, a link is a bond whose news are taken to
 * heart, by both sides.
 *
 *     requester A                                    target B
 *     alarm entry {number, target, reserve}          --bond-->        keeps the envelope in a list
 *                                                    <--bond_down--   B ends: the kept envelope goes back
 *                                                    --bond_release-> A ends or takes it back: the reserve
 *
 * The envelope of the request is kept by the target and is the one that brings the news; the reserve lies
 * ready at the requester. So nothing is allocated once a bond has been made, and no news can fail for lack
 * of memory. A bond that finds the mailbox closed, or is found in it when it closes, turns around there.
 *
 * Exactly once: the requester's entry decides. It is ended by the first news that meets it, or by its
 * owner; news without an entry are thrown away. The entry is (s), so both never happen at once.
 * Both sides ending at once: each closes its mailbox before it sends its news, and news for a closed
 * mailbox are freed by who sends them. Each envelope has one owner at each step, whoever is first.
 *
 * A release names the kept envelope by address. For a monitor this is safe: the target lets go of it by
 * this release only, or by its own end, after which no release is read. For a link the target may have let
 * go first (koken_unlink), so its list is searched.
 *
 * Order: news travel on the system lane and are appended to the user lane by the receiver when it sorts
 * what has come. Whatever the sender had sent it before was taken with them or earlier, and is in front.
 */
#ifndef KN_ACTORS_LINK_H
#define KN_ACTORS_LINK_H

#include "actors/agent.h"

#include <koken/link.h>

extern const struct koken_type kn_type_bond;
extern const struct koken_type kn_type_bond_down;
extern const struct koken_type kn_type_bond_release;

static inline bool kn_link_is_bond(const struct koken_type *type)
{
    return type == &kn_type_bond || type == &kn_type_bond_down || type == &kn_type_bond_release;
}

/*
 * One of these three messages has come. 0, or the reason for which the agent ends with another one. If the
 * envelope is kept, ctx->events says KN_CTX_KEPT, and it has been counted. Thread: holder of S.
 */
int kn_link_message(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e);

/* A message found in a mailbox that closes: true if it is a bond, and now in the list of farewells. */
bool kn_link_late(struct kn_envelope *take_envelope, struct kn_envelope **farewells);

/* All bonds of an agent that ends, from both sides, to the list of farewells. Thread: holder of S. */
void kn_link_end(struct kn_local *local, struct kn_agent *a, struct kn_envelope **farewells);

/* Sends the farewells of the agent that was id. */
void kn_link_farewell(struct kn_local *local, uint64_t id, int reason,
                      struct kn_envelope *take_list);

/*
 * Spawns an agent that is monitored from before its first step: its reason is never lost. *ret_number is
 * that of the monitor; heirloom as for kn_spawn_heir. Errors: as koken_try_spawn and koken_monitor; nothing
 * comes then.
 */
struct kn_heirloom;
int kn_spawn_monitored(koken_ctx *ctx, const struct koken_agent_type *type,
                       const struct koken_spawn_options *options, struct kn_heirloom *heirloom,
                       koken_ref *ret_ref, int *ret_number);

/* Whether a bond in an agent's list is a monitor, not a link. */
bool kn_link_is_monitor(const struct kn_envelope *kept);

/* Gives the newborn the bond that local->birth_bond holds for it. Thread: the spawner's worker. */
void kn_link_newborn(struct kn_local *local, struct kn_agent *a);

#endif
