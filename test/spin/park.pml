/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rest and waking of two workers, with two publishers. Every step that is one atomic operation in C is one
 * here, sequentially consistent; what weaker orders do is test/model/park.c's question. This one asks what
 * that cannot: does every published task run, in every fair execution?
 */
#define WORKERS 2
#define TASKS 2
#define NOBODY 255

mtype = { EMPTY, TOKEN, ASLEEP }

byte total;              /* of the global queue */
byte ran;
byte awake = WORKERS;    /* the idle set's word, and its bits */
byte searching;
bool bits[WORKERS];
mtype parked[WORKERS] = EMPTY;
bool is_searching[WORKERS]; /* worker->is_searching */

/* sched/idle.c: reserve() */
inline reserve(is_forced, ok) {
    atomic {
        if
        :: awake < WORKERS && (is_forced || searching == 0) -> awake++; searching++; ok = true
        :: else -> ok = false
        fi
    }
}

/* sched/idle.c: kn_idle_claim() */
inline kn_idle_claim(index, ok) {
    reserve(false, ok);
    if
    :: ok ->
        if /* waits: there is a bit for each reservation (I1) */
        :: atomic { bits[0] -> bits[0] = false; index = 0 }
        :: atomic { bits[1] -> bits[1] = false; index = 1 }
        fi
    :: else -> index = NOBODY
    fi
}

/* sched/machine.c: kn_machine_wake() */
inline kn_machine_wake(index) {
    atomic { assert(parked[index] != TOKEN); parked[index] = TOKEN }
}

/* sched/machine.c: kn_notify() */
inline kn_notify(index, ok) {
    if
    :: atomic { searching == 0 && awake < WORKERS } ->
        kn_idle_claim(index, ok);
        if
        :: index != NOBODY -> is_searching[index] = true; kn_machine_wake(index)
        :: else -> skip
        fi
    :: else -> skip
    fi
}

/* sched/worker.c: kn_worker_end_search() */
inline kn_worker_end_search(self, index, ok) {
    is_searching[self] = false;
    atomic { searching--; ok = (searching == 0) };
    if
    :: ok && total > 0 -> kn_notify(index, ok)
    :: else -> skip
    fi
}

/* sched/machine.c: kn_machine_sleep(), without a deadline */
inline kn_machine_sleep(self) {
    atomic {
        if
        :: parked[self] == EMPTY -> parked[self] = ASLEEP
        :: else -> skip
        fi
    };
end_asleep:
    (parked[self] != ASLEEP);
    assert(parked[self] == TOKEN);
    parked[self] = EMPTY
}

/* sched/park.c: park() and sleep_guarding(), with sched/idle.c: kn_idle_rest() and kn_idle_rise() */
inline park(self, ok) {
    was = is_searching[self];
    is_searching[self] = false;
    bits[self] = true;
    atomic {
        awake--;
        if
        :: was -> searching--
        :: else -> skip
        fi
    };
    if
    :: total > 0 -> /* kn_rest_is_over() */
        do
        :: true ->
            reserve(true, ok);
            if
            :: ok ->
                atomic { was = bits[self]; bits[self] = false };
                if
                :: was -> is_searching[self] = true; break
                :: else -> atomic { awake--; searching-- }; kn_machine_sleep(self); break
                fi
            :: else ->
                if
                :: !bits[self] -> kn_machine_sleep(self); break
                :: else -> skip
                fi
            fi
        od
    :: else -> kn_machine_sleep(self)
    fi
}

active [WORKERS] proctype worker() {
    byte self = _pid;
    byte index;
    bool ok, was;
    do
    :: atomic { total > 0 -> total-- };
        if
        :: is_searching[self] -> kn_worker_end_search(self, index, ok)
        :: else -> skip
        fi;
        ran++
    :: total == 0 ->
        if
        :: !is_searching[self] -> /* sched/idle.c: kn_idle_search_begin() */
            atomic {
                if
                :: searching == 0 -> searching++; is_searching[self] = true
                :: else -> skip
                fi
            };
            if
            :: !is_searching[self] -> park(self, ok)
            :: else -> skip
            fi
        :: else -> park(self, ok)
        fi
    od
}

active [TASKS] proctype publisher() {
    byte index;
    bool ok;
    total++; /* sched/global.c: kn_global_push() */
    kn_notify(index, ok)
}

ltl every_task_runs { <> (ran == TASKS) }
ltl counts_hold { [] (awake <= WORKERS && searching <= WORKERS) }
