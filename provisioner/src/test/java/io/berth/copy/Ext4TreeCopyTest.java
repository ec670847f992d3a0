package io.berth.copy;

class Ext4TreeCopyTest extends TreeCopyContract {
    Ext4TreeCopyTest() {
        super("ext4", 2L << 30, Rung.COPY_FILE_RANGE);
    }
}
