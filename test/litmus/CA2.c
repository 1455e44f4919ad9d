/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [CA2]: who drops the last reference to a val, or finds that it is the last, sees what the others did with theirs. Two
 * threads drop theirs at once, and one writes again where it is alone. Weakened, the free or the write is a data race with
 * the other's last look (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken/caps.h>
#include <koken/runtime.h>

#include <string.h>

KOKEN_PAYLOAD(note, (plain, uint64_t, value));

enum { ROUNDS = 4000 };

static note_val given[ROUNDS + 1]; /* one per round: written once */
static kn_atomic(uint32_t) round_begun, round_done;
static uint64_t seen;

static void other(void *arg)
{
    (void)arg;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        while (kn_load(&round_begun, acquire) != i) { /* ends: the round begins */
            kn_pause();
        }
        note_val mine = {0};
        memcpy(&mine, &given[i], sizeof mine);
        seen += koken_get(mine)->value;
        koken_drop(mine);
        kn_store(&round_done, i, relaxed); /* relaxed: only the val's count says that it was read */
    }
}

int main(void)
{
    struct kn_thread thread = {0};
    KOKEN_CHECK(kn_world_init() == 0);
    KOKEN_CHECK(kn_thread_start(&thread, "other", other, NULL) == 0);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        koken_iso(note, n) = koken_new(note);
        KOKEN_CHECK(!koken_none(n));
        koken_mut(n)->value = i;
        koken_val(note, mine) = koken_freeze(n);
        note_val theirs = koken_dup(mine);
        memcpy(&given[i], &theirs, sizeof theirs);
        kn_store(&round_begun, i, release);
        if (i % 2 == 0) {
            while (!koken_is_sole(mine)) { /* ends: the other drops its own */
                kn_pause();
            }
            koken_iso(note, again) = koken_thaw(mine);
            koken_mut(again)->value = 0;
            koken_drop(again);
        } else {
            koken_drop(mine); /* frees it, if it is the last */
        }
        while (kn_load(&round_done, relaxed) != i) { /* ends: the other is through */
            kn_pause();
        }
    }
    kn_thread_join(&thread);
    return 0;
}
