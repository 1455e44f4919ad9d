/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator finds a race in a bank: two tellers ask for the balance, see that it is enough, and take the
 * money. Each message is handled alone, and still the account may be overdrawn: between the question and the
 * order the other teller's order may come. It happens once in many runs, and in the simulator under a seed
 * that makes it happen again. The careful account checks where it acts, and no seed breaks it.
 *
 * Link koken::sim (libkoken-sim.a) instead of koken::koken.
 */
#include <koken.h>

#include <errno.h>
#include <stdio.h>

KOKEN_EVENT(get_balance);
KOKEN_MESSAGE(balance, { int64_t amount; });
KOKEN_MESSAGE(withdraw, { int64_t amount; });
KOKEN_EVENT(go);

/* ---- the account ------------------------------------------------------------------------------ */

struct account {
    int64_t balance;
    bool is_careful;
};

static int on_get_balance(koken_ctx *ctx, struct account *self, const struct get_balance *msg)
{
    (void)msg;
    return koken_reply(ctx, balance, .amount = self->balance);
}

static int on_withdraw(koken_ctx *ctx, struct account *self, const struct withdraw *msg)
{
    (void)ctx;
    if (!self->is_careful || msg->amount <= self->balance) {
        self->balance -= msg->amount;
    }
    koken_sim_note("balance is now", (uint64_t)self->balance);
    return 0;
}

KOKEN_AGENT(account, struct account, KOKEN_ON(get_balance, on_get_balance),
            KOKEN_ON(withdraw, on_withdraw));

/* ---- a teller: checks, then acts ---------------------------------------------------------------- */

struct teller {
    koken_ref account;
};

static int on_go(koken_ctx *ctx, struct teller *self, const struct go *msg)
{
    (void)msg;
    return koken_request(ctx, self->account, KOKEN_S(1), get_balance) > 0 ? 0 : -EPROTO;
}

static int on_balance(koken_ctx *ctx, struct teller *self, const struct balance *msg)
{
    (void)ctx;
    return msg->amount >= 70 ? koken_signal(self->account, withdraw, .amount = 70) : 0;
}

KOKEN_AGENT(teller, struct teller, KOKEN_ON(go, on_go), KOKEN_ON(balance, on_balance));

/* ---- the scenario: one run under one seed ---------------------------------------------------------- */

static int scenario(void *arg)
{
    struct account state = {.balance = 100, .is_careful = *(const bool *)arg};
    struct balance answer;
    struct koken *rt;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        return rc;
    }
    koken_ref bank = koken_spawn(rt, account, KOKEN_ARG(state));
    for (int i = 0; i < 2 && rc == 0; i++) {
        rc = koken_signal(koken_spawn(rt, teller, KOKEN_ARG((struct teller){bank})), go);
    }
    if (rc == 0) {
        rc = koken_drain(rt, KOKEN_S(1));
    }
    if (rc == 0) {
        rc = koken_await(rt, bank, KOKEN_S(1), &answer, get_balance);
        KOKEN_SIM_CHECK(rc < 0 || answer.amount >= 0);
    }
    int stopped = koken_stop(rt, KOKEN_S(10));
    return rc < 0 ? rc : stopped;
}

int main(void)
{
    struct koken_sim_report report = {0};
    const struct koken_sim_options options = {.seeds = 2000, .faults = KOKEN_SIM_MILD};
    bool is_careful = false;
    int rc = koken_sim_run(scenario, &is_careful, &options, &report);

    if (rc == -ENOTSUP) {
        printf("this library has no simulator: link koken::sim\n");
        return 0;
    }
    printf("careless: %s", rc == 0 ? "no seed breaks it\n" : report.text);
    is_careful = true;
    rc = koken_sim_run(scenario, &is_careful, &options, &report);
    printf("careful: %llu seeds, %s", (unsigned long long)report.seeds,
           rc == 0 ? "none breaks it\n" : report.text);
    return rc < 0;
}
