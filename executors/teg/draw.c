/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a graph for Mermaid and Graphviz, with the timings of a run; and its trace for Perfetto. */
#include "executors/teg/graph.h"

#include "executors/teg/order.h"
#include "executors/teg/run.h"

#include "base/alloc.h"

#include <koken/teg_io.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A sink, and the first error of it. */
struct writer {
    koken_teg_sink *sink;
    void *arg;
    int rc;
};

__attribute__((format(printf, 2, 3))) static void write_text(struct writer *writer,
                                                             const char *format, ...)
{
    char text[512];
    va_list args;
    if (writer->rc < 0) {
        return;
    }
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    KN_ASSERT(len >= 0);
    size_t used = len < (int)sizeof text ? (size_t)len : sizeof text - 1;
    writer->rc = writer->sink(writer->arg, text, used);
}

/*
 * A text between quotes; long ones are cut. is_json: quotes are written as in JSON, and in Graphviz's language. Else
 * for Mermaid, which takes a text for HTML: what means something there is written by its number.
 */
static void write_quoted(struct writer *writer, const char *text, bool is_json)
{
    char quoted[400];
    size_t at = 0;
    for (; *text && at < sizeof quoted - 16; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr(is_json ? "\"\\" : "\"\\<>&#", c)) {
            at +=
                (size_t)snprintf(quoted + at, 16, is_json ? "\\%c" : "#%d;", is_json ? c : (int)c);
        } else if (c < 0x20 || c == 0x7f) {
            quoted[at++] = ' ';
        } else {
            quoted[at++] = (char)c;
        }
    }
    if (((unsigned char)*text & 0xc0) == 0x80) { /* not within a character of UTF-8 */
        while (at > 0 && ((unsigned char)quoted[at - 1] & 0xc0) == 0x80) {
            at--;
        }
        at -= at > 0;
    }
    KN_ASSERT(at < sizeof quoted);
    quoted[at] = '\0';
    write_text(writer, "%s", quoted);
}

static const char *unit_of(uint64_t ns, double *ret_value)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    unsigned i = 0;
    double value = (double)ns;
    for (; i < 3 && value >= 1000; i++) {
        value /= 1000;
    }
    *ret_value = value;
    return units[i];
}

/* "state, 12.3 ms", or the cost. */
static void write_details(struct writer *writer, const struct koken_teg *teg,
                          const struct koken_teg_run *run, uint32_t index, const char *line_end)
{
    koken_teg_node node = {index + 1};
    KN_ASSERT(index < teg->count);
    if (!run) {
        write_text(writer, "%scost %llu", line_end, (unsigned long long)teg->nodes[index].cost);
        return;
    }
    struct koken_teg_times times = koken_teg_times(run, node);
    write_text(writer, "%s%s", line_end, koken_teg_state_name(koken_teg_state(run, node)));
    if (times.began_ns && times.ended_ns > times.began_ns) {
        double value;
        const char *unit = unit_of(times.ended_ns - times.began_ns, &value);
        write_text(writer, ", %.3g %s", value, unit);
    }
}

/* What is written at a link. */
static void link_label(const struct kn_teg_out *out, char *text, size_t room)
{
    static const char *const words[KOKEN_TEG_WHEN_COUNT_] = {
        "always", "true", "false", "==", "!=", "<", ">", "failed"};
    KN_ASSERT(out->when < KOKEN_TEG_WHEN_COUNT_);
    text[0] = '\0';
    if (out->kind == KN_TEG_CONTROL) {
        bool has_operand = out->when >= KOKEN_TEG_EQUAL && out->when <= KOKEN_TEG_GREATER;
        (void)snprintf(text, room, has_operand ? "%s %lld" : "%s", words[out->when],
                       (long long)out->operand);
    } else if (out->kind == KN_TEG_RESOURCE) {
        (void)snprintf(text, room, "resource");
    } else if (out->kind == KN_TEG_TURN) {
        (void)snprintf(text, room, "turn");
    }
}

/* Marks the nodes of a longest way, by measured durations or by costs. NULL: no memory. */
static bool *mark_way(const struct koken_teg *teg, const struct koken_teg_run *run)
{
    size_t count = teg->count;
    uint64_t *costs = kn_alloc(2 * count * sizeof *costs + 1, _Alignof(uint64_t), -1);
    bool *marks = kn_alloc(count + 1, 1, -1);
    if (!costs || !marks) {
        goto err;
    }
    memset(marks, 0, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct koken_teg_times times = {0};
        if (run) {
            times = koken_teg_times(run, (koken_teg_node){i + 1});
        }
        uint64_t took =
            times.began_ns && times.ended_ns > times.began_ns ? times.ended_ns - times.began_ns : 0;
        costs[i] = run ? took : teg->nodes[i].cost;
    }
    uint64_t *levels = costs + count;
    kn_teg_levels(teg, costs, levels);
    uint32_t at = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        at = at == UINT32_MAX || levels[i] > levels[at] ? i : at;
    }
    while (at != UINT32_MAX) { /* ends: each step goes to a node behind */
        const struct kn_teg_node *node = &teg->nodes[at];
        uint32_t next = UINT32_MAX;
        marks[at] = true;
        for (uint32_t i = 0; i < node->out_count; i++) {
            uint32_t to = teg->outs[node->out + i].to;
            KN_ASSERT(levels[to] <= levels[at]);
            next = next == UINT32_MAX || levels[to] > levels[next] ? to : next;
        }
        at = next;
    }
    kn_free(costs, 2 * count * sizeof *costs + 1, _Alignof(uint64_t));
    return marks;
err:
    if (costs) {
        kn_free(costs, 2 * count * sizeof *costs + 1, _Alignof(uint64_t));
    }
    if (marks) {
        kn_free(marks, count + 1, 1);
    }
    return NULL;
}

static int check_pair(const struct koken_teg *teg, const struct koken_teg_run *run)
{
    if (!teg || !teg->is_checked || (run && run->teg != teg)) {
        return -EINVAL;
    }
    return run && !koken_teg_is_over(run) ? -EBUSY : 0;
}

/* Colours by state: background, of completed, failed, timed out, cancelled, skipped. */
static const char *colour_of(const struct koken_teg_run *run, uint32_t index)
{
    static const char *const colours[KOKEN_TEG_STATE_COUNT_] = {
        [KOKEN_TEG_COMPLETED] = "#d8f0d8", [KOKEN_TEG_FAILED] = "#f6c6c6",
        [KOKEN_TEG_TIMED_OUT] = "#f6dfb8", [KOKEN_TEG_CANCELLED] = "#e4e4e4",
        [KOKEN_TEG_SKIPPED] = "#f4f4f4",
    };
    KN_ASSERT(!run || index < run->teg->count);
    const char *colour = run ? colours[koken_teg_state(run, (koken_teg_node){index + 1})] : NULL;
    return colour ? colour : "#ffffff";
}

int koken_teg_write_mermaid(const struct koken_teg *teg, const struct koken_teg_run *run,
                            koken_teg_sink *sink, void *arg)
{
    struct writer writer = {sink, arg, check_pair(teg, run)};
    char text[300], label[40];
    bool *marks = writer.rc == 0 ? mark_way(teg, run) : NULL;
    if (!marks) {
        return writer.rc < 0 ? writer.rc : -ENOMEM;
    }
    write_text(&writer, "graph TD\n");
    for (uint32_t i = 0; i < teg->count && writer.rc == 0; i++) {
        write_text(&writer, "    n%u[\"", i + 1);
        write_quoted(&writer, koken_teg_id(teg, (koken_teg_node){i + 1}, text, sizeof text), false);
        write_details(&writer, teg, run, i, "<br/>");
        write_text(&writer, "\"]\n    style n%u fill:%s%s\n", i + 1, colour_of(run, i),
                   marks[i] ? ",stroke-width:3px" : "");
    }
    for (uint32_t i = 0; i < teg->count && writer.rc == 0; i++) {
        for (uint32_t k = 0; k < teg->nodes[i].out_count; k++) {
            const struct kn_teg_out *out = &teg->outs[teg->nodes[i].out + k];
            const char *arrow = out->kind == KN_TEG_TURN ? "-.->" : "-->";
            link_label(out, label, sizeof label);
            if (label[0]) {
                write_text(&writer, "    n%u %s|\"%s\"| n%u\n", i + 1, arrow, label, out->to + 1);
            } else {
                write_text(&writer, "    n%u %s n%u\n", i + 1, arrow, out->to + 1);
            }
        }
    }
    kn_free(marks, teg->count + 1, 1);
    return writer.rc;
}

int koken_teg_write_dot(const struct koken_teg *teg, const struct koken_teg_run *run,
                        koken_teg_sink *sink, void *arg)
{
    struct writer writer = {sink, arg, check_pair(teg, run)};
    char text[300], label[40];
    bool *marks = writer.rc == 0 ? mark_way(teg, run) : NULL;
    if (!marks) {
        return writer.rc < 0 ? writer.rc : -ENOMEM;
    }
    write_text(&writer, "digraph teg {\n    node [shape=box, style=filled];\n");
    for (uint32_t i = 0; i < teg->count && writer.rc == 0; i++) {
        write_text(&writer, "    n%u [label=\"", i + 1);
        write_quoted(&writer, koken_teg_id(teg, (koken_teg_node){i + 1}, text, sizeof text), true);
        write_details(&writer, teg, run, i, "\\n");
        write_text(&writer, "\", fillcolor=\"%s\"%s];\n", colour_of(run, i),
                   marks[i] ? ", penwidth=3" : "");
    }
    for (uint32_t i = 0; i < teg->count && writer.rc == 0; i++) {
        for (uint32_t k = 0; k < teg->nodes[i].out_count; k++) {
            const struct kn_teg_out *out = &teg->outs[teg->nodes[i].out + k];
            link_label(out, label, sizeof label);
            write_text(&writer, "    n%u -> n%u [label=\"%s\"%s%s];\n", i + 1, out->to + 1, label,
                       out->kind == KN_TEG_TURN ? ", style=dashed" : "",
                       marks[i] && marks[out->to] ? ", penwidth=3" : "");
        }
    }
    write_text(&writer, "}\n");
    kn_free(marks, teg->count + 1, 1);
    return writer.rc;
}

/* ---- trace ---- */

/*
 * The row of each node in its lane's track: nodes of one lane overlap where the pool runs them, and a viewer wants
 * what overlaps on tracks of its own. Rows 0 .. ROWS - 1, the first that is free; what finds none shares the last.
 */
enum { ROWS = 64 };

struct row {
    uint64_t until_ns[ROWS];
};

static uint32_t row_of(struct row *row, uint64_t began_ns, uint64_t ended_ns)
{
    uint32_t i = 0;
    while (i < ROWS - 1 && row->until_ns[i] > began_ns) {
        i++;
    }
    KN_ASSERT(began_ns <= ended_ns);
    row->until_ns[i] = ended_ns;
    return i;
}

static void write_slice(struct writer *writer, const struct koken_teg_run *run, uint32_t index,
                        uint32_t track, uint64_t base_ns)
{
    struct koken_teg_times times = koken_teg_times(run, (koken_teg_node){index + 1});
    struct kn_teg_key key = kn_teg_key_of(run->teg, run->teg->nodes[index].key);
    char text[300];
    KN_ASSERT(base_ns <= times.began_ns && times.began_ns <= times.ended_ns);
    write_text(writer, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%u,\"ts\":%.3f,\"dur\":%.3f,\"name\":\"",
               track, (double)(times.began_ns - base_ns) / 1e3,
               (double)(times.ended_ns - times.began_ns) / 1e3);
    write_quoted(writer, koken_teg_id(run->teg, (koken_teg_node){index + 1}, text, sizeof text),
                 true);
    write_text(writer, "\",\"cat\":\"");
    write_quoted(writer, key.tag, true);
    write_text(
        writer, "\",\"args\":{\"state\":\"%s\",\"attempts\":%u,\"waited_us\":%.3f}}",
        koken_teg_state_name(koken_teg_state(run, (koken_teg_node){index + 1})), times.attempts,
        times.began_ns > times.ready_ns ? (double)(times.began_ns - times.ready_ns) / 1e3 : 0.0);
}

/* Arrows from the end of a node to the beginning of another. */
static void write_flows(struct writer *writer, const struct koken_teg_run *run,
                        const uint32_t *tracks, uint32_t index, uint64_t base_ns)
{
    const struct kn_teg_node *node = &run->teg->nodes[index];
    struct koken_teg_times from = koken_teg_times(run, (koken_teg_node){index + 1});
    KN_ASSERT(tracks[index] > 0); /* it has run */
    for (uint32_t i = 0; i < node->out_count && writer->rc == 0; i++) {
        uint32_t to = run->teg->outs[node->out + i].to;
        struct koken_teg_times times = koken_teg_times(run, (koken_teg_node){to + 1});
        if (tracks[to] == 0 || times.began_ns < from.ended_ns) {
            continue;
        }
        write_text(
            writer,
            ",\n{\"ph\":\"s\",\"pid\":1,\"tid\":%u,\"ts\":%.3f,\"id\":%u,\"cat\":\"link\","
            "\"name\":\"link\"},\n{\"ph\":\"f\",\"bp\":\"e\",\"pid\":1,\"tid\":%u,\"ts\":%.3f,"
            "\"id\":%u,\"cat\":\"link\",\"name\":\"link\"}",
            tracks[index], (double)(from.ended_ns - base_ns) / 1e3, node->out + i + 1, tracks[to],
            (double)(times.began_ns - base_ns) / 1e3, node->out + i + 1);
    }
}

/* The nodes that ran, by their beginning; answers how many. */
static uint32_t sort_by_time(const struct koken_teg_run *run, uint64_t *times, uint32_t *order,
                             uint32_t *scratch)
{
    uint32_t ran = 0;
    for (uint32_t i = 0; i < run->teg->count; i++) {
        struct koken_teg_times of = koken_teg_times(run, (koken_teg_node){i + 1});
        bool has_run = of.began_ns && of.ended_ns >= of.began_ns;
        times[i] = has_run ? of.began_ns : UINT64_MAX;
        times[run->teg->count + i] = 0;
        ran += has_run;
    }
    kn_teg_sort(times + run->teg->count, times, run->teg->count, order, scratch);
    KN_ASSERT(ran <= run->teg->count);
    return ran;
}

int koken_teg_write_trace(const struct koken_teg_run *run, koken_teg_sink *sink, void *arg)
{
    if (!run || !koken_teg_is_over(run)) {
        return run ? -EBUSY : -EINVAL;
    }
    struct writer writer = {sink, arg, 0};
    size_t count = run->teg->count, lanes = run->lane_count + (size_t)1;
    size_t size =
        count * (2 * sizeof(uint64_t) + 3 * sizeof(uint32_t)) + lanes * sizeof(struct row);
    uint64_t *times = kn_alloc(size, _Alignof(uint64_t), -1);
    if (!times) {
        return -ENOMEM;
    }
    memset(times, 0, size);
    struct row *rows = (struct row *)(void *)(times + 2 * count);
    uint32_t *order = (uint32_t *)(void *)(rows + lanes), *tracks = order + count;
    uint32_t ran = sort_by_time(run, times, order, tracks + count);
    uint64_t base_ns = ran ? times[order[0]] : 0;
    write_text(&writer,
               "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
               "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"teg\"}}");
    for (uint32_t i = 0; i < ran && writer.rc == 0; i++) {
        struct koken_teg_times of = koken_teg_times(run, (koken_teg_node){order[i] + 1});
        uint32_t lane = of.lane < run->lane_count ? of.lane : run->lane_count;
        KN_ASSERT(i == 0 || times[order[i - 1]] <= times[order[i]]);
        uint32_t row = row_of(&rows[lane], of.began_ns, of.ended_ns);
        tracks[order[i]] = lane * ROWS + row + 1;
        write_slice(&writer, run, order[i], tracks[order[i]], base_ns);
    }
    for (uint32_t i = 0; i < lanes * ROWS && writer.rc == 0; i++) {
        if (rows[i / ROWS].until_ns[i % ROWS]) {
            write_text(&writer,
                       ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%u,\"name\":\"thread_name\",\"args\":{"
                       "\"name\":\"lane %u%s\"}}",
                       i + 1, i / ROWS, i % ROWS ? " +" : "");
        }
    }
    for (uint32_t i = 0; i < ran && writer.rc == 0; i++) {
        write_flows(&writer, run, tracks, order[i], base_ns);
    }
    write_text(&writer, "\n]}\n");
    kn_free(times, size, _Alignof(uint64_t));
    return writer.rc;
}
