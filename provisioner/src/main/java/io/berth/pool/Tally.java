package io.berth.pool;

import io.berth.volume.Id;

/**
 * A number for each of many ids, and their sum. An id is kept as 62 bits of its hash, so that a pool of 100,000 volumes
 * takes some megabytes; that two have the same happens about never. One thread's.
 */
final class Tally {
    private static final int FREE = 0;

    private long[] keys = new long[1024];
    private long[] numbers = new long[keys.length];
    private int size;
    private long sum;

    /** Sets the number of an id. */
    void put(Id id, long number) {
        long key = VolumeLocks.offset(id) + 1;
        int at = place(keys, key);
        if (keys[at] == FREE) {
            keys[at] = key;
            size++;
        }
        sum += number - numbers[at];
        numbers[at] = number;
        if (size > keys.length / 3 * 2) {
            grow();
        }
    }

    long sum() {
        return sum;
    }

    private void grow() {
        long[] moreKeys = new long[2 * keys.length];
        long[] moreNumbers = new long[moreKeys.length];
        for (int i = 0; i < keys.length; i++) {
            if (keys[i] != FREE) {
                int at = place(moreKeys, keys[i]);
                moreKeys[at] = keys[i];
                moreNumbers[at] = numbers[i];
            }
        }
        keys = moreKeys;
        numbers = moreNumbers;
    }

    /** Where a key is, or would be; there is always a free place. */
    private static int place(long[] keys, long key) {
        int mask = keys.length - 1;
        int at = (int) (key ^ key >>> Integer.SIZE) & mask;
        while (keys[at] != key && keys[at] != FREE) {
            at = (at + 1) & mask;
        }
        return at;
    }
}
