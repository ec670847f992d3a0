package io.berth.service;

class BtrfsImageSnapshotsTest extends ImageSnapshotsContract {
    @Override
    String fileSystemType() {
        return "btrfs";
    }

    @Override
    boolean clones() {
        return true;
    }
}
