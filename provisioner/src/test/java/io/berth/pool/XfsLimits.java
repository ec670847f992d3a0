package io.berth.pool;

/** Runs where the kernel has quotas of xfs: see {@link ProjectQuotaTest}. */
class XfsLimits extends ProjectLimitContract {
    XfsLimits() {
        super("xfs");
    }
}
