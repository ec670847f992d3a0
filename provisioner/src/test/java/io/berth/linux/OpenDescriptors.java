package io.berth.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The descriptors that this process has open. */
public final class OpenDescriptors {
    private OpenDescriptors() {}

    /** How many there are, without pipes: a test that runs beside starts programs. */
    public static long count() throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.filter(descriptor -> !isPipe(descriptor)).count();
        }
    }

    private static boolean isPipe(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().startsWith("pipe:");
        } catch (IOException e) {
            return false; // that of the list itself
        }
    }
}
