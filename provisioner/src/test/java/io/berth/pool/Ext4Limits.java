package io.berth.pool;

/** Runs where the kernel has quotas of ext4: see {@link ProjectQuotaTest}. */
class Ext4Limits extends ProjectLimitContract {
    Ext4Limits() {
        super("ext4");
    }
}
