/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning how long effects take: per key {kind, tag, domain} a moving average and variance of the durations, and
 * over all what a unit of static cost takes, for keys that are not known yet. With these as costs the bottom levels
 * are in nanoseconds, and runs are ordered by the longest way that is really expected.
 *
 * One lock for everything: it is taken once when a run begins and once when it is over.
 */
#include "executors/teg/model.h"

#include "base/alloc.h"
#include "base/world.h"
#include "executors/teg/order.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES_FIRST = 3, FILE_MOST = 64 << 20, KEY_MOST = 4096 };

static const double ALPHA = 0.25;
static const char magic[] = "koken-teg-model ";
static const char header[] = "koken-teg-model 1\n"; /* magic, and the version */

struct known {
    double mean, variance; /* ns */
    uint64_t samples;
};

struct koken_teg_model {
    struct kn_lock lock;
    struct kn_teg_names keys; /* (m) as in a graph: kind, tag, 0, domain */
    struct known *known;      /* (m) by key */
    uint32_t room;            /* (m) */
    double ns_per_cost;       /* (m) 0: not known */
};

struct koken_teg_model *koken_teg_model_new(void)
{
    struct koken_teg_model *model = kn_alloc(sizeof *model, _Alignof(struct koken_teg_model), -1);
    if (model) {
        memset(model, 0, sizeof *model);
    }
    return model;
}

void koken_teg_model_free(struct koken_teg_model *model)
{
    if (model) {
        kn_teg_names_fini(&model->keys);
        kn_teg_ungrow(model->known, model->room, sizeof *model->known);
        kn_free(model, sizeof *model, _Alignof(struct koken_teg_model));
    }
}

/* The entry of a key, made if need be; NULL: no memory. Thread: holder of the lock. */
static struct known *entry_of(struct koken_teg_model *model, const char *key, size_t len)
{
    uint32_t before = model->keys.count;
    void *known = kn_teg_grow(model->known, before, &model->room, sizeof *model->known);
    if (!known) {
        return NULL;
    }
    model->known = known;
    uint32_t number = kn_teg_names_add(&model->keys, key, len);
    if (number == KN_TEG_NO_NAME) {
        return NULL;
    }
    KN_ASSERT(number <= before && number < model->room);
    if (model->keys.count > before) {
        model->known[number] = (struct known){0};
    }
    return &model->known[number];
}

static void learn(struct koken_teg_model *model, struct known *known, uint64_t cost, double ns)
{
    KN_ASSERT(ns >= 0);
    KN_ASSERT(known->variance >= 0);
    double away = ns - known->mean;
    if (known->samples++ == 0) {
        known->mean = ns;
    } else {
        known->mean += ALPHA * away;
        known->variance = (1 - ALPHA) * (known->variance + ALPHA * away * away);
    }
    KN_ASSERT(known->mean >= 0);
    double each = ns / (double)(cost ? cost : 1);
    model->ns_per_cost += model->ns_per_cost > 0 ? ALPHA / 16 * (each - model->ns_per_cost) : each;
}

static double predict(const struct koken_teg_model *model, const struct known *known, uint64_t cost)
{
    KN_ASSERT(model->ns_per_cost >= 0);
    if (known && known->samples >= SAMPLES_FIRST) {
        return known->mean;
    }
    return (double)cost * (model->ns_per_cost > 0 ? model->ns_per_cost : 1);
}

/* A key as in a graph. Answers its length; 0: it is too long. */
static size_t make_key(char *key, enum koken_teg_kind kind, const char *tag, const char *domain)
{
    size_t tag_len = strlen(tag ? tag : ""), domain_len = strlen(domain ? domain : "");
    if (tag_len + domain_len + 2 > KEY_MOST) {
        return 0;
    }
    KN_ASSERT((unsigned)kind < KOKEN_TEG_KIND_COUNT_);
    key[0] = (char)('0' + (int)kind);
    memcpy(key + 1, tag ? tag : "", tag_len + 1);
    memcpy(key + tag_len + 2, domain ? domain : "", domain_len);
    KN_ASSERT(key[tag_len + 1] == '\0');
    return tag_len + domain_len + 2;
}

/* The square root, by Newton's method: the library does without libm. */
static double root_of(double value)
{
    double root = value > 1 ? value : 1;
    for (int i = 0; i < 1100 && root * root > value * (1 + 1e-15); i++) { /* halves far from it */
        root = (root + value / root) / 2;
    }
    return value > 0 ? root : 0;
}

int koken_teg_model_learn(struct koken_teg_model *model, enum koken_teg_kind kind, const char *tag,
                          const char *domain, uint64_t cost, uint64_t ns)
{
    char key[KEY_MOST];
    size_t len = make_key(key, kind, tag, domain);
    kn_lock(&model->lock);
    struct known *known = len ? entry_of(model, key, len) : NULL;
    if (known) {
        learn(model, known, cost, (double)ns);
    }
    kn_unlock(&model->lock);
    return known ? 0 : -ENOMEM;
}

void koken_teg_model_predict(struct koken_teg_model *model, enum koken_teg_kind kind,
                             const char *tag, const char *domain, uint64_t cost,
                             struct koken_teg_prediction *ret_prediction)
{
    char key[KEY_MOST];
    size_t len = make_key(key, kind, tag, domain);
    kn_lock(&model->lock);
    uint32_t number = kn_teg_names_find(&model->keys, key, len);
    const struct known *known = number == KN_TEG_NO_NAME ? NULL : &model->known[number];
    *ret_prediction = (struct koken_teg_prediction){.predicted_ns = predict(model, known, cost)};
    if (known) {
        ret_prediction->samples = known->samples;
        ret_prediction->mean_ns = known->mean;
        ret_prediction->deviation_ns = root_of(known->variance);
    }
    kn_unlock(&model->lock);
}

/* ---- runs ---- */

/* The predicted costs of all nodes, at least 1. False: nothing is known, or no memory. */
static bool predict_all(struct koken_teg_model *model, const struct koken_teg *teg, uint64_t *costs)
{
    uint32_t keys = teg->keys.count;
    size_t size = keys * sizeof(struct known) + 1;
    struct known *known = kn_alloc(size, _Alignof(struct known), -1);
    bool is_known = false;
    if (!known) {
        return false;
    }
    kn_lock(&model->lock);
    for (uint32_t i = 0; i < keys; i++) {
        const struct kn_teg_name *key = &teg->keys.texts[i];
        uint32_t number = kn_teg_names_find(&model->keys, key->text, key->len);
        known[i] = number == KN_TEG_NO_NAME ? (struct known){0} : model->known[number];
        is_known = is_known || known[i].samples >= SAMPLES_FIRST;
    }
    for (uint32_t i = 0; i < teg->count && is_known; i++) {
        KN_ASSERT(teg->nodes[i].key < keys);
        double ns = predict(model, &known[teg->nodes[i].key], teg->nodes[i].cost);
        costs[i] = ns < 1 ? 1 : (ns < 1e18 ? (uint64_t)ns : (uint64_t)1e18);
    }
    kn_unlock(&model->lock);
    kn_free(known, size, _Alignof(struct known));
    return is_known;
}

void kn_teg_model_order(struct koken_teg_model *model, struct koken_teg_run *run)
{
    const struct koken_teg *teg = run->teg;
    size_t count = teg->count, size = count * (2 * sizeof(uint64_t) + sizeof(uint32_t)) + 1;
    KN_ASSERT(!run->own_order);
    uint64_t *costs = kn_alloc(size, _Alignof(uint64_t), -1);
    uint32_t *order = NULL;
    if (costs && predict_all(model, teg, costs)) {
        order = kn_alloc(2 * count * sizeof *order + 1, KN_CACHE_LINE, -1);
    }
    if (order) {
        uint64_t *levels = costs + count;
        kn_teg_levels(teg, costs, levels);
        kn_teg_sort(levels, costs, teg->count, order, (uint32_t *)(void *)(levels + count));
        for (uint32_t i = 0; i < count; i++) {
            KN_ASSERT(order[i] < count);
            order[count + order[i]] = i;
        }
        run->own_order = order;
        run->order = order;
        run->ranks = order + count;
    }
    if (costs) {
        kn_free(costs, size, _Alignof(uint64_t));
    }
}

void kn_teg_model_learn_run(struct koken_teg_model *model, const struct koken_teg_run *run)
{
    const struct koken_teg *teg = run->teg;
    KN_ASSERT(koken_teg_is_over(run));
    kn_lock(&model->lock);
    for (uint32_t i = 0; i < teg->count; i++) {
        const struct kn_teg_slot *slot = &run->slots[i];
        const struct kn_teg_name *key = &teg->keys.texts[teg->nodes[i].key];
        uint64_t began = kn_load(&slot->began_at, relaxed); /* relaxed, all: the run is over */
        uint64_t ended = kn_load(&slot->ended_at, relaxed);
        enum koken_teg_state state = kn_teg_state_of(kn_load(&slot->state, relaxed));
        if (state != KOKEN_TEG_COMPLETED || !began || ended < began || slot->is_hit) {
            continue;
        }
        struct known *known = entry_of(model, key->text, key->len);
        if (!known) {
            break; /* without memory: another time */
        }
        learn(model, known, teg->nodes[i].cost, (double)kn_ticks_ns(ended - began));
    }
    kn_unlock(&model->lock);
}

/* ---- files ---- */

/* One line of a file: samples, mean, variance, and the key in hex. */
static size_t print_entry(char *line, size_t room, const struct known *known,
                          const struct kn_teg_name *key)
{
    size_t at = (size_t)snprintf(line, room, "%llu %.17g %.17g ",
                                 (unsigned long long)known->samples, known->mean, known->variance);
    for (uint32_t i = 0; i < key->len; i++) {
        at += (size_t)snprintf(line + at, room - at, "%02x", (unsigned char)key->text[i]);
    }
    KN_ASSERT(at < room);
    line[at++] = '\n';
    return at;
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) { /* ends: written, or an error */
        ssize_t put = write(fd, text, len);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        text += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

static bool write_model(struct koken_teg_model *model, int fd)
{
    char line[2 * KEY_MOST + 200];
    kn_lock(&model->lock);
    size_t len = (size_t)snprintf(line, sizeof line, "%s%.17g\n", header, model->ns_per_cost);
    bool is_written = write_all(fd, line, len);
    for (uint32_t i = 0; i < model->keys.count && is_written; i++) {
        if (model->keys.texts[i].len <= KEY_MOST) {
            len = print_entry(line, sizeof line, &model->known[i], &model->keys.texts[i]);
            is_written = write_all(fd, line, len);
        }
    }
    kn_unlock(&model->lock);
    return is_written;
}

int koken_teg_model_save(struct koken_teg_model *model, const char *path)
{
    char fresh[4096];
    int len = snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd =
        len < (int)sizeof fresh ? open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (fd < 0) {
        return -EPROTO;
    }
    bool is_written = write_model(model, fd) && fsync(fd) == 0;
    is_written = close(fd) == 0 && is_written;
    if (!is_written || rename(fresh, path) != 0) {
        (void)unlink(fresh);
        return -EPROTO;
    }
    return 0;
}

/* A number of that many hex digits; -1: none. */
static int hex_byte(const char *text)
{
    int value = 0;
    for (int i = 0; i < 2; i++) {
        int c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static bool is_sane(double value)
{
    return isfinite(value) && value >= 0 && value < 1e30;
}

/* One line into a model. Answers where the next one begins, NULL: it is damaged. *ret_rc: -ENOMEM. */
static const char *read_entry(struct koken_teg_model *model, const char *text, int *ret_rc)
{
    char key[KEY_MOST], *end;
    size_t len = 0;
    struct known known;
    known.samples = strtoull(text, &end, 10);
    known.mean = strtod(end, &end);
    known.variance = strtod(end, &end);
    if (*text == '-' || *end != ' ' || !is_sane(known.mean) || !is_sane(known.variance)) {
        return NULL;
    }
    for (end++; *end != '\n'; end += 2) { /* ends: with the line */
        int byte = hex_byte(end);
        if (byte < 0 || len == KEY_MOST) {
            return NULL;
        }
        key[len++] = (char)byte;
    }
    if (len < 2 || key[0] < '0' || key[0] >= '0' + (int)KOKEN_TEG_KIND_COUNT_) {
        return NULL;
    }
    struct known *entry = entry_of(model, key, len);
    *ret_rc = entry ? 0 : -ENOMEM;
    if (entry) {
        *entry = known;
    }
    return end + 1;
}

/* A whole text into a fresh model. */
static int read_model(struct koken_teg_model *model, const char *text)
{
    char *end;
    int rc = 0;
    if (strncmp(text, header, sizeof header - 1) != 0) {
        /* Of another version, or no model at all. */
        bool is_model = strncmp(text, magic, sizeof magic - 1) == 0 &&
                        isdigit((unsigned char)text[sizeof magic - 1]);
        return is_model ? -ENOTSUP : -EPROTO;
    }
    model->ns_per_cost = strtod(text + sizeof header - 1, &end);
    if (*end != '\n' || !is_sane(model->ns_per_cost)) {
        return -EPROTO;
    }
    const char *at = end + 1;
    while (rc == 0 && *at) { /* ends: with the text */
        at = strchr(at, '\n') ? read_entry(model, at, &rc) : NULL;
        rc = at ? rc : -EPROTO;
    }
    return rc;
}

/* A whole file, a zero byte behind it. */
static int read_file(const char *path, char **ret_text, size_t *ret_room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    int rc = fd < 0 && errno == ENOENT ? -ESRCH : -EPROTO;
    if (size >= 0 && size <= FILE_MOST) {
        size_t room = (size_t)size + 1;
        char *text = kn_alloc(room, 1, -1);
        rc = text ? -EPROTO : -ENOMEM;
        if (text && pread(fd, text, room - 1, 0) == (ssize_t)(room - 1)) {
            text[room - 1] = '\0';
            *ret_text = text;
            *ret_room = room;
            rc = 0;
        } else if (text) {
            kn_free(text, room, 1);
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

int koken_teg_model_load(struct koken_teg_model *model, const char *path)
{
    struct koken_teg_model *fresh = koken_teg_model_new();
    char *text = NULL;
    size_t room = 0;
    int rc = fresh ? read_file(path, &text, &room) : -ENOMEM;
    rc = rc < 0 ? rc : read_model(fresh, text);
    if (rc == 0) {
        kn_lock(&model->lock);
        model->ns_per_cost = fresh->ns_per_cost;
        for (uint32_t i = 0; i < fresh->keys.count && rc == 0; i++) {
            const struct kn_teg_name *key = &fresh->keys.texts[i];
            struct known *known = entry_of(model, key->text, key->len);
            rc = known ? 0 : -ENOMEM;
            if (known) {
                *known = fresh->known[i];
            }
        }
        kn_unlock(&model->lock);
    }
    if (text) {
        kn_free(text, room, 1);
    }
    koken_teg_model_free(fresh);
    return rc;
}
