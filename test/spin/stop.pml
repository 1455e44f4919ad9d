/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stop in its phases, actors/stop.c, against agents that work, send, bear one more, or never come back
 * from a handler. It ends whatever they do; nothing runs afterwards; an agent is ended once; who is left
 * when no thread is left is killed and counted; who holds a thread is reported, and nothing is freed.
 */
#define AGENTS 3 /* the last is unborn at first */

mtype = { RUNNING, REFUSING, CANCELLING, KILLING }
mtype phase = RUNNING;

bool born[AGENTS], alive[AGENTS], asked[AGENTS];
byte mail[AGENTS];
byte ends[AGENTS];
byte spawned;
bool in_handler[AGENTS];
bool threads_end;        /* sched/sched.c: kn_sched_stop() has called the threads off */
byte threads = AGENTS;   /* one for each agent here: no agent waits for another's worker */
bool stopped, timed_out, freed;
byte killed;

#define quiet (!in_handler[0] && !in_handler[1] && !in_handler[2] && \
    (mail[0] == 0 || !alive[0]) && (mail[1] == 0 || !alive[1]) && (mail[2] == 0 || !alive[2]) && \
    (!asked[0] || !alive[0]) && (!asked[1] || !alive[1]) && (!asked[2] || !alive[2]))

/* actors/end.c: kn_agent_end() */
inline kn_agent_end(a) {
    assert(alive[a]);
    alive[a] = false;
    mail[a] = 0;
    ends[a]++
}

/* actors/turn.c, between two messages; a thread ends when it is called off and holds no handler */
active [AGENTS] proctype agent() {
    byte self = _pid;
    bool has_borne = false;
    do
    :: threads_end && !in_handler[self] -> threads--; break
    :: atomic { !threads_end && alive[self] && asked[self] -> kn_agent_end(self) }
    :: atomic { !threads_end && alive[self] && mail[self] > 0 && !asked[self] ->
            assert(!freed); mail[self]--; in_handler[self] = true };
        if
        :: skip
        :: phase != KILLING && alive[(self + 1) % AGENTS] && mail[(self + 1) % AGENTS] < 1 ->
            mail[(self + 1) % AGENTS]++ /* a send from inside: never refused by a stop */
        :: atomic { !born[2] && !has_borne && (phase == RUNNING || phase == REFUSING) ->
                born[2] = true; alive[2] = true; spawned++; has_borne = true } /* actors/spawn.c */
        :: self == 0 -> /* a handler that does not come back */
end_stuck:  false
        fi;
        assert(!freed);
        in_handler[self] = false
    od
}

/* A thread outside: refused once the stop has begun (actors/signal.c). */
active proctype outside() {
    if
    :: atomic { phase == RUNNING && alive[0] -> mail[0]++ }
    :: atomic { phase == RUNNING && alive[1] -> mail[1]++ }
    :: skip
    fi
}

/* actors/stop.c: ask_to_stop(), for every slot */
inline ask_all() {
    atomic {
        asked[0] = alive[0];
        asked[1] = alive[1];
        asked[2] = alive[2]
    }
}

/* actors/stop.c: koken_stop_with(). A deadline is a choice that is always there. */
active proctype koken_stop_with() {
    byte before, i;
    bool is_quiet;
    spawned >= 2; /* the runtime has started */
    phase = REFUSING; /* wind_down() */
    if
    :: quiet -> skip
    :: skip /* late: the next phase takes over */
    fi;
    phase = CANCELLING;
    do /* cancel() */
    :: before = spawned;
        ask_all();
        if
        :: quiet -> is_quiet = true
        :: is_quiet = false
        fi;
        if
        :: is_quiet && spawned != before -> skip
        :: else -> break
        fi
    od;
    phase = KILLING;
    threads_end = true; /* call_off() */
    if
    :: threads == 0 -> skip
    :: in_handler[0] || in_handler[1] || in_handler[2] -> timed_out = true
    fi;
    if
    :: timed_out -> skip /* reported; nothing can be freed */
    :: else ->
        assert(threads == 0);
        i = 0;
        do /* end_the_rest(): shut(), then finish() */
        :: i < AGENTS ->
            if
            :: alive[i] -> kn_agent_end(i); killed++
            :: else -> skip
            fi;
            i++
        :: else -> break
        od;
        freed = true /* free_runtime() */
    fi;
    stopped = true
}

init {
    atomic {
        born[0] = true; alive[0] = true;
        born[1] = true; alive[1] = true;
        spawned = 2
    }
}

ltl every_stop_ends { <> stopped }
ltl an_agent_ends_once { [] (ends[0] <= 1 && ends[1] <= 1 && ends[2] <= 1) }
ltl freed_means_all_ended { [] (freed -> (!alive[0] && !alive[1] && !alive[2])) }
