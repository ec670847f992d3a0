package io.berth.service;

import io.berth.copy.Rung;

class Ext4SnapshotsTest extends SnapshotsContract {
    Ext4SnapshotsTest() {
        super("ext4", 256L << 20, Rung.COPY_FILE_RANGE);
    }
}
