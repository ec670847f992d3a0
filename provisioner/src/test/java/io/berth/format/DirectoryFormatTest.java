package io.berth.format;

import io.berth.linux.Directory;
import io.berth.volume.Format;
import java.nio.file.Path;
import java.util.UUID;

class DirectoryFormatTest extends VolumeFormatContract {
    @Override
    VolumeFormat format(Directory root, Path realRoot) {
        return new DirectoryFormat(root, realRoot, DirectoryLimits.of(root, UUID.randomUUID()));
    }

    @Override
    Format volumeFormat() {
        return Format.Directory.ADVISORY;
    }

    @Override
    long capacity() {
        return 1 << 20;
    }
}
