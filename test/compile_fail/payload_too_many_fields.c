/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken: bad has more than 32 fields
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

#ifdef CONTROL
KOKEN_PAYLOAD(bad, (plain, int, f0), (plain, int, f1), (plain, int, f2), (plain, int, f3),
              (plain, int, f4), (plain, int, f5), (plain, int, f6), (plain, int, f7),
              (plain, int, f8), (plain, int, f9), (plain, int, f10), (plain, int, f11),
              (plain, int, f12), (plain, int, f13), (plain, int, f14), (plain, int, f15),
              (plain, int, f16), (plain, int, f17), (plain, int, f18), (plain, int, f19),
              (plain, int, f20), (plain, int, f21), (plain, int, f22), (plain, int, f23),
              (plain, int, f24), (plain, int, f25), (plain, int, f26), (plain, int, f27),
              (plain, int, f28), (plain, int, f29), (plain, int, f30), (plain, int, f31));
#else
KOKEN_PAYLOAD(bad, (plain, int, f0), (plain, int, f1), (plain, int, f2), (plain, int, f3),
              (plain, int, f4), (plain, int, f5), (plain, int, f6), (plain, int, f7),
              (plain, int, f8), (plain, int, f9), (plain, int, f10), (plain, int, f11),
              (plain, int, f12), (plain, int, f13), (plain, int, f14), (plain, int, f15),
              (plain, int, f16), (plain, int, f17), (plain, int, f18), (plain, int, f19),
              (plain, int, f20), (plain, int, f21), (plain, int, f22), (plain, int, f23),
              (plain, int, f24), (plain, int, f25), (plain, int, f26), (plain, int, f27),
              (plain, int, f28), (plain, int, f29), (plain, int, f30), (plain, int, f31),
              (plain, int, f32));
#endif
