/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger, as machines use it. A resource is known by its origin and serial; each time that it moves from one
 * machine to another its hop grows by one. Resource and hop together may be spent once: by the move that makes
 * the next hop, or by the use that ends it. So of two copies, however they came to be, one finds it spent.
 */
#ifndef KN_EXECUTORS_MACHINE_LEDGER_H
#define KN_EXECUTORS_MACHINE_LEDGER_H

#include <koken/parcel.h>

#define KN_HOP_END UINT32_MAX /* of a resource that was used up */

/*
 * Spends (origin, serial, hop); its next hop is `next`. Errors: -EPERM it is spent already; -ENOMEM no memory, or
 * the ledger is full. kn_ledger_undo takes it back: who spent it failed.
 */
KOKEN_MUST_USE int kn_ledger_spend(struct koken_ledger *ledger, uint64_t origin, uint64_t serial,
                                   uint32_t hop, uint32_t next);
void kn_ledger_undo(struct koken_ledger *ledger, uint64_t origin, uint64_t serial, uint32_t hop);

/* Whether (origin, serial, hop) has not been spent. */
bool kn_ledger_is_fresh(struct koken_ledger *ledger, uint64_t origin, uint64_t serial,
                        uint32_t hop);

#endif
