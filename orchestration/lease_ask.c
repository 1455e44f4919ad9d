/* SPDX-License-Identifier: Apache-2.0 */
/* How fibers and threads outside ask a keeper of leases; handlers send it the messages themselves. */
#include <koken/await.h>
#include <koken/lease.h>
#include <koken/time.h>

#include <errno.h>
#include <string.h>

static int ask_take(struct koken_lease_take *take, const char *name, uint64_t ttl_ns,
                    uint64_t wait_ns)
{
    size_t length = name ? strlen(name) : 0;
    if (length == 0 || length >= KOKEN_LEASE_NAME_MAX || ttl_ns == 0) {
        return -EINVAL;
    }
    *take = (struct koken_lease_take){.ttl_ns = ttl_ns, .wait_ns = wait_ns};
    memcpy(take->name, name, length);
    return 0;
}

static int told(int rc, const struct koken_lease *answer, struct koken_lease *ret_lease)
{
    rc = rc < 0 ? rc : answer->error;
    if (rc == 0) {
        *ret_lease = *answer;
    }
    return rc;
}

int koken_lease_acquire_rt_(struct koken *rt, koken_ref keeper, const char *name, uint64_t ttl_ns,
                            uint64_t wait_ns, struct koken_lease *ret_lease)
{
    struct koken_lease_take take;
    struct koken_lease answer;
    int rc = ret_lease ? ask_take(&take, name, ttl_ns, wait_ns) : -EINVAL;
    /* The keeper always answers: it keeps the time. */
    rc = rc < 0 ? rc
                : koken_await_rt_(rt, keeper, KOKEN_NO_DEADLINE, &answer, sizeof answer,
                                  &koken_type_koken_lease_take, &take);
    return told(rc, &answer, ret_lease);
}

int koken_lease_acquire_ctx_(koken_ctx *ctx, koken_ref keeper, const char *name, uint64_t ttl_ns,
                             uint64_t wait_ns, struct koken_lease *ret_lease)
{
    struct koken_lease_take take;
    struct koken_lease answer;
    int rc = ctx && ret_lease ? ask_take(&take, name, ttl_ns, wait_ns) : -EINVAL;
    if (rc == 0) {
        take.holder = koken_self(ctx);
        rc = koken_await_ctx_(ctx, keeper, KOKEN_NO_DEADLINE, &answer, sizeof answer,
                              &koken_type_koken_lease_take, &take);
    }
    return told(rc, &answer, ret_lease);
}

static struct koken_lease_renew ask_renew(const struct koken_lease *lease, uint64_t ttl_ns)
{
    struct koken_lease_renew renew = {.token = lease->token, .ttl_ns = ttl_ns};
    memcpy(renew.name, lease->name, sizeof renew.name);
    return renew;
}

static struct koken_lease_release ask_release(const struct koken_lease *lease)
{
    struct koken_lease_release release = {.token = lease->token};
    memcpy(release.name, lease->name, sizeof release.name);
    return release;
}

int koken_lease_extend_rt_(struct koken *rt, koken_ref keeper, struct koken_lease *lease,
                           uint64_t ttl_ns)
{
    struct koken_lease answer;
    if (!lease) {
        return -EINVAL;
    }
    struct koken_lease_renew renew = ask_renew(lease, ttl_ns);
    return told(koken_await_rt_(rt, keeper, KOKEN_NO_DEADLINE, &answer, sizeof answer,
                                &koken_type_koken_lease_renew, &renew),
                &answer, lease);
}

int koken_lease_extend_ctx_(koken_ctx *ctx, koken_ref keeper, struct koken_lease *lease,
                            uint64_t ttl_ns)
{
    struct koken_lease answer;
    if (!lease) {
        return -EINVAL;
    }
    struct koken_lease_renew renew = ask_renew(lease, ttl_ns);
    return told(koken_await_ctx_(ctx, keeper, KOKEN_NO_DEADLINE, &answer, sizeof answer,
                                 &koken_type_koken_lease_renew, &renew),
                &answer, lease);
}

int koken_lease_end_rt_(struct koken *rt, koken_ref keeper, const struct koken_lease *lease)
{
    struct koken_lease answer;
    if (!lease) {
        return -EINVAL;
    }
    struct koken_lease_release release = ask_release(lease);
    return told(koken_await_rt_(rt, keeper, KOKEN_NO_DEADLINE, &answer, sizeof answer,
                                &koken_type_koken_lease_release, &release),
                &answer, &answer);
}

int koken_lease_end_ctx_(koken_ctx *ctx, koken_ref keeper, const struct koken_lease *lease)
{
    struct koken_lease answer;
    if (!lease) {
        return -EINVAL;
    }
    struct koken_lease_release release = ask_release(lease);
    return told(koken_await_ctx_(ctx, keeper, KOKEN_NO_DEADLINE, &answer, sizeof answer,
                                 &koken_type_koken_lease_release, &release),
                &answer, &answer);
}
