package io.berth.nfs;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.UUID;

/** An export and how it is to be mounted. */
public record NfsShare(Export export, NfsOptions options) {
    /** Where exports are mounted. A process that was killed leaves them here for the next. */
    private static final Path FOLDER = Path.of("/run/berth/nfs");

    /** Where it is mounted, if it is: a folder of its own, which nobody but root can enter. */
    public Path mountPoint() {
        UUID unique = UUID.nameUUIDFromBytes(toString().getBytes(StandardCharsets.UTF_8));
        return FOLDER.resolve(export.server().name() + "-" + unique);
    }

    /** Whether its server can be asked for a sign of life, which is done over TCP. */
    public boolean isAskedOverTcp() {
        return options.isOverTcp();
    }

    @Override
    public String toString() {
        return options.equals(NfsOptions.DEFAULT) ? export.toString() : export + "," + options;
    }
}
