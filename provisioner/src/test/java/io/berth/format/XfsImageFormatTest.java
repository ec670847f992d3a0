package io.berth.format;

import io.berth.volume.FileSystemType;

class XfsImageFormatTest extends ImageGrowthContract {
    @Override
    FileSystemType type() {
        return FileSystemType.XFS;
    }

    @Override
    long capacity() {
        return 300 << 20;
    }
}
