package io.berth.service;

import io.berth.copy.Rung;

class XfsSnapshotsTest extends SnapshotsContract {
    XfsSnapshotsTest() {
        super("xfs", 512L << 20, Rung.CLONE);
    }
}
