package io.berth.copy;

class TmpfsTreeCopyTest extends TreeCopyContract {
    TmpfsTreeCopyTest() {
        super("tmpfs", 2L << 30, Rung.COPY_FILE_RANGE);
    }
}
