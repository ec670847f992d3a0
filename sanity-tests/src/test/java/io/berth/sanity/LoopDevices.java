package io.berth.sanity;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The loop devices of this machine, whoever attached them. */
final class LoopDevices {
    private LoopDevices() {}

    /** Those whose files lie in a folder, as paths in {@code /dev}. */
    static List<Path> below(Path folder) {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> devices = Files.newDirectoryStream(Path.of("/sys/block"), "loop*")) {
            for (Path device : devices) {
                if (backingFile(device).startsWith(folder + "/")) {
                    found.add(Path.of("/dev").resolve(device.getFileName()));
                }
            }
            return found;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String backingFile(Path device) {
        try {
            return Files.readString(device.resolve("loop/backing_file"));
        } catch (IOException e) {
            return ""; // attached to nothing, or detached just now
        }
    }

    /** Detaches those whose files lie in a folder; one that is mounted stays until it is no more. */
    static void detachBelow(Path folder) {
        below(folder).forEach(device -> Command.succeed("losetup", "--detach", device.toString()));
    }
}
