/* SPDX-License-Identifier: Apache-2.0 */
/* koken: an actor-model runtime. This header brings all the others. */
#ifndef KOKEN_H
#define KOKEN_H

#include <koken/agent.h>
#include <koken/arena.h>
#include <koken/async.h>
#include <koken/await.h>
#include <koken/blocking_queue.h>
#include <koken/broadcast.h>
#include <koken/cache.h>
#include <koken/cancel.h>
#include <koken/caps.h>
#include <koken/channel.h>
#include <koken/deadletter.h>
#include <koken/deque.h>
#include <koken/engine.h>
#include <koken/epoch.h>
#include <koken/error.h>
#include <koken/executor.h>
#include <koken/fiber.h>
#include <koken/future.h>
#include <koken/give.h>
#include <koken/group.h>
#include <koken/histogram.h>
#include <koken/lease.h>
#include <koken/link.h>
#include <koken/machine.h>
#include <koken/map.h>
#include <koken/memory.h>
#include <koken/message.h>
#include <koken/parcel.h>
#include <koken/payload.h>
#include <koken/pipeline.h>
#include <koken/priority.h>
#include <koken/queue.h>
#include <koken/quorum.h>
#include <koken/registry.h>
#include <koken/runtime.h>
#include <koken/schema.h>
#include <koken/services.h>
#include <koken/shard.h>
#include <koken/signal.h>
#include <koken/sim.h>
#include <koken/stack.h>
#include <koken/supervisor.h>
#include <koken/teg.h>
#include <koken/teg_io.h>
#include <koken/teg_learn.h>
#include <koken/teg_run.h>
#include <koken/time.h>
#include <koken/topology.h>
#include <koken/version.h>
#include <koken/wave.h>
#include <koken/why.h>

#endif
