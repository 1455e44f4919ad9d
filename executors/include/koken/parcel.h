/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that leave their machine: parcels carry a value, with all that it owns, from one machine to another, and
 * snapshots carry a whole session over time. Both are bytes that are checked when they are read.
 *
 *     struct koken_parcel *ticket;
 *     int rc = koken_machine_take(seller, 2, &ticket);      r2 of the seller is consumed now
 *     rc = rc < 0 ? rc : koken_machine_accept(buyer, 1, &ticket);
 *
 * What is linear is moved and never copied: the resource that a parcel carries is gone from the machine that it
 * left, and a parcel that was accepted is gone itself. Bytes can be copied all the same, by a snapshot that is
 * restored twice. Machines that share a ledger see through that: of all the copies of a resource one may be used
 * or moved on, once, and the others find it consumed.
 */
#ifndef KOKEN_PARCEL_H
#define KOKEN_PARCEL_H

#include <koken/machine.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_parcel; /* a value on its way; opaque, has one owner */

/* ---- parcels ---- */

/*
 * koken_machine_take takes the value of a register out of a machine, with the resources that it leads to; as with
 * any read the register is consumed, unless the value may be copied. Owner: the parcel is yours until it is
 * accepted or given back by koken_parcel_free. Thread: the machine's. Errors: -EBUSY a run is under way; -EINVAL
 * the register is not live; -EPERM a resource is spent, says the ledger; -ENOTSUP an end of a channel is in it, and the
 * other one, which is open, is not: channels move with both ends; -ENOMEM.
 */
KOKEN_MUST_USE int koken_machine_take(struct koken_machine *machine, uint32_t reg,
                                      struct koken_parcel **ret_parcel);

/*
 * koken_machine_accept puts what a parcel holds into a register of a machine that keeps its state, frees the
 * parcel and sets *take_parcel to NULL; on an error it stays yours, and the machine is as it was. Errors: -EBUSY a
 * run is under way; -EINVAL no such register, the machine keeps nothing, or no sound parcel; -EPERM the register
 * holds something that must be used, or a resource is here or was consumed already; -ENOMEM, also: a limit.
 */
KOKEN_MUST_USE int koken_machine_accept(struct koken_machine *machine, uint32_t reg,
                                        struct koken_parcel **take_parcel);

/*
 * koken_parcel_free gives a parcel back. The resources in it are lost: nobody can use them any more. NULL is
 * accepted. Thread: its owner.
 */
void koken_parcel_free(struct koken_parcel *take_parcel);

/* koken_parcel_resources is the number of resources in a parcel. */
uint32_t koken_parcel_resources(const struct koken_parcel *parcel);

/*
 * koken_parcel_bytes is what a parcel is made of, as long as it lives: to send it to another process.
 * koken_parcel_of_bytes makes a parcel of bytes that nobody vouches for; they are checked when it is accepted.
 * Who keeps both has two copies, of which only a ledger knows. Errors: -E2BIG more than 16 MiB; -ENOMEM.
 */
const void *koken_parcel_bytes(const struct koken_parcel *parcel, size_t *ret_size);
KOKEN_MUST_USE int koken_parcel_of_bytes(const void *bytes, size_t size,
                                         struct koken_parcel **ret_parcel);

/* ---- ledgers ---- */

/*
 * koken_ledger_new makes a ledger of at most entries_max resources (0: 1 048 576) that were used up or have moved:
 * in a full one nothing that is linear is used or moved, which is RESOURCE_LIMIT or -ENOMEM. Machines that have it
 * in their config hold a reference; they should differ in their origin. Cost: about 32 bytes an entry, and a lock
 * for each use, 75 ns in all. Thread: any. Errors: -ENOMEM.
 */
KOKEN_MUST_USE int koken_ledger_new(uint32_t entries_max, struct koken_ledger **ret_ledger);

/* koken_ledger_ref takes another reference; koken_ledger_free gives one back. Thread: any. */
struct koken_ledger *koken_ledger_ref(struct koken_ledger *ledger);
void koken_ledger_free(struct koken_ledger *take_ledger);

/* koken_ledger_count is the number of entries. Thread: any. */
uint32_t koken_ledger_count(struct koken_ledger *ledger);

/* ---- snapshots ---- */

/*
 * koken_machine_snapshot writes the bytes of a session: registers, all that they lead to, nullifiers and effects.
 * Not the owner's key, limits, nor when it expires. *ret_size is how many they are; nothing is written if there is
 * no room for all. Equal sessions have equal bytes, and a session that was restored has those that it was restored
 * from. Channels are in it, with what was sent and not received; an end that nothing leads to is not, which is closed
 * then. The machine is as it was. Errors: -EBUSY a run is under way; -EINVAL it keeps no state; -ENOMEM.
 */
KOKEN_MUST_USE int koken_machine_snapshot(const struct koken_machine *machine, void *bytes,
                                          size_t room, size_t *ret_size);

/*
 * koken_machine_restore makes a machine of a snapshot that nobody vouches for, with config, which keeps its state
 * whatever it says, and has the snapshot's origin. The session is young. A resource that was spent since, says
 * config->ledger, is consumed in it. Errors: -EINVAL this is no snapshot; -ENOMEM, also: a limit of config.
 */
KOKEN_MUST_USE int koken_machine_restore(const struct koken_machine_config *config,
                                         const void *bytes, size_t size,
                                         struct koken_machine **ret_machine);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
