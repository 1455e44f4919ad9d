/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One leader at a time, by a lease. The first leader dies without giving it back: the next one leads at once, under
 * a higher token, and what the dead one had still under way is refused. The second falls asleep and overstays: when
 * it wakes up and writes, its token is older than one that the guard before the log has seen.
 */
#include <koken.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct office {
    koken_ref keeper;
    struct koken_guard *guard; /* before the log */
};

struct candidate {
    struct office office;
    char name[8];
    int sleeps; /* while it leads */
    int dies;
};

KOKEN_EVENT(wake_up);

#define FIRST_TOKEN 1u /* that a keeper gives: Ada's */

static int write_log(const struct candidate *self, uint64_t token, const char *text)
{
    int rc = koken_lease_guard(self->office.guard, token);

    printf("%s %s, token %" PRIu64 "%s\n", self->name, text, token,
           rc < 0 ? ": refused, somebody leads since" : "");
    return rc;
}

static int run(koken_ctx *ctx, struct candidate *unused, const void *arg)
{
    const struct candidate *self = arg;
    struct koken_lease lease;
    int rc =
        koken_lease_acquire(ctx, self->office.keeper, "leader", KOKEN_MS(300), KOKEN_S(10), &lease);

    (void)unused;
    if (rc < 0) {
        return rc;
    }
    rc = write_log(self, lease.token, "leads");
    if (rc < 0 || self->dies) {
        return rc < 0 ? rc : -ECANCELED; /* and does not give the lease back */
    }
    if (self->sleeps) {
        struct wake_up morning;

        rc = koken_receive_only(ctx, KOKEN_S(60), wake_up, &morning);
        (void)write_log(self, lease.token, "wakes up and writes");
        return rc;
    }
    return koken_lease_end(ctx, self->office.keeper, &lease);
}

KOKEN_FIBER(candidate, struct candidate, run);

/* Three candidates stand in line for one lease; answers when the last one's turn is over. */
static int elect(struct koken *rt, struct office *office)
{
    office->keeper = koken_lease_keeper(rt);
    const struct candidate candidates[] = {
        {*office, "Ada", 0, /* dies= */ 1},
        {*office, "Bela", /* sleeps= */ 1, 0},
        {*office, "Cleo", 0, 0},
    };
    koken_ref who[3];
    struct koken_lease last;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < 3; i++) {
        /* trusted: a guard is made for many agents */
        rc = koken_try_spawn(rt, &who[i], candidate, KOKEN_ARG_TRUSTED(candidates[i]));
        /* So that they stand in line in this order. */
        rc = rc < 0 ? rc : koken_drain(rt, KOKEN_S(10));
    }
    /* Wait as they do, for the lease: then Cleo has led, and Bela has slept for too long. */
    rc = rc < 0 ? rc
                : koken_lease_acquire(rt, office->keeper, "leader", KOKEN_S(9), KOKEN_S(9), &last);
    if (rc == 0 && write_log(&candidates[0], FIRST_TOKEN, "is dead, her last line comes") == 0) {
        rc = -EPROTO;
    }
    rc = rc < 0 ? rc : koken_signal(who[1], wake_up);
    return rc < 0 ? rc : koken_drain(rt, KOKEN_S(10));
}

int main(void)
{
    struct koken *rt;
    struct office office = {0};
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    rc = koken_guard_new(&office.guard);
    if (rc == 0) {
        rc = elect(rt, &office);
    }
    printf("%s\n", rc == 0 ? "the end" : koken_errname(rc));
    bool is_stopped = koken_stop(rt, KOKEN_S(10)) == 0;
    koken_guard_free(office.guard);
    return rc < 0 || !is_stopped;
}
