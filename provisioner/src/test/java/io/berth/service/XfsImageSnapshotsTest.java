package io.berth.service;

class XfsImageSnapshotsTest extends ImageSnapshotsContract {
    @Override
    String fileSystemType() {
        return "xfs";
    }

    @Override
    boolean clones() {
        return true;
    }
}
