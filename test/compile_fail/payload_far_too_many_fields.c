/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken: bad has more than 32 fields
#include <koken/give.h>

#ifdef CONTROL
KOKEN_PAYLOAD(bad, (plain, int, f0));
#else
KOKEN_PAYLOAD(
    bad, (plain, int, f0), (plain, int, f1), (plain, int, f2), (plain, int, f3), (plain, int, f4),
    (plain, int, f5), (plain, int, f6), (plain, int, f7), (plain, int, f8), (plain, int, f9),
    (plain, int, f10), (plain, int, f11), (plain, int, f12), (plain, int, f13), (plain, int, f14),
    (plain, int, f15), (plain, int, f16), (plain, int, f17), (plain, int, f18), (plain, int, f19),
    (plain, int, f20), (plain, int, f21), (plain, int, f22), (plain, int, f23), (plain, int, f24),
    (plain, int, f25), (plain, int, f26), (plain, int, f27), (plain, int, f28), (plain, int, f29),
    (plain, int, f30), (plain, int, f31), (plain, int, f32), (plain, int, f33), (plain, int, f34),
    (plain, int, f35), (plain, int, f36), (plain, int, f37), (plain, int, f38), (plain, int, f39),
    (plain, int, f40), (plain, int, f41), (plain, int, f42), (plain, int, f43), (plain, int, f44),
    (plain, int, f45), (plain, int, f46), (plain, int, f47), (plain, int, f48), (plain, int, f49),
    (plain, int, f50), (plain, int, f51), (plain, int, f52), (plain, int, f53), (plain, int, f54),
    (plain, int, f55), (plain, int, f56), (plain, int, f57), (plain, int, f58), (plain, int, f59),
    (plain, int, f60), (plain, int, f61), (plain, int, f62), (plain, int, f63), (plain, int, f64));
#endif
